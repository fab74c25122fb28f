/* Which rows a step has: as gpuexec/batch.c cuts it where prompts and answers
 * share steps, else prompts first, in the order of placement. */
#include "sim/world.h"

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t
given(const struct sim_seat *t)
{
	return t->prompt + t->n;
}

/* A row that answers; all others are prompt, also that of tokens given before
 * a hold. */
static bool
answers(const struct sim_seat *t)
{
	return t->n > 0 && t->kv + 1 == given(t);
}

/* A5: the ticket is live, the adapter there. */
static bool
adapter_there(const struct sim *m, const struct sim_seat *t)
{
	struct place_word have;

	if (t->adapter < 0)
		return true;
	have = word_load_place(&m->have[t->adapter]);
	return have.gen == t->want_gen && have.state == HAVE_RESIDENT;
}

/* Rows it could take now; 0: it sits out. */
static uint32_t
ready(const struct sim *m, struct sim_seat *t)
{
	uint32_t per = m->plan.block_tokens, want = given(t) - t->kv;

	if (!adapter_there(m, t))
		return 0;
	if (t->blocks * per < given(t)) {
		struct word b = word_load(&m->b[t->slot]);

		if (b.gen == t->gen && b.round == t->round)
			t->blocks = b.low;
	}
	return t->blocks * per <= t->kv ? 0 :
					  least(want, t->blocks * per - t->kv);
}

static void
enter(struct sim *m, struct sim_seat *t, uint32_t rows, struct sim_step *step)
{
	uint64_t ranks = (uint64_t)rows * (uint64_t)t->rank;

	if (answers(t)) {
		step->decode_rows++;
		step->decode_context += t->kv + 1;
		step->decode_ranks += ranks;
	} else {
		step->prompt_tokens += rows;
		step->prompt_pairs += (uint64_t)rows * t->kv +
		    (uint64_t)rows * (rows - 1) / 2;
		step->prompt_ranks += ranks;
	}
	t->rows = rows;
	if (t->adapter < 0)
		return;
	step->lora_rows += rows;
	/* launched is the step before this one. */
	if (m->load[t->adapter].in_step != m->launched + 1) {
		m->load[t->adapter].in_step = m->launched + 1;
		step->adapters++;
	}
}

/* Prompts alone, if any can go on; else all that answer. */
static void
apart(struct sim *m, struct sim_step *step)
{
	uint32_t left = m->plan.step_tokens;

	for (uint32_t i = 0; i < m->nlive && left > 0; i++) {
		struct sim_seat *t = &m->seat[m->live[i]];
		uint32_t rows = answers(t) ? 0 : least(ready(m, t), left);

		if (rows > 0)
			enter(m, t, rows, step);
		left -= rows;
	}
	for (uint32_t i = 0; i < m->nlive && step->prompt_tokens == 0; i++) {
		struct sim_seat *t = &m->seat[m->live[i]];

		if (answers(t) && ready(m, t) > 0)
			enter(m, t, 1, step);
	}
}

/* Every answer takes a row, prompts what is left. */
static void
mixed(struct sim *m, struct sim_step *step)
{
	uint32_t most = m->plan.step_tokens, left, rows = 0;

	for (uint32_t i = 0; i < m->nlive; i++) {
		struct sim_seat *t = &m->seat[m->live[i]];

		if (ready(m, t) == 1 && t->kv + 1 == given(t)) {
			enter(m, t, 1, step);
			rows++;
		}
	}
	left = most > rows ? most - rows : 0;
	for (uint32_t i = 0; i < m->nlive && left > 0; i++) {
		struct sim_seat *t = &m->seat[m->live[i]];

		if (t->rows > 0 || (rows = least(ready(m, t), left)) == 0)
			continue;
		enter(m, t, rows, step);
		left -= rows;
	}
}

bool
sim_batch_choose(struct sim *m, struct sim_step *step)
{
	if (m->setup->cost.mixed_steps > 0)
		mixed(m, step);
	else
		apart(m, step);
	return step->prompt_tokens > 0 || step->decode_rows > 0;
}
