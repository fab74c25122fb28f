/* How long the room for n MiB of keys and values takes, by the share of the pool that
 * is in use (the rest is idle adapters): the scheduler's chunks against one heap whose live adapters are moved.
 *
 * The scheduler core runs on plain words; loader and gpuexec are played.  A
 * first-fit heap in real shared memory is kept in step with it, so that both
 * lose the same victims.  The last rows are about pinned adapters that share
 * chunks.  JSON on stdout. */
#include "base/clock.h"
#include "base/must.h"
#include "base/rng.h"
#include "scheduler/core.h"
#include "shm/word.h"
#include "tests/bench/elastic/mixed_heap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PER_CHUNK 16u
#define BLOCK_TOKENS 16u
#define ROW (CHUNKS * PER_CHUNK)
#define SLOTS 4u
#define DEPTH 8192u
#define TIMES 8
#define TURNOVERS 10u
#define CELL_NS (300 * MILLISECOND) /* of moving, at the most */
#define STEP_NS (1 * MILLISECOND)   /* a played step of the model */
#define RANK_BYTES (240u * 1024)    /* an eighth of a 7B model's, nearly */

enum part { CHOOSE, ANSWER, FENCE, GRANT, MOVE, DIRECTORY, PARTS };

struct sample {
	double elastic, mixed, part[PARTS];
	double moved, evicted, needed;
};

static struct plan plan;
static struct sch_world w;
static struct sch *core;
static struct rng rng;
static struct scheduler_meters meters;
static nsec now = SECOND;
static _Atomic uint64_t f[SLOTS], s[SLOTS], b[SLOTS], x[SLOTS];
static _Atomic uint64_t want[ADAPTERS], have[ADAPTERS], entry[ADAPTERS];
static _Atomic uint64_t ask[ADAPTERS], chunk[CHUNKS], launched, completed;
static _Atomic uint32_t next[CHUNKS], epoch = 1;
static struct slot_request request[SLOTS];
static struct slot_ticket ticket[SLOTS];
static struct slot_wait waits[SLOTS];
static struct adapter_meters uses[ADAPTERS];
static struct event_log events;
static struct dir_info info[ADAPTERS];
static uint32_t blocks[SLOTS * ROW], asked;
static struct ring_tx from_gx, from_ld, from_fe;
static struct ring_rx to_fe, to_gx, to_ld;

static uint64_t resident, resident_chunks, brought, left;
static bool in_use[ADAPTERS];

static void
way(struct ring_tx *tx, struct ring_rx *rx)
{
	struct ring_out *out = aligned_alloc(128,
	    (ring_bytes(DEPTH) + 127) / 128 * 128);
	struct ring_in *in = aligned_alloc(128, 128);

	must(out != NULL && in != NULL);
	memset(in, 0, sizeof(*in));
	ring_format(out, DEPTH);
	ring_join_tx(tx, out, in, DEPTH);
	ring_join_rx(rx, out, in, DEPTH);
}

/* ---- who is around the scheduler ---- */

static void
mirror(uint32_t a, bool in)
{
	uint64_t bytes = info[a].bytes;
	uint32_t n = dir_class(bytes, CHUNK) > 0 ? 0 : dir_chunks(bytes, CHUNK);
	nsec took;

	if (!in) {
		heap_drop(a);
		resident -= bytes;
		resident_chunks -= n;
		left += bytes;
		return;
	}
	if (!heap_put(a, bytes)) {
		(void)heap_compact(bytes, false, &took);
		must(heap_put(a, bytes));
	}
	resident += bytes;
	resident_chunks += n;
	brought += bytes;
}

/* The loader obeys each want; the time is that of its words alone. */
static nsec
loader(void)
{
	static uint32_t moved[ADAPTERS];
	uint32_t n = 0;
	uint64_t hint;
	nsec start = clock_mono(), took;

	while (n < ADAPTERS && ring_pop(&to_ld, &hint)) {
		uint32_t a = dir_hint_adapter(hint);
		struct place_word v = word_load_place(&want[a]);

		v.state = v.state == WANT_IN ? HAVE_RESIDENT : HAVE_ABSENT;
		word_store_place(&have[a], v);
		(void)ring_push(&from_ld, a);
		moved[n++] = a;
	}
	took = clock_mono() - start;
	for (int in = 0; in < 2; in++)
		for (uint32_t i = 0; i < n; i++) {
			bool is = word_load_place(&have[moved[i]]).state ==
			    HAVE_RESIDENT;

			if (is == in)
				mirror(moved[i], in);
		}
	return took;
}

static nsec
step(void)
{
	nsec start;

	now += MILLISECOND;
	start = clock_mono();
	(void)sch_step(core, now);
	return clock_mono() - start;
}

