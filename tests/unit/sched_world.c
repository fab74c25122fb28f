/* The engine around the scheduler, and the laws that must hold in it. */
#include "tests/unit/sched_world.h"

#include "scheduler/sch.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct world world;

static alignas(128) unsigned char ring_memory[6][4096];
static struct ring_in ring_tail[6];

static void
hint_to(struct ring_tx *tx, uint64_t v)
{
	if (rng_below(&world.rng, 100) >= world.lose_hints)
		(void)ring_push(tx, v);
}

static struct ring_tx fe_sc, gx_sc, ld_sc;

void
world_loader_hint(uint32_t adapter)
{
	hint_to(&ld_sc, adapter);
}

static void
join(void)
{
	struct ring_out *out[6];

	for (int i = 0; i < 6; i++)
		out[i] = (struct ring_out *)(void *)ring_memory[i];
	ring_join_rx(&world.w.from_frontend, out[0], &ring_tail[0], DEPTH);
	ring_join_rx(&world.w.from_gpuexec, out[1], &ring_tail[1], DEPTH);
	ring_join_rx(&world.w.from_loader, out[2], &ring_tail[2], DEPTH);
	ring_join_tx(&world.w.to_frontend, out[3], &ring_tail[3], DEPTH);
	ring_join_tx(&world.w.to_gpuexec, out[4], &ring_tail[4], DEPTH);
	ring_join_tx(&world.w.to_loader, out[5], &ring_tail[5], DEPTH);
}

static void
start(void)
{
	join();
	ck_assert_int_eq(sch_open(&world.core, &world.w, &world.rules,
			     world.now),
	    0);
}

static void
words(struct world *v)
{
	v->w = (struct sch_world){ .plan = &v->plan,
		.f = v->f,
		.request = v->request,
		.ask = v->ask,
		.s = v->s,
		.b = v->b,
		.ticket = v->ticket,
		.blocks = v->blocks,
		.want = v->want,
		.chunk = v->chunk,
		.returned = v->returned,
		.return_ns = 20 * MILLISECOND,
		.next = v->next,
		.meters = &v->meters,
		.queues = v->queues,
		.uses = v->uses,
		.waits = v->waits,
		.events = &v->events,
		.entry = v->entry,
		.have = v->have,
		.layers = v->layers,
		.info = v->info,
		.x = v->x,
		.launched_step = &v->launched,
		.completed_step = &v->completed,
		.gpuexec_epoch = &v->epoch };
}

void
world_rules(const char *admission, const char *eviction)
{
	static struct conf conf;

	conf_defaults(&conf);
	ck_assert_int_eq(conf_set(&conf, "policy.admission", admission), 0);
	ck_assert_int_eq(conf_set(&conf, "policy.eviction", eviction), 0);
	ck_assert_int_eq(conf_set(&conf, "policy.predictor", "max_tokens"), 0);
	ck_assert_int_eq(sch_rules_read(&world.rules, &conf), 0);
}

void
world_open(uint64_t seed)
{
	static const uint64_t bytes[ADAPTERS] = { 1000, 1000, 2000, 4096, 9000,
		5000, 1024, 500 };

	memset(&world, 0, sizeof(world));
	rng_seed(&world.rng, seed);
	world.plan = (struct plan){ .slots = SLOTS,
		.context = 64,
		.adapters = ADAPTERS,
		.batch_max = 6,
		.block_tokens = 4,
		.blocks_per_slot = ROW,
		.blocks_per_chunk = PER_CHUNK,
		.chunks = CHUNKS,
		.chunk_bytes = 4096 };
	world_rules("fifo", "lru");
	world.life = 1;
	world.epoch = 1;
	world.now = SECOND;
	for (uint32_t a = 0; a < ADAPTERS; a++) {
		world.info[a].bytes = bytes[a];
		world.entry[a] = dir_entry(1, DIR_LISTED);
	}
	for (int i = 0; i < 6; i++) {
		memset(&ring_tail[i], 0, sizeof(ring_tail[i]));
		ring_format((struct ring_out *)(void *)ring_memory[i], DEPTH);
	}
	words(&world);
	ring_join_tx(&fe_sc, (struct ring_out *)(void *)ring_memory[0],
	    &ring_tail[0], DEPTH);
	ring_join_tx(&gx_sc, (struct ring_out *)(void *)ring_memory[1],
	    &ring_tail[1], DEPTH);
	ring_join_tx(&ld_sc, (struct ring_out *)(void *)ring_memory[2],
	    &ring_tail[2], DEPTH);
	start();
}

