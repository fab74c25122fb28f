/* chameleon ctl: what is asked of the engine, over its admin socket. */
#include "cli/ctl.h"

#include "admin/admin.h"
#include "base/err.h"
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CANDIDATES_MAX 8

/* The reply, its members as columns of one row, or {"op": reply} with --json. */
static int
show_reply(json_t *reply)
{
	struct grid_column columns[16];
	struct grid g = { columns, 0 };
	const char *name;
	json_t *value;

	json_object_del(reply, "id");
	if (ctl.json)
		return ctl_object(reply);
	json_object_del(reply, "done");
	json_object_foreach(reply, name, value) if (g.n < 16)
	    columns[g.n++] = (struct grid_column){ name, NULL };
	value = json_pack("[O]", reply);
	grid_print(&g, value, stdout);
	json_decref(value);
	json_decref(reply);
	return CMD_OK;
}

/* Of a reading that has told where to ask. */
static int
ask_at(const char *path, const char *op, const char *const *fields,
    json_t **reply)
{
	struct admin a;
	enum admin_state s;
	int e = admin_open(&a, path), status = CMD_OK;

	if (e != 0) {
		(void)cmd_failed();
		return CTL_NO_INSTANCE;
	}
	s = admin_call(&a, op, fields, (int)ctl.timeout_ms, reply);
	if (s == ADMIN_REFUSED &&
	    (err_code() == ERR_USAGE || err_code() == ERR_NOT_FOUND)) {
		(void)cmd_failed();
		status = CTL_REFUSED;
	} else if (s != ADMIN_DONE) {
		status = ctl_failed();
	}
	admin_close(&a);
	return status;
}

static int
ask(const char *op, const char *const *fields, json_t **reply)
{
	char path[SEG_PATH_MAX];
	struct ctl_look l;
	int status = ctl_open(&l, 0);

	if (status != CMD_GO_ON)
		return status;
	strcpy(path, l.snap.admin_path);
	ctl_close(&l);
	return ask_at(path, op, fields, reply);
}

static int
ask_and_show(const char *op, const char *const *fields)
{
	json_t *reply = NULL;
	int status = ask(op, fields, &reply);

	return status == CMD_OK ? show_reply(reply) : status;
}

/* Fields that come from options, for the verbs that have them. */
static void
add_options(const char *verb, const char **field)
{
	static const char *const with[] = { "load", "unload", "pin", "unpin",
		"rollback" };
	static char deadline[24];

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		if (strcmp(verb, with[i]) != 0 ||
		    ctl.deadline_ms == CTL_NOT_GIVEN)
			continue;
		snprintf(deadline, sizeof(deadline), "%ju",
		    (uintmax_t)ctl.deadline_ms);
		*field++ = "deadline_ms";
		*field++ = deadline;
	}
	if (strcmp(verb, "unload") == 0 && ctl.wait) {
		*field++ = "wait";
		*field++ = "true";
	}
	*field = NULL;
}

/* Asks for the operation of the verb's name, with these fields. */
static int
ask_verb(const char *verb, const char *first, const char *second,
    char **operands)
{
	const char *field[8] = { first, NULL, second };
	int n = 0;

	for (; n < 4 && field[n] != NULL; n += 2)
		field[n + 1] = operands[n / 2];
	add_options(verb, field + n);
	return ask_and_show(verb, field);
}

