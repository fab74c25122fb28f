/* Promises of the turn in policy/admit.h: the batches of the paper's Algorithm
 * 1, and an account that is always right. */
#include "policy/admit.h"

#include <check.h>
#include <string.h>

#include "base/rng.h"

Suite *suite_admit_turn(void);

#define WAITING 8 /* at most, in one queue */
#define RUNNING 64

/* Who waits in a queue, by cost; one without room finds no memory. */
struct line {
	int n, at;
	struct {
		int64_t cost;
		bool no_room;
	} who[WAITING];
};

struct world {
	int n;
	int64_t available[CUTS_CLASSES_MAX];
	struct line line[CUTS_CLASSES_MAX];
	char batch[CUTS_CLASSES_MAX * WAITING + 1]; /* "0012": by queue */
	int64_t charge[CUTS_CLASSES_MAX * WAITING][CUTS_CLASSES_MAX];
	int admitted;
};

static bool
waits(const struct world *w, int q)
{
	return w->line[q].at < w->line[q].n;
}

static void
admit(struct world *w, int q)
{
	w->batch[w->admitted++] = (char)('0' + q);
	w->line[q].at++;
}

/* The turn as its owner walks it. */
static void
walk(struct world *w)
{
	struct admit_head head[CUTS_CLASSES_MAX];
	struct admit_turn t;
	int q;

	admit_begin(&t, w->available, w->n);
	for (;;) {
		for (int i = 0; i < w->n; i++)
			head[i] = (struct admit_head){ waits(w, i),
				waits(w, i) ?
				    w->line[i].who[w->line[i].at].cost :
				    0 };
		if ((q = admit_next(&t, head)) < 0)
			return;
		if (w->line[q].who[w->line[q].at].no_room) {
			admit_left(&t, q);
			continue;
		}
		admit_took(&t, q, head[q].cost, w->charge[w->admitted]);
		admit(w, q);
	}
}

/* The trivially right twin, as the paper writes it. */
static int64_t
take(struct world *w, int q, int64_t budget)
{
	int64_t used = 0;

	while (waits(w, q)) {
		struct line *l = &w->line[q];

		if (l->who[l->at].no_room || l->who[l->at].cost > budget - used)
			break;
		used += l->who[l->at].cost;
		admit(w, q);
	}
	return used;
}

/* Returns what is spare at the end. */
static int64_t
twin(struct world *w, bool *lent)
{
	int64_t spare = 0;

	for (int q = 0; q < w->n; q++) {
		w->available[q] -= take(w, q, w->available[q]);
		lent[q] = !waits(w, q);
		if (lent[q] && w->available[q] > 0)
			spare += w->available[q];
	}
	for (int q = 0; q < w->n && spare > 0; q++)
		spare -= take(w, q, spare);
	return spare;
}

/* Both, from the same start: the same batch, the same tokens left. */
static void
compare(const struct world *start)
{
	struct world real = *start, right = *start;
	bool lent[CUTS_CLASSES_MAX];
	int64_t spare = twin(&right, lent), left = 0;

	walk(&real);
	ck_assert_str_eq(real.batch, right.batch);
	for (int q = 0; q < start->n; q++) {
		int64_t paid = 0;

		for (int i = 0; i < real.admitted; i++)
			paid += real.charge[i][q];
		ck_assert(real.available[q] + paid == start->available[q]);
		if (!lent[q])
			ck_assert(real.available[q] == right.available[q]);
		else if (real.available[q] > 0)
			left += real.available[q];
	}
	ck_assert(left == spare);
}

