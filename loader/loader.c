/* The loader's life: open, step by hints, sweep by time. */
#include "loader/loader.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/units.h"
#include "loader/ld.h"

#define HINTS_MAX 256  /* taken a step */
#define SWEEP_MAX 1024 /* wants looked at a tick */

static int
allocate(struct ld *l)
{
	uint32_t n = l->w.plan->adapters;

	for (l->nbuckets = 16; l->nbuckets < n && l->nbuckets < 1u << 30;)
		l->nbuckets *= 2;
	l->job = calloc(n + 1, sizeof(struct ld_job *));
	l->seen = calloc(n + 1, sizeof(*l->seen));
	l->bucket = calloc(l->nbuckets, sizeof(*l->bucket));
	l->bucket_next = calloc(n + 1, sizeof(*l->bucket_next));
	if (l->job == NULL || l->seen == NULL || l->bucket == NULL ||
	    l->bucket_next == NULL)
		return err_set(ERR_MEMORY,
		    "no memory for the tables of %u adapters", n);
	return store_open(&l->store, &l->w);
}

/* Images that an earlier life has packed; what is called HOST and has none is
 * read again. */
static void
adopt_images(struct ld *l)
{
	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		struct place_word have = word_load_place(&l->w.have[a]);
		bool has = ld_state(l, a) != DIR_FREE &&
		    store_adopt(&l->store, a);

		if (has || have.state != HAVE_HOST)
			continue;
		have.state = HAVE_ABSENT;
		word_store_place(&l->w.have[a], have);
	}
	rooms_sweep(&l->store.rooms);
}

/* Memory of another pool is gone: what lay there is copied again, to the same
 * places.  Whoever sees the new number sees no place called RESIDENT that is
 * not. */
static void
enter_pool(struct ld *l, nsec now)
{
	const struct ld_world *w = &l->w;

	l->proof.next = w->plan->adapters;
	if (w->pool == 0)
		return;
	if (atomic_load(w->pool_number) == w->pool) {
		l->quiet_until = now + w->quarantine;
		ld_proof_begin(l, now);
		return;
	}
	for (uint32_t a = 0; a < w->plan->adapters; a++) {
		struct place_word have = word_load_place(&w->have[a]);

		if (have.state != HAVE_RESIDENT)
			continue;
		have.state = HAVE_LOADING;
		word_store_place(&w->have[a], have);
	}
	atomic_store_explicit(w->pool_number, w->pool, memory_order_release);
}

/* Nobody is to take an emulated link for the machine's. */
static void
say_emulation(const struct ld_world *w)
{
	char rate[32];

	if (w->link_bytes_per_s > 0)
		log_info("emulation: copies to the device are held to %s/s, "
			 "each byte crosses %u times (loader.link_bytes_per_s, "
			 "link_copies)",
		    units_bytes(rate, sizeof(rate), w->link_bytes_per_s),
		    w->link_copies);
	else if (w->link_copies > 1)
		log_info("emulation: each byte is copied to the device "
			 "%u times (loader.link_copies)",
		    w->link_copies);
	ld_gauge(&w->meters->link_emulated_bytes_per_s, w->link_bytes_per_s);
	ld_gauge(&w->meters->link_copies, w->link_copies);
}

int
ld_open(struct ld **out, const struct ld_world *w, nsec now)
{
	struct ld *l = calloc(1, sizeof(*l));
	int e;

	if (l == NULL)
		return err_set(ERR_MEMORY, "no memory for the loader");
	l->w = *w;
	if (l->w.link_copies == 0)
		l->w.link_copies = 1;
	if ((e = allocate(l)) != 0 || (e = ld_reasons_open(l)) != 0 ||
	    (e = ld_memory_open(&l->memory, &l->w)) != 0 ||
	    (e = ld_work_open(&l->work, &l->w, &l->store.rooms)) != 0 ||
	    (e = ld_scan_open(&l->scan, &l->w)) != 0) {
		ld_close(l);
		return e;
	}
	say_emulation(&l->w);
	l->samples = sample_last_load(w->samples);
	adopt_images(l);
	enter_pool(l, now);
	ld_catalogue_rebuild(l);
	(void)ld_catalogue_heed(l, now);
	for (uint32_t a = 0; a < w->plan->adapters; a++)
		(void)ld_look(l, a, false, now);
	*out = l;
	return 0;
}

/* The scanner and the workers use the tables: they end first. */
void
ld_close(struct ld *l)
{
	if (l == NULL)
		return;
	for (uint32_t a = 0; l->job != NULL && a < l->w.plan->adapters; a++)
		if (l->job[a] != NULL)
			(void)ld_work_cancel(l->job[a]);
	if (l->opened)
		ld_memory_tick(l, INT64_MAX); /* what is not written yet */
	ld_scan_close(l->scan);
	ld_work_close(l->work);
	store_close(&l->store);
	ld_catalogue_close(l);
	free(l->job);
	free(l->seen);
	free(l->bucket);
	free(l->bucket_next);
	free(l->free_reason);
	ld_memory_close(l->memory);
	free(l);
}

/* How urgent a load is stands in the hint alone: lost, it is done as one that
 * somebody waits for. */
static void
take_hint(struct ld *l, uint64_t hint, nsec now)
{
	uint32_t a = dir_hint_adapter(hint);

	if (a >= l->w.plan->adapters)
		return;
	(void)ld_look(l, a, dir_hint_early(hint), now);
	if (!dir_hint_early(hint))
		ld_hasten(l, a);
}

int
ld_step(struct ld *l, nsec now)
{
	uint64_t hint;
	int n = 0;

	while (n < HINTS_MAX && ring_pop(&l->w.from_scheduler, &hint)) {
		take_hint(l, hint, now);
		n++;
	}
	while (n < HINTS_MAX && ld_finish(l, now))
		n++;
	if (ld_scan_waiting(l->scan))
		n += ld_catalogue_heed(l, now);
	return n;
}

void
ld_tick(struct ld *l, nsec now)
{
	uint32_t n = l->w.plan->adapters, asked;

	for (uint32_t i = 0; i < n && i < SWEEP_MAX; i++) {
		l->sweep = (l->sweep + 1) % n;
		(void)ld_look(l, l->sweep, false, now);
		ld_version_look(l, l->sweep);
	}
	asked = atomic_load_explicit(l->w.rescan_asked, memory_order_acquire);
	if (asked != l->rescan_asked) {
		l->rescan_asked = asked;
		ld_scan_now(l->scan, asked);
	}
	ld_catalogue_tick(l, now);
	ld_give_back(l);
	ld_proof_go_on(l);
	ld_work_relieve(l->work, now);
	ld_memory_tick(l, now);
	ld_end_late(l, now);
	ld_note_sums(l);
	(void)ld_step(l, now);
}

bool
ld_busy(struct ld *l)
{
	return ring_waiting(&l->w.from_scheduler) || ld_work_waiting(l->work) ||
	    ld_scan_waiting(l->scan);
}

void
ld_rules_set(struct ld *l, const struct ld_rules *rules)
{
	l->w.eviction = *rules;
}

uint64_t
ld_sent(const struct ld *l)
{
	return l->w.to_scheduler.head;
}

bool
ld_idle(struct ld *l)
{
	return l->njobs == (l->proof.job != NULL ? 1u : 0u);
}
