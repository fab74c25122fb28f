/* chameleon ctl: the verbs, and how the instance is found. */
#include "cli/ctl.h"

#include "base/err.h"
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 35000 /* the engine itself gives up after 30 s */
#define BEYOND_MS 5000	 /* or after the deadline */
#define DEADLINE_MS_MOST 86400000

struct ctl ctl = { .instance = "default",
	.timeout_ms = CTL_NOT_GIVEN,
	.deadline_ms = CTL_NOT_GIVEN };

static const struct cmd_option options[] = {
	{ "instance", CMD_TEXT, &ctl.instance, "INSTANCE",
	    "which engine (default 'default')", 'i' },
	{ "json", CMD_FLAG, &ctl.json, NULL, "one JSON object, on one line",
	    0 },
	{ "sort", CMD_TEXT, &ctl.sort, "COLUMN",
	    "by this column; -COLUMN: the largest first", 0 },
	{ "filter", CMD_TEXT, &ctl.filter, "TEXT",
	    "only rows that hold the text somewhere", 0 },
	{ "timeout-ms", CMD_COUNT, &ctl.timeout_ms, "N",
	    "how long to wait for the engine's answer (default 35000, and 5000 "
	    "beyond --deadline-ms)",
	    0 },
	{ "deadline-ms", CMD_COUNT, &ctl.deadline_ms, "N",
	    "load, unload, pin, unpin, rollback: given up after so long "
	    "(default: the engine's frontend.operation_ms)",
	    0 },
	{ "wait", CMD_FLAG, &ctl.wait, NULL,
	    "unload: until nobody uses it, instead of a refusal", 0 },
	{ "yes", CMD_FLAG, &ctl.yes, NULL, "drain: do not ask", 'y' },
};

static const struct cmd_verb verbs[] = {
#define VERB(name, operands, completes, help)                                  \
	{ #name, operands, help, completes, ctl_##name },
#include "cli/ctl_verbs.tbl"
#undef VERB
};

static const struct cmd_exit exits[] = {
	{ CMD_OK, "done" },
	{ CTL_REFUSED,
	    "refused by the engine, or no such adapter, request or setting; "
	    "the sentence names the nearest one; or standard output cannot be "
	    "written" },
	{ CMD_MISUSED, "misused" },
	{ CTL_NO_INSTANCE,
	    "no such instance, or it cannot be reached; the sentence lists "
	    "those that run" },
	{ CTL_OTHER_VERSION, "the engine is of another version" },
	{ CTL_TIMED_OUT, "no answer in time" },
};

/* What the columns mean, for the manual page. */
#define TERM(name, path, help) { #name, help },
static const struct cmd_term adapter_terms[] = {
#define ADAPTERS TERM
#include "cli/ctl_columns.tbl"
};
static const struct cmd_term operation_terms[] = {
#define OPERATIONS TERM
#include "cli/ctl_columns.tbl"
};
static const struct cmd_term queue_terms[] = {
#define QUEUES TERM
#include "cli/ctl_columns.tbl"
};
static const struct cmd_term request_terms[] = {
#define REQUESTS TERM
#include "cli/ctl_columns.tbl"
};
static const struct cmd_term ended_terms[] = {
#define ENDED TERM
#include "cli/ctl_columns.tbl"
};
static const struct cmd_term process_terms[] = {
#define PROCESSES TERM
#include "cli/ctl_columns.tbl"
};
static const struct cmd_term event_terms[] = {
#define EVENTS TERM
#include "cli/ctl_columns.tbl"
};

static const struct cmd_term ring_terms[] = {
#define RINGS TERM
#include "cli/ctl_columns.tbl"
};
static const struct cmd_term history_terms[] = {
#define HISTORY TERM
#include "cli/ctl_columns.tbl"
};

static const struct cmd_section sections[] = {
	{ "COLUMNS OF adapters", CMD_ENTRIES(adapter_terms) },
	{ "COLUMNS OF operations", CMD_ENTRIES(operation_terms) },
	{ "COLUMNS OF queues", CMD_ENTRIES(queue_terms) },
	{ "COLUMNS OF requests", CMD_ENTRIES(request_terms) },
	{ "COLUMNS OF ended", CMD_ENTRIES(ended_terms) },
	{ "COLUMNS OF processes", CMD_ENTRIES(process_terms) },
	{ "COLUMNS OF rings", CMD_ENTRIES(ring_terms) },
	{ "COLUMNS OF events", CMD_ENTRIES(event_terms) },
	{ "COLUMNS OF history", CMD_ENTRIES(history_terms) },
};

const struct cmd_use cmd_ctl_use = {
	.usage = "chameleon ctl [OPTIONS] COMMAND",
	.about =
	    "Shows what a running engine does, and asks it for something.  "
	    "What it shows\nis read from the engine's shared memory and works "
	    "while processes hang;\nwhat it asks for goes over the admin "
	    "socket.  Both are for the engine's\nuser and root.  The manual "
	    "page explains each column: chameleon man ctl | man -l -",
	.options = options,
	.noptions = sizeof(options) / sizeof(options[0]),
	.operands_min = 1,
	.operands_max = 3,
	.verbs = verbs,
	.nverbs = sizeof(verbs) / sizeof(verbs[0]),
	.exits = exits,
	.nexits = sizeof(exits) / sizeof(exits[0]),
	.sections = sections,
	.nsections = sizeof(sections) / sizeof(sections[0]),
};

int
ctl_failed(void)
{
	static const struct {
		int code, status;
	} known[] = { { ERR_USAGE, CMD_MISUSED }, { ERR_CONFIG, CMD_MISUSED },
		{ ERR_GONE, CTL_NO_INSTANCE },
		{ ERR_LAYOUT, CTL_OTHER_VERSION },
		{ ERR_TIMEOUT, CTL_TIMED_OUT }, { ERR_IO, CTL_NO_INSTANCE } };

	(void)cmd_failed();
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (err_code() == known[i].code)
			return known[i].status;
	return CTL_REFUSED;
}

int
ctl_open(struct ctl_look *l, unsigned parts)
{
	int e;

	memset(l, 0, sizeof(*l));
	if ((e = snap_attach(&l->source, ctl.instance)) != 0) {
		e = ctl_failed();
		return err_code() == ERR_NOT_FOUND ? CTL_NO_INSTANCE : e;
	}
	if ((e = snap_take(&l->source, &l->snap, parts)) != 0) {
		ctl_close(l);
		return ctl_failed();
	}
	if (!l->snap.alive)
		fprintf(stderr,
		    "chameleon: instance '%s' is dead; this is how it was "
		    "left\n",
		    ctl.instance);
	return CMD_GO_ON;
}

void
ctl_close(struct ctl_look *l)
{
	snap_free(&l->snap);
	snap_detach(&l->source);
}

int
ctl_object(json_t *o)
{
	char *text = o != NULL ?
	    json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) :
	    NULL;

	json_decref(o);
	if (text == NULL) {
		err_set(ERR_MEMORY, "no memory for the answer");
		return ctl_failed();
	}
	puts(text);
	free(text);
	return CMD_OK;
}

