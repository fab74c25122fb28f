/* A world is drawn: first the engine, then its work, then what happens. */
#include "tests/swarm/swarm.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

/* Settings and what they may be: often as good as seldom, where it stands more
 * than once. */
static const struct {
	const char *key, *choices;
} policies[] = {
	{ "policy.admission", "chameleon|chameleon|static|sjf|fifo" },
	{ "policy.predictor", "learned|history|max_tokens|oracle" },
	{ "policy.predictor_accuracy", "0|80|100" },
	{ "policy.predictor_quantile", "10|50|90" },
	{ "policy.size", "wrs|linear|output|cost" },
	{ "policy.size_input", "0|0.4|1" },
	{ "policy.size_output", "0|0.6|1" },
	{ "policy.size_adapter", "0|1|10" },
	{ "policy.queues_max", "1|2|3|4|4" },
	{ "policy.cuts", "elbow|literal" },
	{ "policy.refresh_ms", "500|1000|5000|300000" },
	{ "policy.quota_surplus", "need|equal|arrivals" },
	{ "policy.lend", "empty|patient" },
	{ "policy.adapter_charge", "each|first" },
	{ "policy.slo_ms", "500|1000|3000|10000" },
	{ "policy.age_max_ms", "0|0|0|200|5000|60000" },
	{ "policy.cold_wait_ms", "0|0|200|3000" },
	{ "policy.bypass_max", "0|1|8" },
	{ "policy.squash_max", "0|1|1" },
	{ "policy.reserve", "grow|predicted|max" },
	{ "policy.admit_every_steps", "1|1|1|3|10" },
	{ "policy.eviction",
	    "chameleon|fairshare|lru|lfu|gdsf|value|none|queued|first" },
	{ "policy.evict_frequency", "0|0.45|1" },
	{ "policy.evict_recency", "0|0.1|1" },
	{ "policy.evict_size", "0|0.45|1" },
	{ "policy.window_ms", "1000|10000|300000" },
	{ "policy.resident_min_percent", "0|0|0|20|60" },
	{ "policy.prefetch", "queue|histogram|off" },
	{ "policy.prefetch_max", "1|4|16" },
};

static void
set_one_of(struct conf *c, struct rng *r, const char *key, const char *choices)
{
	uint64_t n = 1;
	char value[CONF_CHOICE_MAX];
	size_t length;

	for (const char *s = choices; *s != '\0'; s++)
		n += *s == '|';
	for (n = rng_below(r, n); n > 0; n--)
		choices = strchr(choices, '|') + 1;
	length = strcspn(choices, "|");
	must(length < sizeof(value));
	memcpy(value, choices, length);
	value[length] = '\0';
	must(conf_set(c, key, value) == 0);
}

static void
draw_policies(struct conf *c, struct rng *r)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		set_one_of(c, r, policies[i].key, policies[i].choices);
}

static double
between(struct rng *r, double least, double most)
{
	return least + (most - least) * rng_unit(r);
}

static uint32_t
whole(struct rng *r, uint32_t least, uint32_t most)
{
	return least + (uint32_t)rng_below(r, most - least + 1);
}

static bool
one_in(struct rng *r, uint32_t n)
{
	return rng_below(r, n) == 0;
}

/* Tiny, middling or roomy. */
static uint32_t
draw_chunks(struct rng *r)
{
	static const uint32_t most[] = { 5, 24, 24, 200 };

	return whole(r, 1, most[rng_below(r, 4)]);
}

