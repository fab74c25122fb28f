/* What it costs to account for a request that ends (to note it, to keep the note,
 * to print its timing), and to list ten thousand adapters. */
#include "base/clock.h"
#include "base/err.h"
#include "base/must.h"
#include "frontend/frontend.h"
#include "shm/word.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ENDS 1000000
#define LISTS 50
#define MANY 10000

static struct frontend fe;
static struct proc proc;
static struct segs made, as[PROC_COUNT];
static struct answer answers[8];

static void
set_up(void)
{
	struct plan plan = { .slots = 8,
		.context = 64,
		.vocab = 260,
		.adapters = MANY,
		.connections = 16,
		.batch_max = 8,
		.step_tokens = 64,
		.block_tokens = 16,
		.blocks_per_slot = 4,
		.blocks_per_chunk = 4,
		.chunks = 16,
		.threads = 1,
		.chunk_bytes = 65536,
		.kv_block_bytes = 16384 };
	char instance[32];

	snprintf(instance, sizeof(instance), "bench-%d", (int)getpid());
	conf_defaults(&proc.conf);
	plan_segments(&plan);
	must(segs_create(&made, instance, &plan, &proc.conf,
		 sizeof(proc.conf)) == 0);
	for (int i = 0; i < PROC_COUNT; i++)
		must(segs_open(&as[i], instance, (enum proc_id)i) == 0);
	fe = (struct frontend){ .proc = &proc,
		.g = &as[PROC_FRONTEND],
		.plan = as[PROC_FRONTEND].plan,
		.answers = answers };
	for (uint32_t a = 0; a < MANY; a++) {
		snprintf(as[PROC_LOADER].info[a].name, DIR_NAME_MAX,
		    "adapter-%u", a);
		memset(as[PROC_LOADER].info[a].digest, 0xab,
		    sizeof(as[PROC_LOADER].info[a].digest));
		atomic_store(&as[PROC_LOADER].entry[a],
		    dir_entry(a + 1, DIR_LISTED));
		atomic_store(&as[PROC_SCHEDULER].uses[a].serial, a + 1);
	}
}

/* A request with an adapter, 64 tokens long, that is over. */
static void
request_ended(uint32_t slot)
{
	struct slot_request *q = &as[PROC_FRONTEND].request[slot];

	strcpy(q->id, "\"request-0000123\"");
	q->adapter = (int32_t)slot;
	q->nprompt = 200;
	q->max_tokens = 64;
	q->arrived_ns = clock_mono() - SECOND;
	answers[slot].gen = 1;
	answers[slot].told = 64;
	as[PROC_SCHEDULER].ticket[slot] = (struct slot_ticket){
		.placed_ns = q->arrived_ns + 400 * MILLISECOND,
		.wait.by_ns[WHY_MEMORY] = 300 * MILLISECOND,
		.wait.loading_ns = 50 * MILLISECOND
	};
	as[PROC_GPUEXEC].result[slot] = (struct slot_result){
		.first_ns = q->arrived_ns + 500 * MILLISECOND,
		.last_ns = q->arrived_ns + 900 * MILLISECOND,
		.longest_ns = 9 * MILLISECOND
	};
	word_store(&as[PROC_SCHEDULER].s[slot],
	    (struct word){ 1, S_PLACED, 1, 0 });
	word_store(&as[PROC_GPUEXEC].x[slot], (struct word){ 1, X_FIN, 1, 64 });
}

static double
ends(bool keep, bool print)
{
	struct record_note n;
	struct line_out o = { 0 };
	nsec begun = clock_mono();

	for (uint32_t i = 0; i < ENDS; i++) {
		fe_note(&fe, i & 7, RECORD_LENGTH, "", &n);
		if (keep)
			fe_keep(&fe, &n);
		if (print)
			api_timing(&o, &n);
		line_clear(&o);
	}
	line_out_free(&o);
	return (double)(clock_mono() - begun) / ENDS;
}

static void
lists(void)
{
	nsec least = INT64_MAX, most = 0;
	size_t bytes = 0;

	for (int i = 0; i < LISTS; i++) {
		struct line_out o = { 0 };
		nsec took = clock_mono();

		fe_adapters(&fe, &o, "1");
		took = clock_mono() - took;
		bytes = o.used;
		line_out_free(&o);
		least = took < least ? took : least;
		most = took > most ? took : most;
	}
	printf("list adapters=%d bytes=%zu least_ms=%.2f most_ms=%.2f\n", MANY,
	    bytes, clock_ms(least), clock_ms(most));
}

int
main(void)
{
	double note, keep, print;

	set_up();
	for (uint32_t i = 0; i < 8; i++)
		request_ended(i);
	note = ends(false, false);
	keep = ends(true, false);
	print = ends(false, true);
	printf("ends n=%d note_ns=%.0f keep_ns=%.0f print_ns=%.0f\n", ENDS,
	    note, keep - note, print - note);
	lists();
	for (int i = 0; i < PROC_COUNT; i++)
		segs_close(&as[i]);
	segs_unlink(made.instance);
	segs_close(&made);
	return 0;
}
