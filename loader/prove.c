/* Whether a GPU has still what an earlier life of the loader copied there.
 *
 * The pool outlives the loader, and a wild kernel may write anywhere in it.  So
 * after a restart the bytes of each adapter that has stayed are read back once
 * and summed, and one whose sum is not that of its copy is copied again.
 *
 * It is nobody's hurry: gpuexec looks at the sum itself before it first uses an
 * adapter.  One adapter at a time is proved, by a worker, over the way from the
 * GPU, so a load waits for no more than a worker.  An adapter that is called out
 * meanwhile is let go at once. */
#include "loader/ld.h"

#include <stdlib.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/log.h"

#define LOOKS_MAX 1024 /* entries looked at in one go */

/* ---- in a worker ------------------------------------------------------ */

/* Part by part as pack.c sums what it copies. */
static int
sum_pool(const struct ld_world *w, struct ld_job *j, unsigned char *part)
{
	int e = 0;

	for (uint64_t at = 0; e == 0 && at < j->bytes;) {
		uint64_t page = at / j->page_bytes, in = at % j->page_bytes;
		uint64_t n = ld_part_bytes(j, at);

		if (atomic_load(&j->state) != JOB_READING)
			return err_set(ERR_GONE, "it is no longer wanted");
		e = device_read(w->device, part, j->page[page] + in, n);
		j->sum = checksum_join(j->sum, checksum_part(part, n));
		at += n;
	}
	return e;
}

void
ld_prove(const struct ld_world *w, struct ld_job *j)
{
	unsigned char *part = malloc(CHECKSUM_PART);

	j->error = part == NULL ?
	    err_set(ERR_MEMORY, "no memory to read the pool with") :
	    sum_pool(w, j, part);
	free(part);
}

/* ---- the main thread's ------------------------------------------------ */

void
ld_proof_begin(struct ld *l, nsec now)
{
	l->proof = (struct proof){ .begun_ns = now };
}

/* Came before this life and is where it is wanted. */
static bool
is_old(const struct ld *l, uint32_t a, struct place_word want)
{
	struct place_word have = word_load_place(&l->w.have[a]);
	const struct dir_info *info = &l->w.info[a];

	return have.state == HAVE_RESIDENT && have.gen == want.gen &&
	    want.state == WANT_IN && l->job[a] == NULL && info->sum != 0 &&
	    info->loaded_ns < l->proof.begun_ns;
}

/* NULL: its place is none, or no memory; whoever uses it will see. */
static struct ld_job *
prepare(const struct ld *l, uint32_t a, struct place_word want)
{
	struct ld_job *j = ld_job_new();

	if (j == NULL)
		return NULL;
	j->adapter = a;
	j->gen = want.gen;
	j->prove = true;
	j->bytes = l->w.info[a].bytes;
	if (ld_resolve(l, want, j) == 0)
		return j;
	ld_job_free(j);
	return NULL;
}

static void
end_if_all(struct ld *l)
{
	if (l->proof.next < l->w.plan->adapters || l->proof.job != NULL ||
	    l->proof.good + l->proof.wrong == 0)
		return;
	ld_note_proved(l, clock_mono() - l->proof.begun_ns);
	l->proof.good = l->proof.wrong = 0; /* said once */
}

void
ld_proof_go_on(struct ld *l)
{
	struct proof *p = &l->proof;

	for (int i = 0;
	     i < LOOKS_MAX && p->job == NULL && p->next < l->w.plan->adapters;
	     i++) {
		uint32_t a = p->next++;
		struct place_word want = word_load_place(&l->w.want[a]);

		if (!is_old(l, a, want) ||
		    (p->job = prepare(l, a, want)) == NULL)
			continue;
		l->job[a] = p->job;
		l->njobs++;
		ld_work_put(l->work, p->job);
	}
	end_if_all(l);
}

void
ld_proof_take(struct ld *l, struct ld_job *j, bool attached)
{
	struct proof *p = &l->proof;
	uint32_t a = j->adapter;

	p->job = NULL;
	if (!attached)
		return;
	l->job[a] = NULL;
	if (j->error != 0) {
		log_warn("an adapter on the GPU cannot be read back adapter=%s "
			 "reason=%s",
		    l->w.info[a].name, j->reason);
		return;
	}
	p->bytes += j->bytes;
	if (j->sum == l->w.info[a].sum) {
		p->good++;
		return;
	}
	p->wrong++;
	ld_note_changed(l, a);
	ld_load_again(l, a);
}
