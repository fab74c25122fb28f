/* In which order loads are done, and what becomes of those that hang. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "loader/ld.h"
#include "tests/unit/loader_rig.h"

Suite *suite_loader_order(void);

/* A part of "large" takes seconds on the link, "small" and "other" a moment. */
static void
make_slow_link(uint32_t *large, uint32_t *small, uint32_t *other)
{
	lrig_make("large", 48, 1);
	lrig_make("small", 1, 2);
	lrig_make("other", 1, 3);
	lrig_start();
	*large = lrig_entry_of("large");
	*small = lrig_entry_of("small");
	*other = lrig_entry_of("other");
	ck_assert_uint_gt(lrig.info[*large].bytes,
	    20 * lrig.info[*small].bytes);
	ld_close(lrig.ld);
	lrig.w.link_bytes_per_s = lrig.info[*large].bytes / 6;
	lrig_start();
}

static struct word
layers_of(uint32_t a)
{
	return word_load(&lrig.layers[a]);
}

START_TEST(layers_are_told_as_they_arrive)
{
	int all = lrig.shape.layers;
	uint32_t a;

	lrig_make("a", 4, 1);
	lrig.w.link_bytes_per_s = 100000;
	lrig_start();
	a = lrig_entry_of("a");
	lrig_bring(a, 0);
	for (uint32_t low = 0; low < (uint32_t)all + 1;) {
		struct word w = layers_of(a);

		if (w.gen == word_load_place(&lrig.want[a]).gen) {
			ck_assert_uint_ge(w.low, low);
			low = w.low;
		}
		lrig_turn();
	}
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	ck_assert_uint_eq(layers_of(a).low, (uint32_t)all + 1);
	lrig_image_is_whole(a);
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_HOST));
	ck_assert_uint_ne(layers_of(a).gen, word_load_place(&lrig.want[a]).gen);
}
END_TEST

static void
out(uint32_t a)
{
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_HOST) || lrig_has(a, HAVE_ABSENT));
}

/* Its first part has crossed, the next is on the link. */
static void
begin_early(uint32_t a)
{
	uint32_t gen = word_load_place(&lrig.want[a]).gen + 1;

	lrig_bring_early(a, 0);
	WAIT_FOR(layers_of(a).gen == gen && layers_of(a).low >= 1);
}

START_TEST(what_is_waited_for_overtakes_what_is_brought_early)
{
	uint32_t large, small, other;

	make_slow_link(&large, &small, &other);
	begin_early(large);
	lrig_bring(small, 16);
	WAIT_FOR(lrig_has(small, HAVE_RESIDENT));
	ck_assert(lrig_has(large, HAVE_LOADING));
	lrig_image_is_whole(small);
	out(large);
	/* Early as well, until somebody waits for it. */
	begin_early(large);
	lrig_bring_early(other, 20);
	WAIT_FOR(lrig_has(other, HAVE_LOADING));
	lrig_hasten(other);
	WAIT_FOR(lrig_has(other, HAVE_RESIDENT));
	ck_assert(lrig_has(large, HAVE_LOADING));
	lrig_image_is_whole(other);
	out(large);
}
END_TEST

START_TEST(early_loads_leave_a_thread_for_others)
{
	static const char *const names[] = { "a", "b", "c" };
	uint32_t at[3], d;

	for (int i = 0; i < 3; i++)
		lrig_make(names[i], 2, 1 + (uint64_t)i);
	lrig_make("d", 2, 9);
	lrig_start();
	d = lrig_entry_of("d");
	lrig_bring(d, 0);
	WAIT_FOR(lrig_has(d, HAVE_RESIDENT));
	lrig_call_out(d);
	WAIT_FOR(lrig_has(d, HAVE_HOST));
	for (int i = 0; i < 3; i++)
		at[i] = lrig_entry_of(names[i]);
	ld_close(lrig.ld);
	/* With two threads, three that hang: one of them waits for a thread. */
	lrig.w.delay_ns = 3600 * SECOND;
	lrig_start();
	for (int i = 0; i < 3; i++)
		lrig_bring_early(at[i], 4 + 4 * (uint32_t)i);
	for (int i = 0; i < 3; i++)
		WAIT_FOR(lrig_has(at[i], HAVE_LOADING));
	lrig_bring(d, 0);
	WAIT_FOR(lrig_has(d, HAVE_LOADING));
	for (int i = 0; i < 3; i++)
		lrig_call_out(at[i]);
	for (int i = 0; i < 3; i++)
		WAIT_FOR(lrig_has(at[i], HAVE_ABSENT));
	lrig_call_out(d);
	WAIT_FOR(lrig_has(d, HAVE_HOST));
}
END_TEST

START_TEST(a_file_that_hangs_is_given_up_with_a_sentence)
{
	uint32_t a;

	lrig_make("a", 2, 1);
	lrig.w.delay_ns = 3600 * SECOND;
	lrig.w.deadline_ns = 20 * MILLISECOND;
	lrig_start();
	a = lrig_entry_of("a");
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_FAILED));
	ck_assert_ptr_nonnull(strstr(lrig_reason(a), "loader.deadline_ms"));
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_ABSENT));
}
END_TEST