static const struct {
	int64_t available[3];
	int64_t cost[3][5]; /* waiting; 0 ends */
	const char *batch;
	int64_t left[3], last[3]; /* last: who paid for the last one */
} paper[] = {
	/* a: no spare */
	{ { 30, 40, 60 }, { { 10, 10, 10, 10 }, { 20, 20, 20 }, { 60, 60 } },
	    "000112", { 0, 0, 0 }, { 0, 0, 60 } },
	/* b: the middle one lends */
	{ { 30, 40, 60 }, { { 10, 10, 10, 10 }, { 20 }, { 60, 30 } }, "000120",
	    { 0, 10, 0 }, { 0, 10, 0 } },
	/* c: a blocked head keeps its queue's last 20 */
	{ { 30, 40, 60 }, { { 10, 10, 10, 10, 10 }, { 20, 30 }, { 0 } },
	    "0001001", { 0, 20, 10 }, { 0, 0, 30 } },
	/* d: only the last waits, two pay for its second */
	{ { 30, 40, 60 }, { { 0 }, { 0 }, { 60, 60, 60 } }, "22", { 0, 10, 0 },
	    { 30, 30, 0 } },
};

static void
set(struct world *w, int q, const int64_t *cost, int n)
{
	for (; w->line[q].n < n && cost[w->line[q].n] > 0; w->line[q].n++)
		w->line[q].who[w->line[q].n].cost = cost[w->line[q].n];
}

START_TEST(batches_are_those_of_the_paper)
{
	struct world w = { .n = 3 };

	for (int q = 0; q < 3; q++) {
		w.available[q] = paper[_i].available[q];
		set(&w, q, paper[_i].cost[q], 5);
	}
	compare(&w);
	walk(&w);
	ck_assert_str_eq(w.batch, paper[_i].batch);
	for (int q = 0; q < 3; q++) {
		ck_assert_int_eq(w.available[q], paper[_i].left[q]);
		ck_assert_int_eq(w.charge[w.admitted - 1][q],
		    paper[_i].last[q]);
	}
}
END_TEST

/* It had the 20 of its own account left, which a third could have used. */
START_TEST(a_queue_that_runs_empty_on_a_loan_does_not_lend)
{
	struct world w = { .n = 3, .available = { 100, 20, 0 } };

	set(&w, 1, (int64_t[]){ 90 }, 1);
	set(&w, 2, (int64_t[]){ 25 }, 1);
	walk(&w);
	ck_assert_str_eq(w.batch, "1");
	ck_assert_int_eq(w.available[0], 10);
	ck_assert_int_eq(w.available[1], 20);
}
END_TEST

START_TEST(an_account_below_zero_lends_and_admits_nothing)
{
	struct world w = { .n = 3, .available = { -50, -1, 40 } };

	set(&w, 1, (int64_t[]){ 30, 20 }, 2);
	walk(&w);
	ck_assert_str_eq(w.batch, "1");
	ck_assert_int_eq(w.available[0], -50);
	ck_assert_int_eq(w.available[2], 10);
}
END_TEST

START_TEST(one_without_memory_is_not_asked_again_in_the_turn)
{
	struct world w = { .n = 2, .available = { 10, 90 } };

	set(&w, 0, (int64_t[]){ 10, 10 }, 2);
	w.line[0].who[0].no_room = true;
	walk(&w);
	ck_assert_str_eq(w.batch, "");
	ck_assert_int_eq(w.available[0], 10);
}
END_TEST

/* Three queues of n[] requests, their costs and accounts as the code says. */
static struct world
decode(const int *n, int code)
{
	static const int64_t costs[] = { 1, 2, 4 }, has[] = { 1, 3, 6 };
	struct world w = { .n = 3 };

	for (int q = 0; q < 3; q++, code /= 3)
		w.available[q] = has[code % 3];
	for (int q = 0; q < 3; q++)
		for (; w.line[q].n < n[q]; w.line[q].n++, code /= 3)
			w.line[q].who[w.line[q].n].cost = costs[code % 3];
	return w;
}

/* All ways to have up to six waiting in three queues; _i in the first. */
START_TEST(small_worlds_are_all_as_the_twin_says)
{
	for (int code = 0; code < 49; code++) {
		int n[3] = { _i, code % 7, code / 7 }, ways = 27;

		if (n[0] + n[1] + n[2] > 6)
			continue;
		for (int i = 0; i < n[0] + n[1] + n[2]; i++)
			ways *= 3;
		for (int way = 0; way < ways; way++) {
			struct world w = decode(n, way);

			compare(&w);
		}
	}
}
END_TEST

