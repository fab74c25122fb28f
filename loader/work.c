/* The workers: a queue in, a queue out, a bounded number of threads.
 *
 * What somebody waits for is taken before what is brought early, and one thread is
 * kept for it alone.  While all threads are busy and none gets done, as with files
 * that hang, there are more, up to SPARE_MAX: one slow file delays nobody else. */
#include "loader/ld.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"

#define SPARE_MAX 8
#define REST_MAX_NS (200 * MILLISECOND)
#define STUCK_NS (250 * MILLISECOND) /* without one that is done */

struct queue {
	struct ld_job *head, **tail;
};

struct worker {
	struct ld_work *of;
	struct ld_job *job; /* what it is at; NULL: nothing */
	pthread_t thread;
};

struct ld_work {
	const struct ld_world *w;
	const struct rooms *rooms;
	struct ld_link *link;
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct queue in, early, out;
	bool stop;
	uint32_t idle, nearly; /* threads; those at what came early */
	nsec done_ns;	       /* when the last job was over */
	uint32_t nthreads;
	struct worker worker[];
};

static void
append(struct queue *q, struct ld_job *j)
{
	j->next = NULL;
	*q->tail = j;
	q->tail = &j->next;
}

static struct ld_job *
first(struct queue *q)
{
	struct ld_job *j = q->head;

	if (j == NULL)
		return NULL;
	q->head = j->next;
	if (q->head == NULL)
		q->tail = &q->head;
	return j;
}

/* The next job; NULL: none that this thread may have. */
static struct ld_job *
choose(struct ld_work *k)
{
	struct ld_job *j = first(&k->in);

	return j != NULL || k->nearly >= k->w->threads ? j : first(&k->early);
}

/* Waits for the next job; NULL: the end. */
static struct ld_job *
next_job(struct worker *me, bool *early)
{
	struct ld_work *k = me->of;
	struct ld_job *j = NULL;

	pthread_mutex_lock(&k->lock);
	k->idle++;
	while (!k->stop && (j = choose(k)) == NULL)
		pthread_cond_wait(&k->some, &k->lock);
	k->idle--;
	if (j != NULL)
		j->taken_ns = clock_mono();
	*early = j != NULL && atomic_load(&j->early);
	k->nearly += *early;
	me->job = j;
	pthread_mutex_unlock(&k->lock);
	return j;
}

static void
do_job(struct ld_work *k, struct ld_job *j)
{
	/* Each time, for the directory may have been replaced. */
	int fd = open(k->w->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ld_pack(k->w, k->rooms, k->link, fd, j);
	if (fd >= 0)
		close(fd);
}

/* What nobody waits for takes no more than half of a thread's time, so that those who
 * compute have memory and cores; unless somebody else waits. */
static void
rest(struct ld_work *k, nsec took)
{
	nsec until = clock_mono() + (took < REST_MAX_NS ? took : REST_MAX_NS);
	struct timespec ts = { until / SECOND, until % SECOND };

	while (!k->stop && k->in.head == NULL && clock_mono() < until)
		(void)pthread_cond_timedwait(&k->some, &k->lock, &ts);
}

static void *
work(void *arg)
{
	struct worker *me = arg;
	struct ld_work *k = me->of;
	struct ld_job *j;
	bool early, calm;
	nsec took;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), (int)k->w->nice);
	while ((j = next_job(me, &early)) != NULL) {
		do_job(k, j);
		pthread_mutex_lock(&k->lock);
		me->job = NULL;
		calm = atomic_load(&j->early);
		took = clock_mono() - j->taken_ns;
		k->done_ns = clock_mono();
		append(&k->out, j);
		if (k->w->bell != NULL)
			bell_ring(k->w->bell);
		if (calm)
			rest(k, took);
		k->nearly -= early;
		if (early) /* another one may be taken */
			pthread_cond_broadcast(&k->some);
		pthread_mutex_unlock(&k->lock);
	}
	return NULL;
}

static bool
start_thread(struct ld_work *k)
{
	struct worker *me = &k->worker[k->nthreads];

	me->of = k;
	if (pthread_create(&me->thread, NULL, work, me) != 0)
		return false;
	k->nthreads++;
	return true;
}

int
ld_work_open(struct ld_work **out, const struct ld_world *w,
    const struct rooms *rooms)
{
	struct ld_work *k = calloc(1,
	    sizeof(*k) + (w->threads + 1 + SPARE_MAX) * sizeof(k->worker[0]));
	pthread_condattr_t attr;
	int e;

	if (k == NULL)
		return err_set(ERR_MEMORY, "no memory for %u threads",
		    w->threads);
	if ((e = ld_link_open(&k->link, w)) != 0) {
		free(k);
		return e;
	}
	k->w = w;
	k->rooms = rooms;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->some, &attr);
	pthread_condattr_destroy(&attr);
	k->in.tail = &k->in.head;
	k->early.tail = &k->early.head;
	k->out.tail = &k->out.head;
	while (k->nthreads < w->threads + 1 && start_thread(k))
		;
	if (k->nthreads == 0) {
		ld_work_close(k);
		return err_set(ERR_IO, "no thread can be started");
	}
	*out = k;
	return 0;
}

struct ld_job *
ld_job_new(void)
{
	struct ld_job *j = calloc(1, sizeof(*j));

	if (j != NULL)
		j->room = LD_NOBODY;
	return j;
}

