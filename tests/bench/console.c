/* What a turn of the console costs in processor time, with n adapters: reading
 * them, and sorting and drawing them, apart.
 *
 *	console [ADAPTERS]
 *
 * One line for each column that the list is sorted by; the numbers change between
 * two turns, so that each turn sorts anew. */
#include "base/err.h"
#include "base/must.h"
#include "base/rng.h"
#include "conf/conf.h"
#include "shm/word.h"
#include "snap/snap.h"
#include "tui/ui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TURNS 200

static struct segs made, scheduler, loader;
static struct rng rng;

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
make(uint32_t n)
{
	struct plan p = { .slots = 64,
		.context = 64,
		.vocab = 100,
		.adapters = n,
		.connections = 4,
		.batch_max = 4,
		.step_tokens = 16,
		.block_tokens = 16,
		.blocks_per_slot = 4,
		.blocks_per_chunk = 4,
		.chunks = 64,
		.threads = 1,
		.chunk_bytes = 65536,
		.kv_block_bytes = 16384 };
	struct conf c;
	char name[32];

	conf_defaults(&c);
	plan_segments(&p);
	snprintf(name, sizeof(name), "bench-%d", (int)getpid());
	if (segs_create(&made, name, &p, &c, sizeof(c)) != 0 ||
	    segs_open(&scheduler, name, PROC_SCHEDULER) != 0 ||
	    segs_open(&loader, name, PROC_LOADER) != 0) {
		fprintf(stderr, "console: %s\n", err_text());
		exit(1);
	}
	for (uint32_t a = 0; a < n; a++) {
		snprintf(loader.info[a].name, DIR_NAME_MAX,
		    "tenant-%05u-adapter", (uint32_t)rng_below(&rng, 100000));
		loader.info[a].version = a;
		loader.info[a].rank = 8 << rng_below(&rng, 4);
		loader.info[a].bytes = rng_below(&rng, 1u << 24);
		atomic_store(&loader.entry[a], dir_entry(a + 1, DIR_LISTED));
		atomic_store(&scheduler.uses[a].serial, a + 1);
	}
}

static void
change(uint32_t n)
{
	for (uint32_t a = 0; a < n; a++) {
		struct adapter_meters *m = &scheduler.uses[a];

		atomic_store(&m->hits, (uint32_t)rng_below(&rng, 1000));
		atomic_store(&m->worth, (float)rng_unit(&rng));
		atomic_store(&m->used_ns, (nsec)rng_below(&rng, 1u << 30));
	}
}

static void
measure(struct snap_source *source, uint32_t n, const char *column)
{
	static struct snap s;
	double took[2] = { 0 }, most[2] = { 0 };
	struct page p;
	struct ui u;

	ui_open(&u, VIEW_adapters);
	must(list_sort_by(&u.list[LIST_ADAPTERS], column) == 0);
	must(page_open(&p, 200, 60, false) == 0);
	for (int i = 0; i < TURNS; i++) {
		double at[3];

		change(n);
		at[0] = cpu_ms();
		must(snap_take(source, &s, SNAP_ALL) == 0);
		at[1] = cpu_ms();
		ui_draw(&u, &p, NULL, &s);
		at[2] = cpu_ms();
		for (int k = 0; k < 2; k++) {
			took[k] += at[k + 1] - at[k];
			if (at[k + 1] - at[k] > most[k])
				most[k] = at[k + 1] - at[k];
		}
	}
	printf("console n=%u sort=%-8s snap_ms=%.2f draw_ms=%.2f sum_ms=%.2f "
	       "worst_ms=%.2f\n",
	    n, column, took[0] / TURNS, took[1] / TURNS,
	    (took[0] + took[1]) / TURNS, most[0] + most[1]);
	page_close(&p);
	ui_close(&u);
	snap_free(&s);
}

int
main(int argc, char **argv)
{
	static const char *const columns[] = { "name", "hits", "worth", "used",
		"state" };
	uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 10000;
	struct snap_source source;

	rng_seed(&rng, 1);
	make(n);
	must(snap_attach(&source, made.instance) == 0);
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		measure(&source, n, columns[i]);
	snap_detach(&source);
	segs_close(&scheduler);
	segs_close(&loader);
	segs_unlink(made.instance);
	segs_close(&made);
	return 0;
}
