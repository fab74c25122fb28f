/* chameleon man: manual pages, made from the tables of commands and settings. */
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "conf/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SETTINGS_PAGE "chameleon.yaml"

static const char *into;

static const struct cmd_option options[] = {
	{ "into", CMD_TEXT, &into, "DIR",
	    "write all pages into this directory, one a file", 0 },
};

const struct cmd_use cmd_man_use = CMD_USE("chameleon man [PAGE]",
    "Prints a manual page for man -l: that of the program, of a command, or\n"
    "of the settings (" SETTINGS_PAGE ").  'chameleon man serve | man -l -'\n"
    "shows one that is not installed.",
    options, 0, 1);

/* ---- roff ---- */

static const char *
escape_of(char c)
{
	switch (c) {
	case '\\':
		return "\\e";
	case '-':
		return "\\-";
	case '\'':
		return "\\(aq";
	case '`':
		return "\\(ga";
	case '^':
		return "\\(ha";
	case '~':
		return "\\(ti";
	default:
		return NULL;
	}
}

/* Running text: lines are joined, and none looks like a request. */
static void
put(FILE *f, const char *text)
{
	bool begins = true;

	for (; *text != '\0'; text++) {
		const char *escape = escape_of(*text);

		if (begins && *text == '.')
			fputs("\\&", f);
		begins = *text == '\n';
		if (escape != NULL)
			fputs(escape, f);
		else
			fputc(*text, f);
	}
}

/* A line of text. */
static void
say(FILE *f, const char *text)
{
	put(f, text);
	fputc('\n', f);
}

static void
in_font(FILE *f, const char *font, const char *text)
{
	fprintf(f, "\\f%s", font);
	put(f, text);
	fputs("\\fR", f);
}

static void
title(FILE *f, const char *name, int section, const char *what)
{
	fputs(".\\\" Made by 'chameleon man' from its tables.\n.TH \"", f);
	for (const char *at = name; *at != '\0'; at++)
		fputc(toupper((unsigned char)*at), f);
	fprintf(f,
	    "\" %d \"" CHAMELEON_RELEASED "\" \"chameleon " CHAMELEON_VERSION
	    "\" \"Chameleon\"\n"
	    ".nh\n.SH NAME\n",
	    section);
	put(f, name);
	fputs(" \\- ", f);
	say(f, what);
}

/* ---- the page of a command ---- */

