/* Segments in plain memory, and those who live in them. */
#include "tests/unit/house.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "gpuexec/solo.h"

#define RING 64

struct segs house_segs;
static struct plan plan;
struct gx house_gx;
struct gpuexec_meters house_meters;
static struct bell bells[PROC_COUNT];
static struct histogram histograms[HISTOGRAM_ALL];
static struct ring_out *out_of[RING_COUNT];
static struct ring_in in_of[RING_COUNT];
_Atomic uint64_t house_launched, house_completed;
static struct sample_params greedy = { .top_p = 1, .repetition = 1 };

/* ---- the house -------------------------------------------------------- */

static void *
zeros(size_t n, size_t size)
{
	void *p = calloc(n, size);

	ck_assert_ptr_nonnull(p);
	return p;
}

static void
make_segments(void)
{
	memset(&house_segs, 0, sizeof(house_segs));
	house_segs.plan = &plan;
	house_segs.bell = bells;
	house_segs.f = zeros(SLOTS, 8);
	house_segs.told = zeros(SLOTS, 4);
	house_segs.request = zeros(SLOTS, sizeof(*house_segs.request));
	house_segs.prompt = zeros(SLOTS * CONTEXT, 4);
	house_segs.s = zeros(SLOTS, 8);
	house_segs.b = zeros(SLOTS, 8);
	house_segs.ticket = zeros(SLOTS, sizeof(*house_segs.ticket));
	house_segs.blocks = zeros((size_t)SLOTS * plan.blocks_per_slot, 4);
	house_segs.next = zeros(CHUNKS, 4);
	house_segs.chunk = zeros(CHUNKS, 8);
	house_segs.have = zeros(plan.adapters, 8);
	house_segs.layers = zeros(plan.adapters, 8);
	house_segs.info = zeros(plan.adapters, sizeof(*house_segs.info));
	house_segs.x = zeros(SLOTS, 8);
	house_segs.result = zeros(SLOTS, sizeof(*house_segs.result));
	house_segs.tok = zeros(SLOTS * CONTEXT, 4);
	house_segs.logprobs = zeros(SLOTS * SLOT_WINDOW,
	    sizeof(*house_segs.logprobs));
	house_segs.launched_step = &house_launched;
	house_segs.completed_step = &house_completed;
	house_segs.gpuexec_meters = &house_meters;
	memset(histograms, 0, sizeof(histograms));
	for (int i = 0; i < HISTOGRAM_ALL; i++)
		house_segs.histogram[i] = &histograms[i];
	house_segs.step_samples = zeros(SAMPLE_STEPS,
	    sizeof(*house_segs.step_samples));
}

static void
make_rings(void)
{
	static const enum ring_id ids[] = { RING_SC_GX, RING_FE_GX, RING_GX_SC,
		RING_GX_FE };

	for (int i = 0; i < 4; i++) {
		free(out_of[ids[i]]);
		out_of[ids[i]] = aligned_alloc(128,
		    (ring_bytes(RING) + 127) / 128 * 128);
		memset(out_of[ids[i]], 0, ring_bytes(RING));
		ring_format(out_of[ids[i]], RING);
		memset(&in_of[ids[i]], 0, sizeof(in_of[ids[i]]));
	}
}

void
house_begin_life(uint32_t epoch)
{
	struct forward_options o = { .threads = 1,
		.rows_max = (int)plan.step_tokens,
		.seqs_max = (int)plan.batch_max,
		.logits_max = (int)plan.batch_max,
		.context = CONTEXT,
		.block_tokens = (int)plan.block_tokens };
	struct forward *f = house_gx.forward;
	struct device *d = house_gx.device;

	memset(&house_gx, 0, sizeof(house_gx));
	house_gx.segs = &house_segs;
	house_gx.plan = &plan;
	house_gx.epoch = epoch;
	house_gx.forward = f;
	house_gx.device = d;
	make_rings();
	ring_join_rx(&house_gx.from_scheduler, out_of[RING_SC_GX],
	    &in_of[RING_SC_GX], RING);
	ring_join_rx(&house_gx.from_frontend, out_of[RING_FE_GX],
	    &in_of[RING_FE_GX], RING);
	ring_join_tx(&house_gx.to_scheduler, out_of[RING_GX_SC],
	    &in_of[RING_GX_SC], RING);
	ring_join_tx(&house_gx.to_frontend, out_of[RING_GX_FE],
	    &in_of[RING_GX_FE], RING);
	if (house_gx.forward == NULL)
		ck_assert_msg(forward_open(&house_gx.forward, MODEL, &o) == 0,
		    "%s", err_text());
	ck_assert_msg(gx_open(&house_gx) == 0, "%s", err_text());
}

