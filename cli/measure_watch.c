/* Takes the samples of a running instance as they come. */
#include "cli/measure.h"

#include "base/err.h"
#include "conf/conf.h"
#include "model/tensors.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS (20 * MILLISECOND) /* far shorter than a ring takes to fill */

struct watch {
	struct segs segs;
	struct measure seen;
	uint64_t step, load; /* number of the last one that was looked for */
	int error;	     /* of measure_add */
	_Atomic bool stop;
	pthread_t thread;
};

static void
note(struct watch *w, const struct measure_row *row)
{
	if (w->error == 0)
		w->error = measure_add(&w->seen, row);
}

static void
look_steps(struct watch *w)
{
	const struct step_sample *ring = w->segs.step_samples;
	struct measure_row row = { .kind = MEASURE_STEP };
	uint64_t last = sample_last_step(ring);

	for (; w->step < last; w->step++) {
		row.number = w->step + 1;
		if (sample_get_step(ring, row.number, &row.step))
			note(w, &row);
		else
			w->seen.head.lost++;
	}
}

static void
look_loads(struct watch *w)
{
	const struct load_sample *ring = w->segs.load_samples;
	struct measure_row row = { .kind = MEASURE_LOAD };
	uint64_t last = sample_last_load(ring);

	for (; w->load < last; w->load++) {
		row.number = w->load + 1;
		if (sample_get_load(ring, row.number, &row.load))
			note(w, &row);
		else
			w->seen.head.lost++;
	}
}

static void *
look(void *arg)
{
	struct watch *w = arg;

	while (!w->stop) {
		look_steps(w);
		look_loads(w);
		clock_sleep(LOOK_NS);
	}
	return NULL;
}

static void
settings(const struct segs *g, struct conf *c)
{
	(void)sheet_read(&g->supervisor->settings, c, sizeof(*c));
	c->model[CONF_TEXT_MAX - 1] = c->run_dir[CONF_TEXT_MAX - 1] = '\0';
}

static void
describe(struct measure_head *h, const struct segs *g)
{
	const struct plan *p = g->plan;
	struct conf conf;

	settings(g, &conf);
	dir_base_name(conf.model, h->model);
	plan_device_text(p, h->backend, sizeof(h->backend));
	snprintf(h->weights, sizeof(h->weights), "%s",
	    tensor_dtype_word((enum tensor_dtype)p->weight_dtype));
	h->cores = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	h->threads = p->threads;
	h->load_threads = conf.loader_threads;
	h->batch_max = p->batch_max;
	h->step_tokens = p->step_tokens;
	h->block_tokens = p->block_tokens;
	h->pool_bytes = p->chunks * p->chunk_bytes;
	h->chunk_bytes = p->chunk_bytes;
	h->kv_token_bytes = p->kv_block_bytes / p->block_tokens;
	h->link_emulated_bytes_per_s = atomic_load(
	    &g->loader_meters->link_emulated_bytes_per_s);
	h->link_copies = atomic_load(&g->loader_meters->link_copies);
}

static_assert(MEASURE_TEXT_MAX >= DIR_NAME_MAX, "a model's name fits");

static void
note_adapters(struct watch *w)
{
	const struct segs *g = &w->segs;

	for (uint32_t a = 0; a < g->plan->adapters; a++) {
		struct measure_row row = { .kind = MEASURE_ADAPTER,
			.number = a };

		if (dir_entry_state(atomic_load_explicit(&g->entry[a],
			memory_order_acquire)) != DIR_LISTED)
			continue;
		row.load.adapter = a;
		row.load.rank = (uint16_t)g->info[a].rank;
		row.load.bytes = g->info[a].bytes;
		note(w, &row);
	}
}

int
watch_open(struct watch **out, const char *instance)
{
	struct watch *w = calloc(1, sizeof(*w));
	int e;

	if (w == NULL)
		return err_set(ERR_MEMORY, "no memory for a watch");
	if ((e = segs_open(&w->segs, instance, PROC_COUNT)) != 0) {
		free(w);
		return err_add("instance '%s'", instance);
	}
	describe(&w->seen.head, &w->segs);
	note_adapters(w);
	w->step = sample_last_step(w->segs.step_samples);
	w->load = sample_last_load(w->segs.load_samples);
	if (pthread_create(&w->thread, NULL, look, w) != 0) {
		segs_close(&w->segs);
		measure_free(&w->seen);
		free(w);
		return err_set(ERR_IO, "no thread can be started");
	}
	*out = w;
	return 0;
}

int
watch_close(struct watch *w, struct measure *m)
{
	int e;

	w->stop = true;
	pthread_join(w->thread, NULL);
	look_steps(w);
	look_loads(w);
	segs_close(&w->segs);
	e = w->error;
	if (e != 0)
		e = err_set(e, "no memory for the samples");
	if (e == 0 && m != NULL)
		*m = w->seen;
	else
		measure_free(&w->seen);
	free(w);
	return e;
}

void
watch_settings(const struct watch *w, struct conf *c)
{
	settings(&w->segs, c);
}

const struct segs *
watch_segs(const struct watch *w)
{
	return &w->segs;
}
