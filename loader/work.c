/* The workers: a queue in, a queue out, a bounded number of threads. */
#include "loader/ld.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

struct queue {
	struct ld_job *head, **tail;
};

struct ld_work {
	const struct ld_world *w;
	struct ld_link *link;
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct queue in, out;
	bool stop;
	uint32_t nthreads;
	pthread_t thread[];
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

/* The next job; NULL: the end. */
static struct ld_job *
next_job(struct ld_work *k)
{
	struct ld_job *j = NULL;

	pthread_mutex_lock(&k->lock);
	while (!k->stop && (j = first(&k->in)) == NULL)
		pthread_cond_wait(&k->some, &k->lock);
	pthread_mutex_unlock(&k->lock);
	return j;
}

static void
do_job(struct ld_work *k, struct ld_job *j)
{
	/* Each time, for the directory may have been replaced. */
	int fd = open(k->w->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ld_pack(k->w, k->link, fd, j);
	if (fd >= 0)
		close(fd);
}

static void *
work(void *arg)
{
	struct ld_work *k = arg;
	struct ld_job *j;

	while ((j = next_job(k)) != NULL) {
		do_job(k, j);
		pthread_mutex_lock(&k->lock);
		append(&k->out, j);
		pthread_mutex_unlock(&k->lock);
		if (k->w->bell != NULL)
			bell_ring(k->w->bell);
	}
	return NULL;
}

int
ld_work_open(struct ld_work **out, const struct ld_world *w)
{
	struct ld_work *k = calloc(1,
	    sizeof(*k) + w->threads * sizeof(pthread_t));
	int e;

	if (k == NULL)
		return err_set(ERR_MEMORY, "no memory for %u threads",
		    w->threads);
	if ((e = ld_link_open(&k->link, w)) != 0) {
		free(k);
		return e;
	}
	k->w = w;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->some, NULL);
	k->in.tail = &k->in.head;
	k->out.tail = &k->out.head;
	for (; k->nthreads < w->threads; k->nthreads++)
		if (pthread_create(&k->thread[k->nthreads], NULL, work, k) != 0)
			break;
	if (k->nthreads == 0) {
		ld_work_close(k);
		return err_set(ERR_IO, "no thread can be started");
	}
	*out = k;
	return 0;
}

void
ld_job_free(struct ld_job *j)
{
	free(j->page);
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
		pthread_join(k->thread[i], NULL);
	while ((j = first(&k->in)) != NULL || (j = first(&k->out)) != NULL)
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
	append(&k->in, j);
	pthread_cond_signal(&k->some);
	pthread_mutex_unlock(&k->lock);
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

/* One that copies goes on to its end, soon. */
bool
ld_work_cancel(struct ld_job *j)
{
	int state = atomic_load(&j->state);

	while (state == JOB_QUEUED || state == JOB_READING)
		if (atomic_compare_exchange_strong(&j->state, &state,
			JOB_CANCELLED))
			return true;
	if (state == JOB_COPYING)
		(void)atomic_compare_exchange_strong(&j->state, &state,
		    JOB_LEAVING);
	return state == JOB_CANCELLED;
}
