/* What the loader tells consoles and metrics: times and events. */
#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/loader_rig.h"

Suite *suite_loader_notes(void);

static void
set_up(void)
{
	lrig_setup();
	lrig.w.rescan_ns = 3600 * SECOND; /* looks when it is asked */
}

static void
look_again(void)
{
	uint32_t asked = ++lrig.rescan_asked;

	WAIT_FOR(lrig.rescan_done == asked);
}

/* Event `number` is of this kind and says this. */
static struct event_note
noted(uint64_t number, enum event_kind kind, const char *text)
{
	struct event_note n;

	ck_assert(event_get(&lrig.events, number, &n));
	ck_assert_str_eq(event_name(n.kind), event_name(kind));
	ck_assert_str_eq(n.text, text);
	ck_assert(n.at_ns > 0 && n.slot == -1);
	return n;
}

static struct histogram_view
view(const struct histogram *h)
{
	struct histogram_view v;

	histogram_read(h, &v);
	return v;
}

static uint64_t
sample_sum(uint64_t number)
{
	struct load_note n;

	ck_assert(sample_get_load(lrig.samples, number, &n));
	return (uint64_t)(n.queue_ns + n.read_ns + n.wait_ns + n.copy_ns +
	    n.tell_ns);
}

START_TEST(a_load_tells_where_its_time_went)
{
	const struct dir_info *info;
	struct event_note n;
	uint32_t a;

	lrig.w.delay_ns = 3 * MILLISECOND; /* counts as reading */
	lrig_make("a", 3, 1);
	lrig_start();
	a = lrig_entry_of("a");
	info = &lrig.info[a];
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	ck_assert_uint_ge(info->read_us, 3000);
	ck_assert_uint_eq(info->from_disk, 1);
	n = noted(2, EVENT_LOADED, "a");
	ck_assert_uint_eq(n.reason, REASON_DISK);
	ck_assert_int_eq(n.adapter, (int32_t)a);
	ck_assert_uint_eq(n.value, sample_sum(1));
	ck_assert_uint_eq(view(&lrig.load_disk).total, 1);
	ck_assert_uint_eq(view(&lrig.load_disk).sum, n.value);
	ck_assert_uint_eq(view(&lrig.load_host).total, 0);
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_HOST));
	lrig_bring(a, 4);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	ck_assert_uint_ge(info->read_us, 3000);
	ck_assert_uint_eq(info->from_disk, 0);
	n = noted(3, EVENT_LOADED, "a");
	ck_assert_uint_eq(n.reason, REASON_HOST);
	ck_assert_uint_eq(view(&lrig.load_host).sum, n.value);
	ck_assert_uint_eq(view(&lrig.load_disk).total, 1);
}
END_TEST

START_TEST(a_catalogue_at_a_start_is_one_event)
{
	lrig_make("a", 2, 1);
	lrig_make("b", 2, 2);
	ck_assert_int_eq(mkdir(lrig_path_of("empty", ""), 0700), 0);
	lrig_start();
	ck_assert_int_eq(noted(1, EVENT_LISTED, "2 adapters, 1 broken").adapter,
	    -1);
	ck_assert_uint_eq(lrig.events.last, 1);
	ld_close(lrig.ld);
	ck_assert_int_eq(rmdir(lrig_path_of("empty", "")), 0);
	lrig_start(); /* another life */
	noted(2, EVENT_RETIRED, "empty");
	noted(3, EVENT_LISTED, "2 adapters");
}
END_TEST

START_TEST(later_each_adapter_is_an_event)
{
	struct event_note n;

	lrig_start();
	lrig_make("fresh", 2, 2);
	look_again();
	n = noted(2, EVENT_LISTED, "fresh");
	ck_assert_uint_eq(n.value, 1);
	ck_assert_int_eq(n.adapter, (int32_t)lrig_entry_of("fresh"));
	lrig_make("fresh", 4, 3);
	look_again();
	n = noted(3, EVENT_RETIRED, "fresh");
	ck_assert_uint_eq(n.reason, REASON_GONE);
	ck_assert_uint_eq(n.value, 1);
	ck_assert_uint_eq(noted(4, EVENT_LISTED, "fresh").value, 2);
	ck_assert_int_eq(truncate(lrig_path_of("fresh",
				      "adapter_model.safetensors"),
			     100),
	    0);
	look_again();
	noted(5, EVENT_RETIRED, "fresh");
	ck_assert(event_get(&lrig.events, 6, &n));
	ck_assert_uint_eq(n.kind, EVENT_FAILED);
	ck_assert_ptr_nonnull(strstr(n.text, "fresh: "));
	/* What never worked is replaced in silence. */
	lrig_make("fresh", 2, 2);
	look_again();
	noted(7, EVENT_LISTED, "fresh");
	ck_assert_int_eq(nftw(lrig_path_of("fresh", ""), lrig_erase, 8,
			     FTW_DEPTH),
	    0);
	look_again();
	noted(8, EVENT_RETIRED, "fresh");
	ck_assert_uint_eq(lrig.events.last, 8);
}
END_TEST

START_TEST(a_load_that_failed_is_an_event_with_its_reason)
{
	struct event_note n;
	uint32_t a;

	lrig_make("a", 2, 1);
	lrig_start();
	a = lrig_entry_of("a");
	ck_assert_int_eq(unlink(lrig_path_of("a", "adapter_model.safetensors")),
	    0);
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_FAILED));
	ck_assert(event_get(&lrig.events, 2, &n));
	ck_assert_uint_eq(n.kind, EVENT_FAILED);
	ck_assert_int_eq(n.adapter, (int32_t)a);
	ck_assert_int_eq(strncmp(n.text, "a: ", 3), 0);
	ck_assert_int_eq(strncmp(n.text + 3, lrig_reason(a), 16), 0);
	ck_assert_uint_eq(view(&lrig.load_disk).total, 0);
}
END_TEST

START_TEST(without_anybody_to_tell_it_works_the_same)
{
	uint32_t a;

	lrig.w.events = NULL;
	lrig.w.load_disk = lrig.w.load_host = NULL;
	lrig_make("a", 2, 1);
	lrig_start();
	a = lrig_entry_of("a");
	lrig_bring(a, 0);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	lrig_make("b", 2, 1);
	look_again();
	ck_assert_int_eq(unlink(lrig_path_of("b", "adapter_model.safetensors")),
	    0);
	lrig_bring(lrig_entry_of("b"), 4);
	WAIT_FOR(lrig_has(lrig_entry_of("b"), HAVE_FAILED));
	look_again();
}
END_TEST

Suite *
suite_loader_notes(void)
{
	Suite *s = suite_create("loader_notes");
	TCase *c = tcase_create("notes");

	tcase_add_checked_fixture(c, set_up, lrig_teardown);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_load_tells_where_its_time_went);
	tcase_add_test(c, a_catalogue_at_a_start_is_one_event);
	tcase_add_test(c, later_each_adapter_is_an_event);
	tcase_add_test(c, a_load_that_failed_is_an_event_with_its_reason);
	tcase_add_test(c, without_anybody_to_tell_it_works_the_same);
	suite_add_tcase(s, c);
	return s;
}