static void
tell(uint32_t a, enum dir_ask what, bool pinned)
{
	atomic_store(&ask[a], dir_ask(1, ++asked, pinned, 0, what));
	(void)ring_push(&from_fe, a);
	for (int i = 0; i < 4; i++) {
		(void)step();
		(void)loader();
	}
}

static bool
is_here(uint32_t a)
{
	return word_load_place(&have[a]).state == HAVE_RESIDENT;
}

static uint32_t
free_chunks(void)
{
	uint32_t n = 0;

	for (uint32_t c = 0; c < CHUNKS; c++)
		n += word_load_place(&chunk[c]).state == CHUNK_FREE;
	return n;
}

/* All of the pool is taken, by others each time: idle adapters have what nobody
 * needs.  So much of it is in use and cannot leave; pins stand for that. */
static void
fill(unsigned percent)
{
	uint64_t all = (uint64_t)CHUNKS * CHUNK, until = brought + all / 16;
	uint64_t held = 0;

	for (uint32_t a = 0; a < ADAPTERS; a++)
		if (in_use[a]) {
			tell(a, ASK_UNPIN, false);
			in_use[a] = false;
		}
	while (brought < until || free_chunks() > 0) {
		uint32_t a = (uint32_t)rng_below(&rng, ADAPTERS);

		if (!is_here(a))
			tell(a, ASK_LOAD, false);
	}
	while (held < resident / 100 * percent) {
		uint32_t a = heap[rng_below(&rng, nheap)].adapter;

		if (in_use[a])
			continue;
		tell(a, ASK_PIN, true);
		in_use[a] = true;
		held += info[a].bytes;
	}
}

static void
submit(uint64_t bytes)
{
	struct word was = word_load(&f[0]);
	uint64_t n = bytes / (CHUNK / PER_CHUNK) * BLOCK_TOKENS;

	request[0] = (struct slot_request){ .arrived_ns = now,
		.adapter = SLOT_BASE,
		.nprompt = (int32_t)n - 1,
		.max_tokens = 1 };
	word_store(&f[0], (struct word){ word_next_gen(was.gen), F_SUB, 0, 0 });
	(void)ring_push(&from_fe, 0);
}

static void
finish(void)
{
	struct word is = word_load(&s[0]), at = word_load(&f[0]);
	uint64_t v;

	word_store(&x[0], (struct word){ is.gen, X_FIN, is.round, 1 });
	at.state = F_CLOSED;
	word_store(&f[0], at);
	(void)ring_push(&from_gx, 0);
	(void)ring_push(&from_fe, 0);
	for (int i = 0; i < 4; i++) {
		(void)step();
		(void)loader();
	}
	while (ring_pop(&to_gx, &v) || ring_pop(&to_fe, &v))
		;
}

static bool
placed(void)
{
	struct word is = word_load(&s[0]);

	return is.gen == word_load(&f[0]).gen && is.state == S_PLACED;
}

/* One request for so many bytes while a step runs. */
static bool
ask_room(uint64_t bytes, struct sample *r)
{
	struct timespec play = { 0, STEP_NS };
	uint64_t before = left;
	nsec start, spent;

	*r = (struct sample){ 0 };
	atomic_store(&launched, launched + 1);
	submit(bytes);
	r->part[CHOOSE] = (double)step();
	r->part[ANSWER] = (double)loader();
	if (!placed()) {
		r->part[DIRECTORY] += (double)step();
		start = clock_mono();
		nanosleep(&play, NULL);
		r->part[FENCE] = (double)(clock_mono() - start);
	}
	atomic_store(&completed, launched);
	for (int i = 0; i < 8 && !placed(); i++) {
		spent = step();
		r->part[GRANT] += (double)spent;
		r->part[ANSWER] += (double)loader();
	}
	r->evicted = (double)(left - before);
	r->elastic = r->part[CHOOSE] + r->part[ANSWER] + r->part[GRANT] +
	    r->part[DIRECTORY];
	return placed();
}

static void
measure(uint64_t bytes, unsigned percent, struct sample *r)
{
	uint64_t room;
	nsec start, moving;

	fill(percent);
	room = (uint64_t)CHUNKS * CHUNK - resident;
	must(ask_room(bytes, r));
	r->needed = room < bytes ? (double)(bytes - room) : 0;
	start = clock_mono();
	r->moved = (double)heap_compact(bytes, true, &moving);
	r->mixed = (double)(clock_mono() - start);
	if (r->evicted > 0) /* else that step chose nobody and gave the room */
		r->mixed += r->part[CHOOSE];
	r->part[MOVE] = (double)moving;
	finish();
}

/* ---- report ---- */