void
ld_job_free(struct ld_job *j)
{
	free(j->page);
	if (j->kept && j->image != NULL)
		(void)munmap(j->image, j->bytes); /* its room is swept */
	else
		free(j->image);
	free(j);
}

void
ld_work_close(struct ld_work *k)
{
	struct ld_job *j;

	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_cond_broadcast(&k->some);
	pthread_mutex_unlock(&k->lock);
	for (uint32_t i = 0; i < k->nthreads; i++)
		pthread_join(k->worker[i].thread, NULL);
	while ((j = first(&k->in)) != NULL || (j = first(&k->early)) != NULL ||
	    (j = first(&k->out)) != NULL)
		ld_job_free(j);
	ld_link_close(k->link);
	pthread_cond_destroy(&k->some);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

void
ld_work_put(struct ld_work *k, struct ld_job *j)
{
	j->asked_ns = clock_mono();
	pthread_mutex_lock(&k->lock);
	append(atomic_load(&j->early) ? &k->early : &k->in, j);
	pthread_cond_broadcast(&k->some);
	pthread_mutex_unlock(&k->lock);
}

/* Out of a queue, wherever it is in it. */
static bool
pull(struct queue *q, const struct ld_job *j)
{
	struct ld_job **at = &q->head;

	while (*at != NULL && *at != j)
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	*at = j->next;
	if (*at == NULL)
		q->tail = at;
	return true;
}

void
ld_work_hasten(struct ld_work *k, struct ld_job *j)
{
	if (!atomic_exchange(&j->early, false))
		return;
	pthread_mutex_lock(&k->lock);
	if (pull(&k->early, j)) {
		append(&k->in, j);
		pthread_cond_broadcast(&k->some);
	}
	pthread_mutex_unlock(&k->lock);
}

/* All are at files, none at the link, which moves. */
static bool
all_read(const struct ld_work *k)
{
	for (uint32_t i = 0; i < k->nthreads; i++) {
		const struct ld_job *j = k->worker[i].job;
		int state = j == NULL ? JOB_READING : atomic_load(&j->state);

		if (state != JOB_READING && state != JOB_CANCELLED)
			return false;
	}
	return true;
}

/* Nothing has got done for so long: whoever waits for a thread is told. */
static void
end_starved(struct ld_work *k, struct queue *q, nsec since)
{
	struct ld_job *j;
	int queued;

	while ((j = q->head) != NULL && k->idle == 0 && j->asked_ns < since &&
	    k->done_ns < since && all_read(k)) {
		(void)first(q);
		queued = JOB_QUEUED;
		if (atomic_compare_exchange_strong(&j->state, &queued,
			JOB_OVER)) {
			j->error = ERR_IO;
			snprintf(j->reason, sizeof(j->reason),
			    "it waited %.1f s for a thread, all of which are "
			    "at files that cannot be read (loader.deadline_ms, "
			    "loader.threads): look at the disk, then load it "
			    "again",
			    clock_ms(k->w->deadline_ns) / 1000);
		}
		append(&k->out, j);
	}
}

void
ld_work_relieve(struct ld_work *k, nsec now)
{
	const struct ld_job *j;

	pthread_mutex_lock(&k->lock);
	j = k->in.head;
	if (j != NULL && k->idle == 0 && now - j->asked_ns > STUCK_NS &&
	    now - k->done_ns > STUCK_NS &&
	    k->nthreads < k->w->threads + 1 + SPARE_MAX) {
		k->done_ns = now;
		(void)start_thread(k);
	}
	end_starved(k, &k->in, now - k->w->deadline_ns);
	end_starved(k, &k->early, now - k->w->deadline_ns);
	pthread_mutex_unlock(&k->lock);
}

struct ld_job *
ld_work_late(struct ld_work *k, nsec since)
{
	struct ld_job *late = NULL;

	pthread_mutex_lock(&k->lock);
	for (uint32_t i = 0; i < k->nthreads && late == NULL; i++) {
		struct ld_job *j = k->worker[i].job;

		if (j != NULL && j->taken_ns < since &&
		    atomic_load(&j->state) == JOB_READING)
			late = j;
	}
	pthread_mutex_unlock(&k->lock);
	return late;
}

struct ld_job *
ld_work_take(struct ld_work *k)
{
	struct ld_job *j;

	pthread_mutex_lock(&k->lock);
	j = first(&k->out);
	pthread_mutex_unlock(&k->lock);
	return j;
}

bool
ld_work_waiting(struct ld_work *k)
{
	bool some;

	pthread_mutex_lock(&k->lock);
	some = k->out.head != NULL;
	pthread_mutex_unlock(&k->lock);
	return some;
}

bool
ld_work_give_up(struct ld_job *j)
{
	int reading = JOB_READING;

	return atomic_compare_exchange_strong(&j->state, &reading,
	    JOB_CANCELLED);
}

/* One that copies goes on to its end, soon. */
bool
ld_work_cancel(struct ld_job *j)
{
	int state = atomic_load(&j->state);

	while (
	    state == JOB_QUEUED || state == JOB_READING || state == JOB_READY)
		if (atomic_compare_exchange_strong(&j->state, &state,
			JOB_CANCELLED))
			return true;
	if (state == JOB_COPYING)
		(void)atomic_compare_exchange_strong(&j->state, &state,
		    JOB_LEAVING);
	return state == JOB_CANCELLED;
}
