/* One walk over the parts of a segment makes its size and its pointers. */
#include "shm/layout.h"

#include "base/hash.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PART_ALIGN 128u
#define PAGE_ALIGN 4096u

static_assert((int)SEG_MONITOR == (int)PROC_MONITOR + 1, "one order for both");
static_assert((int)SEG_FRONTEND == (int)PROC_FRONTEND + 1, "likewise");
static_assert((int)SEG_BELLS == (int)PROC_COUNT + 1, "and as many");
static_assert(sizeof(struct bell) == 128, "shared");
static_assert(sizeof(struct sched_queue) == 136, "shared");
static_assert(sizeof(struct frontend_meters) == 80, "shared");
static_assert(sizeof(struct scheduler_meters) == 320, "shared");
static_assert(sizeof(struct gpuexec_meters) == 64, "shared");
static_assert(sizeof(struct loader_meters) == 104, "shared");
static_assert(sizeof(struct cell) == 576, "shared");
static_assert(sizeof(struct order) == 64, "shared");
static_assert(sizeof(struct dir_info) == 168, "shared");
static_assert(sizeof(struct slot_request) == 2936, "shared");
static_assert(sizeof(struct slot_ticket) == 136, "shared");
static_assert(sizeof(struct slot_result) == 80, "shared");
static_assert(sizeof(struct slot_logprobs) == 168, "shared");
static_assert(sizeof(struct plan) == 280, "shared");
static_assert(sizeof(struct holder_pool) == 112, "shared");
static_assert(sizeof(struct weights_mark) == 32, "shared");
static_assert(sizeof(struct seg_header) == 136, "shared");
static_assert(sizeof(struct step_sample) == 72, "shared");
static_assert(sizeof(struct load_sample) == 72, "shared");
static_assert(sizeof(struct histogram) == 744, "shared");
static_assert(sizeof(struct adapter_meters) == 56, "shared");
static_assert(sizeof(struct slot_wait) == 24, "shared");
static_assert(sizeof(struct wait_split) == 80, "shared");
static_assert(sizeof(struct event) == 136, "shared");
static_assert(sizeof(struct event_log) == 34824, "shared");
static_assert(sizeof(struct record_slot) == 376, "shared");
static_assert(sizeof(struct record_log) == 385032, "shared");
static_assert(sizeof(struct history_point) == 200, "shared");
static_assert(sizeof(struct history_slot) == 208, "shared");
static_assert(sizeof(struct history) == 213000, "shared");
static_assert(sizeof(struct told_adapter) == 136, "shared");
static_assert(sizeof(struct told_rest) == 128, "shared");
static_assert(sizeof(struct ring_in) == 128, "shared");
static_assert(offsetof(struct ring_out, slot) == 256, "shared");
static_assert(sizeof(struct sheet) == 8 + 2 * SHEET_BYTES, "shared");
static_assert(sizeof(struct overrides) == 4104, "shared");
static_assert(sizeof(struct overrides) <= SHEET_BYTES, "its text");
static_assert(sizeof(struct rules_taken) == 16, "shared");

