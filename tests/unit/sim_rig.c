/* A small engine in virtual time, whose numbers are round. */
#include "tests/unit/sim_rig.h"

#include <check.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"

struct sim_setup rig;
struct sim_result rig_result;
struct sim_ask rig_asks[RIG_ASKS];

static struct sim_adapter adapters[RIG_ADAPTERS];
static struct sim_work work;
static struct sim_act acts[RIG_ACTS];

static const struct sim_cost cost = { .name = "rig",
	.step_fixed_ms = 10,
	.prefill_fixed_ms = 5,
	.prefill_token_ms = 1,
	.decode_row_ms = 1,
	.step_tokens = 1000,
	.batch_max = 8,
	.link_bytes_per_s = 1e5,
	.load_fixed_ms = 2,
	.load_threads = 1,
	.load_read_ms = 3,
	.pool_bytes = 10000,
	.chunk_bytes = 1000,
	.kv_token_bytes = 10,
	.block_tokens = 10,
	.adapter_rank_bytes = 100 };

void
rig_open(void)
{
	memset(&rig, 0, sizeof(rig));
	memset(&rig_result, 0, sizeof(rig_result));
	conf_defaults(&rig.conf);
	rig.cost = cost;
	for (int i = 0; i < RIG_ADAPTERS; i++)
		adapters[i].rank = 8;
	work = (struct sim_work){ .asks = rig_asks,
		.adapters = adapters,
		.nadapters = RIG_ADAPTERS };
	rig.work = &work;
	rig.acts = acts;
	rig.seed = 1;
	rig.slots = 64;
	rig.laws = true;
}

void
rig_close(void)
{
	sim_result_free(&rig_result);
}

void
rig_set(const char *key, const char *value)
{
	ck_assert_int_eq(conf_set(&rig.conf, key, value), 0);
}

void
rig_cost(const char *term, double value)
{
	ck_assert_int_eq(sim_cost_set(&rig.cost, term, value), 0);
}

void
rig_rank(uint32_t adapter, int32_t rank)
{
	adapters[adapter].rank = rank;
}

void
rig_ask(double at_ms, int32_t adapter, uint32_t prompt, uint32_t output)
{
	ck_assert_uint_lt(work.n, RIG_ASKS);
	rig_asks[work.n++] = (struct sim_ask){
		.at = (nsec)(at_ms * (double)MILLISECOND),
		.adapter = adapter,
		.prompt = prompt,
		.output = output,
		.max_tokens = output,
	};
	work.prompt_max = work.prompt_max > prompt ? work.prompt_max : prompt;
	work.output_max = work.output_max > output ? work.output_max : output;
}

void
rig_act(double at_ms, enum sim_act_kind kind, uint64_t which,
    const struct conf *rules)
{
	ck_assert_uint_lt(rig.nacts, RIG_ACTS);
	acts[rig.nacts++] = (struct sim_act){
		(nsec)(at_ms * (double)MILLISECOND), kind, which, rules
	};
}

void
rig_draw(uint64_t seed, uint32_t n, double at_ms)
{
	struct rng rng;
	double t = 0;

	rng_seed(&rng, seed);
	rig.seed = seed;
	while (n-- > 0) {
		int32_t a = (int32_t)rng_below(&rng, RIG_ADAPTERS + 1) - 1;
		uint32_t prompt = 1 + (uint32_t)rng_below(&rng, 200);

		t += rng_exponential(&rng, at_ms);
		rig_ask(t, a, prompt, 1 + (uint32_t)rng_below(&rng, 100));
	}
}

void
rig_run(void)
{
	int e = sim_run(&rig, &rig_result);

	ck_assert_msg(e == 0, "%s\n%s", err_text(), rig_result.breach);
}

double
rig_first(int i)
{
	return clock_ms(rig_result.outcomes[i].first_ns);
}

double
rig_last(int i)
{
	return clock_ms(rig_result.outcomes[i].last_ns);
}

double
rig_placed(int i)
{
	return clock_ms(rig_result.outcomes[i].placed_ns);
}
