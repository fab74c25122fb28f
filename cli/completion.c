/* chameleon completion: what a shell offers, made from the tables of commands.
 *
 * The script has one case for each table.  What only a running engine knows, its
 * adapters and requests, it asks `ctl` when it is wanted. */
#include "cli/cmd.h"
#include "cli/options.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct cmd_use cmd_completion_use = {
	.usage = "chameleon completion bash",
	.about = "Prints a script that lets bash complete commands, options, "
		 "names of\nadapters and settings: "
		 "source <(chameleon completion bash)",
	.operands_min = 1,
	.operands_max = 1,
};

static const char head[] =
    "# bash completion of chameleon; made by 'chameleon completion bash'.\n"
    "_chameleon_column()\n"
    "{\n"
    "\tlocal i with=()\n"
    "\tfor ((i = 2; i < COMP_CWORD - 1; i++)); do\n"
    "\t\t[[ ${COMP_WORDS[i]} == --instance || "
    "${COMP_WORDS[i]} == -i ]] &&\n"
    "\t\t    with=(--instance \"${COMP_WORDS[i + 1]}\")\n"
    "\tdone\n"
    "\t\"${COMP_WORDS[0]/#\\~/$HOME}\" ctl \"$1\" \"${with[@]}\" 2>/dev/null "
    "|\n"
    "\t    awk 'NR > 1 { print $1 }'\n"
    "}\n"
    "_chameleon_systems()\n"
    "{\n"
    "\t\"${COMP_WORDS[0]/#\\~/$HOME}\" check --systems 2>/dev/null |\n"
    "\t    awk '/^[a-z]/ { print $1 }'\n"
    "}\n"
    "_chameleon_instances()\n"
    "{\n"
    "\tlocal f\n"
    "\tfor f in /dev/shm/chameleon.*.supervisor; do\n"
    "\t\tf=${f#/dev/shm/chameleon.}\n"
    "\t\t[[ $f == '*'* ]] || echo \"${f%.supervisor}\"\n"
    "\tdone\n"
    "}\n";

static const char body[] =
    "_chameleon_words()\n"
    "{\n"
    "\tCOMPREPLY=($(compgen -W \"$1\" -- \"$cur\"))\n"
    "}\n"
    "_chameleon_files()\n"
    "{\n"
    "\tcompopt -o filenames 2>/dev/null\n"
    "\tCOMPREPLY=($(compgen \"$1\" -- \"$cur\"))\n"
    "}\n"
    "_chameleon_pairs()\n"
    "{\n"
    "\tcompopt -o nospace 2>/dev/null\n"
    "\tCOMPREPLY=($(compgen -S = -W \"$1\" -- \"$cur\"))\n"
    "}\n"
    "_chameleon_place() # the operand that is written: its place, from 0\n"
    "{\n"
    "\tlocal i word\n"
    "\tplace=0 verb=\n"
    "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
    "\t\tword=${COMP_WORDS[i]}\n"
    "\t\tif [[ $word == -* ]]; then\n"
    "\t\t\t[[ $valued == *\" $word \"* ]] && ((i++))\n"
    "\t\t\tcontinue\n"
    "\t\tfi\n"
    "\t\t((place++)) || verb=$word\n"
    "\tdone\n"
    "}\n";

static const char tail[] =
    "\t[[ $cur == -* ]] && _chameleon_words \"$options\" && return\n"
    "\t_chameleon_place\n"
    "\tif [[ $place == 0 && -n $verbs ]]; then\n"
    "\t\t_chameleon_words \"$verbs\"\n"
    "\t\treturn\n"
    "\tfi\n";

/* ---- how a value is completed ---- */

/* Words that stand for a kind of value. */
static const struct {
	const char *value;
	const char *complete;
} kinds[] = {
	{ "FILE", "_chameleon_files -f" },
	{ "CSV", "_chameleon_files -f" },
	{ "YAML", "_chameleon_files -f" },
	{ "DIR", "_chameleon_files -d" },
	{ "SYSTEM", "_chameleon_words \"$(_chameleon_systems)\"" },
	{ "INSTANCE", "_chameleon_words \"$(_chameleon_instances)\"" },
	{ "KEY=VALUE", "_chameleon_pairs \"$_chameleon_settings\"" },
	{ "adapters", "_chameleon_words \"$(_chameleon_column adapters)\"" },
	{ "requests", "_chameleon_words \"$(_chameleon_column requests)\"" },
	{ "explained",
	    "_chameleon_words \"$(_chameleon_column requests) "
	    "$(_chameleon_column ended)\"" },
	{ "settings", "_chameleon_words \"$_chameleon_settings\"" },
	{ "live", "_chameleon_words \"$_chameleon_live\"" },
	{ "commands", "_chameleon_words \"$_chameleon_commands\"" },
};

/* false: nothing is known of such a value. */
static bool
print_value(const char *value)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].value, value) == 0) {
			printf("%s", kinds[i].complete);
			return true;
		}
	if (strchr(value, '|') == NULL)
		return false;
	printf("_chameleon_words '");
	for (; *value != '\0'; value++)
		putchar(*value == '|' ? ' ' : *value);
	putchar('\'');
	return true;
}

/* ---- one command ---- */

static void
print_option_words(const struct cmd_use *use, bool valued)
{
	for (int i = 0; i < use->noptions; i++) {
		const struct cmd_option *o = &use->options[i];

		if (valued && o->value == NULL)
			continue;
		printf(" --%s", o->name);
		if (o->letter != 0)
			printf(" -%c", o->letter);
	}
}

