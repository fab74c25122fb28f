/* The words of requests and adapters, their four writers as threads, for
 * ThreadSanitizer: payloads and the pool are plain memory, so an order that is
 * weakened, or a guard that is left out, is a race that it reports.  The
 * executor runs a step ahead of what it commits, so that fences matter.
 * docs/RECOVERY.md has the transitions, whose numbers stand here. */
#include "base/must.h"
#include "base/rng.h"
#include "shm/dir.h"
#include "shm/word.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#define SLOTS 4
#define REQUESTS 10000
#define TOKENS 5u
#define ADAPTERS 5
#define PLACES 3
#define NUMBERS 16 /* of an adapter */
#define EPOCH 1u

struct work {
	int slot;
	uint32_t gen, round;
	uint32_t adapter, want_gen, place;
};

/* Each part by its writer: frontend, scheduler, gpuexec, loader. */
static _Atomic uint64_t f[SLOTS];
static uint32_t asked[SLOTS], salt[SLOTS];
static _Atomic bool over;

static _Atomic uint64_t s[SLOTS], want[ADAPTERS];
static struct work ticket[SLOTS];

static _Atomic uint64_t x[SLOTS], launched, completed;
static uint32_t tok[SLOTS][TOKENS];

static _Atomic uint64_t have[ADAPTERS];
static uint32_t pool[PLACES][NUMBERS];

static uint32_t
mix(uint32_t a, uint32_t b)
{
	return a * 2654435761u ^ b * 40503u;
}

static bool
is(struct word w, uint32_t gen, uint32_t state)
{
	return w.gen == gen && w.state == state;
}

/* Gives others the processor at an awkward moment, now and then. */
static void
stumble(void)
{
	static _Thread_local uint32_t n;

	for (int i = 0; n % 4 == 0 && i < 20; i++)
		sched_yield();
	n++;
}

/* The frontend: 1 submit, 6 send, 7 close. -------------------------------- */

static void
submit(int i, uint32_t gen, struct rng *r)
{
	asked[i] = (uint32_t)rng_below(r, ADAPTERS);
	salt[i] = mix(gen, (uint32_t)i);
	word_store(&f[i], (struct word){ gen, F_SUB, 0, 0 });
}

/* true: all told, or the client has gone. */
static bool
told_all(int i, uint32_t gen, uint32_t *told, struct rng *r)
{
	struct word xw = word_load(&x[i]);

	if (xw.gen == gen) {
		for (; *told < xw.low; (*told)++)
			must(tok[i][*told] == mix(salt[i], *told));
		must(xw.state != X_FIN || *told == TOKENS);
	}
	return is(xw, gen, X_FIN) || rng_below(r, 2000) == 0;
}

static void *
frontend(void *arg)
{
	uint32_t told[SLOTS] = { 0 };
	int submitted = 0, open = 1;
	struct rng r;

	rng_seed(&r, 1);
	for (; submitted < REQUESTS || open > 0; sched_yield()) {
		open = 0;
		for (int i = 0; i < SLOTS; i++) {
			struct word fw = word_load(&f[i]);

			if (fw.state == F_SUB) {
				if (told_all(i, fw.gen, &told[i], &r))
					word_store(&f[i],
					    (struct word){ fw.gen, F_CLOSED, 0,
						0 });
			} else if (is(word_load(&s[i]), fw.gen, S_REL)) {
				if (submitted == REQUESTS)
					continue;
				told[i] = 0;
				submit(i, word_next_gen(fw.gen), &r);
				submitted++;
			}
			open++;
		}
	}
	atomic_store(&over, true);
	return arg;
}

/* The scheduler: 2 place, 3 hold, 9 release; A1, A4, A6. ------------------- */

struct brain {
	struct rng r;
	int live[SLOTS];   /* adapter of a live ticket, -1 */
	int waits[SLOTS];  /* adapter that is waited for, -1 */
	int owner[PLACES]; /* adapter that a want names it for, -1 */
	uint64_t fence[PLACES];
};

