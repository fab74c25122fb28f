/* A recorded instance for the console's tests. */
#include "tests/unit/tui_rig.h"

#include "tui/keys.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW (5000 * SECOND)
#define WALL (1790000000 * SECOND)
#define MIB 1048576u

struct snap rig_before, rig_now;
static char *text;

static const struct {
	const char *name;
	int32_t rank;
	enum snap_state state;
	uint32_t hits, misses, waiting, running;
	bool pinned;
} adapters[] = {
	{ "sql-r16", 16, SNAP_RESIDENT, 1200, 14, 2, 5, true },
	{ "support-mail-german-2026", 64, SNAP_LOADING, 320, 80, 3, 0, false },
	{ "roman", 8, SNAP_RESIDENT, 77, 3, 0, 1, false },
	{ "broken-one", 8, SNAP_BROKEN, 0, 0, 0, 0, false },
	{ "legal", 32, SNAP_HOST, 45, 45, 0, 0, false },
	{ "title", 4, SNAP_DISK, 0, 0, 0, 0, false },
	{ "leaving", 4, SNAP_LEAVING, 9, 1, 0, 0, false },
	{ "would-not-load", 16, SNAP_FAILED, 0, 7, 0, 0, false },
};

static void
make_adapter(struct snap_adapter *a, uint32_t i)
{
	size_t k = i % (sizeof(adapters) / sizeof(*adapters));

	memset(a, 0, sizeof(*a));
	a->index = i;
	snprintf(a->name, sizeof(a->name), "%s", adapters[k].name);
	if (i != k)
		snprintf(a->name, sizeof(a->name), "%.40s-%u", adapters[k].name,
		    i);
	a->version = 1 + i % 3;
	a->rank = adapters[k].rank;
	a->bytes = (uint64_t)a->rank * 600000;
	a->state = adapters[k].state;
	a->pinned = adapters[k].pinned;
	a->chunk = a->state >= SNAP_LOADING ? (int32_t)i : -1;
	a->place = i % 4;
	a->hits = adapters[k].hits + i - (uint32_t)k;
	a->misses = adapters[k].misses;
	a->loads = a->misses / 2;
	a->evictions_adapter = a->loads / 2;
	a->evictions_kv = a->loads / 3;
	a->left = 1;
	a->waiting = adapters[k].waiting;
	a->running = adapters[k].running;
	a->worth = 0.125 * (double)a->hits;
	a->used_ns = a->hits > 0 ? (nsec)i * 700 * MILLISECOND : -1;
	a->cold_ns = a->loads * 80 * MILLISECOND;
	a->digest[0] = (unsigned char)(a->loads > 0 ? 0xab : 0);
}

void
rig_adapters(uint32_t n)
{
	free(rig_now.adapter);
	rig_now.adapter = calloc(n, sizeof(*rig_now.adapter));
	ck_assert_ptr_nonnull(rig_now.adapter);
	for (uint32_t i = 0; i < n; i++)
		make_adapter(&rig_now.adapter[i], i);
	rig_now.nadapters = n;
}

static void
make_names(struct snap *s)
{
	strcpy(s->instance, "default");
	strcpy(s->version, "0.1.0");
	strcpy(s->model, "models/llama");
	strcpy(s->admin_path, "/run/chameleon.default/admin.sock");
	conf_defaults(&s->conf);
	s->now = NOW;
	s->wall_now = WALL;
	s->up_ns = 3720 * SECOND;
	s->alive = true;
	s->plan.slots = 1024;
	s->plan.batch_max = 64;
	s->plan.chunks = 32;
	s->plan.chunk_bytes = 2 * MIB;
	s->memory = (struct snap_memory){ .weights = 96 * MIB,
		.kv = 20 * MIB,
		.adapters = 38 * MIB,
		.idle = 6 * MIB,
		.total = 64 * MIB,
		.kv_used = 17 * MIB,
		.host = 12 * MIB };
}

