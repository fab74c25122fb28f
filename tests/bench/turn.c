/* What one turn of the scheduler takes with n requests queued and n adapters,
 * most of them resident: a table over n.
 *
 * Each turn one request ends, one comes, and what the turn admits is loaded at
 * once; so each turn ends, admits, evicts and brings about one. */
#include "base/clock.h"
#include "base/err.h"
#include "base/must.h"
#include "base/rng.h"
#include "scheduler/core.h"
#include "shm/word.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64
#define TURNS 20000
#define DEPTH 4096u
#define CHUNK 4096u
#define PER_CHUNK 4u
#define ROW 16u

static struct plan plan;
static struct sch_world w;
static struct sch *core;
static struct rng rng;
static nsec now = SECOND;
static uint64_t step;
static uint32_t adapters, submitted;
static _Atomic uint64_t *f, *x, *want, *have, *entry, launched, completed;
static struct slot_request *request;
static _Atomic uint32_t epoch = 1;
static struct ring_tx from_gx, from_ld, from_fe;
static struct ring_rx to_fe, to_gx, to_ld;
static struct scheduler_meters meters;

static void *
zeros(size_t n, size_t each)
{
	void *p = calloc(n, each);

	must(p != NULL);
	return p;
}

static void
way(struct ring_tx *tx, struct ring_rx *rx)
{
	struct ring_out *out = aligned_alloc(128,
	    (ring_bytes(DEPTH) + 127) / 128 * 128);
	struct ring_in *in = aligned_alloc(128, sizeof(*in));

	must(out != NULL && in != NULL);
	memset(in, 0, sizeof(*in));
	ring_format(out, DEPTH);
	ring_join_tx(tx, out, in, DEPTH);
	ring_join_rx(rx, out, in, DEPTH);
}

static void
make(uint32_t n)
{
	uint32_t slots = n + 2 * BATCH, chunks = n / 2 + BATCH * 4;

	adapters = n;
	plan = (struct plan){ .slots = slots,
		.context = 64,
		.adapters = n,
		.batch_max = BATCH,
		.block_tokens = 4,
		.blocks_per_slot = ROW,
		.blocks_per_chunk = PER_CHUNK,
		.chunks = chunks,
		.chunk_bytes = CHUNK };
	f = zeros(slots, sizeof(*f));
	x = zeros(slots, sizeof(*x));
	want = zeros(n, sizeof(*want));
	have = zeros(n, sizeof(*have));
	entry = zeros(n, sizeof(*entry));
	request = zeros(slots, sizeof(*request));
	w = (struct sch_world){ .plan = &plan,
		.f = f,
		.request = request,
		.ask = zeros(n, sizeof(uint64_t)),
		.s = zeros(slots, sizeof(uint64_t)),
		.b = zeros(slots, sizeof(uint64_t)),
		.ticket = zeros(slots, sizeof(struct slot_ticket)),
		.blocks = zeros((size_t)slots * ROW, sizeof(uint32_t)),
		.want = want,
		.chunk = zeros(chunks, sizeof(uint64_t)),
		.next = zeros(chunks, sizeof(uint32_t)),
		.meters = &meters,
		.uses = zeros(n, sizeof(struct adapter_meters)),
		.waits = zeros(slots, sizeof(struct slot_wait)),
		.events = zeros(1, sizeof(struct event_log)),
		.entry = entry,
		.have = have,
		.info = zeros(n, sizeof(struct dir_info)),
		.x = x,
		.launched_step = &launched,
		.completed_step = &completed,
		.gpuexec_epoch = &epoch };
	for (uint32_t a = 0; a < n; a++) {
		entry[a] = dir_entry(1, DIR_LISTED);
		((struct dir_info *)(uintptr_t)w.info)[a].bytes = CHUNK *
		    (1 + a % 2);
	}
	way(&from_fe, &w.from_frontend);
	way(&from_gx, &w.from_gpuexec);
	way(&from_ld, &w.from_loader);
	way(&w.to_frontend, &to_fe);
	way(&w.to_gpuexec, &to_gx);
	way(&w.to_loader, &to_ld);
}