static void
draw_machine(struct sim_cost *c, struct rng *r)
{
	*c = (struct sim_cost){ .name = "swarm",
		.step_fixed_ms = between(r, 0, 20),
		.prefill_fixed_ms = between(r, 0, 10),
		.prefill_token_ms = between(r, 0, 1),
		.decode_row_ms = between(r, 0, 2),
		.lora_adapter_ms = between(r, 0, 1),
		.mixed_steps = whole(r, 0, 1),
		.step_tokens = whole(r, 32, 432),
		.batch_max = whole(r, 1, one_in(r, 4) ? 32 : 12),
		.link_bytes_per_s = between(r, 2e4, 1e6),
		.load_fixed_ms = between(r, 0, 4),
		.load_threads = whole(r, 1, 3),
		.load_read_ms = between(r, 0, 40),
		.load_stall_ms = one_in(r, 2) ? 0 : between(r, 0, 5),
		.load_stall_factor = one_in(r, 2) ? 0 : between(r, 0, 3),
		.scheduler_ms = one_in(r, 2) ? 0 : between(r, 0, 3),
		.chunk_bytes = 1000,
		.kv_token_bytes = 10,
		.block_tokens = 1u << whole(r, 0, 5),
		.adapter_rank_bytes = 100,
		.adapter_fixed_bytes = one_in(r, 2) ? 0 : whole(r, 1, 300) };
	c->pool_bytes = c->chunk_bytes * draw_chunks(r);
}

static void
draw_adapters(struct swarm *w, struct rng *r)
{
	static const int32_t ranks[] = { 1, 2, 4, 8, 16, 30 };
	bool same = one_in(r, 4);
	int32_t rank = ranks[rng_below(r, 6)];

	w->work.nadapters = whole(r, 1, SWARM_ADAPTERS);
	for (uint32_t a = 0; a < w->work.nadapters; a++)
		w->adapters[a].rank = same ? rank : ranks[rng_below(r, 6)];
}

/* -1: the base model; the first ones are the most popular, or all alike. */
static int32_t
draw_adapter(const struct swarm *w, struct rng *r, bool even)
{
	double u = rng_unit(r);

	if (one_in(r, 10))
		return -1;
	return (int32_t)((even ? u : u * u * u) * w->work.nadapters);
}

static void
draw_lengths(struct sim_ask *q, struct rng *r, uint32_t prompt, uint32_t output,
    bool same_limit)
{
	q->prompt = whole(r, 1, prompt);
	q->output = whole(r, 1, output);
	q->max_tokens = same_limit ? output :
	    one_in(r, 2)	   ? q->output :
				     whole(r, q->output, output);
}

static void
draw_work(struct swarm *w, struct rng *r)
{
	uint32_t burst = one_in(r, 3) ? whole(r, 2, 40) : 1;
	uint32_t prompt = whole(r, 1, 200), output = whole(r, 1, 120);
	double gap = between(r, 20, 600);
	bool even = one_in(r, 2), limit = one_in(r, 3), late = one_in(r, 4);
	double at = 0;

	w->work.n = SWARM_ASKS;
	for (uint32_t i = 0; i < SWARM_ASKS; i++) {
		struct sim_ask *q = &w->asks[i];

		if (i % burst == 0)
			at += rng_exponential(r, gap * burst);
		q->at = (nsec)(at * (double)MILLISECOND);
		q->adapter = draw_adapter(w, r, even);
		draw_lengths(q, r, prompt, output, limit);
		if (late && one_in(r, 4))
			q->deadline = q->at +
			    (nsec)(between(r, 0.01, 15) * (double)SECOND);
	}
	w->work.prompt_max = prompt;
	w->work.output_max = output;
}

static struct sim_act *
act(struct swarm *w, nsec at, enum sim_act_kind kind, uint64_t which)
{
	must(w->setup.nacts < SWARM_ACTS);
	w->acts[w->setup.nacts] = (struct sim_act){ at, kind, which, NULL };
	return &w->acts[w->setup.nacts++];
}

static nsec
some_time(const struct swarm *w, struct rng *r)
{
	nsec last = w->asks[SWARM_ASKS - 1].at;

	return one_in(r, 5) ? 0 : (nsec)(rng_unit(r) * (double)last);
}

/* Chunks of the pool that its largest request leaves; those that the pool never
 * has room for are denied. */
