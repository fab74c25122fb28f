/* want and have: A2 (start), A3 (there, or failed) and A7 (gone).
 *
 * have is stored only for the command that want holds: a job that ends after
 * its command was withdrawn says nothing. */
#include "loader/ld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define LATE_MAX 64 /* given up a tick */

static void
say(struct ld *l, uint32_t a, struct place_word have)
{
	word_store_place(&l->w.have[a], have);
	(void)ring_push(&l->w.to_scheduler, a);
}

/* No worker is at a copy of it, so this word is ours. */
static void
count_failure(struct ld *l, uint32_t a)
{
	struct word layers;

	if (l->w.layers == NULL)
		return;
	layers = word_load(&l->w.layers[a]);
	layers.round = word_next_round(layers.round);
	word_store(&l->w.layers[a], layers);
}

static void
fail(struct ld *l, uint32_t a, struct place_word want, int error,
    const char *why)
{
	ld_note_failed(l, a, why);
	ld_reason_set(l, a, why, 0);
	ld_add(&l->w.meters->failures, 1);
	count_failure(l, a);
	say(l, a,
	    (struct place_word){ want.gen, HAVE_FAILED, (uint32_t)error & 15u,
		want.place });
}

/* Whether another adapter's have still names this place. */
static bool
place_is_told(const struct ld *l, uint32_t a, uint32_t place)
{
	for (uint32_t i = 0; i < l->w.plan->adapters; i++) {
		struct place_word have = word_load_place(&l->w.have[i]);

		if (i != a && have.place == place &&
		    (have.state == HAVE_LOADING || have.state == HAVE_RESIDENT))
			return true;
	}
	return false;
}

/* The chunk is one that adapters of this class may lie in. */
static bool
is_ours(const struct ld *l, uint32_t c, uint32_t kind)
{
	struct place_word owner;

	if (c >= l->w.plan->chunks)
		return false;
	owner = word_load_place(&l->w.chunk[c]);
	return owner.state == CHUNK_ADAPTER && owner.class == kind;
}

/* The offsets that a place means for n bytes; what the scheduler wrote is
 * checked before a byte is written there. */
int
ld_resolve(const struct ld *l, struct place_word want, struct ld_job *j)
{
	uint64_t chunk_bytes = l->w.plan->chunk_bytes;
	uint32_t c = dir_place_chunk(want.place);
	uint32_t sub = dir_place_sub(want.place);

	if (want.class > DIR_CLASS_MAX || sub >= 1u << want.class ||
	    !is_ours(l, c, want.class) ||
	    (want.class > 0 && j->bytes > chunk_bytes >> want.class))
		return err_set(ERR_FORMAT, "its place is none");
	j->page_bytes = chunk_bytes;
	j->npages = dir_chunks(j->bytes, chunk_bytes);
	if (j->npages > l->w.plan->chunks)
		return err_set(ERR_LIMIT, "it is larger than the device");
	j->page = calloc(j->npages, sizeof(*j->page));
	if (j->page == NULL)
		return err_set(ERR_MEMORY, "no memory for a load");
	for (uint32_t i = 0; i < j->npages; i++) {
		if (!is_ours(l, c, want.class))
			return err_set(ERR_FORMAT,
			    "its chain of chunks breaks");
		j->page[i] = c * chunk_bytes +
		    sub * (chunk_bytes >> want.class);
		for (uint32_t k = 0; k < i; k++)
			if (j->page[k] == j->page[i])
				return err_set(ERR_FORMAT,
				    "its chain of chunks is a ring");
		c = atomic_load_explicit(&l->w.next[c], memory_order_relaxed);
	}
	return 0;
}