void
house_set_up(void)
{
	int fd = memfd_create("pool", MFD_CLOEXEC);

	log_open("test", LOG_ERROR);
	plan = (struct plan){ .slots = SLOTS,
		.context = CONTEXT,
		.vocab = 96,
		.adapters = 4,
		.batch_max = 3,
		.step_tokens = 7,
		.block_tokens = 4,
		.blocks_per_slot = CONTEXT / 4,
		.threads = 1,
		.chunks = CHUNKS,
		.chunk_bytes = CHUNK };
	/* 2 layers, K and V, 2 heads of 8, 4 tokens, float */
	plan.kv_block_bytes = 2 * 2 * 2 * 8 * 4 * 4;
	plan.blocks_per_chunk = (uint32_t)(CHUNK / plan.kv_block_bytes);
	make_segments();
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, CHUNK * CHUNKS), 0);
	memset(&house_gx, 0, sizeof(house_gx));
	for (int i = 0; i < PROC_COUNT; i++)
		bell_format(&bells[i]);
	ck_assert_int_eq(device_open(&house_gx.device,
			     &(struct device_pool){ .fd = fd,
				 .bytes = CHUNK * CHUNKS,
				 .chunk_bytes = CHUNK }),
	    0);
	close(fd);
	house_begin_life(1);
	ck_assert_uint_eq(forward_block_bytes(house_gx.forward),
	    plan.kv_block_bytes);
}

void
house_tear_down(void)
{
	gx_close(&house_gx);
	forward_close(house_gx.forward);
	device_close(house_gx.device);
	free(house_segs.f), free(house_segs.told), free(house_segs.request),
	    free(house_segs.prompt);
	free(house_segs.s), free(house_segs.b), free(house_segs.ticket),
	    free(house_segs.blocks);
	free(house_segs.next), free(house_segs.chunk), free(house_segs.have),
	    free(house_segs.layers), free(house_segs.info), free(house_segs.x);
	free(house_segs.result), free(house_segs.tok),
	    free(house_segs.logprobs), free(house_segs.step_samples);
}

/* ---- its inhabitants --------------------------------------------------- */

void
house_submit(uint32_t slot, int nprompt, int max_tokens)
{
	struct slot_request *q = &house_segs.request[slot];
	struct word f = word_load(&house_segs.f[slot]);

	*q = (struct slot_request){ .adapter = SLOT_BASE,
		.nprompt = nprompt,
		.max_tokens = max_tokens };
	memcpy(q->sampling, &greedy, sizeof(greedy));
	for (int i = 0; i < nprompt; i++)
		segs_prompt(&house_segs,
		    slot)[i] = (int32_t)(slot * 17 + i * 5) % 95;
	house_segs.ticket[slot] = (struct slot_ticket){ .adapter = SLOT_BASE };
	word_store(&house_segs.f[slot],
	    (struct word){ word_next_gen(f.gen), F_SUB, 0, 0 });
}

/* The slot's own blocks, far apart; then their count. */
void
house_grant(uint32_t slot, uint32_t count, uint32_t round)
{
	uint32_t gen = word_load(&house_segs.f[slot]).gen;

	for (uint32_t i = 0; i < count; i++)
		segs_blocks(&house_segs, slot)[i] = i * SLOTS + slot;
	word_store(&house_segs.b[slot], (struct word){ gen, 0, round, count });
}