static int
by_size(const void *a, const void *c)
{
	double v = *(const double *)a, u = *(const double *)c;

	return (v > u) - (v < u);
}

/* Prints mean and percentiles in microseconds; the mean. */
static double
spread(const char *name, const struct sample *r, int n, size_t at)
{
	double v[TIMES], sum = 0;

	for (int i = 0; i < n; i++) {
		memcpy(&v[i], (const char *)&r[i] + at, sizeof(v[i]));
		sum += v[i] /= 1e3;
	}
	qsort(v, (size_t)n, sizeof(v[0]), by_size);
	printf("\"%s\":{\"mean_us\":%.2f,\"p50_us\":%.2f,\"p99_us\":%.2f},",
	    name, sum / n, v[n / 2], v[(n * 99 + 99) / 100 - 1]);
	return sum / n;
}

static double
mean(const struct sample *r, int n, size_t at)
{
	double sum = 0, v;

	for (int i = 0; i < n; i++) {
		memcpy(&v, (const char *)&r[i] + at, sizeof(v));
		sum += v;
	}
	return sum / n;
}

#define AT(field) offsetof(struct sample, field)

static double
cell(unsigned percent, unsigned mib, double *elastic, double *moved)
{
	static struct sample r[TIMES];
	double moving = 0, mixed;
	int n = 0;

	for (; n < TIMES && (n < 4 || moving < CELL_NS); n++) {
		measure((uint64_t)mib * MIB, percent, &r[n]);
		moving += r[n].mixed;
	}
	*moved = mean(r, n, AT(moved)) / MIB;
	printf("{\"occupancy\":%u,\"mib\":%u,\"times\":%d,", percent, mib, n);
	*elastic = spread("elastic", r, n, AT(elastic));
	mixed = spread("mixed", r, n, AT(mixed));
	printf("\"choose_us\":%.2f,\"loader_words_us\":%.2f,\"look_us\":%.2f,"
	       "\"owners_us\":%.2f,\"fence_us\":%.1f,\"move_us\":%.1f,"
	       "\"moved_mib\":%.1f,\"evicted_mib\":%.1f,\"extra_mib\":%.1f,"
	       "\"static_us\":0,\"ratio\":%.2f}",
	    mean(r, n, AT(part[CHOOSE])) / 1e3,
	    mean(r, n, AT(part[ANSWER])) / 1e3,
	    mean(r, n, AT(part[DIRECTORY])) / 1e3,
	    mean(r, n, AT(part[GRANT])) / 1e3,
	    mean(r, n, AT(part[FENCE])) / 1e3, mean(r, n, AT(part[MOVE])) / 1e3,
	    mean(r, n, AT(moved)) / MIB, mean(r, n, AT(evicted)) / MIB,
	    (mean(r, n, AT(evicted)) - mean(r, n, AT(needed))) / MIB,
	    mixed / *elastic);
	fprintf(stderr, "%u%% %u MiB: elastic %.1f us, mixed %.1f us\n",
	    percent, mib, *elastic, mixed);
	return mixed / *elastic;
}

/* ---- worlds ---- */

static void
world(void)
{
	struct sch_rules rules;
	struct conf conf;

	plan = (struct plan){ .slots = SLOTS,
		.context = ROW * BLOCK_TOKENS,
		.adapters = ADAPTERS,
		.batch_max = SLOTS,
		.block_tokens = BLOCK_TOKENS,
		.blocks_per_slot = ROW,
		.blocks_per_chunk = PER_CHUNK,
		.chunks = CHUNKS,
		.chunk_bytes = CHUNK };
	w = (struct sch_world){ .plan = &plan,
		.f = f,
		.request = request,
		.ask = ask,
		.s = s,
		.b = b,
		.ticket = ticket,
		.blocks = blocks,
		.want = want,
		.chunk = chunk,
		.next = next,
		.meters = &meters,
		.uses = uses,
		.waits = waits,
		.events = &events,
		.entry = entry,
		.have = have,
		.info = info,
		.x = x,
		.launched_step = &launched,
		.completed_step = &completed,
		.gpuexec_epoch = &epoch };
	way(&from_fe, &w.from_frontend);
	way(&from_gx, &w.from_gpuexec);
	way(&from_ld, &w.from_loader);
	way(&w.to_frontend, &to_fe);
	way(&w.to_gpuexec, &to_gx);
	way(&w.to_loader, &to_ld);
	conf_defaults(&conf);
	must(sch_rules_read(&rules, &conf) == 0);
	must(sch_open(&core, &w, &rules, now) == 0);
	(void)step();
}