static void
make_meters(struct snap *s)
{
	s->frontend.accepted = 4321;
	s->frontend.finished = 4300;
	s->frontend.slow = 2;
	s->scheduler.running = 6;
	s->scheduler.waiting = 5;
	s->scheduler.hits = 1651;
	s->scheduler.misses = 150;
	s->scheduler.kv_blocks_used = 412;
	s->scheduler.kv_blocks_total = 512;
	s->gpuexec.prompt_tokens = 90000;
	s->gpuexec.output_tokens = 60000;
	s->loader.broken = 1;
}

static void
make_queues(struct snap *s)
{
	s->nqueues = 3;
	s->queue[0] = (struct snap_queue){ .admitted = 3 };
	s->queue[1] = (struct snap_queue){ .to = 120,
		.quota = 8000,
		.available = 6100,
		.lent = 500,
		.waiting = 1,
		.running = 5,
		.admitted = 4000,
		.oldest_ns = 90 * MILLISECOND,
		.why = WHY_INTERVAL,
		.blocked_ns = { [WHY_QUOTA] = SECOND,
		    [WHY_INTERVAL] = 40 * SECOND } };
	s->queue[2] = (struct snap_queue){ .from = 120,
		.quota = 24768,
		.available = 120,
		.borrowed = 500,
		.waiting = 4,
		.running = 1,
		.admitted = 318,
		.oldest_ns = 9400 * MILLISECOND,
		.why = WHY_MEMORY,
		.blocked_ns = { [WHY_MEMORY] = 125 * SECOND,
		    [WHY_ADAPTER] = 3 * SECOND } };
}

static void
make_processes(struct snap *s)
{
	static const char *const names[PROC_COUNT + 1] = { "monitor", "holder",
		"loader", "gpuexec", "scheduler", "frontend", "supervisor" };
	uint32_t n = 0;

	for (uint32_t i = 0; i <= PROC_COUNT; i++, n++) {
		s->process[i] = (struct snap_process){ .name = names[i],
			.state = "run",
			.pid = 4100 + n,
			.epoch = 1,
			.silent_ns = n * 10 * MILLISECOND,
			.cpu_ns = (nsec)n * SECOND,
			.rss_bytes = (n + 1) * 3 * MIB };
		if (i == PROC_HOLDER) {
			s->process[i] = (struct snap_process){ .absent = true,
				.name = names[i],
				.state = "none" };
			n--;
		}
	}
	s->process[PROC_GPUEXEC].silent_ns = 4200 * MILLISECOND;
	s->process[PROC_LOADER].restarts = 2;
	s->process[PROC_LOADER].epoch = 3;
	s->process[PROC_COUNT].silent_ns = 0;
	strcpy(s->process[PROC_LOADER].last_words,
	    "loader: cannot read '/srv/adapters': Input/output error, and a "
	    "sentence that goes on beyond the width of a terminal");
	s->ring_count = RING_COUNT;
	for (uint32_t i = 0; i < RING_COUNT; i++) {
		s->ring[i].name = "FE_SC";
		s->ring[i].from = names[5 - i % 4];
		s->ring[i].to = names[2 + i % 4];
		s->ring[i].depth = 1024;
		s->ring[i].used = i * 90;
	}
}

static struct snap_request *
add_request(struct snap *s, uint32_t slot, const char *id,
    enum snap_phase phase, int32_t adapter, nsec age)
{
	struct snap_request *r = &s->request[s->nrequests++];

	memset(r, 0, sizeof(*r));
	r->slot = slot;
	r->gen = 4;
	strcpy(r->id, id);
	r->phase = phase;
	r->adapter = adapter;
	if (adapter >= 0)
		strcpy(r->name, adapters[adapter].name);
	r->age_ns = r->waited_ns = age;
	r->queue = 2;
	r->prompt = 311;
	r->max_tokens = 512;
	r->predicted = 180;
	return r;
}

