/* What any client may ask with "op", and who may ask for the rest. */
#include "frontend/frontend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OP_FIELDS_MAX 3

/* One operation; fields are what its line may hold. */
struct op {
	const char *name;
	void (*run)(struct frontend *, struct conn *, const json_t *root,
	    const char *id);
	int nfields;
	const char *fields[OP_FIELDS_MAX], *all; /* and as a sentence */
};

static void
ping(struct frontend *fe, struct conn *c, const json_t *root, const char *id)
{
	(void)fe, (void)root;
	line_put(&c->out, "{\"id\":");
	line_put(&c->out, id);
	line_put(&c->out, ",\"pong\":true}\n");
}

static void
adapters(struct frontend *fe, struct conn *c, const json_t *root,
    const char *id)
{
	size_t before = line_pending(&c->out);

	(void)root;
	fe_adapters(fe, &c->out, id);
	/* One long line: the client is not listened to until it has it. */
	conns_allow(c, line_pending(&c->out) - before);
}

static void
stats(struct frontend *fe, struct conn *c, const json_t *root, const char *id)
{
	size_t before = line_pending(&c->out);

	(void)root;
	fe_stats(fe, &c->out, id);
	conns_allow(c, line_pending(&c->out) - before);
}

/* "3.17": slot and generation, as consoles show them. */
static bool
read_request(const json_t *v, uint32_t *slot, uint32_t *gen,
    struct api_fail *fail)
{
	const char *text;
	int read = 0;

	if (!api_text_of(v, "request",
		"a string, slot.generation as consoles show it", &text, fail))
		return false;
	if (strspn(text, "0123456789.") != strlen(text) ||
	    sscanf(text, "%9" SCNu32 ".%9" SCNu32 "%n", slot, gen, &read) !=
		2 ||
	    text[read] != '\0')
		return api_refuse(fail, API_OUT_OF_RANGE, "request",
		    "request: '%s': want slot.generation as consoles show it, "
		    "like 3.17",
		    text);
	return true;
}

static bool
cancel_any(struct frontend *fe, const json_t *v, struct record_note *n,
    struct api_fail *fail)
{
	uint32_t slot, gen;

	if (!read_request(v, &slot, &gen, fail))
		return false;
	if (slot < fe->plan->slots && fe->answers[slot].gen == gen &&
	    fe->answers[slot].set == ANSWER_OPEN &&
	    fe_answer_cancel(fe, slot, "operator", n))
		return true;
	return api_refuse(fail, API_UNKNOWN_ID, "request",
	    "there is no open request %u.%u: it has ended, or there never was "
	    "one",
	    slot, gen);
}

/* An operator may end any request: its client gets its last line, and he is told
 * how far it was. */
static void
cancel_request(struct frontend *fe, struct conn *c, const json_t *v,
    const char *id)
{
	struct event_note e = { .at_ns = fe->now, .kind = EVENT_OPERATOR };
	struct record_note n;
	struct api_fail fail;

	if (!c->admin)
		api_refuse(&fail, API_PERMISSION, "request",
		    "only operators end others' requests: ask on the admin "
		    "socket");
	if (!c->admin || !cancel_any(fe, v, &n, &fail)) {
		fe_tell_fail(fe, c, id, &fail);
		return;
	}
	e.adapter = n.adapter;
	e.slot = (int32_t)n.slot;
	e.gen = n.gen;
	event_put(fe->g->events[PROC_FRONTEND], e, "cancel %u.%u", n.slot,
	    n.gen);
	line_fmt(&c->out,
	    "{\"id\":%s,\"done\":true,\"request\":\"%u.%u\",\"tokens\":%u}\n",
	    id, n.slot, n.gen, n.tokens);
}

static void
cancel(struct frontend *fe, struct conn *c, const json_t *root, const char *id)
{
	const json_t *request = json_object_get(root, "request");
	struct record_note n;
	struct api_fail fail;
	int32_t s = c->answers;

	if (request != NULL && !json_is_null(request)) {
		cancel_request(fe, c, request, id);
		return;
	}
	while (s >= 0 && strcmp(fe->g->request[s].id, id) != 0)
		s = fe->answers[s].next;
	if (s >= 0) {
		(void)fe_answer_cancel(fe, (uint32_t)s, "client", &n);
		return;
	}
	if (strcmp(id, "null") == 0)
		api_refuse(&fail, API_MISSING_FIELD, "id",
		    "id: missing: cancel wants the id of a request");
	else
		api_refuse(&fail, API_UNKNOWN_ID, "id",
		    "no request with id %s is in flight on this connection",
		    id);
	fe_tell_fail(fe, c, id, &fail);
}

#define PLAIN 2, { "op", "id" }, "op and id"

static const struct op ops[] = {
	{ "ping", ping, PLAIN },
	{ "adapters", adapters, PLAIN },
	{ "stats", stats, PLAIN },
	{ "cancel", cancel, 3, { "op", "id", "request" },
	    "op, id and request" },
};

void
fe_op(struct frontend *fe, struct conn *c, const json_t *root, const char *op,
    const char *id)
{
	struct api_fail fail;
	const char *stranger;
	size_t i = 0;

	while (i < sizeof(ops) / sizeof(ops[0]) && strcmp(ops[i].name, op) != 0)
		i++;
	if (i == sizeof(ops) / sizeof(ops[0])) {
		fe_admin_op(fe, c, root, op, id);
		return;
	}
	stranger = api_stranger(root, ops[i].fields, ops[i].nfields);
	if (stranger != NULL) {
		api_refuse(&fail, API_UNKNOWN_FIELD, stranger,
		    "unknown field '%s': %s has only %s", stranger, op,
		    ops[i].all);
		fe_tell_fail(fe, c, id, &fail);
		return;
	}
	ops[i].run(fe, c, root, id);
	conns_written(&fe->conns, c);
}
