/* The link to the device, emulated or not, and the samples of loads. */
#include <check.h>

#include "tests/unit/loader_rig.h"

Suite *suite_loader_link(void);

static struct load_note
sample_of(uint64_t number)
{
	struct load_note note;

	ck_assert(sample_get_load(lrig.samples, number, &note));
	return note;
}

START_TEST(every_load_leaves_a_sample)
{
	struct load_note note;
	uint32_t a;

	lrig_make("a", 3, 1);
	lrig_start();
	a = lrig_entry_of("a");
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	note = sample_of(1);
	ck_assert_uint_eq(note.adapter, a);
	ck_assert_uint_eq(note.bytes, lrig.info[a].bytes);
	ck_assert_uint_eq(note.rank, 3);
	ck_assert_uint_eq(note.from_disk, 1);
	ck_assert(note.asked_ns > 0 && note.queue_ns >= 0);
	ck_assert(note.read_ns > 0 && note.wait_ns >= 0);
	ck_assert(note.copy_ns >= 0 && note.tell_ns >= 0);
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_HOST));
	ld_close(lrig.ld);
	lrig.w.host_bytes = 0;
	lrig_start(); /* another life counts on */
	lrig_bring(a, 4);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	ck_assert_int_ge(sample_of(2).asked_ns, note.asked_ns);
	ck_assert_uint_eq(sample_last_load(lrig.samples), 2);
}
END_TEST

START_TEST(an_emulated_link_takes_its_time_for_one_copy_after_the_other)
{
	uint32_t a, b;
	nsec begin, each;

	lrig_make("a", 2, 1);
	lrig_make("b", 2, 2);
	lrig.w.link_copies = 2;
	lrig_start();
	a = lrig_entry_of("a");
	b = lrig_entry_of("b");
	ld_close(lrig.ld);
	lrig.w.link_bytes_per_s = lrig.info[a].bytes * 2 * 20;
	each = SECOND / 20;
	lrig_start();
	ck_assert_uint_eq(lrig.meters.link_emulated_bytes_per_s,
	    lrig.w.link_bytes_per_s);
	ck_assert_uint_eq(lrig.meters.link_copies, 2);
	begin = clock_mono();
	lrig_bring(a, 0);
	lrig_bring(b, 4);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT) && lrig_has(b, HAVE_RESIDENT));
	ck_assert_int_ge(clock_mono() - begin, 2 * each);
	ck_assert_int_ge(sample_of(1).copy_ns, each);
	ck_assert_int_ge(sample_of(2).copy_ns, each);
	lrig_image_is_whole(a);
	lrig_image_is_whole(b);
}
END_TEST

#define MANY 6

/* All of them, from host memory, one after the other at 500 a second. */
static void
make_many(uint32_t at[MANY])
{
	static const char *const names[MANY] = { "a", "b", "c", "d", "e", "f" };

	for (int i = 0; i < MANY; i++)
		lrig_make(names[i], 2, i + 1);
	lrig_start();
	at[0] = lrig_entry_of("a");
	ld_close(lrig.ld);
	lrig.w.link_bytes_per_s = lrig.info[at[0]].bytes * 500;
	lrig_start();
	for (int i = 0; i < MANY; i++) {
		at[i] = lrig_entry_of(names[i]);
		lrig_bring(at[i], 2 * (uint32_t)i);
		WAIT_FOR(lrig_has(at[i], HAVE_RESIDENT));
		lrig_call_out(at[i]);
		WAIT_FOR(lrig_has(at[i], HAVE_HOST));
	}
}

/* Brings all; whether any came before one that was asked for two before it. */
static bool
overtaken(const uint32_t at[MANY])
{
	uint64_t last = sample_last_load(lrig.samples);
	bool any = false;

	for (int i = 0; i < MANY; i++)
		lrig_bring(at[i], 2 * (uint32_t)i);
	WAIT_FOR(sample_last_load(lrig.samples) == last + MANY);
	for (int i = 0; i < MANY; i++)
		for (int k = i + 2; k < MANY; k++)
			any |= sample_of(last + 1 + (uint64_t)i).adapter ==
			    at[k];
	for (int i = 0; i < MANY; i++) {
		lrig_call_out(at[i]);
		WAIT_FOR(lrig_has(at[i], HAVE_HOST));
	}
	return any;
}

/* A worker may lose its core between taking a load and asking for the link;
 * that is rare, where a link without order overtakes each time. */
START_TEST(nobody_is_overtaken_on_a_slow_link)
{
	uint32_t at[MANY];
	int turns = 0;

	make_many(at);
	for (int i = 0; i < 20; i++)
		turns += overtaken(at);
	ck_assert_int_le(turns, 10);
}
END_TEST

START_TEST(bytes_that_cross_more_than_once_arrive_unharmed)
{
	uint32_t a;

	lrig_make("a", 32, 1);
	lrig.w.link_copies = 8;
	lrig_start();
	a = lrig_entry_of("a");
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	ck_assert_uint_eq(lrig.meters.link_emulated_bytes_per_s, 0);
	lrig_image_is_whole(a);
}
END_TEST

START_TEST(nobody_waits_for_a_withdrawn_copy_on_a_slow_link)
{
	uint32_t a, b;

	lrig_make("a", 2, 1);
	lrig_make("b", 2, 2);
	lrig.w.link_bytes_per_s = 1;
	lrig_start();
	a = lrig_entry_of("a");
	b = lrig_entry_of("b");
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_LOADING));
	lrig_bring(b, 4);
	WAIT_FOR(lrig_has(b, HAVE_LOADING));
	lrig_call_out(b);
	WAIT_FOR(lrig_has(b, HAVE_ABSENT) || lrig_has(b, HAVE_HOST));
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_ABSENT) || lrig_has(a, HAVE_HOST));
	WAIT_FOR(ld_idle(lrig.ld));
	ck_assert_uint_eq(lrig.meters.loads, 0);
	lrig_bring(a, 0);
	WAIT_FOR(
	    lrig_has(a, HAVE_LOADING)); /* and the end does not wait either */
}
END_TEST

Suite *
suite_loader_link(void)
{
	Suite *s = suite_create("loader_link");
	TCase *c = tcase_create("link");

	tcase_add_checked_fixture(c, lrig_setup, lrig_teardown);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, every_load_leaves_a_sample);
	tcase_add_test(c,
	    an_emulated_link_takes_its_time_for_one_copy_after_the_other);
	tcase_add_test(c, nobody_is_overtaken_on_a_slow_link);
	tcase_add_test(c, bytes_that_cross_more_than_once_arrive_unharmed);
	tcase_add_test(c, nobody_waits_for_a_withdrawn_copy_on_a_slow_link);
	suite_add_tcase(s, c);
	return s;
}