static void
make_requests(struct snap *s)
{
	struct snap_request *r;

	s->request = calloc(8, sizeof(*s->request));
	ck_assert_ptr_nonnull(s->request);
	r = add_request(s, 9, "\"r1\"", SNAP_WAITING, 0, 9400 * MILLISECOND);
	r->why = WHY_MEMORY;
	r = add_request(s, 3, "17", SNAP_RUNNING, 0, 8 * SECOND);
	r->tokens = 77;
	r->waited_ns = 300 * MILLISECOND;
	r->quiet_ns = 4200 * MILLISECOND;
	r->wait.by_ns[WHY_QUOTA] = 200 * MILLISECOND;
	r->wait.loading_ns = 100 * MILLISECOND;
	r->wait.disk_ns = 60 * MILLISECOND;
	r->wait.copy_ns = 30 * MILLISECOND;
	r = add_request(s, 12, "\"gr\u00fc\u00df\"", SNAP_HELD, SLOT_BASE,
	    5 * SECOND);
	r->tokens = 12;
	r->squashes = 1;
	r->waited_ns = SECOND;
	r = add_request(s, 30, "\"r2\"", SNAP_WAITING, 2, 4200 * MILLISECOND);
	r->why = WHY_MEMORY;
	r = add_request(s, 31, "\"r3\"", SNAP_WAITING, 1, 900 * MILLISECOND);
	r->loading = true;
	r->why = WHY_ADAPTER;
	r = add_request(s, 1, "\"r4\"", SNAP_PLACED, SLOT_BASE,
	    120 * MILLISECOND);
	r->queue = 1;
	r->quiet_ns = 20 * MILLISECOND;
	r->waited_ns = 100 * MILLISECOND;
}

static void
make_records(struct snap *s)
{
	s->record = calloc(3, sizeof(*s->record));
	ck_assert_ptr_nonnull(s->record);
	for (uint32_t i = 0; i < 3; i++) {
		struct record_note *r = &s->record[s->nrecords++];

		snprintf(r->id, sizeof(r->id), "\"old-%u\"", i);
		r->slot = 50 + i;
		r->gen = 2;
		r->adapter = (int32_t)i - 1;
		if (i > 0)
			strcpy(r->name, adapters[i - 1].name);
		r->version = 1;
		r->digest[0] = 0x3f;
		r->source = SLOT_DISK;
		r->end = (uint8_t)(i == 2 ? RECORD_FAILED : RECORD_STOP);
		if (i == 2)
			strcpy(r->code, "adapter_failed");
		r->queue = 1;
		r->prompt = 100;
		r->tokens = 20 * i;
		r->max_tokens = 64;
		r->predicted = 30;
		r->queue_ns = 70 * MILLISECOND;
		r->adapter_ns = 900 * MILLISECOND;
		r->prefill_ns = 130 * MILLISECOND;
		r->ttft_ns = 1100 * MILLISECOND;
		r->decode_ns = 2 * SECOND;
		r->total_ns = 3100 * MILLISECOND;
		r->longest_ns = 300 * MILLISECOND;
		r->wait.by_ns[WHY_MEMORY] = 70 * MILLISECOND;
	}
}

static void
add_event(struct snap *s, enum event_kind kind, const char *by, uint16_t reason,
    uint64_t value, const char *what)
{
	struct snap_event *e = &s->event[s->nevents];

	memset(e, 0, sizeof(*e));
	e->number = ++s->nevents;
	e->by = by;
	e->at_wall_ns = WALL - (20 - (nsec)s->nevents) * SECOND;
	e->note.kind = kind;
	e->note.reason = reason;
	e->note.adapter = e->note.slot = -1;
	e->note.value = value;
	strcpy(e->note.text, what);
}