/* A job for this want, not yet put to work; NULL: failed, and said. */
static struct ld_job *
prepare(struct ld *l, uint32_t a, struct place_word want)
{
	const struct store_image *image;
	struct ld_job *j = ld_job_new();
	int e;

	if (j == NULL) {
		fail(l, a, want, ERR_MEMORY, "no memory for a load");
		return NULL;
	}
	j->adapter = a;
	j->gen = want.gen;
	j->copy = want.state == WANT_IN;
	j->bytes = l->w.info[a].bytes;
	j->file_id = l->w.info[a].file_id;
	memcpy(j->name, l->w.info[a].name, sizeof(j->name));
	j->page_bytes = l->w.plan->chunk_bytes;
	e = j->copy ? ld_resolve(l, want, j) : 0;
	if (e != 0) {
		fail(l, a, want, e, err_text());
		ld_job_free(j);
		return NULL;
	}
	image = store_pin(&l->store, a);
	if (image != NULL) {
		j->packed = image->bytes;
		j->unproved = image->unproved;
		j->pinned = true;
		j->sum = l->w.info[a].sum;
		memcpy(j->digest, l->w.info[a].digest, sizeof(j->digest));
	} else {
		j->room = rooms_take(&l->store.rooms, j->bytes);
	}
	return j;
}

/* A2, also for what a dead loader was at. */
static bool
start(struct ld *l, uint32_t a, struct place_word want, bool early)
{
	enum dir_state state = ld_state(l, a);
	struct ld_job *j;

	if (!dir_may_serve(state) && state != DIR_RETIRED) {
		fail(l, a, want, ERR_NOT_FOUND, "there is no such adapter");
		return true;
	}
	if (want.state == WANT_IN && place_is_told(l, a, want.place))
		return false;
	if ((j = prepare(l, a, want)) == NULL)
		return true;
	if (want.state == WANT_IN)
		say(l, a,
		    (struct place_word){ want.gen, HAVE_LOADING, want.class,
			want.place });
	atomic_store(&j->early, early);
	l->job[a] = j;
	l->njobs++;
	ld_work_put(l->work, j);
	return true;
}

/* Steps under way may still read it: they have read wrong bytes so far, and each
 * becomes right.  New ones wait for RESIDENT. */
void
ld_load_again(struct ld *l, uint32_t a)
{
	struct place_word want = word_load_place(&l->w.want[a]);
	struct place_word have = word_load_place(&l->w.have[a]);

	if (have.gen == want.gen && have.state == HAVE_RESIDENT &&
	    want.state == WANT_IN)
		(void)start(l, a, want, false);
}

/* A7: false while a copy is under way. */
static bool
withdraw(struct ld *l, uint32_t a)
{
	if (l->job[a] == NULL)
		return true;
	if (!ld_work_cancel(l->job[a]))
		return false;
	l->job[a] = NULL;
	return true;
}

static void
at_rest(struct ld *l, uint32_t a, uint32_t gen)
{
	say(l, a,
	    (struct place_word){ gen,
		store_has(&l->store, a) ? HAVE_HOST : HAVE_ABSENT, 0, 0 });
}

/* What a dead loader was copying to the GPU may still be copied, for a moment:
 * that place is left alone, and not called free. */
static bool
is_quiet(const struct ld *l, uint32_t a, struct place_word have, nsec now)
{
	return have.state == HAVE_LOADING && l->job[a] == NULL &&
	    now < l->quiet_until;
}

bool
ld_look(struct ld *l, uint32_t a, bool early, nsec now)
{
	struct place_word want = word_load_place(&l->w.want[a]);
	struct place_word have = word_load_place(&l->w.have[a]);

	if (is_quiet(l, a, have, now))
		return false;
	if (have.gen == want.gen) {
		if (have.state == HAVE_LOADING && l->job[a] == NULL &&
		    want.state == WANT_IN)
			return start(l, a, want, early);
		return false;
	}
	if (l->job[a] != NULL && l->job[a]->gen == want.gen)
		return false; /* WANT_HOST: it is being read */
	if (!withdraw(l, a))
		return false;
	if (want.state == WANT_IN ||
	    (want.state == WANT_HOST && !store_has(&l->store, a)))
		return start(l, a, want, early);
	at_rest(l, a, want.gen);
	return true;
}

