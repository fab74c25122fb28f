/* Promises of the loader, with real files and a pool in memory. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/loader_rig.h"

Suite *suite_loader(void);

START_TEST(what_is_there_is_listed_at_once)
{
	lrig_make("one", 2, 1);
	lrig_make("two", 4, 2);
	ck_assert_int_eq(mkdir(lrig_path_of(".hidden", ""), 0700), 0);
	ck_assert_int_eq(mkdir(lrig_path_of("empty", ""), 0700), 0);
	lrig_start();
	ck_assert(lrig_is("one", DIR_LISTED) && lrig_is("two", DIR_LISTED));
	ck_assert(lrig_is("empty", DIR_BROKEN));
	ck_assert_uint_gt(strlen(lrig_reason(lrig_entry_of("empty"))), 0);
	ck_assert_uint_eq(lrig_entry_of(".hidden"), ADAPTERS);
	ck_assert_int_eq(lrig.info[lrig_entry_of("two")].rank, 4);
	ck_assert_uint_eq(lrig.meters.listed, 2);
}
END_TEST

START_TEST(an_image_lies_whole_in_its_chunks)
{
	uint32_t small, large;

	lrig_make("small", 1, 1);
	lrig_make("large", 32, 2);
	lrig_start();
	small = lrig_entry_of("small");
	large = lrig_entry_of("large");
	ck_assert_uint_gt(dir_chunks(lrig.info[large].bytes, CHUNK_BYTES), 1);
	lrig_bring(small, 20);
	lrig_bring(large, 0);
	WAIT_FOR(
	    lrig_has(small, HAVE_RESIDENT) && lrig_has(large, HAVE_RESIDENT));
	lrig_image_is_whole(small);
	lrig_image_is_whole(large);
	ck_assert_uint_eq(lrig.meters.disk_reads, 2);
	lrig_call_out(small);
	WAIT_FOR(lrig_has(small, HAVE_HOST));
	lrig_bring(small, 21);
	WAIT_FOR(lrig_has(small, HAVE_RESIDENT));
	ck_assert_uint_eq(lrig.meters.disk_reads, 2); /* from host memory */
	lrig_image_is_whole(small);
}
END_TEST

START_TEST(new_changed_and_removed_adapters_are_noticed)
{
	uint32_t old;

	lrig_make("kept", 2, 1);
	lrig_start();
	lrig_make("fresh", 2, 2);
	WAIT_FOR(lrig_is("fresh", DIR_LISTED));
	old = lrig_entry_of("fresh");
	lrig.request[0].adapter = (int32_t)old;
	word_store(&lrig.f[0], (struct word){ 1, F_SUB, 0, 0 });
	lrig_make("fresh", 4, 3);
	WAIT_FOR(lrig.info[lrig_entry_of("fresh") % ADAPTERS].version == 2);
	ck_assert_uint_ne(lrig_entry_of("fresh"), old);
	ck_assert_int_eq(dir_entry_state(lrig.entry[old]), DIR_RETIRED);
	word_store(&lrig.f[0], (struct word){ 1, F_CLOSED, 0, 0 });
	WAIT_FOR(dir_entry_state(lrig.entry[old]) == DIR_FREE);
	ck_assert_int_eq(nftw(lrig_path_of("kept", ""), lrig_erase, 8,
			     FTW_DEPTH),
	    0);
	WAIT_FOR(lrig_entry_of("kept") == ADAPTERS);
	ck_assert_uint_eq(lrig.meters.listed, 1);
}
END_TEST

START_TEST(a_broken_adapter_heals)
{
	int fd;

	lrig_make("a", 2, 1);
	ck_assert_int_eq(truncate(lrig_path_of("a",
				      "adapter_model.safetensors"),
			     100),
	    0);
	lrig_start();
	ck_assert(lrig_is("a", DIR_BROKEN));
	lrig_make("a", 2, 1);
	lrig.rescan_asked = 1;
	WAIT_FOR(lrig.rescan_done == 1);
	ck_assert(lrig_is("a", DIR_LISTED));
	fd = open(lrig_path_of("a", "adapter_config.json"), O_WRONLY | O_TRUNC);
	ck_assert_int_ge(fd, 0);
	close(fd);
	WAIT_FOR(lrig_is("a", DIR_BROKEN));
}
END_TEST

START_TEST(a_load_of_changed_files_fails_with_its_reason)
{
	uint32_t a;

	lrig.w.rescan_ns = 3600 * SECOND;
	lrig_make("a", 2, 1);
	lrig_make("b", 2, 2);
	lrig_start();
	a = lrig_entry_of("a");
	ck_assert_int_eq(unlink(lrig_path_of("a", "adapter_model.safetensors")),
	    0);
	lrig_bring(a, 0);
	lrig_bring(lrig_entry_of("b"), 4);
	WAIT_FOR(lrig_has(a, HAVE_FAILED));
	ck_assert_uint_gt(strlen(lrig_reason(a)), 0);
	WAIT_FOR(lrig_has(lrig_entry_of("b"), HAVE_RESIDENT));
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_ABSENT));
}
END_TEST