static void
make_events(struct snap *s)
{
	s->event = calloc(8, sizeof(*s->event));
	ck_assert_ptr_nonnull(s->event);
	add_event(s, EVENT_STARTED, "supervisor", REASON_NONE, 3, "loader");
	add_event(s, EVENT_LOADED, "loader", REASON_DISK, 81 * MILLISECOND,
	    "sql-r16");
	add_event(s, EVENT_EVICTED, "scheduler", REASON_KV, 0, "legal");
	add_event(s, EVENT_SQUASHED, "scheduler", REASON_MEMORY, 0, "base");
	s->event[3].note.slot = 12;
	s->event[3].note.gen = 4;
	add_event(s, EVENT_OPERATOR, "frontend", REASON_NONE, 0, "pin sql-r16");
	add_event(s, EVENT_SLOW, "frontend", REASON_NONE, 6100 * MILLISECOND,
	    "sql-r16: 5900 of 6100 ms were spent waiting for memory");
	add_event(s, EVENT_DIED, "supervisor", REASON_NONE, 0,
	    "loader: signal 9");
}

static void
make_history(struct snap *s)
{
	s->nhistory = 300;
	s->history = calloc(s->nhistory, sizeof(*s->history));
	ck_assert_ptr_nonnull(s->history);
	for (uint32_t i = 0; i < s->nhistory; i++) {
		struct history_point *h = &s->history[i];
		uint64_t wave = i % 60 < 30 ? i % 30 : 30 - i % 30;

		h->at_ns = NOW - (nsec)(s->nhistory - i) * SECOND +
		    600 * MILLISECOND;
		h->took_ns = SECOND;
		h->accepted = wave;
		h->finished = wave / 2;
		h->prompt_tokens = 300 * wave;
		h->output_tokens = 40 * wave;
		h->hits = wave;
		h->misses = 2;
		h->waiting = wave / 3;
		h->running = wave;
		h->loads = i % 3;
		h->evictions = i % 2;
		h->squashed = i % 50 == 0;
		h->ttft_p50 = (double)wave * 4e6;
		h->ttft_p99 = (double)wave * 3e7;
		h->tbt_p50 = 8e6;
		h->tbt_p99 = 1e6 * (double)(8 + wave);
		h->queue_p50 = 1e6;
		h->queue_p99 = (double)wave * 2e7;
	}
}

void
rig_make(void)
{
	struct snap *s = &rig_now;

	memset(s, 0, sizeof(*s));
	make_names(s);
	make_meters(s);
	make_queues(s);
	make_processes(s);
	make_requests(s);
	make_records(s);
	make_events(s);
	make_history(s);
	rig_adapters(sizeof(adapters) / sizeof(*adapters));
	rig_before = *s;
	rig_before.now -= SECOND;
	rig_before.queue[1].admitted -= 12;
	for (int i = 0; i <= PROC_COUNT; i++)
		rig_before.process[i].cpu_ns -= rig_before.process[i].cpu_ns >
			0 ?
		    150 * MILLISECOND :
		    0;
	/* The lists are those of now alone. */
	rig_before.nadapters = rig_before.nrequests = rig_before.nevents = 0;
	rig_before.nhistory = rig_before.nrecords = 0;
}

void
rig_drop(void)
{
	snap_free(&rig_now);
	free(text);
	text = NULL;
}

const char *
rig_page(struct ui *u, int cols, int rows, bool ascii)
{
	struct page p;
	size_t n;
	FILE *f;

	free(text);
	text = NULL;
	f = open_memstream(&text, &n);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(page_open(&p, cols, rows, ascii), 0);
	ui_draw(u, &p, &rig_before, &rig_now);
	page_write(&p, f);
	page_close(&p);
	fclose(f);
	return text;
}

void
rig_key(struct ui *u, int code)
{
	(void)rig_page(u, 80, 24, false);
	ui_key(u, &rig_now, code);
}

void
rig_keys(struct ui *u, const char *keys)
{
	for (; *keys != '\0'; keys++)
		rig_key(u, *keys);
}