void
house_place(uint32_t slot, uint32_t blocks, uint32_t round, uint32_t epoch)
{
	uint32_t gen = word_load(&house_segs.f[slot]).gen;

	house_grant(slot, blocks, round);
	word_store(&house_segs.s[slot],
	    (struct word){ gen, S_PLACED, round, epoch });
}

void
house_say(_Atomic uint64_t *words, uint32_t slot, uint32_t state)
{
	struct word w = word_load(&words[slot]);

	w.state = state;
	word_store(&words[slot], w);
}

struct word
house_x_of(uint32_t slot)
{
	return word_load(&house_segs.x[slot]);
}

void
house_turns(int n)
{
	for (int i = 0; i < n; i++) {
		gx_sweep(&house_gx);
		gx_hints(&house_gx);
		gx_step(&house_gx);
	}
}

void
house_scheduler_end(struct ring_tx *tx)
{
	ring_join_tx(tx, out_of[RING_SC_GX], &in_of[RING_SC_GX], RING);
}

static int32_t
best(const float *logits)
{
	int32_t at = 0;

	for (int i = 1; i < 96; i++)
		at = logits[i] > logits[at] ? i : at;
	return at;
}

/* What the model says alone, without any of this. */
void
house_same_as_alone(uint32_t slot, const char *adapter, int n)
{
	struct solo_options o = { .model = MODEL,
		.adapter = adapter,
		.threads = 1 };
	struct solo *s;

	ck_assert_msg(solo_open(&s, &o) == 0, "%s", err_text());
	ck_assert_int_eq(solo_feed(s, segs_prompt(&house_segs, slot),
			     house_segs.request[slot].nprompt, NULL),
	    0);
	for (int i = 0; i < n; i++) {
		int32_t id = best(solo_last(s));

		ck_assert_int_eq(segs_tok(&house_segs, slot)[i], id);
		ck_assert_int_eq(solo_feed(s, &id, 1, NULL), 0);
	}
	solo_close(s);
}

/* LOADING: what lies behind so many layers is not there. */
static void
load(uint32_t gen, int layers, enum have_state state)
{
	const struct shape *s = forward_shape(house_gx.forward);
	struct adapter_rules rules = { 0 };
	struct adapter a;
	uint64_t bytes;
	void *image;

	ck_assert_int_eq(adapter_open(&a, AT_FDCWD, ADAPTER, s, rules), 0);
	bytes = adapter_image_bytes(&a, s, TENSOR_F32, CHUNK);
	ck_assert_uint_le(bytes, CHUNK * 2);
	image = zeros(1, bytes);
	ck_assert_int_eq(adapter_pack(&a, s, TENSOR_F32, CHUNK, rules, image,
			     NULL, NULL),
	    0);
	adapter_close(&a);
	house_segs.info[2].bytes = bytes;
	if (state == HAVE_LOADING)
		memset((char *)image + adapter_image_layer(image, layers), 0xff,
		    bytes - adapter_image_layer(image, layers));
	/* Chunk after chunk, not neighbours. */
	for (uint64_t at = 0, c = 10; at < bytes; at += CHUNK, c += 2) {
		uint64_t n = bytes - at < CHUNK ? bytes - at : CHUNK;

		ck_assert_int_eq(device_copy(house_gx.device, c * CHUNK,
				     (char *)image + at, n),
		    0);
		atomic_store(&house_segs.next[c], (uint32_t)c + 2);
	}
	free(image);
	word_store(&house_segs.layers[2],
	    (struct word){ gen, 0, 0, (uint32_t)layers + 1 });
	word_store_place(&house_segs.have[2],
	    (struct place_word){ gen, state, 0, 10u << 8 });
}

void
house_load_adapter(uint32_t gen)
{
	load(gen, 0, HAVE_RESIDENT);
}

void
house_load_layers(uint32_t gen, int layers)
{
	load(gen, layers, HAVE_LOADING);
}
