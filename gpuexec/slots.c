/* The words of the slots: what is to start, and what is to be let go.
 *
 * Numbers in comments are the transitions of docs/RECOVERY.md, section 2. */
#include "gpuexec/gx.h"

#include "base/log.h"
#include "base/must.h"

static struct gx_run *
run_of(struct gx *g, uint32_t slot)
{
	uint32_t i = g->of_slot[slot];

	return i == GX_NONE ? NULL : &g->runs[i];
}

static void
store_x(struct gx *g, uint32_t slot, struct word x)
{
	word_store(&g->segs->x[slot], x);
	(void)ring_push(&g->to_scheduler, slot);
	g->wake_scheduler = true;
}

static void
drop(struct gx *g, uint32_t slot)
{
	struct gx_run *r = run_of(g, slot);

	if (r != NULL)
		r->over = true;
}

/* Tokens committed in this use of the slot. */
static uint32_t
committed(struct word x, uint32_t gen)
{
	return x.gen == gen ? x.low : 0;
}

/* 4: reads s, then f, then its own x. */
static bool
start(struct gx *g, uint32_t slot)
{
	struct word s = word_load(&g->segs->s[slot]), f, x;

	if (s.state != S_PLACED || s.low != (g->epoch & WORD_LOW_MASK))
		return false;
	f = word_load(&g->segs->f[slot]);
	if (f.state != F_SUB || f.gen != s.gen)
		return false;
	x = word_load(&g->segs->x[slot]);
	if (x.gen == s.gen &&
	    (x.state == X_FIN || (x.state == X_RUN && x.round == s.round)))
		return false;
	if (run_of(g, slot) != NULL) {
		/* An older round, already acknowledged: its place first. */
		drop(g, slot);
		gx_reap(g);
	}
	if (g->nfree == 0)
		return false; /* the sweep finds it again */
	gx_start(g, slot, s);
	return true;
}

/* 8, first half: the frontend has closed it. */
static bool
acknowledge_closed(struct gx *g, uint32_t slot)
{
	struct word f = word_load(&g->segs->f[slot]);
	struct word s = word_load(&g->segs->s[slot]);
	struct word x = word_load(&g->segs->x[slot]);

	if (f.state != F_CLOSED || s.gen != f.gen || s.state == S_REL ||
	    (x.gen == f.gen && x.state == X_FIN))
		return false;
	if (x.gen != f.gen)
		g->segs->result[slot] = (struct slot_result){ .stop_id = -1 };
	g->segs->result[slot].finish = FINISH_CLOSED;
	store_x(g, slot,
	    (struct word){ f.gen, X_FIN, s.round, committed(x, f.gen) });
	drop(g, slot);
	return true;
}

/* 8, second half: the scheduler holds or denies it. */
static bool
acknowledge_held(struct gx *g, uint32_t slot)
{
	struct word f = word_load(&g->segs->f[slot]);
	struct word s = word_load(&g->segs->s[slot]);
	struct word x = word_load(&g->segs->x[slot]);

	if (f.state != F_SUB || s.gen != f.gen ||
	    (s.state != S_HELD && s.state != S_DENIED))
		return false;
	if (x.gen == f.gen &&
	    (x.state == X_FIN || (x.state == X_HELD && x.round == s.round)))
		return false;
	store_x(g, slot,
	    (struct word){ f.gen, X_HELD, s.round, committed(x, f.gen) });
	drop(g, slot);
	return true;
}

/* Everything a slot's words may ask of us.  A released slot asks nothing, so a
 * sweep over an idle engine reads s alone. */
static bool
obey(struct gx *g, uint32_t slot)
{
	struct word s = word_load(&g->segs->s[slot]);

	if (s.state == S_REL)
		return false;
	return start(g, slot) || acknowledge_closed(g, slot) ||
	    acknowledge_held(g, slot);
}

int
gx_sweep(struct gx *g)
{
	int found = 0;

	for (uint32_t i = 0; i < g->plan->slots; i++)
		found += obey(g, i);
	if (found > 0) {
		gx_count(&g->segs->gpuexec_meters->sweep_found,
		    (uint64_t)found);
		gx_reap(g);
		gx_ring(g);
	}
	return found;
}

/* At most as many as the ring holds: a producer that runs wild must not keep
 * us here. */
static int
drain(struct gx *g, struct ring_rx *rx)
{
	uint64_t hint;
	int n = 0;

	while (n < (int)rx->depth && ring_pop(rx, &hint)) {
		n++;
		/* A grant changes no word of x: that is not a stale hint. */
		if (hint >= g->plan->slots ||
		    (!obey(g, (uint32_t)hint) && g->of_slot[hint] == GX_NONE))
			gx_count(&g->segs->gpuexec_meters->stale_hints, 1);
	}
	return n;
}

int
gx_hints(struct gx *g)
{
	int n = drain(g, &g->from_scheduler);

	n += drain(g, &g->from_frontend);
	if (n > 0) {
		gx_reap(g);
		gx_ring(g);
	}
	return n;
}

bool
gx_may_commit(const struct gx *g, const struct gx_run *r)
{
	struct word s = word_load(&g->segs->s[r->slot]);
	struct word f = word_load(&g->segs->f[r->slot]);
	struct word x = word_load(&g->segs->x[r->slot]);

	return s.gen == r->gen && s.state == S_PLACED && s.round == r->round &&
	    s.low == (g->epoch & WORD_LOW_MASK) && f.gen == r->gen &&
	    f.state == F_SUB && x.gen == r->gen && x.state == X_RUN &&
	    x.round == r->round;
}

/* 5, its end.  What ended is told to both; more is not committed. */
void
gx_finish(struct gx *g, struct gx_run *r, enum slot_finish why, int32_t stop_id)
{
	struct slot_result *result = &g->segs->result[r->slot];

	r->over = true;
	if (!gx_may_commit(g, r))
		return;
	result->finish = (uint32_t)why;
	result->stop_id = stop_id;
	store_x(g, r->slot,
	    (struct word){ r->gen, X_FIN, r->round, (uint32_t)r->n });
	(void)ring_push(&g->to_frontend, r->slot);
	g->wake_frontend = true;
}

void
gx_reap(struct gx *g)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < g->nlive; i++) {
		struct gx_run *r = &g->runs[g->live[i]];

		if (!r->over) {
			g->live[kept++] = g->live[i];
			continue;
		}
		if (r->follows)
			gx_follow_end(g);
		if (r->lease != NULL)
			r->lease->refs--;
		must(g->of_slot[r->slot] == g->live[i]);
		g->of_slot[r->slot] = GX_NONE;
		g->free_runs[g->nfree++] = g->live[i];
	}
	g->nlive = kept;
}

void
gx_ring(struct gx *g)
{
	if (g->wake_scheduler)
		bell_ring(&g->segs->bell[PROC_SCHEDULER]);
	if (g->wake_frontend)
		bell_ring(&g->segs->bell[PROC_FRONTEND]);
	g->wake_scheduler = g->wake_frontend = false;
}