/* Between the look for those that are late and their end it may have read them. */
START_TEST(what_has_been_read_is_not_given_up)
{
	static const enum job_state after[] = { JOB_READY, JOB_COPYING,
		JOB_LEAVING, JOB_CANCELLED, JOB_OVER };
	struct ld_job *j = ld_job_new();

	ck_assert_ptr_nonnull(j);
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		atomic_store(&j->state, after[i]);
		ck_assert(!ld_work_give_up(j));
		ck_assert_int_eq(atomic_load(&j->state), after[i]);
	}
	atomic_store(&j->state, JOB_READING);
	ck_assert(ld_work_give_up(j));
	ck_assert_int_eq(atomic_load(&j->state), JOB_CANCELLED);
	ld_job_free(j);
}
END_TEST

static struct ld_job *
hanging_job(uint32_t a)
{
	struct ld_job *j = ld_job_new();

	ck_assert_ptr_nonnull(j);
	j->adapter = a;
	j->bytes = lrig.info[a].bytes;
	j->page_bytes = CHUNK_BYTES;
	j->file_id = lrig.info[a].file_id;
	memcpy(j->name, lrig.info[a].name, sizeof(j->name));
	return j;
}

START_TEST(files_that_hang_keep_no_other_from_being_read)
{
	struct rooms rooms = { .n = 0 };
	struct ld_job *job[5];
	struct ld_work *work;
	nsec now = clock_mono();

	lrig_make("a", 2, 1);
	lrig_start();
	lrig.w.delay_ns = 3600 * SECOND;
	lrig.w.threads = 1;
	lrig.w.link_copies = 1;
	ck_assert_int_eq(ld_work_open(&work, &lrig.w, &rooms), 0);
	for (int i = 0; i < 5; i++)
		ld_work_put(work, job[i] = hanging_job(lrig_entry_of("a")));
	for (int i = 0; i < 5; i++)
		WAIT_FOR(atomic_load(&job[i]->state) == JOB_READING ||
		    (ld_work_relieve(work, now += SECOND), false));
	for (int i = 0; i < 5; i++)
		(void)ld_work_cancel(job[i]);
	ld_work_close(work);
}
END_TEST

static int
being_read(struct ld_job *const *job, int n)
{
	int reading = 0;

	for (int i = 0; i < n; i++)
		reading += atomic_load(&job[i]->state) == JOB_READING;
	return reading;
}

/* A long queue is no disk that hangs: time counts from when a thread takes it. */
START_TEST(time_in_the_queue_is_not_the_files)
{
	struct rooms rooms = { .n = 0 };
	struct ld_job *job[12], *j;
	struct ld_work *work;
	nsec now = clock_mono();
	int starved = 0;

	lrig_make("a", 2, 1);
	lrig_start();
	lrig.w.delay_ns = 3600 * SECOND;
	lrig.w.deadline_ns = 60 * SECOND;
	lrig.w.threads = 1;
	lrig.w.link_copies = 1;
	ck_assert_int_eq(ld_work_open(&work, &lrig.w, &rooms), 0);
	for (int i = 0; i < 12; i++)
		ld_work_put(work, job[i] = hanging_job(lrig_entry_of("a")));
	/* All threads that there may be, two and eight. */
	WAIT_FOR(being_read(job, 12) == 2);
	ck_assert_ptr_nonnull(ld_work_late(work, INT64_MAX));
	ck_assert_ptr_null(ld_work_late(work, now));
	for (int i = 3; i <= 10; i++) {
		ld_work_relieve(work, now += SECOND);
		WAIT_FOR(being_read(job, 12) == i);
	}
	ld_work_relieve(work, now += SECOND);
	ck_assert_ptr_null(ld_work_take(work));
	ld_work_relieve(work, now += 61 * SECOND);
	while ((j = ld_work_take(work)) != NULL) {
		starved++;
		ck_assert_int_eq(j->error, ERR_IO);
		ck_assert_ptr_nonnull(strstr(j->reason, "for a thread"));
		ld_job_free(j);
	}
	ck_assert_int_eq(starved, 2);
	for (int i = 0; i < 10; i++)
		(void)ld_work_cancel(job[i]);
	ld_work_close(work);
}
END_TEST

Suite *
suite_loader_order(void)
{
	Suite *s = suite_create("loader_order");
	TCase *c = tcase_create("order");

	tcase_add_checked_fixture(c, lrig_setup, lrig_teardown);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, layers_are_told_as_they_arrive);
	tcase_add_test(c, what_is_waited_for_overtakes_what_is_brought_early);
	tcase_add_test(c, early_loads_leave_a_thread_for_others);
	tcase_add_test(c, a_file_that_hangs_is_given_up_with_a_sentence);
	tcase_add_test(c, what_has_been_read_is_not_given_up);
	tcase_add_test(c, files_that_hang_keep_no_other_from_being_read);
	tcase_add_test(c, time_in_the_queue_is_not_the_files);
	suite_add_tcase(s, c);
	return s;
}
