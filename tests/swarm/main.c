/* Thousands of worlds, on all processors this may use; the first breach is
 * printed whole.
 *
 *	swarm SEEDS [FROM [all]]	all: a line for each breach, and go on */
#include "tests/swarm/world.h"

#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 256
#define TWICE 10 /* every so many worlds are run again */
#define BREACH_MAX 24576

struct tally {
	uint64_t worlds, twice, breaches;
	uint64_t requests, denied, left, steps, tokens, loads, evictions;
	uint64_t squashed, bypassed, promoted;
	double late_share;
	uint64_t latest; /* seed of that */
};

struct worker {
	pid_t pid;
	_Atomic uint64_t seed; /* at work on it */
	struct tally tally;
	uint64_t breach_seed;
	char breach[BREACH_MAX];
};

/* What all processes see.  From `stop` on no world is begun. */
struct board {
	_Atomic uint64_t next, stop, done;
	uint64_t from, end;
	bool all;
	int nworkers;
	struct worker worker[WORKERS_MAX];
};

static void
count(struct tally *t, const struct swarm *w, const struct sim_result *r)
{
	const struct sim_setup *u = swarm_setup(w);

	for (uint64_t i = 0; i < u->work->n; i++) {
		t->left += r->outcomes[i].failed == SIM_LEFT;
		t->denied += r->outcomes[i].failed > 0 &&
		    r->outcomes[i].failed != SIM_LEFT;
	}
	t->worlds++;
	t->requests += u->work->n;
	t->steps += r->steps;
	t->tokens += r->tokens;
	t->loads += r->loads;
	t->evictions += r->evictions;
	t->squashed += r->squashed;
	t->bypassed += r->bypassed;
	t->promoted += r->promoted;
	if (t->late_share < r->late_share) {
		t->late_share = r->late_share;
		t->latest = u->seed;
	}
}

static void
add(struct tally *t, const struct tally *more)
{
	t->worlds += more->worlds;
	t->twice += more->twice;
	t->breaches += more->breaches;
	t->requests += more->requests;
	t->denied += more->denied;
	t->left += more->left;
	t->steps += more->steps;
	t->tokens += more->tokens;
	t->loads += more->loads;
	t->evictions += more->evictions;
	t->squashed += more->squashed;
	t->bypassed += more->bypassed;
	t->promoted += more->promoted;
	if (t->late_share < more->late_share) {
		t->late_share = more->late_share;
		t->latest = more->latest;
	}
}

/* Of all breaches that of the lowest seed is told. */
static void
stop_at(struct board *b, struct worker *me, uint64_t seed)
{
	uint64_t stop = atomic_load(&b->stop);

	me->breach_seed = seed;
	while (
	    seed < stop && !atomic_compare_exchange_weak(&b->stop, &stop, seed))
		;
}

static void
breached(struct board *b, struct worker *me, const struct swarm *w,
    const struct sim_result *r)
{
	uint64_t seed = swarm_setup(w)->seed;
	FILE *f;

	me->tally.breaches++;
	if (b->all) {
		printf("swarm: %.*s\n", (int)strcspn(r->breach, "\n"),
		    r->breach);
		fflush(stdout);
		return;
	}
	f = fmemopen(me->breach, sizeof(me->breach) - 1, "w");
	if (f != NULL) {
		swarm_print(w, f);
		fprintf(f, "%s\n", r->breach);
		fclose(f);
	}
	stop_at(b, me, seed);
}

static void
one_world(struct board *b, struct worker *me, uint64_t seed)
{
	struct swarm *w = swarm_open(seed);
	struct sim_result r;

	if (w == NULL)
		_exit(1);
	swarm_run(w, &r);
	if (*r.breach == '\0' && seed % TWICE == 0) {
		swarm_again(w, &r);
		me->tally.twice++;
	}
	if (*r.breach != '\0')
		breached(b, me, w, &r);
	if (r.outcomes != NULL)
		count(&me->tally, w, &r);
	sim_result_free(&r);
	swarm_close(w);
}

