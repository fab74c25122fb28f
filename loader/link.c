/* The link to the device: who copies, and, where a slower one is emulated, when.
 *
 * What somebody waits for goes before what is brought early; whoever asked first
 * has it first, since a worker that has just let it go and asks at once would else
 * overtake those that have yet to wake up, over and over.  An early copy gives way
 * between two of its parts.
 *
 * A real link has room for several: the early ones alone wait, for all others.  An
 * emulated one is one server.  A copy has it for link_copies * bytes /
 * link_bytes_per_s of real time: the bytes are copied at once, and what that did
 * not take is slept.  A copy that had to wait begins where the one before it ended,
 * not when its thread woke up, so that a busy link has the rate that is asked for. */
#include "loader/ld.h"

#include <stdlib.h>

#include "base/err.h"

#define NAP_NS (5 * MILLISECOND) /* between two looks for a cancellation */

/* One that waits, in its own frame, in the order of coming. */
struct waiter {
	struct waiter *next;
	const struct ld_job *job;
};

struct ld_link {
	uint64_t bytes_per_s; /* 0: no emulation */
	uint32_t copies;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	uint32_t taken; /* by so many */
	struct waiter *first, **last;
	nsec free_ns; /* when the last copy left it */
};

int
ld_link_open(struct ld_link **out, const struct ld_world *w)
{
	struct ld_link *k = calloc(1, sizeof(*k));
	pthread_condattr_t attr;

	if (k == NULL)
		return err_set(ERR_MEMORY, "no memory for the link");
	k->bytes_per_s = w->link_bytes_per_s;
	k->copies = w->link_copies;
	k->last = &k->first;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->freed, &attr);
	pthread_condattr_destroy(&attr);
	*out = k;
	return 0;
}

void
ld_link_close(struct ld_link *k)
{
	if (k == NULL)
		return;
	pthread_cond_destroy(&k->freed);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static void
leave(struct ld_link *k, const struct waiter *me)
{
	struct waiter **at = &k->first;

	while (*at != me)
		at = &(*at)->next;
	*at = me->next;
	if (*at == NULL)
		k->last = at;
	pthread_cond_broadcast(&k->freed); /* another may be first now */
}

/* With the lock. */
static void
nap(struct ld_link *k)
{
	nsec until = clock_mono() + NAP_NS;
	struct timespec ts = { until / SECOND, until % SECOND };

	pthread_cond_timedwait(&k->freed, &k->lock, &ts);
}

/* An early one may be wanted at once by now: its flag is looked at each time. */
static const struct waiter *
next(const struct ld_link *k)
{
	const struct waiter *w = k->first;

	while (w != NULL && atomic_load(&w->job->early))
		w = w->next;
	return w != NULL ? w : k->first;
}

static bool
may_have(const struct ld_link *k, const struct waiter *me)
{
	if (k->bytes_per_s == 0 && !atomic_load(&me->job->early))
		return true;
	return k->taken == 0 && next(k) == me;
}

bool
ld_link_take(struct ld_link *k, struct ld_job *j)
{
	nsec asked = clock_mono();
	struct waiter me = { NULL, j };
	bool mine;

	j->pass.base_ns = asked;
	j->pass.base_at = j->pass.at;
	pthread_mutex_lock(&k->lock);
	*k->last = &me;
	k->last = &me.next;
	while (!may_have(k, &me) && ld_wanted(j))
		nap(k);
	mine = may_have(k, &me);
	leave(k, &me);
	k->taken += mine;
	if (mine && k->bytes_per_s > 0 && k->free_ns > asked)
		j->pass.base_ns = k->free_ns;
	else if (mine && k->bytes_per_s == 0)
		j->pass.base_ns = clock_mono();
	pthread_mutex_unlock(&k->lock);
	if (j->pass.begin_ns == 0)
		j->pass.begin_ns = j->pass.base_ns;
	return mine;
}

uint32_t
ld_link_times(const struct ld_link *k)
{
	return k->bytes_per_s == 0 ? k->copies : 1;
}

/* As a double: bytes times nanoseconds are over 64 bits. */
static nsec
length(const struct ld_link *k, uint64_t bytes)
{
	double s = (double)bytes * k->copies / (double)k->bytes_per_s;

	return s < 1e9 ? (nsec)(s * 1e9) + 1 : SECOND * (nsec)1e9;
}

/* Memory may be the slower of the two. */
static bool
pass_time(const struct ld_link *k, struct ld_job *j)
{
	nsec now = clock_mono(), until;

	j->pass.end_ns = now;
	if (k->bytes_per_s == 0)
		return ld_wanted(j);
	until = j->pass.base_ns + length(k, j->pass.at - j->pass.base_at);
	if (until < now)
		until = now;
	for (; now < until && ld_wanted(j); now = clock_mono())
		clock_sleep(until - now < NAP_NS ? until - now : NAP_NS);
	j->pass.end_ns = now < until ? now : until;
	return now >= until;
}

/* Somebody waits whom an early copy lets by. */
static bool
gives_way(struct ld_link *k, const struct ld_job *j)
{
	const struct waiter *first;
	bool way;

	if (!atomic_load(&j->early))
		return false;
	pthread_mutex_lock(&k->lock);
	first = next(k);
	way = first != NULL && !atomic_load(&first->job->early);
	way |= k->bytes_per_s == 0 && k->taken > 1;
	pthread_mutex_unlock(&k->lock);
	return way;
}

void
ld_link_leave(struct ld_link *k, struct ld_job *j)
{
	pthread_mutex_lock(&k->lock);
	k->free_ns = j->pass.end_ns;
	k->taken--;
	pthread_cond_broadcast(&k->freed);
	pthread_mutex_unlock(&k->lock);
}

bool
ld_link_pass(struct ld_link *k, struct ld_job *j, uint64_t at)
{
	j->pass.at = at;
	if (!pass_time(k, j)) {
		ld_link_leave(k, j);
		return false;
	}
	if (at == j->bytes || !gives_way(k, j))
		return true;
	ld_link_leave(k, j);
	return ld_link_take(k, j);
}