const struct ring_row ring_rows[RING_COUNT] = {
#define PROC(name, program, silence)
#define RING(name, from, to, depth)                                            \
	[RING_##name] = { #name, PROC_##from, PROC_##to, depth },
#include "shm/topo.tbl"
#undef PROC
#undef RING
};

const struct histogram_row histogram_rows[HISTOGRAM_ALL] = {
#define HISTOGRAM(by, name, kind, what)                                        \
	{ PROC_##by, #name, HISTOGRAM_##kind, what },
#include "shm/histograms.tbl"
#undef HISTOGRAM
};

static const struct {
	const char *name;
	nsec silence;
} procs[PROC_COUNT] = {
#define PROC(name, program, silence) [PROC_##name] = { program, silence },
#define RING(name, from, to, depth)
#include "shm/topo.tbl"
#undef PROC
#undef RING
};

/* size is that of the whole struct: the last field may have none. */
static const struct {
	const char *name;
	size_t offset, size;
} fields[] = {
#define SHARED(s, f) { #s "." #f, offsetof(struct s, f), sizeof(struct s) },
#include "shm/shared.tbl"
#undef SHARED
};

static const struct {
	const char *name;
	size_t size;
} parts[] = {
#define PART(seg, field, count)                                                \
	{ #seg "." #field, sizeof(*((struct segs *)0)->field) },
#define PAGES PART
#include "shm/parts.tbl"
#undef PART
#undef PAGES
};

struct walk {
	unsigned char *base; /* NULL: sizes only */
	uint64_t at;
};

static void *
take(struct walk *w, uint64_t bytes)
{
	void *here = w->base == NULL ? NULL : w->base + w->at;

	w->at += (bytes + PART_ALIGN - 1) / PART_ALIGN * PART_ALIGN;
	return here;
}

/* Whole pages of its own; none where there is nothing to put there. */
static void *
take_pages(struct walk *w, uint64_t bytes)
{
	if (bytes == 0)
		return NULL;
	w->at = (w->at + PAGE_ALIGN - 1) / PAGE_ALIGN * PAGE_ALIGN;
	return take(w, (bytes + PAGE_ALIGN - 1) / PAGE_ALIGN * PAGE_ALIGN);
}

static void
take_role(struct walk *w, struct segs *g, const struct plan *p, enum seg_id id)
{
	enum proc_id me = (enum proc_id)(id - SEG_MONITOR);

	g->cell[me] = take(w, sizeof(struct cell));
	g->events[me] = take(w, sizeof(struct event_log));
	for (int i = 0; i < HISTOGRAM_ALL; i++)
		if (histogram_rows[i].by == me)
			g->histogram[i] = take(w, sizeof(struct histogram));
	for (int i = 0; i < RING_COUNT; i++) {
		if (ring_rows[i].from == me)
			g->ring_out[i] = take(w,
			    ring_bytes(ring_rows[i].depth));
		if (ring_rows[i].to == me)
			g->ring_in[i] = take(w, sizeof(struct ring_in));
	}
#define PART(seg, field, count)                                                \
	if (id == SEG_##seg)                                                   \
		g->field = take(w, (uint64_t)(count) * sizeof(*g->field));
#define PAGES(seg, field, count)                                               \
	if (id == SEG_##seg)                                                   \
		g->field = take_pages(w, (uint64_t)(count) * sizeof(*g->field));
#include "shm/parts.tbl"
#undef PART
#undef PAGES
}

uint64_t
layout_walk(struct segs *g, const struct plan *p, enum seg_id id)
{
	struct walk w = { g->base[id], 0 };

	switch (id) {
	case SEG_POOL:
		return p->backend == BACKEND_CUDA ? 0 : plan_chunks_bytes(p);
	case SEG_STORE:
		return p->store_rooms * p->store_room_bytes;
	case SEG_SUPERVISOR:
		g->supervisor = take(&w, sizeof(struct supervisor_seg));
		break;
	case SEG_BELLS:
		(void)take(&w, sizeof(struct seg_header));
		g->bell = take(&w, PROC_COUNT * sizeof(struct bell));
		break;
	default:
		(void)take(&w, sizeof(struct seg_header));
		take_role(&w, g, p, id);
	}
	return w.at;
}

void
plan_segments(struct plan *p)
{
	struct segs nowhere = { .pool_fd = -1, .store_fd = -1 };

	for (int id = 0; id < SEG_COUNT; id++)
		p->seg_bytes[id] = layout_walk(&nowhere, p, (enum seg_id)id);
}

char *
plan_device_text(const struct plan *p, char *out, size_t size)
{
	if (p->backend == BACKEND_CUDA)
		snprintf(out, size, "cuda:%d", p->device_ordinal);
	else
		snprintf(out, size, "cpu");
	return out;
}

uint64_t
seg_fingerprint(void)
{
	uint64_t h = HASH_START;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		h = hash_text(h, fields[i].name);
		h = hash_bytes(h, &fields[i].offset, sizeof(size_t));
		h = hash_bytes(h, &fields[i].size, sizeof(size_t));
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		h = hash_text(h, parts[i].name);
		h = hash_bytes(h, &parts[i].size, sizeof(size_t));
	}
	for (int i = 0; i < RING_COUNT; i++) {
		h = hash_text(h, ring_rows[i].name);
		h = hash_bytes(h, &ring_rows[i].from, sizeof(enum proc_id));
		h = hash_bytes(h, &ring_rows[i].to, sizeof(enum proc_id));
		h = hash_bytes(h, &ring_rows[i].depth, sizeof(uint32_t));
	}
	for (int i = 0; i < HISTOGRAM_ALL; i++)
		h = hash_text(h, histogram_rows[i].name);
	for (int i = 0; i < PROC_COUNT; i++)
		h = hash_text(h, procs[i].name);
	return h;
}

const char *
seg_proc_name(enum proc_id id)
{
	return procs[id].name;
}

nsec
seg_proc_silence(enum proc_id id)
{
	return procs[id].silence;
}

const char *
layout_seg_name(enum seg_id id)
{
	switch (id) {
	case SEG_SUPERVISOR:
		return "supervisor";
	case SEG_BELLS:
		return "bells";
	case SEG_POOL:
		return "pool";
	case SEG_STORE:
		return "store";
	default:
		return procs[id - SEG_MONITOR].name;
	}
}