/* At each read in turn, up to the load that meets none: nothing of it is left, and
 * it may be tried again. */
START_TEST(a_disk_that_fails_half_way_is_told)
{
	uint32_t a, nth = 0;

	lrig_make("a", 2, 1);
	lrig_start();
	a = lrig_entry_of("a");
	do {
		atomic_store(&lrig.reads_left, ++nth);
		lrig_bring(a, 0);
		WAIT_FOR(
		    lrig_has(a, HAVE_FAILED) || lrig_has(a, HAVE_RESIDENT));
		if (lrig_has(a, HAVE_RESIDENT))
			break;
		ck_assert_msg(strstr(lrig_reason(a), "Input/output") != NULL,
		    "'%s'", lrig_reason(a));
		ck_assert_uint_eq(word_load(&lrig.layers[a]).round, nth);
		ck_assert_uint_eq(lrig.meters.host_bytes, 0);
		ck_assert(lrig_is("a", DIR_LISTED));
		lrig_call_out(a);
		WAIT_FOR(lrig_has(a, HAVE_ABSENT));
	} while (nth < 1000);
	ck_assert_uint_gt(nth, 4); /* config, header, and tensors */
	atomic_store(&lrig.reads_left, 0);
	ck_assert_str_eq(lrig_reason(a), "");
	lrig_image_is_whole(a);
}
END_TEST

START_TEST(a_withdrawn_load_is_answered_at_once)
{
	uint32_t a;

	lrig.w.delay_ns = 3600 * SECOND;
	lrig_make("a", 2, 1);
	lrig_start();
	a = lrig_entry_of("a");
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_LOADING));
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_ABSENT) || lrig_has(a, HAVE_HOST));
	WAIT_FOR(ld_idle(lrig.ld));
	ck_assert_uint_eq(lrig.meters.loads, 0);
}
END_TEST

START_TEST(a_place_outside_the_adapters_chunks_is_refused)
{
	uint32_t a;

	lrig_make("a", 32, 1);
	lrig_start();
	a = lrig_entry_of("a");
	lrig_bring(a, 0);
	lrig.next[dir_place_chunk(word_load_place(&lrig.want[a]).place)] = 999;
	WAIT_FOR(lrig_has(a, HAVE_FAILED));
	lrig_bring(a, 0);
	lrig.chunk[0] = 0; /* nobody's */
	WAIT_FOR(lrig_has(a, HAVE_FAILED));
}
END_TEST

START_TEST(what_is_resident_survives_the_loader)
{
	uint32_t a, b, serial;

	lrig_make("a", 2, 1);
	lrig_make("b", 2, 2);
	lrig_make("c", 2, 3);
	lrig_start();
	a = lrig_entry_of("a");
	b = lrig_entry_of("b");
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	lrig.w.delay_ns = 3600 * SECOND;
	ld_close(lrig.ld);
	lrig_start();
	lrig_bring(b, 4);
	WAIT_FOR(lrig_has(b, HAVE_LOADING));
	ld_close(lrig.ld);
	lrig_make("c", 3, 4);
	lrig.w.delay_ns = 0;
	serial = dir_serial(lrig.entry[a]);
	lrig_start();
	ck_assert(lrig_has(a, HAVE_RESIDENT));
	ck_assert_uint_eq(lrig_entry_of("a"), a);
	ck_assert_uint_eq(dir_serial(lrig.entry[a]), serial);
	ck_assert_uint_eq(lrig.info[lrig_entry_of("c")].version, 2);
	WAIT_FOR(lrig_has(b, HAVE_RESIDENT));
	lrig_image_is_whole(a);
	lrig_image_is_whole(b);
}
END_TEST

START_TEST(packed_images_outlive_the_loader_if_they_are_the_same)
{
	uint64_t reads;
	uint32_t a, b;

	lrig_make("a", 8, 1);
	lrig_make("b", 8, 2);
	lrig_start();
	a = lrig_entry_of("a");
	b = lrig_entry_of("b");
	lrig_bring(a, 0);
	lrig_bring(b, 8);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT) && lrig_has(b, HAVE_RESIDENT));
	lrig_call_out(a);
	lrig_call_out(b);
	WAIT_FOR(lrig_has(a, HAVE_HOST) && lrig_has(b, HAVE_HOST));
	ld_close(lrig.ld);
	/* One byte of b's. */
	ck_assert_int_eq(pwrite(lrig.store_fd, "!", 1,
			     (off_t)((lrig.info[b].room - 1) *
				     lrig.plan.store_room_bytes +
				 lrig.info[b].bytes / 2)),
	    1);
	reads = lrig.meters.disk_reads;
	lrig_start();
	ck_assert(lrig_has(a, HAVE_HOST) && lrig_has(b, HAVE_HOST));
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	ck_assert_uint_eq(lrig.meters.disk_reads, reads);
	lrig_bring(b, 8);
	WAIT_FOR(lrig_has(b, HAVE_RESIDENT));
	ck_assert_uint_eq(lrig.meters.disk_reads, reads + 1);
	lrig_image_is_whole(a);
	lrig_image_is_whole(b);
	/* Another adapter in its place is not served from it. */
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_HOST));
	ld_close(lrig.ld);
	lrig_make("a", 8, 9);
	lrig_start();
	ck_assert_uint_eq(lrig.info[lrig_entry_of("a")].version, 2);
	lrig_bring(lrig_entry_of("a"), 0);
	WAIT_FOR(lrig_has(lrig_entry_of("a"), HAVE_RESIDENT));
	ck_assert_uint_eq(lrig.meters.disk_reads, reads + 2);
	lrig_image_is_whole(lrig_entry_of("a"));
}
END_TEST