void
world_close(void)
{
	sch_close(world.core);
}

void
world_restart(void)
{
	sch_close(world.core);
	start();
	world_laws();
}

struct word
world_s(uint32_t slot)
{
	return word_load(&world.s[slot]);
}

struct word
world_x(uint32_t slot)
{
	return word_load(&world.x[slot]);
}

/* ---- frontend ---- */

uint32_t
world_submit(int32_t adapter, int32_t nprompt, int32_t max_tokens)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct word f = word_load(&world.f[i]), s = world_s(i);

		if (f.state == F_SUB || s.gen != f.gen || s.state != S_REL)
			continue;
		world.request[i] = (struct slot_request){
			.arrived_ns = world.now + world.submitted,
			.adapter = adapter,
			.adapter_serial = adapter < 0 ?
			    0 :
			    dir_serial(world.entry[adapter]),
			.nprompt = nprompt,
			.max_tokens = max_tokens
		};
		world.stop_at[i] = (uint32_t)max_tokens;
		world.submitted++;
		word_store(&world.f[i],
		    (struct word){ word_next_gen(f.gen), F_SUB, 0, 0 });
		hint_to(&fe_sc, i);
		return i;
	}
	return SLOTS;
}

void
world_close_slot(uint32_t slot)
{
	struct word f = word_load(&world.f[slot]), s = world_s(slot);

	ck_assert_uint_eq(f.state, F_SUB);
	if (s.gen == f.gen && s.state == S_DENIED)
		world.denied[s.low]++;
	f.state = F_CLOSED;
	word_store(&world.f[slot], f);
	world.ended++;
	hint_to(&fe_sc, slot);
}

void
world_frontend(uint32_t slot)
{
	struct word f = word_load(&world.f[slot]), s = world_s(slot),
		    x = world_x(slot);

	if (f.state == F_SUB &&
	    ((x.gen == f.gen && x.state == X_FIN) ||
		(s.gen == f.gen && s.state == S_DENIED)))
		world_close_slot(slot);
}

/* ---- gpuexec ---- */

static void
set_x(uint32_t slot, struct word s, enum x_state state, uint32_t n)
{
	word_store(&world.x[slot], (struct word){ s.gen, state, s.round, n });
	hint_to(&gx_sc, slot);
}

/* A part of it is there, and gpuexec takes the request through those layers. */
static bool
follows(int32_t adapter, struct place_word have)
{
	struct word layers = word_load(&world.layers[adapter]);
	bool yes = have.state == HAVE_LOADING && layers.gen == have.gen &&
	    layers.low > 0;

	world.followed += yes;
	return yes;
}

/* A5 and the blocks: may it be taken into a step? */
static bool
may_step(uint32_t slot, struct word s, uint32_t n)
{
	const struct slot_ticket *t = &world.ticket[slot];
	struct word b = word_load(&world.b[slot]);
	uint32_t tokens = (uint32_t)world.request[slot].nprompt + n;

	ck_assert(b.gen == s.gen && b.round == s.round);
	if (tokens > b.low * world.plan.block_tokens)
		return false;
	if (t->adapter >= 0) {
		struct place_word have = word_load_place(
		    &world.have[t->adapter]);

		return have.gen == t->want_gen &&
		    (have.state == HAVE_RESIDENT || follows(t->adapter, have));
	}
	return true;
}

