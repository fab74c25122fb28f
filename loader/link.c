/* The link to the device, when one is emulated: one server for all workers.
 *
 * Whoever asks first has it first: a worker that has just let it go and asks at
 * once would else overtake those that have yet to wake up, over and over.  A
 * copy has the link for link_copies * bytes / link_bytes_per_s of real time.
 * The bytes are copied at once, and what that did not take is slept.  A copy
 * that had to wait begins where the one before it ended, not when its thread
 * woke up, so that a busy link has the rate that is asked for. */
#include "loader/ld.h"

#include <stdlib.h>

#include "base/err.h"

#define NAP_NS (5 * MILLISECOND) /* between two looks for a cancellation */

/* One that waits, in its own frame; the first is next. */
struct waiter {
	struct waiter *next;
};

struct ld_link {
	uint64_t bytes_per_s;
	uint32_t copies;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	bool taken;
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

bool
ld_link_take(struct ld_link *k, bool (*go_on)(void *), void *arg,
    struct ld_pass *pass)
{
	nsec asked = clock_mono();
	struct waiter me = { NULL };
	bool mine;

	pass->begin_ns = asked;
	if (k->bytes_per_s == 0)
		return true;
	pthread_mutex_lock(&k->lock);
	*k->last = &me;
	k->last = &me.next;
	while ((k->taken || k->first != &me) && go_on(arg))
		nap(k);
	mine = !k->taken && k->first == &me;
	leave(k, &me);
	k->taken = k->taken || mine;
	if (mine && k->free_ns > asked)
		pass->begin_ns = k->free_ns;
	pthread_mutex_unlock(&k->lock);
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

bool
ld_link_give(struct ld_link *k, uint64_t bytes, bool (*go_on)(void *),
    void *arg, struct ld_pass *pass)
{
	nsec now = clock_mono(), until;

	pass->end_ns = now;
	if (k->bytes_per_s == 0)
		return true;
	until = pass->begin_ns + length(k, bytes);
	if (until < now)
		until = now; /* memory is the slower of the two */
	for (; now < until && go_on(arg); now = clock_mono())
		clock_sleep(until - now < NAP_NS ? until - now : NAP_NS);
	pass->end_ns = now < until ? now : until;
	pthread_mutex_lock(&k->lock);
	k->free_ns = pass->end_ns;
	k->taken = false;
	pthread_cond_broadcast(&k->freed);
	pthread_mutex_unlock(&k->lock);
	return now >= until;
}