static void
draw(struct rng *r, struct world *w)
{
	int most = 1 + (int)rng_below(r, 60);

	*w = (struct world){ .n = 1 + (int)rng_below(r, CUTS_CLASSES_MAX) };
	for (int q = 0; q < w->n; q++) {
		w->available[q] = (int64_t)rng_below(r, 140) - 20;
		w->line[q].n = (int)rng_below(r, WAITING + 1);
		for (int i = 0; i < w->line[q].n; i++) {
			w->line[q].who[i].cost = 1 +
			    (int64_t)rng_below(r, (uint64_t)most);
			w->line[q].who[i].no_room = rng_below(r, 16) == 0;
		}
	}
}

START_TEST(random_worlds_are_as_the_twin_says)
{
	struct world w;
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int round = 0; round < 5000; round++) {
		draw(&r, &w);
		compare(&w);
	}
}
END_TEST

/* Requests that run, with what each queue paid for them. */
static int64_t running[RUNNING][CUTS_CLASSES_MAX];

static void
end_some(struct rng *r, struct world *w, int *n)
{
	for (int i = 0; i < *n;) {
		if (rng_below(r, 3) != 0 && *n < RUNNING / 2) {
			i++;
			continue;
		}
		for (int q = 0; q < w->n; q++)
			w->available[q] += running[i][q];
		memcpy(running[i], running[--*n], sizeof(running[i]));
	}
}

/* Quotas that change while loans are out leave accounts below zero. */
static void
change(struct rng *r, struct world *w, int64_t *quota)
{
	for (int q = 0; q < w->n; q++) {
		int64_t now = (int64_t)rng_below(r, 120);

		w->available[q] += now - quota[q];
		quota[q] = now;
	}
}

static void
check_account(const struct world *w, const int64_t *quota, int n)
{
	for (int q = 0; q < w->n; q++) {
		int64_t charged = 0;

		for (int i = 0; i < n; i++)
			charged += running[i][q];
		ck_assert(w->available[q] + charged == quota[q]);
	}
}

START_TEST(available_and_charged_are_the_quota_at_all_times)
{
	int64_t quota[CUTS_CLASSES_MAX] = { 0 };
	struct world w = { 0 };
	struct rng r;
	int n = 0;

	rng_seed(&r, (uint64_t)_i);
	for (int turn = 0; turn < 5000; turn++) {
		struct world next;

		do
			draw(&r, &next);
		while (next.n != 1 + _i % CUTS_CLASSES_MAX);
		memcpy(next.available, w.available, sizeof(w.available));
		w = next;
		if (rng_below(&r, 10) == 0 || turn == 0)
			change(&r, &w, quota);
		memcpy(next.available, w.available, sizeof(w.available));
		walk(&w);
		for (int i = 0; i < w.admitted && n < RUNNING; i++)
			memcpy(running[n++], w.charge[i], sizeof(running[0]));
		check_account(&w, quota, n);
		for (int q = 0; q < w.n; q++)
			ck_assert(w.available[q] == next.available[q] ||
			    w.available[q] >= 0);
		end_some(&r, &w, &n);
		check_account(&w, quota, n);
	}
}
END_TEST

Suite *
suite_admit_turn(void)
{
	Suite *s = suite_create("admit_turn");
	TCase *c = tcase_create("admit_turn");

	tcase_add_loop_test(c, batches_are_those_of_the_paper, 0, 4);
	tcase_add_test(c, a_queue_that_runs_empty_on_a_loan_does_not_lend);
	tcase_add_test(c, an_account_below_zero_lends_and_admits_nothing);
	tcase_add_test(c, one_without_memory_is_not_asked_again_in_the_turn);
	tcase_add_loop_test(c, small_worlds_are_all_as_the_twin_says, 0, 7);
	tcase_add_loop_test(c, random_worlds_are_as_the_twin_says, 0, 4);
	tcase_add_loop_test(c, available_and_charged_are_the_quota_at_all_times,
	    0, 4);
	suite_add_tcase(s, c);
	return s;
}