static bool
among(const int *list, int a)
{
	for (int i = 0; i < SLOTS; i++)
		if (list[i] == a)
			return true;
	return false;
}

/* A6, and the place of one whose end the loader has taken up. */
static void
make_room(struct brain *b)
{
	int p = (int)rng_below(&b->r, PLACES), a = b->owner[p];
	struct place_word w, h;

	if (a < 0)
		return;
	w = word_load_place(&want[a]);
	h = word_load_place(&have[a]);
	if (w.state == WANT_OUT && h.gen == w.gen)
		b->owner[p] = -1;
	if (w.state != WANT_IN || among(b->live, a) ||
	    (among(b->waits, a) && rng_below(&b->r, 32) != 0))
		return;
	b->fence[p] = atomic_load_explicit(&launched, memory_order_acquire);
	word_store_place(&want[a],
	    (struct place_word){ word_next_gen(w.gen), WANT_OUT, 0, w.place });
}

/* A1; true when a is there (A4). */
static bool
bring(struct brain *b, int a)
{
	struct place_word w = word_load_place(&want[a]);
	struct place_word h = word_load_place(&have[a]);

	if (w.state == WANT_IN)
		return h.gen == w.gen && h.state == HAVE_RESIDENT;
	if (h.gen != w.gen)
		return false;
	for (uint32_t p = 0; p < PLACES; p++)
		if (b->owner[p] == a)
			b->owner[p] = -1;
	for (uint32_t p = 0; p < PLACES; p++)
		if (b->owner[p] < 0 &&
		    atomic_load_explicit(&completed, memory_order_acquire) >=
			b->fence[p]) {
			b->owner[p] = a;
			word_store_place(&want[a],
			    (struct place_word){ word_next_gen(w.gen), WANT_IN,
				0, p });
			return false;
		}
	make_room(b);
	return false;
}

static void
place(struct brain *b, int i, uint32_t gen, uint32_t round)
{
	uint32_t a = asked[i];
	struct place_word w;

	must(a < ADAPTERS && salt[i] == mix(gen, (uint32_t)i));
	b->waits[i] = (int)a;
	if (!bring(b, (int)a))
		return;
	w = word_load_place(&want[a]);
	ticket[i] = (struct work){ i, gen, round, a, w.gen, w.place };
	b->live[i] = (int)a;
	b->waits[i] = -1;
	word_store(&s[i], (struct word){ gen, S_PLACED, round, EPOCH });
}

static void
decide(struct brain *b, int i)
{
	struct word fw = word_load(&f[i]), sw = word_load(&s[i]);
	struct word xw = word_load(&x[i]);
	bool first = sw.gen != fw.gen;
	bool acked = is(xw, fw.gen, X_FIN) ||
	    (is(sw, fw.gen, S_HELD) && is(xw, fw.gen, X_HELD) &&
		xw.round == sw.round);

	if (!first && acked)
		b->live[i] = -1;
	if (fw.state == F_CLOSED && (first || is(xw, fw.gen, X_FIN))) {
		b->waits[i] = -1;
		word_store(&s[i], (struct word){ fw.gen, S_REL, 0, 0 });
	} else if (fw.state != F_SUB || is(xw, fw.gen, X_FIN)) {
		return;
	} else if (first) {
		place(b, i, fw.gen, 1);
	} else if (sw.state == S_HELD && acked) {
		place(b, i, fw.gen, word_next_round(sw.round));
	} else if (sw.state == S_PLACED && rng_below(&b->r, 16) == 0) {
		sw.state = S_HELD;
		word_store(&s[i], sw);
	}
}

static void *
scheduler(void *arg)
{
	struct brain b = { .live = { -1, -1, -1, -1 },
		.waits = { -1, -1, -1, -1 },
		.owner = { -1, -1, -1 } };

	rng_seed(&b.r, 2);
	for (; !atomic_load(&over); sched_yield())
		for (int i = 0; i < SLOTS; i++)
			decide(&b, i);
	return arg;
}

/* The executor: 4 start, 5 token and end, 8 acknowledge; A5. --------------- */