/* The columns to sort by, with "-" or without, of the list that is asked for:
 * from the sections of the manual page that explain them. */
static void
print_columns(const struct cmd_use *use)
{
	static const char of[] = "COLUMNS OF ";

	printf("\t\t\t[[ $cur == -* ]] && less=-\n"
	       "\t\t\tcase \" ${COMP_WORDS[*]} \" in\n");
	for (int i = 0; i < use->nsections; i++) {
		const struct cmd_section *s = &use->sections[i];

		if (strncmp(s->title, of, strlen(of)) != 0)
			continue;
		printf("\t\t\t*' %s '*)\n\t\t\t\tset --",
		    s->title + strlen(of));
		for (int k = 0; k < s->nterms; k++)
			printf(" %s", s->terms[k].term);
		printf("\n\t\t\t\t_chameleon_words \"${*/#/$less}\"\n"
		       "\t\t\t\t;;\n");
	}
	printf("\t\t\tesac\n\t\t\treturn\n\t\t\t;;\n");
}

/* What stands behind each option that wants a value. */
static void
print_values(const struct cmd_use *use)
{
	if (use->noptions == 0)
		return;
	printf("\t\tcase $prev in\n");
	for (int i = 0; i < use->noptions; i++) {
		const struct cmd_option *o = &use->options[i];

		if (o->value == NULL)
			continue;
		printf("\t\t--%s", o->name);
		if (o->letter != 0)
			printf(" | -%c", o->letter);
		printf(")\n");
		if (strcmp(o->value, "COLUMN") == 0) {
			print_columns(use);
			continue;
		}
		printf("\t\t\t");
		if (print_value(o->value))
			printf("\n\t\t\t");
		printf("return\n\t\t\t;;\n");
	}
	printf("\t\tesac\n");
}

static void
print_command(const struct command *c)
{
	printf("\t%s)\n\t\toptions='--help", c->name);
	print_option_words(c->use, false);
	printf("'\n\t\tvalued='");
	print_option_words(c->use, true);
	printf(" '\n");
	if (c->use->nverbs > 0)
		printf("\t\tverbs='");
	for (int i = 0; i < c->use->nverbs; i++)
		printf("%s%s", i > 0 ? " " : "", c->use->verbs[i].name);
	if (c->use->nverbs > 0)
		printf("'\n");
	print_values(c->use);
	printf("\t\t;;\n");
}

/* The first operand behind each verb. */
static void
print_operands(void)
{
	printf("\tcase \"$command $verb $place\" in\n");
	for (int i = 0; i < ncommands; i++)
		for (int v = 0; v < commands[i].use->nverbs; v++) {
			const struct cmd_verb *verb = &commands[i]
							   .use->verbs[v];

			if (verb->completes == NULL)
				continue;
			printf("\t'%s %s 1')\n\t\t", commands[i].name,
			    verb->name);
			(void)print_value(verb->completes);
			printf("\n\t\t;;\n");
		}
	printf("\thelp\\ *\\ 0 | man\\ *\\ 0)\n\t\t");
	(void)print_value("commands");
	printf("\n\t\t;;\n\tinspect\\ *)\n\t\t");
	(void)print_value("DIR");
	printf("\n\t\t;;\n\tcompletion\\ *)\n\t\t_chameleon_words bash\n"
	       "\t\t;;\n\tesac\n");
}

static void
print_lists(void)
{
	struct conf_about a;

	printf("_chameleon_commands='");
	for (int i = 0; i < ncommands; i++)
		printf("%s%s", i > 0 ? " " : "", commands[i].name);
	printf("'\n_chameleon_settings='");
	for (int i = 0; conf_about(i, &a); i++)
		printf("%s%s", i > 0 ? " " : "", a.key);
	printf("'\n_chameleon_live='");
	for (int i = 0; conf_about(i, &a); i++)
		if (a.live)
			printf("%s ", a.key);
	printf("'\n");
}

/* The value of a setting that has choices. */
static void
print_choices(void)
{
	struct conf_about a;

	printf("\tcase \"$command $verb $place $prev\" in\n");
	for (int i = 0; conf_about(i, &a); i++)
		if (a.live && a.choices != NULL) {
			printf("\t'ctl set 2 %s')\n\t\t", a.key);
			(void)print_value(a.choices);
			printf("\n\t\t;;\n");
		}
	printf("\tesac\n");
}

int
cmd_completion(int argc, char **argv)
{
	int status = cmd_parse(&cmd_completion_use, argc, argv, NULL);

	if (status != CMD_GO_ON)
		return status;
	if (strcmp(argv[1], "bash") != 0)
		return cmd_misused("no completion for '%.64s': there is bash",
		    argv[1]);
	printf("%s", head);
	print_lists();
	printf("%s_chameleon()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tlocal prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	       "\tlocal command=${COMP_WORDS[1]} options=--help valued=' '\n"
	       "\tlocal verbs verb place less=\n\tCOMPREPLY=()\n"
	       "\tif [[ $COMP_CWORD == 1 ]]; then\n"
	       "\t\t_chameleon_words \"$_chameleon_commands\"\n"
	       "\t\treturn\n\tfi\n\tcase $command in\n",
	    body);
	for (int i = 0; i < ncommands; i++)
		print_command(&commands[i]);
	printf("\tesac\n%s", tail);
	print_operands();
	print_choices();
	printf("}\ncomplete -F _chameleon chameleon\n");
	return CMD_OK;
}