static void
launch(uint32_t slot, struct word s)
{
	struct step *step = &world.step[world.nsteps++];

	world.launched++;
	*step = (struct step){ .slot = slot,
		.gen = s.gen,
		.nblocks = word_load(&world.b[slot]).low,
		.adapter = world.ticket[slot].adapter,
		.want_gen = world.ticket[slot].want_gen };
	if (step->adapter >= 0)
		step->place = word_load_place(&world.have[step->adapter]);
	memcpy(step->block, world.blocks + slot * ROW,
	    step->nblocks * sizeof(step->block[0]));
}

void
world_gpuexec(uint32_t slot)
{
	struct word s = world_s(slot), f = word_load(&world.f[slot]);
	struct word x = world_x(slot);
	uint32_t n = x.gen == s.gen ? x.low : 0;
	bool fin = x.gen == s.gen && x.state == X_FIN;

	if (s.gen != f.gen || s.state == S_REL || fin)
		return;
	if (f.state == F_CLOSED) {
		set_x(slot, s, X_FIN, n);
	} else if (s.state != S_PLACED) {
		if (x.gen != s.gen || x.state != X_HELD || x.round != s.round)
			set_x(slot, s, X_HELD, n);
	} else if (s.low == world.life) {
		if (x.gen != s.gen || x.state != X_RUN || x.round != s.round)
			set_x(slot, s, X_RUN, n);
		else if (n >= world.stop_at[slot])
			set_x(slot, s, X_FIN, n);
		else if (world.nsteps < 2 && may_step(slot, s, n)) {
			launch(slot, s);
			/* As if its event were over: it launches ahead. */
			set_x(slot, s, X_RUN, n + 1);
		}
	}
}

void
world_device(void)
{
	if (world.nsteps == 0)
		return;
	world.nsteps--;
	world.step[0] = world.step[1];
	world.completed++;
}

void
world_gpuexec_dies(void)
{
	world.epoch++;
	world.life = world.epoch;
	world.nsteps = 0; /* the quarantine is over */
	world.completed = world.launched;
}

/* ---- laws ---- */

static bool
is_live(uint32_t i)
{
	struct word s = world_s(i), x = world_x(i), b = word_load(&world.b[i]);

	if (s.state == S_REL || b.gen != s.gen || b.round != s.round)
		return false;
	if (x.gen != s.gen)
		return true;
	return x.state != X_FIN &&
	    !(x.state == X_HELD && x.round == s.round && s.state != S_PLACED);
}

static void
one_owner_a_block(void)
{
	uint32_t owner[BLOCKS] = { 0 };

	for (uint32_t i = 0; i < SLOTS; i++) {
		uint32_t n = word_load(&world.b[i]).low;

		for (uint32_t k = 0; is_live(i) && k < n; k++) {
			uint32_t block = world.blocks[i * ROW + k];

			ck_assert_uint_lt(block, BLOCKS);
			ck_assert_uint_eq(owner[block], 0);
			owner[block] = i + 1;
			ck_assert_uint_eq(word_load_place(
					      &world.chunk[block / PER_CHUNK])
					      .state,
			    CHUNK_KV);
		}
	}
	for (int i = 0; i < world.nsteps; i++) {
		uint32_t c = dir_place_chunk(world.step[i].place.place);

		for (uint32_t k = 0; k < PER_CHUNK; k++)
			ck_assert(world.step[i].adapter < 0 ||
			    owner[c * PER_CHUNK + k] == 0);
		for (uint32_t k = 0; k < world.step[i].nblocks; k++) {
			uint32_t o = owner[world.step[i].block[k]];

			ck_assert(o == 0 ||
			    (o - 1 == world.step[i].slot &&
				world_s(o - 1).gen == world.step[i].gen));
		}
	}
}