#define ASK(verb, first, second)                                               \
	int ctl_##verb(char **operands)                                        \
	{                                                                      \
		return ask_verb(#verb, first, second, operands);               \
	}

ASK(load, "name", NULL)
ASK(unload, "name", NULL)
ASK(pin, "name", NULL)
ASK(unpin, "name", NULL)
ASK(set, "key", "value")
ASK(get, "key", NULL)
ASK(rescan, NULL, NULL)

/* What cannot be meant is misuse; what is out of range is the engine's to say. */
int
ctl_weight(char **operands)
{
	char *end;

	(void)strtod(operands[1], &end);
	if (end == operands[1] || *end != '\0')
		return cmd_misused("weight '%.80s': want a number, 1 is as "
				   "others",
		    operands[1]);
	return ask_verb("weight", "name", "weight", operands);
}

int
ctl_rollback(char **operands)
{
	if (strchr(operands[0], '@') == NULL)
		return cmd_misused("rollback '%.80s': want NAME@VERSION, the "
				   "version that is to serve the name",
		    operands[0]);
	return ask_verb("rollback", "name", NULL, operands);
}

int
ctl_withdraw(char **operands)
{
	size_t digits = strspn(operands[0], "0123456789");

	if (digits == 0 || operands[0][digits] != '\0')
		return cmd_misused("withdraw '%.80s': want the number of one "
				   "that waits; 'chameleon ctl operations' "
				   "lists them",
		    operands[0]);
	return ask_verb("withdraw", "operation", NULL, operands);
}

/* A list that the engine tells. */
static int
ask_rows(const char *op, const struct grid *g)
{
	json_t *reply = NULL, *rows;
	int status = ask(op, NULL, &reply);

	if (status != CMD_OK)
		return status;
	rows = json_incref(json_object_get(reply, op));
	json_decref(reply);
	if (!json_is_array(rows)) {
		json_decref(rows);
		err_set(ERR_LAYOUT, "the engine's answer has no %s", op);
		return ctl_failed();
	}
	return ctl_rows(op, g, rows);
}

int
ctl_settings(char **operands)
{
	static const struct grid_column columns[] = { { "key", NULL },
		{ "value", NULL }, { "from", NULL } };
	static const struct grid g = { CMD_ENTRIES(columns) };

	(void)operands;
	return ask_rows("settings", &g);
}

static const struct grid_column operation_columns[] = {
#define OPERATIONS(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

int
ctl_operations(char **operands)
{
	static const struct grid g = { CMD_ENTRIES(operation_columns) };

	(void)operands;
	return ask_rows("operations", &g);
}

/* ---- drain ---- */

/* CMD_GO_ON: the operator wants it. */
static int
confirm(const struct snap *s)
{
	char answer[16] = "";

	if (ctl.yes)
		return CMD_GO_ON;
	if (!isatty(STDIN_FILENO))
		return cmd_misused("drain ends the engine: want --yes where no "
				   "terminal is there to ask");
	fprintf(stderr,
	    "End instance '%s'?  %ju waiting and %ju running requests are "
	    "finished first. [y/N] ",
	    s->instance, (uintmax_t)s->scheduler.waiting,
	    (uintmax_t)s->scheduler.running);
	if (fgets(answer, sizeof(answer), stdin) != NULL &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return CMD_GO_ON;
	fprintf(stderr, "chameleon: nothing was done\n");
	return CTL_REFUSED;
}

int
ctl_drain(char **operands)
{
	struct ctl_look l;
	json_t *reply = NULL;
	int status = ctl_open(&l, 0);

	(void)operands;
	if (status != CMD_GO_ON)
		return status;
	if ((status = confirm(&l.snap)) == CMD_GO_ON)
		status = ask_at(l.snap.admin_path, "drain", NULL, &reply);
	ctl_close(&l);
	return status == CMD_OK && reply != NULL ? show_reply(reply) : status;
}

/* ---- cancel ---- */

/* Several requests of one id: which shall it be is the operator's to say. */
static int
ambiguous(const char *id, char (*found)[CTL_SLOT_MAX], int n)
{
	fprintf(stderr, "chameleon: %d%s open requests have the id %.64s:", n,
	    n == CANDIDATES_MAX ? " or more" : "", id);
	for (int i = 0; i < n; i++)
		fprintf(stderr, " %s", found[i]);
	fprintf(stderr, "; nothing was done, name one of them\n");
	return CTL_REFUSED;
}

/* Those that are meant; a SLOT.GEN means one. */
static int
find_open(const struct snap *s, const char *typed, char (*found)[CTL_SLOT_MAX])
{
	int n = 0;

	for (uint32_t i = 0; i < s->nrequests; i++)
		if (ctl_means(typed, s->request[i].slot, s->request[i].gen)) {
			ctl_slot(s->request[i].slot, s->request[i].gen,
			    found[0]);
			return 1;
		}
	for (uint32_t i = 0; i < s->nrequests && n < CANDIDATES_MAX; i++)
		if (ctl_means_id(typed, s->request[i].id))
			ctl_slot(s->request[i].slot, s->request[i].gen,
			    found[n++]);
	return n;
}

int
ctl_cancel(char **operands)
{
	char found[CANDIDATES_MAX][CTL_SLOT_MAX];
	const char *fields[] = { "request", found[0], NULL };
	struct ctl_look l;
	json_t *reply = NULL;
	int status = ctl_open(&l, SNAP_REQUESTS), n;

	if (status != CMD_GO_ON)
		return status;
	n = find_open(&l.snap, operands[0], found);
	if (n == 0) {
		err_set(ERR_NOT_FOUND,
		    "no open request is '%.64s'; there are %u open ones",
		    operands[0], l.snap.nrequests);
		status = ctl_failed();
	} else if (n > 1) {
		status = ambiguous(operands[0], found, n);
	} else {
		status = ask_at(l.snap.admin_path, "cancel", fields, &reply);
	}
	ctl_close(&l);
	return status == CMD_OK ? show_reply(reply) : status;
}