static void
put_options(FILE *f, const struct cmd_use *use)
{
	if (use->noptions > 0)
		fputs(".SH OPTIONS\n", f);
	for (int i = 0; i < use->noptions; i++) {
		const struct cmd_option *o = &use->options[i];

		fputs(".TP\n", f);
		if (o->letter != 0)
			fprintf(f, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", f);
		put(f, o->name);
		fputs("\\fR", f);
		if (o->value != NULL) {
			fputc(' ', f);
			in_font(f, "I", o->value);
		}
		fputc('\n', f);
		say(f, o->help);
	}
}

static void
put_verbs(FILE *f, const struct cmd_use *use)
{
	if (use->nverbs > 0)
		fputs(".SH COMMANDS\n", f);
	for (int i = 0; i < use->nverbs; i++) {
		fputs(".TP\n", f);
		in_font(f, "B", use->verbs[i].name);
		fputc(' ', f);
		in_font(f, "I", use->verbs[i].operands);
		fputc('\n', f);
		say(f, use->verbs[i].help);
	}
}

static void
put_exits(FILE *f, const struct cmd_use *use)
{
	const struct cmd_exit *exits = use->exits != NULL ? use->exits :
							    cmd_exits;
	int n = use->exits != NULL ? use->nexits : cmd_nexits;

	fputs(".SH EXIT STATUS\n", f);
	for (int i = 0; i < n; i++) {
		fprintf(f, ".TP\n\\fB%d\\fR\n", exits[i].status);
		say(f, exits[i].meaning);
	}
}

static void
put_sections(FILE *f, const struct cmd_use *use)
{
	for (int i = 0; i < use->nsections; i++) {
		const struct cmd_section *s = &use->sections[i];

		fputs(".SH \"", f);
		put(f, s->title);
		fputs("\"\n", f);
		for (int k = 0; k < s->nterms; k++) {
			if (s->terms[k].help == NULL)
				continue;
			fputs(".TP\n", f);
			in_font(f, "B", s->terms[k].term);
			fputc('\n', f);
			say(f, s->terms[k].help);
		}
	}
}

static void
command_page(FILE *f, const struct command *c)
{
	char name[64];

	snprintf(name, sizeof(name), "chameleon-%s", c->name);
	title(f, name, 1, c->help);
	fputs(".SH SYNOPSIS\n", f);
	in_font(f, "B", c->use->usage);
	fputs("\n.SH DESCRIPTION\n", f);
	say(f, c->use->about);
	put_verbs(f, c->use);
	put_options(f, c->use);
	put_sections(f, c->use);
	put_exits(f, c->use);
	fputs(".SH SEE ALSO\n.BR chameleon (1),\n.BR chameleon.yaml (5)\n", f);
}

/* ---- the other two ---- */

static void
program_page(FILE *f)
{
	title(f, "chameleon", 1,
	    "serve one language model and thousands of LoRA adapters");
	fputs(".SH SYNOPSIS\n\\fBchameleon\\fR \\fICOMMAND\\fR "
	      "[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n"
	      "Serves one language model and thousands of LoRA adapters on "
	      "one machine.\n.SH COMMANDS\n",
	    f);
	for (int i = 0; i < ncommands; i++) {
		fprintf(f, ".TP\n.BR chameleon\\-%s (1)\n", commands[i].name);
		say(f, commands[i].help);
	}
	fputs(".SH FILES\n.TP\n\\fI/dev/shm/chameleon.INSTANCE.*\\fR\n"
	      "What the processes of an engine share; made and removed by "
	      "them.\n.TP\n\\fIRUN_DIR/admin.sock\\fR\n"
	      "Where operators ask; for the engine's user and root.\n"
	      ".SH SEE ALSO\n.BR chameleon.yaml (5)\n",
	    f);
}

static void
settings_page(FILE *f)
{
	struct conf_about a;

	title(f, SETTINGS_PAGE, 5, "settings of an engine");
	fputs(".SH DESCRIPTION\n"
	      "A file in YAML.  What is left out has its default, an unknown "
	      "name is an error.\nSizes in bytes may be written 512MiB.  "
	      "\\fIsection.name\\fR stands as \\fIname\\fR below "
	      "\\fIsection\\fR:.\nOn the command line each is "
	      "\\fB\\-\\-set\\fR \\fIsection.name\\fR=\\fIvalue\\fR.\n"
	      ".SH SETTINGS\n",
	    f);
	for (int i = 0; conf_about(i, &a); i++) {
		fputs(".TP\n", f);
		in_font(f, "B", a.key);
		fputs(" (", f);
		put(f, a.def);
		fputs(")\n", f);
		say(f, a.help);
		if (a.range[0] != '\0')
			say(f, a.range);
		if (a.live)
			say(f, "May change while the engine runs.");
	}
	fputs(".SH SEE ALSO\n.BR chameleon\\-serve (1),\n"
	      ".BR chameleon\\-ctl (1)\n",
	    f);
}

/* ---- which ---- */

/* "chameleon.1" into the directory; make writes it. */
static int
write_page(const char *name, int section, const struct command *c,
    void (*make)(FILE *))
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s.%d", into, name,
	    c != NULL ? c->name : "", section);
	if ((f = fopen(path, "we")) == NULL)
		return err_sys(ERR_IO, "%s", path);
	if (c != NULL)
		command_page(f, c);
	else
		make(f);
	if (fclose(f) != 0)
		return err_sys(ERR_IO, "%s", path);
	return 0;
}

static int
write_all(void)
{
	int e;

	if (mkdir(into, 0777) != 0 && errno != EEXIST)
		return err_sys(ERR_IO, "%s", into);
	e = write_page("chameleon", 1, NULL, program_page);
	if (e == 0)
		e = write_page(SETTINGS_PAGE, 5, NULL, settings_page);
	for (int i = 0; e == 0 && i < ncommands; i++)
		e = write_page("chameleon-", 1, &commands[i], NULL);
	return e;
}

int
cmd_man(int argc, char **argv)
{
	int n, status = cmd_parse(&cmd_man_use, argc, argv, &n);
	const struct command *c;
	const char *page;

	if (status != CMD_GO_ON)
		return status;
	if (into != NULL)
		return n > 0	     ? cmd_misused("--into writes all pages") :
		    write_all() == 0 ? CMD_OK :
				       cmd_failed();
	page = n > 0 ? argv[1] : "chameleon";
	if (strcmp(page, SETTINGS_PAGE) == 0) {
		settings_page(stdout);
	} else if (strcmp(page, "chameleon") == 0) {
		program_page(stdout);
	} else {
		page += strncmp(page, "chameleon-", 10) == 0 ? 10 : 0;
		if ((c = cmd_find(page)) == NULL)
			return cmd_unknown(page);
		command_page(stdout, c);
	}
	return CMD_OK;
}