/* A3, of a job whose command still stands. */
static void
there(struct ld *l, struct ld_job *j, nsec now)
{
	uint32_t a = j->adapter;
	struct place_word want = word_load_place(&l->w.want[a]);
	struct dir_info *info = &l->w.info[a];

	if (want.gen != j->gen)
		return;
	if (j->error != 0) {
		fail(l, a, want, j->error, j->reason);
		/* What these files hold will not load at another time. */
		if (j->was_read &&
		    (j->error == ERR_FORMAT || j->error == ERR_UNSUPPORTED) &&
		    dir_may_serve(ld_state(l, a)))
			ld_set_state(l, a, DIR_BROKEN);
		return;
	}
	memcpy(info->digest, j->digest, sizeof(info->digest));
	ld_reason_clear(l, a);
	info->loaded_ns = now;
	info->sum = j->sum;
	if (j->copy) {
		ld_add(&l->w.meters->loads, 1);
		ld_add(&l->w.meters->load_bytes, j->bytes);
		ld_note_times(info, j);
		say(l, a,
		    (struct place_word){ want.gen, HAVE_RESIDENT, want.class,
			want.place });
		ld_note_loaded(l, j);
	} else {
		say(l, a, (struct place_word){ want.gen, HAVE_HOST, 0, 0 });
	}
}

/* The image of a room: what a job brought is kept, unless it was cancelled, for then
 * its entry may be another's by now. */
static void
keep_room(struct ld *l, struct ld_job *j, bool attached, nsec now)
{
	if (j->room == LD_NOBODY)
		return;
	if (!j->kept)
		rooms_leave(&l->store.rooms, j->room, NULL, j->bytes);
	else if (attached && j->whole)
		store_put(&l->store, j->adapter, j->image, j->bytes, j->room,
		    now);
	else
		rooms_leave(&l->store.rooms, j->room, j->image, j->bytes);
	if (j->kept)
		j->image = NULL;
}

static void
keep(struct ld *l, struct ld_job *j, bool attached, nsec now)
{
	struct store_image *image = &l->store.image[j->adapter];

	if (j->was_read)
		ld_add(&l->w.meters->disk_reads, 1);
	if (j->pinned) {
		image->unproved &= j->error != 0;
		store_unpin(&l->store, j->adapter);
	}
	if (j->spoiled) {
		log_warn("an adapter's packed copy was damaged; it was read "
			 "again adapter=%s",
		    j->name);
		store_drop(&l->store, j->adapter);
	}
	keep_room(l, j, attached, now);
	ld_note_sums(l);
}

void
ld_hasten(struct ld *l, uint32_t a)
{
	if (l->job[a] != NULL)
		ld_work_hasten(l->work, l->job[a]);
}

/* Its file hangs, maybe for ever: who waits for it is told, and the thread is let
 * go when it comes back. */
static void
give_up(struct ld *l, struct ld_job *j)
{
	struct place_word want;
	char why[DIR_REASON_MAX];

	/* It may have read them since: then it only has to be copied. */
	if (!ld_work_give_up(j) || l->job[j->adapter] != j)
		return;
	l->job[j->adapter] = NULL;
	want = word_load_place(&l->w.want[j->adapter]);
	if (want.gen != j->gen || j->prove)
		return;
	snprintf(why, sizeof(why),
	    "its files could not be read within %.1f s "
	    "(loader.deadline_ms): look at the disk, then load it again",
	    clock_ms(l->w.deadline_ns) / 1000);
	fail(l, j->adapter, want, ERR_IO, why);
}

void
ld_end_late(struct ld *l, nsec now)
{
	struct ld_job *j;

	for (int i = 0; i < LATE_MAX &&
	     (j = ld_work_late(l->work, now - l->w.deadline_ns)) != NULL;
	     i++)
		give_up(l, j);
}

bool
ld_finish(struct ld *l, nsec now)
{
	struct ld_job *j = ld_work_take(l->work);
	bool attached;

	if (j == NULL)
		return false;
	attached = l->job[j->adapter] == j;
	keep(l, j, attached, now);
	if (j->prove)
		ld_proof_take(l, j, attached);
	else if (attached) {
		l->job[j->adapter] = NULL;
		there(l, j, now);
		(void)ld_look(l, j->adapter, false, now);
	}
	ld_job_free(j);
	l->njobs--;
	return true;
}
