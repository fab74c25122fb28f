/* What any client may ask with "op", and who may ask for the rest. */
#include "frontend/frontend.h"

#include <string.h>

/* One operation; name and fields are what its line may hold. */
struct op {
	const char *name;
	void (*run)(struct frontend *, struct conn *, const char *id);
};

static void
ping(struct frontend *fe, struct conn *c, const char *id)
{
	(void)fe;
	line_put(&c->out, "{\"id\":");
	line_put(&c->out, id);
	line_put(&c->out, ",\"pong\":true}\n");
}

static void
adapters(struct frontend *fe, struct conn *c, const char *id)
{
	size_t before = line_pending(&c->out);

	fe_adapters(fe, &c->out, id);
	/* One long line: the client is not listened to until it has it. */
	conns_allow(c, line_pending(&c->out) - before);
}

static void
stats(struct frontend *fe, struct conn *c, const char *id)
{
	size_t before = line_pending(&c->out);

	fe_stats(fe, &c->out, id);
	conns_allow(c, line_pending(&c->out) - before);
}

static void
cancel(struct frontend *fe, struct conn *c, const char *id)
{
	struct api_fail fail;
	int32_t s = c->answers;

	while (s >= 0 && strcmp(fe->g->request[s].id, id) != 0)
		s = fe->answers[s].next;
	if (s >= 0) {
		fe_answer_cancel(fe, (uint32_t)s);
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

static const struct op ops[] = {
	{ "ping", ping },
	{ "adapters", adapters },
	{ "stats", stats },
	{ "cancel", cancel },
};

static const char *const fields[] = { "op", "id" };

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
	stranger = api_stranger(root, fields, 2);
	if (stranger != NULL) {
		api_refuse(&fail, API_UNKNOWN_FIELD, stranger,
		    "unknown field '%s': %s has only op and id", stranger, op);
		fe_tell_fail(fe, c, id, &fail);
		return;
	}
	ops[i].run(fe, c, id);
	conns_written(&fe->conns, c);
}