static void
work(struct board *b, struct worker *me)
{
	uint64_t seed;

	while ((seed = atomic_fetch_add(&b->next, 1)) < b->end &&
	    seed < atomic_load(&b->stop)) {
		atomic_store(&me->seed, seed);
		one_world(b, me, seed);
		atomic_fetch_add(&b->done, 1);
	}
	_exit(0);
}

static void
progress(const struct board *b)
{
	static uint64_t tenths;
	uint64_t n = b->end - b->from, done = atomic_load(&b->done);

	if (n < 1000 || done * 10 / n == tenths)
		return;
	tenths = done * 10 / n;
	printf("  swarm   %" PRIu64 " of %" PRIu64 " worlds\n", done, n);
	fflush(stdout);
}

/* A worker that dies takes its world with it. */
static void
mourn(struct board *b, pid_t pid, int status)
{
	for (int i = 0; i < b->nworkers; i++) {
		struct worker *w = &b->worker[i];
		uint64_t seed = atomic_load(&w->seed);

		if (w->pid != pid || status == 0)
			continue;
		w->tally.breaches++;
		snprintf(w->breach, sizeof(w->breach),
		    "seed %" PRIu64 ": the process died, status %d\n", seed,
		    status);
		stop_at(b, w, seed);
	}
}

static void
await(struct board *b)
{
	int status, left = b->nworkers;

	while (left > 0) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			mourn(b, pid, status);
			left--;
		} else {
			usleep(20000);
		}
		progress(b);
	}
}

static void
fork_all(struct board *b)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) :
							       1;

	fflush(NULL);
	for (n = n < WORKERS_MAX ? n : WORKERS_MAX; n > 0; n--) {
		struct worker *w = &b->worker[b->nworkers];

		w->pid = fork();
		if (w->pid == 0)
			work(b, w);
		b->nworkers += w->pid > 0;
	}
}

static void
sum_up(const struct board *b, const struct tally *t)
{
	printf("swarm: %" PRIu64 " worlds from seed %" PRIu64 ", %" PRIu64
	       " of them twice; %" PRIu64 " breaches\n"
	       "  %" PRIu64 " requests: %" PRIu64 " denied, %" PRIu64
	       " left; %" PRIu64 " tokens in %" PRIu64 " steps\n"
	       "  %" PRIu64 " loads, %" PRIu64 " evictions, %" PRIu64
	       " squashes, %" PRIu64 " bypasses, %" PRIu64 " promotions\n",
	    t->worlds, b->from, t->twice, t->breaches, t->requests, t->denied,
	    t->left, t->tokens, t->steps, t->loads, t->evictions, t->squashed,
	    t->bypassed, t->promoted);
	printf("  longest wait past an age limit: %.0f %% of its bound, seed "
	       "%" PRIu64 "\n",
	    100 * t->late_share, t->latest);
}

static int
report(const struct board *b)
{
	uint64_t stop = atomic_load(&b->stop);
	struct tally t = { 0 };

	for (int i = 0; i < b->nworkers; i++) {
		const struct worker *w = &b->worker[i];

		add(&t, &w->tally);
		if (w->breach[0] != '\0' && w->breach_seed == stop)
			printf("%smake swarm SEEDS=1 FROM=%" PRIu64
			       " runs it again\n",
			    w->breach, stop);
	}
	sum_up(b, &t);
	return t.breaches > 0 || t.worlds == 0;
}

int
main(int argc, char **argv)
{
	struct board *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED || argc < 2)
		return 1;
	b->from = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	b->end = b->from + strtoull(argv[1], NULL, 10);
	b->all = argc > 3 && strcmp(argv[3], "all") == 0;
	atomic_store(&b->next, b->from);
	atomic_store(&b->stop, UINT64_MAX);
	fork_all(b);
	await(b);
	return report(b);
}