int
ctl_rows(const char *name, const struct grid *g, json_t *rows)
{
	if (ctl.filter != NULL)
		grid_filter(g, rows, ctl.filter);
	if (ctl.sort != NULL && grid_sort(g, rows, ctl.sort) != 0) {
		json_decref(rows);
		return ctl_failed();
	}
	if (ctl.json)
		return ctl_object(json_pack("{s:o}", name, rows));
	grid_print(g, rows, stdout);
	json_decref(rows);
	return CMD_OK;
}

/* The rows of what was read. */
static json_t *
rows_of(const struct ctl_list *list, const struct ctl_look *l)
{
	json_t *rows = json_array();
	uint32_t n = list->count(&l->snap);

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(rows, list->row(l, i));
	return rows;
}

int
ctl_list(const struct ctl_list *list)
{
	struct ctl_look l;
	int status = ctl_open(&l, list->part);

	if (status != CMD_GO_ON)
		return status;
	status = ctl_rows(list->name, &list->grid, rows_of(list, &l));
	ctl_close(&l);
	return status;
}

json_t *
ctl_text(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

json_t *
ctl_ms(nsec t)
{
	return t < 0 ? json_null() : json_real(clock_ms(t));
}

const char *
ctl_slot(uint32_t slot, uint32_t gen, char buf[CTL_SLOT_MAX])
{
	snprintf(buf, CTL_SLOT_MAX, "%u.%u", slot, gen);
	return buf;
}

json_t *
ctl_id(const char *id)
{
	json_t *v = json_loads(id, JSON_DECODE_ANY, NULL);

	return v != NULL ? v : json_string(id);
}

bool
ctl_means(const char *typed, uint32_t slot, uint32_t gen)
{
	char buf[CTL_SLOT_MAX];

	return strcmp(typed, ctl_slot(slot, gen, buf)) == 0;
}

/* Ids are kept as JSON text, and cut if they are long. */
bool
ctl_means_id(const char *typed, const char *id)
{
	size_t kept = strlen(id);
	json_t *text = json_string(typed);
	char *quoted = text != NULL ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
	bool cut = kept == RECORD_ID_MAX - 1;
	bool same = strcmp(typed, id) == 0 ||
	    (quoted != NULL &&
		(cut ? strncmp(quoted, id, kept) : strcmp(quoted, id)) == 0);

	free(quoted);
	json_decref(text);
	return same;
}

static int
look_at_times(void)
{
	uint64_t deadline = ctl.deadline_ms;

	if (deadline == CTL_NOT_GIVEN)
		deadline = 0;
	else if (deadline < 1 || deadline > DEADLINE_MS_MOST)
		return cmd_misused("--deadline-ms: want 1..%d",
		    DEADLINE_MS_MOST);
	if (ctl.timeout_ms == CTL_NOT_GIVEN)
		ctl.timeout_ms = deadline + BEYOND_MS > TIMEOUT_MS ?
		    deadline + BEYOND_MS :
		    TIMEOUT_MS;
	if (ctl.timeout_ms > INT32_MAX)
		return cmd_misused("--timeout-ms: want at most %d", INT32_MAX);
	return CMD_GO_ON;
}

int
cmd_ctl(int argc, char **argv)
{
	int n, status = cmd_parse(&cmd_ctl_use, argc, argv, &n);

	if (status != CMD_GO_ON)
		return status;
	if ((status = look_at_times()) != CMD_GO_ON)
		return status;
	return cmd_verb(&cmd_ctl_use, n, argv);
}