/* Bytes of the store that have memory. */
static uint64_t
backed(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(lrig.store_fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

START_TEST(what_leaves_host_memory_gives_its_memory_back)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	uint64_t each;

	for (int i = 0; i < 4; i++)
		lrig_make(names[i], 8, 1 + (uint64_t)i);
	lrig_start();
	each = (lrig.info[lrig_entry_of("a")].bytes + 4095) / 4096 * 4096;
	ld_close(lrig.ld);
	lrig.w.host_bytes = 2 * each;
	lrig_start();
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 4; i++) {
			uint32_t a = lrig_entry_of(names[i]);

			lrig_bring(a, 0);
			WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
			lrig_call_out(a);
			WAIT_FOR(!lrig_has(a, HAVE_RESIDENT) &&
			    lrig_have_of(a).gen ==
				word_load_place(&lrig.want[a]).gen);
			ck_assert_uint_le(backed(), 2 * each);
		}
	ck_assert_uint_eq(lrig.meters.host_adapters, 2);
	ck_assert_uint_eq(backed(), 2 * each);
}
END_TEST

START_TEST(host_memory_keeps_to_its_budget)
{
	uint32_t a, b;

	lrig_make("a", 8, 1);
	lrig_make("b", 8, 2);
	lrig_start();
	a = lrig_entry_of("a");
	b = lrig_entry_of("b");
	ld_close(lrig.ld);
	lrig.w.host_bytes = lrig.info[a].bytes + 100;
	lrig_start();
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	lrig_bring(b, 4);
	WAIT_FOR(lrig_has(b, HAVE_RESIDENT));
	ck_assert_uint_le(lrig.meters.host_bytes, lrig.w.host_bytes);
	ck_assert_uint_eq(lrig.meters.host_adapters, 1);
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_ABSENT));
	lrig_call_out(b);
	WAIT_FOR(lrig_has(b, HAVE_HOST));
}
END_TEST

START_TEST(an_adapter_may_not_be_called_as_the_base)
{
	lrig_make("base", 2, 1);
	lrig_make("model", 2, 2);
	lrig_make("models", 2, 3);
	lrig_make("mo del", 2, 4);
	lrig_start();
	ck_assert(lrig_is("base", DIR_BROKEN));
	ck_assert(lrig_is("model", DIR_BROKEN));
	ck_assert(lrig_is("models", DIR_LISTED));
	ck_assert_uint_eq(lrig.meters.listed, 1);
	ck_assert_uint_eq(lrig.meters.broken, 2);
}
END_TEST

START_TEST(without_a_directory_the_loader_runs)
{
	ck_assert_int_eq(rmdir(lrig.adapters), 0);
	lrig_start();
	lrig_turn();
	ck_assert_uint_eq(lrig.meters.listed, 0);
	ck_assert_int_eq(mkdir(lrig.adapters, 0700), 0);
	lrig_make("late", 2, 1);
	WAIT_FOR(lrig_is("late", DIR_LISTED));
}
END_TEST

Suite *
suite_loader(void)
{
	Suite *s = suite_create("loader");
	TCase *c = tcase_create("loader");

	tcase_add_checked_fixture(c, lrig_setup, lrig_teardown);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, what_is_there_is_listed_at_once);
	tcase_add_test(c, an_image_lies_whole_in_its_chunks);
	tcase_add_test(c, new_changed_and_removed_adapters_are_noticed);
	tcase_add_test(c, a_broken_adapter_heals);
	tcase_add_test(c, a_load_of_changed_files_fails_with_its_reason);
	tcase_add_test(c, a_withdrawn_load_is_answered_at_once);
	tcase_add_test(c, a_place_outside_the_adapters_chunks_is_refused);
	tcase_add_test(c, what_is_resident_survives_the_loader);
	tcase_add_test(c,
	    packed_images_outlive_the_loader_if_they_are_the_same);
	tcase_add_test(c, what_leaves_host_memory_gives_its_memory_back);
	tcase_add_test(c, host_memory_keeps_to_its_budget);
	tcase_add_test(c, an_adapter_may_not_be_called_as_the_base);
	tcase_add_test(c, a_disk_that_fails_half_way_is_told);
	tcase_add_test(c, without_a_directory_the_loader_runs);
	suite_add_tcase(s, c);
	return s;
}
