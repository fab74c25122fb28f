/* chameleon ctl explain: finds a request among the open and the recent ones. */
#include "cli/ctl.h"
#include "cli/explain.h"

#include "base/err.h"

#include <string.h>

#define OTHERS_MAX 8

/* What an operator may mean, the best first: the open before the ended, the young
 * before the old. */
struct meant {
	int open;   /* in snap.request; -1: none */
	int record; /* in snap.record; -1: none */
	char others[OTHERS_MAX][CTL_SLOT_MAX];
	int nothers; /* that could be meant as well */
};

static void
add(struct meant *m, int open, int record, uint32_t slot, uint32_t gen)
{
	if (m->open < 0 && m->record < 0) {
		m->open = open;
		m->record = record;
	} else if (m->nothers < OTHERS_MAX) {
		ctl_slot(slot, gen, m->others[m->nothers++]);
	}
}

static void
look_for(const struct snap *s, const char *typed, bool by_slot, struct meant *m)
{
	*m = (struct meant){ -1, -1, { "" }, 0 };
	for (int i = (int)s->nrequests; i-- > 0;) {
		const struct snap_request *r = &s->request[i];

		if (by_slot ? ctl_means(typed, r->slot, r->gen) :
			      ctl_means_id(typed, r->id))
			add(m, i, -1, r->slot, r->gen);
	}
	for (int i = (int)s->nrecords; i-- > 0;) {
		const struct record_note *n = &s->record[i];

		if (by_slot ? ctl_means(typed, n->slot, n->gen) :
			      ctl_means_id(typed, n->id))
			add(m, -1, i, n->slot, n->gen);
	}
}

static int
unknown(const struct snap *s, const char *typed)
{
	const struct record_note *oldest = s->record;

	if (s->nrecords == 0)
		err_set(ERR_NOT_FOUND,
		    "no request '%.64s': %u are open, and none has ended yet",
		    typed, s->nrequests);
	else
		err_set(ERR_NOT_FOUND,
		    "no request '%.64s': %u are open, and the records of "
		    "those that ended reach back %.0f s, to the last %u",
		    typed, s->nrequests,
		    clock_ms(s->now - oldest->arrived_ns - oldest->total_ns) /
			1e3,
		    s->nrecords);
	return ctl_failed();
}

static int
as_json(const struct snap *s, const struct meant *m)
{
	json_t *others = json_array();
	json_t *o = m->open >= 0 ?
	    explain_open_json(s, (uint32_t)m->open) :
	    explain_record_json(&s->record[m->record], s->now);

	for (int i = 0; i < m->nothers; i++)
		json_array_append_new(others, json_string(m->others[i]));
	json_object_set_new(o, "others", others);
	return ctl_object(o);
}

static int
as_page(const struct snap *s, const struct meant *m)
{
	if (m->open >= 0)
		explain_open(s, (uint32_t)m->open, stdout);
	else
		explain_record(&s->record[m->record], s->now, stdout);
	if (m->nothers > 0)
		printf("\nOthers have the same id:");
	for (int i = 0; i < m->nothers; i++)
		printf(" %s", m->others[i]);
	if (m->nothers > 0)
		printf("\n");
	return CMD_OK;
}

int
ctl_explain(char **operands)
{
	struct ctl_look l;
	struct meant m;
	int status = ctl_open(&l, SNAP_REQUESTS | SNAP_RECORDS | SNAP_ADAPTERS);

	if (status != CMD_GO_ON)
		return status;
	look_for(&l.snap, operands[0], true, &m);
	if (m.open < 0 && m.record < 0)
		look_for(&l.snap, operands[0], false, &m);
	if (m.open < 0 && m.record < 0)
		status = unknown(&l.snap, operands[0]);
	else
		status = ctl.json ? as_json(&l.snap, &m) : as_page(&l.snap, &m);
	ctl_close(&l);
	return status;
}