static void
submit(uint32_t slot)
{
	struct word was = word_load(&f[slot]);

	request[slot].arrived_ns = now + submitted++;
	request[slot].adapter = (int32_t)rng_below(&rng, adapters);
	request[slot].adapter_serial = 1;
	request[slot].nprompt = 1 + (int32_t)rng_below(&rng, 20);
	request[slot].max_tokens = 1 + (int32_t)rng_below(&rng, 20);
	word_store(&f[slot],
	    (struct word){ word_next_gen(was.gen), F_SUB, 0, 0 });
	(void)ring_push(&from_fe, slot);
}

static void
load_all(void)
{
	uint64_t hint;

	while (ring_pop(&to_ld, &hint)) {
		uint32_t a = dir_hint_adapter(hint);
		struct place_word v = word_load_place(&want[a]);

		v.state = v.state == WANT_IN ? HAVE_RESIDENT : HAVE_HOST;
		word_store_place(&have[a], v);
		(void)ring_push(&from_ld, a);
	}
}

/* Ends what was placed: those slots are asked anew. */
static uint32_t
end_some(void)
{
	uint64_t slot;
	uint32_t n = 0;

	while (n < 1 && ring_pop(&to_gx, &slot)) {
		struct word s = word_load(&w.s[slot]);
		struct word at = word_load(&f[slot]);

		if (s.state != S_PLACED || s.gen != at.gen || at.state != F_SUB)
			continue;
		word_store(&x[slot],
		    (struct word){ s.gen, X_FIN, s.round,
			(uint32_t)request[slot].max_tokens });
		at.state = F_CLOSED;
		word_store(&f[slot], at);
		(void)ring_push(&from_gx, slot);
		n++;
	}
	return n;
}

/* Slots that are released are asked again. */
static void
ask_again(void)
{
	uint64_t slot;

	while (ring_pop(&to_fe, &slot))
		if (word_load(&w.s[slot]).state == S_REL)
			submit((uint32_t)slot);
}

static int
shorter(const void *a, const void *b)
{
	nsec v = *(const nsec *)a, u = *(const nsec *)b;

	return (v > u) - (v < u);
}

static nsec
turn(void)
{
	nsec start, took;

	load_all();
	(void)end_some();
	ask_again();
	atomic_store(&launched, ++step);
	atomic_store(&completed, step);
	now += MILLISECOND;
	start = clock_mono();
	(void)sch_step(core, now);
	took = clock_mono() - start;
	return took;
}

static void
measure(const char *admission, const char *eviction, uint32_t n)
{
	static nsec took[TURNS];
	struct sch_rules rules;
	struct conf conf;
	double sum = 0;

	conf_defaults(&conf);
	must(conf_set(&conf, "policy.admission", admission) == 0 &&
	    conf_set(&conf, "policy.eviction", eviction) == 0);
	must(sch_rules_read(&rules, &conf) == 0);
	make(n);
	rng_seed(&rng, 1);
	must(sch_open(&core, &w, &rules, now) == 0);
	for (uint32_t i = 0; i < n + BATCH; i++) {
		submit(i);
		if (i % 256 == 0) {
			load_all();
			(void)sch_step(core, now);
		}
	}
	for (uint32_t i = 0; i < n + 2000; i++)
		(void)turn();
	for (int i = 0; i < TURNS; i++)
		sum += (double)(took[i] = turn());
	qsort(took, TURNS, sizeof(took[0]), shorter);
	printf("turn %-10s %-10s n=%-7u mean_us=%.2f p50_us=%.2f p99_us=%.2f "
	       "loads=%ju evictions=%ju waiting=%u\n",
	    admission, eviction, n, sum / TURNS / 1e3,
	    (double)took[TURNS / 2] / 1e3, (double)took[TURNS / 100 * 99] / 1e3,
	    (uintmax_t)meters.loads, (uintmax_t)meters.evictions, n);
	sch_close(core);
	memset(&meters, 0, sizeof(meters));
	submitted = 0;
	step = 0;
}

int
main(int argc, char **argv)
{
	static const char *const pairs[][2] = { { "fifo", "lru" },
		{ "chameleon", "chameleon" }, { "sjf", "value" } };
	uint32_t most = argc > 1 ? (uint32_t)atoi(argv[1]) : 100000;

	for (int i = 0; i < 3; i++)
		for (uint32_t n = 100; n <= most; n *= 10)
			measure(pairs[i][0], pairs[i][1], n);
	return 0;
}