static void
one_want_a_place(void)
{
	uint64_t taken[CHUNKS][4] = { { 0 } };

	for (uint32_t a = 0; a < ADAPTERS; a++) {
		struct place_word want = word_load_place(&world.want[a]);
		struct place_word have = word_load_place(&world.have[a]);
		uint32_t c = dir_place_chunk(want.place);
		uint32_t sub = dir_place_sub(want.place);

		if (want.state != WANT_IN && have.gen == want.gen)
			continue;
		for (; c<CHUNKS; c = want.class> 0 ? CHUNKS : world.next[c]) {
			struct place_word k = word_load_place(&world.chunk[c]);

			ck_assert_uint_eq(k.state, CHUNK_ADAPTER);
			ck_assert_uint_eq(k.class, want.class);
			ck_assert_uint_eq(taken[c][sub / 64] >> sub % 64 & 1,
			    0);
			taken[c][sub / 64] |= 1ull << sub % 64;
		}
	}
}

static void
tickets_keep_their_adapters(void)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct slot_ticket *t = &world.ticket[i];
		struct place_word want;

		if (!is_live(i) || t->adapter < 0)
			continue;
		want = word_load_place(&world.want[t->adapter]);
		ck_assert_uint_eq(want.state, WANT_IN);
		ck_assert_uint_eq(want.gen, t->want_gen);
	}
}

/* quota = available + charged, for each queue. */
static void
accounts_balance(void)
{
	const struct sch *h = world.core;

	for (int q = 0; q < CLASSES; q++) {
		int64_t sum = h->available[q];

		for (uint32_t i = 0; i < h->nlive; i++)
			sum += h->slot[h->live[i]].charge[q];
		ck_assert_int_eq(sum, q < h->nclasses ? h->quota[q] : 0);
	}
}

/* All of a wait is somewhere, and nothing twice. */
static void
waits_add_up(void)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct slot_ticket *t = &world.ticket[i];
		nsec sum = t->wait.loading_ns;

		ck_assert_int_ge(t->wait.loading_ns, 0);
		for (int w = 0; w < WHY_COUNT; w++) {
			ck_assert_int_ge(t->wait.by_ns[w], 0);
			sum += t->wait.by_ns[w];
		}
		ck_assert_int_eq(sum, t->placed_ns - t->seen_ns);
	}
}

/* What is told of adapters and waiters is what is so. */
static void
told_is_true(void)
{
	const struct sch *h = world.core;
	const struct scheduler_meters *m = &world.meters;

	for (uint32_t a = 0; a < ADAPTERS; a++) {
		if (h->key[a + 1].told != 0)
			continue; /* it will be with the next tick */
		ck_assert_uint_eq(world.uses[a].waiting, h->key[a + 1].waiting);
		ck_assert_uint_eq(world.uses[a].running, h->key[a + 1].running);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		if (h->slot[i].phase != PHASE_WAITING)
			continue;
		ck_assert_uint_eq(world.waits[i].gen, h->slot[i].gen);
		ck_assert_uint_eq(world.waits[i].queue, h->slot[i].queue);
		ck_assert_int_eq(world.waits[i].seen_ns, h->slot[i].seen_ns);
	}
	ck_assert_uint_eq(m->evictions, m->evictions_kv + m->evictions_adapter);
}

void
world_laws(void)
{
	waits_add_up();
	told_is_true();
	accounts_balance();
	one_owner_a_block();
	one_want_a_place();
	tickets_keep_their_adapters();
}

/* ---- all together ---- */

void
world_turn(void)
{
	world.now += MILLISECOND;
	(void)sch_step(world.core, world.now);
	if (rng_below(&world.rng, 3) == 0)
		sch_tick(world.core, world.now);
	world_laws();
}

void
world_rounds(int n)
{
	while (n-- > 0) {
		for (uint32_t i = 0; i < SLOTS; i++) {
			world_gpuexec(i);
			world_frontend(i);
			if (world.nsteps == 2)
				world_device();
		}
		for (uint32_t a = 0; a < ADAPTERS; a++)
			world_loader(a);
		world_device();
		world_turn();
		sch_tick(world.core, world.now);
	}
}

bool
world_settle(int n)
{
	for (; n > 0; n--) {
		if (world.ended == world.submitted && sch_drained(world.core))
			return true;
		world_rounds(1);
	}
	return false;
}
