/* Options from a table. */
#include "cli/options.h"

#include "base/err.h"
#include "base/near.h"
#include "cli/cmd.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cmd_exit cmd_exits[] = {
	{ CMD_OK, "done" },
	{ CMD_FAILED, "failed, with a sentence on standard error" },
	{ CMD_MISUSED, "misused: an option or operand that is none" },
};
const int cmd_nexits = sizeof(cmd_exits) / sizeof(cmd_exits[0]);

#define CMD_THREADS_MAX 1024
#define COLUMN 28 /* where the help texts begin */

/* In lines, the first of which begins at COLUMN. */
static void
print_folded(const char *text)
{
	for (;;) {
		int n = (int)strlen(text), room = 79 - COLUMN;

		if (n > room) {
			n = room;
			while (n > 0 && text[n] != ' ')
				n--;
		}
		if (memchr(text, '\n', (size_t)n) != NULL)
			n = (int)strcspn(text, "\n");
		printf("%.*s\n", n, text);
		text += n;
		text += strspn(text, " \n");
		if (*text == '\0')
			return;
		printf("%-*s", COLUMN, "");
	}
}

static void
print_row(const char *left, const char *help)
{
	printf("%-*s", COLUMN, left);
	if (strlen(left) >= COLUMN)
		printf("\n%-*s", COLUMN, "");
	print_folded(help);
}

static void
print_option(const struct cmd_option *o)
{
	char left[80];
	int n = 0;

	if (o->letter != 0)
		n = snprintf(left, sizeof(left), "  -%c, ", o->letter);
	else
		n = snprintf(left, sizeof(left), "  ");
	snprintf(left + n, sizeof(left) - (size_t)n, "--%s%s%s", o->name,
	    o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
	print_row(left, o->help);
}

static void
print_verbs(const struct cmd_use *use)
{
	char left[80];

	for (int i = 0; i < use->nverbs; i++) {
		snprintf(left, sizeof(left), "  %s %s", use->verbs[i].name,
		    use->verbs[i].operands);
		print_row(left, use->verbs[i].help);
	}
	if (use->nverbs > 0)
		printf("\n");
}

static void
print_exits(const struct cmd_use *use)
{
	char left[16];

	if (use->nexits > 0)
		printf("\nexit status:\n");
	for (int i = 0; i < use->nexits; i++) {
		snprintf(left, sizeof(left), "  %d", use->exits[i].status);
		print_row(left, use->exits[i].meaning);
	}
}

static void
print_help(const struct cmd_use *use)
{
	static const struct cmd_option help = { "help", CMD_FLAG, NULL, NULL,
		"this text", 'h' };

	printf("usage: %s\n\n%s\n\n", use->usage, use->about);
	print_verbs(use);
	for (int i = 0; i < use->noptions; i++)
		print_option(&use->options[i]);
	print_option(&help);
	print_exits(use);
}

static const struct cmd_option *
find(const struct cmd_use *use, const char *name, size_t n)
{
	for (int i = 0; i < use->noptions; i++)
		if (strlen(use->options[i].name) == n &&
		    strncmp(use->options[i].name, name, n) == 0)
			return &use->options[i];
	return NULL;
}

static const struct cmd_option *
find_letter(const struct cmd_use *use, char letter)
{
	for (int i = 0; i < use->noptions; i++)
		if (use->options[i].letter == letter)
			return &use->options[i];
	return NULL;
}

static int
unknown(const struct cmd_use *use, const char *name, size_t n)
{
	const char *best = "help";
	char asked[64];

	snprintf(asked, sizeof(asked), "%.*s", (int)n, name);
	for (int i = 0; i < use->noptions; i++)
		if (near_distance(asked, use->options[i].name) <
		    near_distance(asked, best))
			best = use->options[i].name;
	if (near_enough(asked, near_distance(asked, best)))
		return cmd_misused("no option --%s; did you mean --%s?", asked,
		    best);
	return cmd_misused("no option --%s; see --help", asked);
}

static int
set_number(const struct cmd_option *o, const char *value)
{
	char *end;

	errno = 0;
	if (o->kind == CMD_COUNT) {
		uint64_t n = strtoull(value, &end, 10);

		if (errno != 0 || *end != '\0' || *value < '0' || *value > '9')
			return cmd_misused("--%s %s: want a whole number",
			    o->name, value);
		*(uint64_t *)o->into = n;
	} else {
		double x = strtod(value, &end);

		if (errno != 0 || *end != '\0' || end == value || !isfinite(x))
			return cmd_misused("--%s %s: want a number", o->name,
			    value);
		*(double *)o->into = x;
	}
	return CMD_GO_ON;
}

static int
set(const struct cmd_option *o, const char *value)
{
	struct cmd_list *list = o->into;

	switch (o->kind) {
	case CMD_FLAG:
		*(bool *)o->into = true;
		return CMD_GO_ON;
	case CMD_TEXT:
		*(const char **)o->into = value;
		return CMD_GO_ON;
	case CMD_LIST:
		if (list->n == CMD_LIST_MAX)
			return cmd_misused("--%s: given more than %d times",
			    o->name, CMD_LIST_MAX);
		list->at[list->n++] = value;
		return CMD_GO_ON;
	default:
		return set_number(o, value);
	}
}

/* One option at argv[*i]; moves *i over its value. */
static int
option(const struct cmd_use *use, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *value = NULL;
	const struct cmd_option *o;

	if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
		print_help(use);
		return CMD_OK;
	}
	if (arg[1] == '-') {
		size_t n = strcspn(arg + 2, "=");

		if ((o = find(use, arg + 2, n)) == NULL)
			return unknown(use, arg + 2, n);
		if (arg[2 + n] == '=')
			value = arg + 2 + n + 1;
	} else {
		if ((o = find_letter(use, arg[1])) == NULL)
			return cmd_misused("no option -%c; see --help", arg[1]);
		if (arg[2] != '\0')
			value = arg + 2;
	}
	if (o->kind == CMD_FLAG && value != NULL)
		return cmd_misused("--%s takes no value", o->name);
	if (o->kind != CMD_FLAG && value == NULL) {
		if (*i + 1 >= argc)
			return cmd_misused("--%s: want %s", o->name, o->value);
		value = argv[++*i];
	}
	return set(o, value);
}