static uint32_t
chunks_left(const struct swarm *w)
{
	const struct sim_cost *c = &w->setup.cost;
	uint64_t chunks = (uint64_t)(c->pool_bytes / c->chunk_bytes), most = 0;
	uint64_t per = (uint64_t)(c->chunk_bytes /
	    (c->kv_token_bytes * c->block_tokens));

	for (uint32_t i = 0; i < SWARM_ASKS; i++) {
		const struct sim_ask *q = &w->asks[i];
		uint64_t blocks = ((uint64_t)q->prompt + q->max_tokens +
				      (uint64_t)c->block_tokens - 1) /
		    (uint64_t)c->block_tokens;
		uint64_t need = (blocks + per - 1) / per;

		if (q->adapter >= 0)
			need += swarm_chunks(w, (uint32_t)q->adapter);
		if (need <= chunks && most < need)
			most = need;
	}
	return (uint32_t)(chunks - most);
}

static void
draw_pins(struct swarm *w, struct rng *r)
{
	uint32_t left = chunks_left(w);

	for (uint32_t a = 0; a < w->work.nadapters; a++) {
		uint32_t n = swarm_chunks(w, a);
		nsec from = some_time(w, r), to = some_time(w, r);

		if (n > left || !one_in(r, 3))
			continue;
		left -= n;
		act(w, from < to ? from : to, SIM_ACT_PIN, a);
		if (one_in(r, 2))
			act(w, from < to ? to : from, SIM_ACT_UNPIN, a);
	}
}

static void
draw_commands(struct swarm *w, struct rng *r)
{
	for (uint32_t n = whole(r, 1, 40); n > 0; n--)
		act(w, some_time(w, r),
		    one_in(r, 2) ? SIM_ACT_LOAD : SIM_ACT_UNLOAD,
		    rng_below(r, w->work.nadapters));
}

static void
draw_leavers(struct swarm *w, struct rng *r)
{
	uint32_t every = whole(r, 2, 20);
	double wait = between(r, 0.1, 10);

	for (uint32_t i = 0; i < SWARM_ASKS; i++) {
		double s = rng_exponential(r, wait);

		if (one_in(r, every))
			act(w, w->asks[i].at + (nsec)(s * (double)SECOND),
			    SIM_ACT_LEAVE, i);
	}
}

static void
draw_rules(struct swarm *w, struct rng *r)
{
	for (uint32_t n = whole(r, 1, SWARM_RULES), i = 0; i < n; i++) {
		w->rules[i] = w->setup.conf;
		draw_policies(&w->rules[i], r);
		act(w, some_time(w, r), SIM_ACT_RULES, i)->conf = &w->rules[i];
	}
}

static int
sooner(const void *va, const void *vb)
{
	const struct sim_act *a = va, *b = vb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->which > b->which) - (a->which < b->which);
}

void
swarm_draw(struct swarm *w, uint64_t seed)
{
	struct rng r;

	rng_seed(&r, seed ^ 0x5eed5eed);
	conf_defaults(&w->setup.conf);
	draw_policies(&w->setup.conf, &r);
	set_one_of(&w->setup.conf, &r, "scheduler.spare_blocks", "1|1|2|4");
	set_one_of(&w->setup.conf, &r, "loader.link_copies", "1|1|2");
	draw_machine(&w->setup.cost, &r);
	draw_adapters(w, &r);
	draw_work(w, &r);
	w->setup.seed = seed;
	w->setup.slots = whole(&r, 1, 64);
	w->setup.laws = true;
	if (one_in(&r, 3))
		draw_pins(w, &r);
	if (one_in(&r, 4))
		draw_commands(w, &r);
	if (one_in(&r, 3))
		draw_leavers(w, &r);
	if (one_in(&r, 2))
		draw_rules(w, &r);
	qsort(w->acts, w->setup.nacts, sizeof(*w->acts), sooner);
}