/* true: slot i is in the next step. */
static bool
look(int i, struct work *job)
{
	struct word sw = word_load(&s[i]), fw = word_load(&f[i]);
	struct word xw = word_load(&x[i]);
	uint32_t g = fw.gen, n = xw.gen == g ? xw.low : 0;
	struct place_word h;

	if (sw.gen != g || sw.state == S_REL || is(xw, g, X_FIN))
		return false;
	if (fw.state == F_CLOSED || sw.state == S_HELD) {
		uint32_t to = fw.state == F_CLOSED ? X_FIN : X_HELD;

		if (!is(xw, g, to) || xw.round != sw.round)
			word_store(&x[i], (struct word){ g, to, sw.round, n });
		return false;
	}
	if (!is(xw, g, X_RUN) || xw.round != sw.round)
		word_store(&x[i], (struct word){ g, X_RUN, sw.round, n });
	stumble();
	*job = ticket[i];
	must(job->gen == g && job->round == sw.round);
	must(salt[i] == mix(g, (uint32_t)i));
	h = word_load_place(&have[job->adapter]);
	return h.gen == job->want_gen && h.state == HAVE_RESIDENT &&
	    h.place == job->place;
}

static void
commit(const struct work *job)
{
	struct word xw = word_load(&x[job->slot]);

	if (!is(xw, job->gen, X_RUN) || xw.round != job->round)
		return; /* it has ended or was held meanwhile */
	tok[job->slot][xw.low] = mix(salt[job->slot], xw.low);
	xw.state = ++xw.low == TOKENS ? X_FIN : X_RUN;
	word_store(&x[job->slot], xw);
}

static void *
gpuexec(void *arg)
{
	struct work now[SLOTS], before[SLOTS];
	int n = 0, nbefore = 0;

	for (uint64_t step = 1; !atomic_load(&over); step++, sched_yield()) {
		n = 0;
		for (int i = 0; i < SLOTS; i++)
			n += look(i, &now[n]);
		atomic_store_explicit(&launched, step, memory_order_release);
		for (int i = 0; i < nbefore; i++)
			commit(&before[i]);
		stumble();
		for (int i = 0; i < n; i++)
			for (uint32_t k = 0; k < NUMBERS; k++)
				must(pool[now[i].place][k] ==
				    mix(now[i].adapter + k, now[i].want_gen));
		atomic_store_explicit(&completed, step, memory_order_release);
		for (int i = 0; i < n; i++)
			before[i] = now[i];
		nbefore = n;
	}
	return arg;
}

/* The loader: A2, A3, A7. ------------------------------------------------- */

static void
obey(uint32_t a)
{
	struct place_word w = word_load_place(&want[a]);
	struct place_word h = word_load_place(&have[a]);

	if (w.gen == h.gen)
		return;
	h = (struct place_word){ w.gen, HAVE_ABSENT, 0, w.place };
	if (w.state == WANT_IN) {
		h.state = HAVE_LOADING;
		word_store_place(&have[a], h);
		for (uint32_t k = 0; k < NUMBERS; k++)
			pool[w.place][k] = mix(a + k, w.gen);
		h.state = HAVE_RESIDENT;
	}
	word_store_place(&have[a], h);
}

static void *
loader(void *arg)
{
	for (; !atomic_load(&over); sched_yield())
		for (uint32_t a = 0; a < ADAPTERS; a++)
			obey(a);
	return arg;
}

int
main(void)
{
	static void *(*const life[])(
	    void *) = { frontend, scheduler, gpuexec, loader };
	pthread_t t[4];

	/* Beside the wrap. */
	for (int i = 0; i < SLOTS; i++) {
		struct word last = { WORD_GEN_MASK - 5, F_CLOSED, 0, 0 };

		word_store(&f[i], last);
		last.state = S_REL;
		word_store(&s[i], last);
	}
	for (int i = 0; i < 4; i++)
		must(pthread_create(&t[i], NULL, life[i], NULL) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(t[i], NULL) == 0);
	printf("words: %d requests over %d adapters in %d places\n", REQUESTS,
	    ADAPTERS, PLACES);
	return 0;
}