/* Ranks 8 to 128; a third of the adapters has a quarter of the targets. */
static void
catalogue(bool small)
{
	for (uint32_t a = 0; a < ADAPTERS; a++) {
		uint64_t rank = 8u << rng_below(&rng, 5);

		entry[a] = dir_entry(1, DIR_LISTED);
		info[a].rank = (int32_t)rank;
		info[a].bytes = rank * RANK_BYTES / (a % 3 == 0 ? 4 : 1);
		if (small)
			info[a].bytes = 2 * RANK_BYTES;
	}
}

/* Four adapters a chunk, of which one is pinned in so many of the chunks. */
static void
pinned(unsigned percent)
{
	struct sample r;
	bool room;

	for (uint32_t a = 0; a < ADAPTERS; a++)
		tell(a,
		    a % 4 == 0 && a / 4 % 100 < percent ? ASK_PIN : ASK_LOAD,
		    a % 4 == 0 && a / 4 % 100 < percent);
	room = ask_room(128ull * MIB, &r);
	printf("{\"chunks_with_a_pin_percent\":%u,\"placed\":%s,"
	       "\"us\":%.1f,\"evicted_mib\":%.0f}",
	    percent, room ? "true" : "false", r.elastic / 1e3, r.evicted / MIB);
	finish();
}

static double
lost(void)
{
	uint64_t chunks = 0;

	for (uint32_t c = 0; c < CHUNKS; c++)
		chunks += word_load_place(&chunk[c]).state == CHUNK_ADAPTER;
	return ((double)chunks * CHUNK - (double)resident) / MIB;
}

/* First touch of a chunk, and giving its pages back, in microseconds. */
static void
pages(int fd)
{
	nsec touch = 0, punch = 0, start;

	for (uint32_t c = 0; c < 64; c++) {
		off_t at = (off_t)c * CHUNK;

		start = clock_mono();
		must(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 at, CHUNK) == 0);
		punch += clock_mono() - start;
		start = clock_mono();
		memset(pool + at, 1, CHUNK);
		touch += clock_mono() - start;
	}
	printf("\"first_touch_chunk_us\":%.1f,\"punch_chunk_us\":%.1f,",
	    (double)touch / 64e3, (double)punch / 64e3);
}

static void
table(void)
{
	static const unsigned percents[] = { 25, 50, 75, 90, 95 };
	static const unsigned sizes[] = { 48, 128, 256 };
	double least = 1e30, lo = 1e30, hi = 0, moved, elastic;
	bool first = true;

	printf("\"rows\":[");
	for (int p = 0; p < 5; p++)
		for (int z = 0; z < 3; z++) {
			double ratio;

			/* Of what is idle, some lies in chunks beside what is
			 * in use. */
			if (sizes[z] > (100 - percents[p]) * 2048 / 100 / 2)
				continue;
			printf("%s", first ? "" : ",");
			first = false;
			ratio = cell(percents[p], sizes[z], &elastic, &moved);
			/* Where the heap has a hole there is nothing to
			 * compare. */
			if (moved >= 1 && ratio < least)
				least = ratio;
			if (z > 0)
				continue;
			lo = elastic < lo ? elastic : lo;
			hi = elastic > hi ? elastic : hi;
		}
	printf("],\"ratio_vs_mixed_heap\":%.2f,\"flatness\":%.2f,", least,
	    hi / lo);
}

int
main(void)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/chameleon-reclaim-%d", (int)getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	must(fd >= 0 && shm_unlink(name) == 0);
	must(ftruncate(fd, (off_t)CHUNKS * CHUNK) == 0);
	pool = mmap(NULL, (size_t)CHUNKS * CHUNK, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	must(pool != MAP_FAILED);
	memset(pool, 1, (size_t)CHUNKS * CHUNK);
	rng_seed(&rng, 1);
	catalogue(false);
	world();
	while (brought < (uint64_t)TURNOVERS * CHUNKS * CHUNK)
		fill(0);
	printf("{\"pool_mib\":%u,\"step_ms\":1,\"turnovers\":%u,"
	       "\"lost_in_chunks_mib\":%.1f,\"lost_beside_mib\":%.1f,",
	    CHUNKS * (CHUNK / MIB), TURNOVERS, lost(), (double)resident / MIB);
	pages(fd);
	table();
	printf("\"static\":{\"reclaim_us\":0,\"memory_mib\":%u},\"pinned\":[",
	    CHUNKS * (CHUNK / MIB) + 1024);
	for (unsigned p = 50; p <= 100; p += 50) {
		while (nheap > 0)
			tell(heap[0].adapter, ASK_UNLOAD, false);
		catalogue(true);
		pinned(p);
		printf("%s", p < 100 ? "," : "]}\n");
	}
	sch_close(core);
	munmap(pool, (size_t)CHUNKS * CHUNK);
	close(fd);
	return 0;
}