int
cmd_parse(const struct cmd_use *use, int argc, char **argv, int *noperands)
{
	bool options = true;
	int n = 0;

	for (int i = 1; i < argc; i++) {
		int status;

		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
			continue;
		}
		if (!options || argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[1 + n++] = argv[i];
			continue;
		}
		if ((status = option(use, argc, argv, &i)) != CMD_GO_ON)
			return status;
	}
	if (n < use->operands_min || n > use->operands_max)
		return cmd_misused("usage: %s (see --help)", use->usage);
	if (noperands != NULL)
		*noperands = n;
	return CMD_GO_ON;
}

int
cmd_verb_operands(const struct cmd_verb *v)
{
	int n = v->operands[0] != '\0';

	for (const char *at = v->operands; *at != '\0'; at++)
		n += *at == ' ';
	return n;
}

static int
unknown_verb(const struct cmd_use *use, const char *name)
{
	const char *best = use->verbs[0].name;
	char all[512] = "";
	size_t used = 0;

	for (int i = 0; i < use->nverbs; i++) {
		const char *known = use->verbs[i].name;

		if (near_distance(name, known) < near_distance(name, best))
			best = known;
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		    i > 0 ? ", " : "", known);
		if (used >= sizeof(all))
			break;
	}
	if (near_enough(name, near_distance(name, best)))
		return cmd_misused("no command '%.64s'; did you mean '%s'?",
		    name, best);
	return cmd_misused("no command '%.64s': there are %s", name, all);
}

int
cmd_verb(const struct cmd_use *use, int noperands, char **argv)
{
	const struct cmd_verb *v = use->verbs;
	int want;

	while (v < use->verbs + use->nverbs && strcmp(v->name, argv[1]) != 0)
		v++;
	if (v == use->verbs + use->nverbs)
		return unknown_verb(use, argv[1]);
	want = cmd_verb_operands(v);
	if (want != noperands - 1)
		return cmd_misused(want == 0 ?
			"%s takes nothing behind it but options; see --help" :
			"%s: want %s",
		    v->name, v->operands);
	return v->run(argv + 2);
}

int
cmd_dtype(const char *name, enum tensor_dtype *dtype)
{
	static const struct {
		const char *name;
		enum tensor_dtype dtype;
	} known[] = { { "auto", TENSOR_OTHER }, { "f32", TENSOR_F32 },
		{ "bf16", TENSOR_BF16 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i].name) == 0) {
			*dtype = known[i].dtype;
			return 0;
		}
	return err_set(ERR_USAGE, "dtype '%.32s': want auto, f32 or bf16",
	    name);
}

int
cmd_threads(uint64_t n, int *threads)
{
	if (n > CMD_THREADS_MAX)
		return err_set(ERR_USAGE, "threads %ju: want 0..%d",
		    (uintmax_t)n, CMD_THREADS_MAX);
	*threads = (int)n;
	return 0;
}
