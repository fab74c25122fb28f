/* The frontend's word f of each slot, and which slots are free. */
#include "base/err.h"
#include "base/hash.h"
#include "base/must.h"
#include "frontend/frontend.h"
#include "shm/word.h"

#include <stdlib.h>

static void
put_in(struct frontend *fe, uint32_t slot, enum answer_set set)
{
	struct answer_set_list *l = &fe->sets[set];

	fe->answers[slot].set = (uint8_t)set;
	fe->answers[slot].at = l->count;
	l->slot[l->count++] = slot;
}

static void
take_out(struct frontend *fe, uint32_t slot)
{
	struct answer *a = &fe->answers[slot];
	struct answer_set_list *l = &fe->sets[a->set];
	uint32_t last = l->slot[--l->count];

	must(l->slot[a->at] == slot);
	l->slot[a->at] = last;
	fe->answers[last].at = a->at;
}

/* Whether the scheduler has let go of the slot's last use. */
static bool
released(const struct frontend *fe, uint32_t slot)
{
	struct word s = word_load(&fe->g->s[slot]);

	return s.gen == fe->answers[slot].gen && s.state == S_REL;
}

static enum answer_set
found_in(struct frontend *fe, uint32_t slot)
{
	struct word f = word_load(&fe->g->f[slot]);

	fe->answers[slot].gen = f.gen;
	if (f.state == F_SUB)
		return ANSWER_OPEN;
	return released(fe, slot) ? ANSWER_FREE : ANSWER_CLOSING;
}

int
fe_slots_open(struct frontend *fe)
{
	uint32_t n = fe->plan->slots;

	fe->answers = calloc(n, sizeof(*fe->answers));
	if (fe->answers == NULL)
		return err_set(ERR_MEMORY, "no memory for %u slots", n);
	for (int k = 0; k < ANSWER_SETS; k++) {
		fe->sets[k].slot = calloc(n, sizeof(uint32_t));
		if (fe->sets[k].slot == NULL)
			return err_set(ERR_MEMORY, "no memory for %u slots", n);
	}
	/* From the last, so that the first is taken first. */
	for (uint32_t slot = n; slot-- > 0;)
		put_in(fe, slot, found_in(fe, slot));
	return 0;
}

static void
forget(struct answer *a)
{
	free(a->stops);
	fe_probs_free(&a->probs);
	a->stops = NULL;
}

void
fe_slots_close(struct frontend *fe)
{
	for (uint32_t i = 0; fe->answers != NULL && i < fe->plan->slots; i++)
		forget(&fe->answers[i]);
	for (int k = 0; k < ANSWER_SETS; k++)
		free(fe->sets[k].slot);
	free(fe->answers);
	fe->answers = NULL;
}

bool
fe_slot_take(struct frontend *fe, uint32_t *slot)
{
	struct answer_set_list *l = &fe->sets[ANSWER_FREE];

	if (l->count == 0)
		fe_slots_reclaim(fe);
	while (l->count > 0) {
		*slot = l->slot[l->count - 1];
		if (released(fe, *slot)) {
			l->count--;
			return true;
		}
		/* Not as it was left: it may not be filled. */
		l->count--;
		put_in(fe, *slot, ANSWER_CLOSING);
	}
	return false;
}

void
fe_slot_untake(struct frontend *fe, uint32_t slot)
{
	forget(&fe->answers[slot]);
	put_in(fe, slot, ANSWER_FREE);
}

/* The hint that makes a change known soon. */
static void
tell(struct frontend *fe, struct ring_tx *tx, enum proc_id peer, uint32_t slot)
{
	(void)ring_push(tx, slot);
	proc_wake(fe->proc, peer);
}

void
fe_slot_submit(struct frontend *fe, uint32_t slot, struct conn *c)
{
	struct answer *a = &fe->answers[slot];
	const char *id = fe->g->request[slot].id;

	a->gen = word_next_gen(a->gen);
	a->conn = c->index;
	a->told = 0;
	a->id_hash = (uint32_t)hash_text(HASH_START, id);
	a->prev = -1;
	a->next = c->answers;
	if (c->answers >= 0)
		fe->answers[c->answers].prev = (int32_t)slot;
	c->answers = (int32_t)slot;
	c->open++;
	put_in(fe, slot, ANSWER_OPEN);
	atomic_store_explicit(&fe->g->told[slot], 0, memory_order_relaxed);
	word_store(&fe->g->f[slot], (struct word){ a->gen, F_SUB, 0, 0 });
	fe_count(&fe->g->frontend_meters->accepted, 1);
	tell(fe, &fe->to_scheduler, PROC_SCHEDULER, slot);
}

static void
unlink_from(struct frontend *fe, struct conn *c, struct answer *a)
{
	if (a->prev >= 0)
		fe->answers[a->prev].next = a->next;
	else
		c->answers = a->next;
	if (a->next >= 0)
		fe->answers[a->next].prev = a->prev;
	c->open--;
	conns_look(&fe->conns, c);
}

void
fe_slot_close(struct frontend *fe, uint32_t slot, const struct record_note *n)
{
	struct answer *a = &fe->answers[slot];

	must(a->set == ANSWER_OPEN);
	fe_keep(fe, n);
	/* One left by the last life hangs on no connection of this one. */
	if (fe->begun)
		unlink_from(fe, &fe->conns.list[a->conn], a);
	forget(a);
	take_out(fe, slot);
	put_in(fe, slot, ANSWER_CLOSING);
	word_store(&fe->g->f[slot], (struct word){ a->gen, F_CLOSED, 0, 0 });
	tell(fe, &fe->to_scheduler, PROC_SCHEDULER, slot);
	tell(fe, &fe->to_gpuexec, PROC_GPUEXEC, slot);
}

void
fe_slot_released(struct frontend *fe, uint32_t slot)
{
	if (fe->answers[slot].set != ANSWER_CLOSING || !released(fe, slot))
		return;
	take_out(fe, slot);
	put_in(fe, slot, ANSWER_FREE);
}

void
fe_slots_reclaim(struct frontend *fe)
{
	struct answer_set_list *l = &fe->sets[ANSWER_CLOSING];

	for (uint32_t i = l->count; i-- > 0;)
		fe_slot_released(fe, l->slot[i]);
}
