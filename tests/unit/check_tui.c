/* The console's pages, numbers and lists. */
#include "base/clock.h"
#include "base/err.h"
#include "tests/unit/instance.h"
#include "tests/unit/tui_rig.h"
#include "tui/curve.h"
#include "tui/keys.h"
#include "tui/list.h"
#include "tui/text.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_tui(void);

/* Row y of a page as text. */
static char *
line(const struct page *p, int y)
{
	static char out[2048];
	size_t n = 0;

	out[0] = '\0';
	for (int x = 0; x < p->cols; x++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s",
		    p->cell[y * p->cols + x].text);
	return out;
}

START_TEST(text_ends_where_the_clip_ends)
{
	struct page p;

	ck_assert_int_eq(page_open(&p, 10, 3, false), 0);
	page_clip(&p, 2, 1, 5, 1);
	page_put(&p, 0, 0, LOOK_PLAIN, "abcdefgh");
	page_put(&p, 0, 1, LOOK_PLAIN, "below");
	page_put(&p, -1, -1, LOOK_PLAIN, "above");
	ck_assert_str_eq(line(&p, 0), "          ");
	ck_assert_str_eq(line(&p, 1), "  abcde   ");
	ck_assert_str_eq(line(&p, 2), "          ");
	page_close(&p);
}
END_TEST

START_TEST(wide_characters_take_two_cells_and_foreign_ones_a_mark)
{
	struct page p;

	ck_assert_int_eq(page_open(&p, 8, 1, false), 0);
	page_put(&p, 0, 0, LOOK_PLAIN, "a\u4e2d\tb\xff\u0301");
	ck_assert_str_eq(p.cell[1].text, "\u4e2d");
	ck_assert_str_eq(p.cell[2].text, "");
	ck_assert_str_eq(line(&p, 0), "a\u4e2d?b?? ");
	page_close(&p);
	ck_assert_int_eq(page_open(&p, 8, 1, true), 0);
	page_put(&p, 0, 0, LOOK_PLAIN, "a\u4e2d\u2588b");
	ck_assert_str_eq(line(&p, 0), "a?#b    ");
	page_close(&p);
}
END_TEST

START_TEST(what_does_not_fit_is_cut_with_a_mark)
{
	struct page p;

	ck_assert_int_eq(page_open(&p, 12, 4, false), 0);
	page_fit(&p, 0, 0, 6, false, LOOK_PLAIN, "abcdefgh");
	page_fit(&p, 0, 1, 6, true, LOOK_PLAIN, "42");
	page_fit(&p, 8, 2, 20, true, LOOK_PLAIN, "beyond the page");
	ck_assert_str_eq(line(&p, 0), "abcde\u2026      ");
	ck_assert_str_eq(line(&p, 1), "    42      ");
	page_close(&p);
}
END_TEST

START_TEST(long_text_is_broken_at_spaces)
{
	struct page p;

	ck_assert_int_eq(page_open(&p, 10, 4, false), 0);
	ck_assert_int_eq(page_fold(&p, 2, 0, LOOK_PLAIN,
			     "one two three extraordinary"),
	    4);
	ck_assert_str_eq(line(&p, 0), "  one two ");
	ck_assert_str_eq(line(&p, 1), "  three   ");
	ck_assert_str_eq(line(&p, 2), "  extraord");
	ck_assert_int_eq(page_fold(&p, 10, 0, LOOK_PLAIN, "no room"), 0);
	page_close(&p);
}
END_TEST

START_TEST(numbers_are_short)
{
	char t[TEXT_MAX];

	ck_assert_str_eq(text_time(t, -1), "-");
	ck_assert_str_eq(text_time(t, 0), "0");
	ck_assert_str_eq(text_time(t, 9400 * MICROSECOND), "9.4ms");
	ck_assert_str_eq(text_time(t, 999999 * MICROSECOND), "999ms");
	ck_assert_str_eq(text_time(t, 4290 * MILLISECOND), "4.2s");
	ck_assert_str_eq(text_time(t, 200 * SECOND), "3m20");
	ck_assert_str_eq(text_time(t, 7200 * SECOND), "2h00");
	ck_assert_str_eq(text_time(t, INT64_MAX), "106751d23");
	ck_assert_str_eq(text_bytes(t, 512), "512B");
	ck_assert_str_eq(text_bytes(t, 9.4 * 1048576), "9.4M");
	ck_assert_str_eq(text_count(t, 99999), "99999");
	ck_assert_str_eq(text_count(t, 1.2e6), "1.2M");
	ck_assert_str_eq(text_real(t, 0.125), "0.12");
	ck_assert_str_eq(text_real(t, INFINITY), "-");
	ck_assert_str_eq(text_clock(t, 0), "00:00:00Z");
}
END_TEST

static double
running(const struct history_point *h)
{
	return (double)h->running;
}

START_TEST(a_curve_ends_now_and_reaches_its_greatest)
{
	struct history_point h[4] = { 0 };
	struct snap s = { .history = h, .nhistory = 4, .now = 100 * SECOND };
	struct page p;

	for (int i = 0; i < 4; i++) {
		h[i].at_ns = (85 + 5 * i) * SECOND;
		h[i].running = (uint64_t)(4 * i);
	}
	h[3].at_ns = 300 * SECOND; /* no moment of this curve */
	ck_assert_int_eq(page_open(&p, 6, 1, true), 0);
	ck_assert(curve_draw(&p, 0, 0, 6, &s, running, true) == 8);
	ck_assert_str_eq(line(&p, 0), "  _-# ");
	page_close(&p);
}
END_TEST

static struct list list;

static void
make(void)
{
	rig_make();
	list_open(&list, &list_kinds[LIST_ADAPTERS]);
}

static void
drop(void)
{
	list_close(&list);
	rig_drop();
}

static const char *
at(uint32_t i)
{
	return rig_now.adapter[list.row[i].row].name;
}

static const char *
chosen(void)
{
	return rig_now.adapter[list_chosen(&list)].name;
}

START_TEST(a_list_is_sorted_by_any_column_either_way)
{
	list_update(&list, &rig_now);
	ck_assert_str_eq(at(0), "broken-one");
	ck_assert_int_eq(list_sort_by(&list, "hits"), 0);
	list_update(&list, &rig_now);
	ck_assert_str_eq(at(0), "sql-r16");
	list_reverse(&list);
	list_update(&list, &rig_now);
	/* Ties end in the order of the reading. */
	ck_assert_str_eq(at(0), "broken-one");
	ck_assert_str_eq(at(1), "title");
	for (int c = 0; c < list.kind->columns; c++) {
		list_sort(&list, 1);
		list_update(&list, &rig_now);
		ck_assert_uint_eq(list.rows, rig_now.nadapters);
	}
	ck_assert_int_eq(list_sort_by(&list, "hitz"), ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err_text(), "hits"));
}
END_TEST

START_TEST(the_chosen_row_stays_chosen_when_rows_move)
{
	list_update(&list, &rig_now);
	list_move(&list, &rig_now, 3);
	ck_assert_str_eq(chosen(), "roman");
	list_sort_by(&list, "hits");
	list_update(&list, &rig_now);
	ck_assert_str_eq(chosen(), "roman");
	rig_now.adapter[2].hits = 99999;
	list_update(&list, &rig_now);
	ck_assert_str_eq(chosen(), "roman");
	ck_assert_uint_eq(list.cursor, 0);
}
END_TEST

START_TEST(when_the_chosen_row_goes_its_neighbour_is_chosen)
{
	list_update(&list, &rig_now);
	list_move(&list, &rig_now, INT32_MAX);
	ck_assert_str_eq(chosen(), "would-not-load");
	rig_now.nadapters--;
	list_update(&list, &rig_now);
	ck_assert_str_eq(chosen(), "title");
	rig_now.nadapters = 0;
	list_update(&list, &rig_now);
	ck_assert_int_eq(list_chosen(&list), -1);
	list_move(&list, &rig_now, 1);
	list_update(&list, &rig_now);
	ck_assert_int_eq(list_chosen(&list), -1);
}
END_TEST

START_TEST(a_filter_looks_into_all_texts_of_a_row)
{
	strcpy(list.filter, "ROM");
	list_update(&list, &rig_now);
	ck_assert_uint_eq(list.rows, 1);
	ck_assert_str_eq(at(0), "roman");
	strcpy(list.filter, "broken");
	list_update(&list, &rig_now);
	ck_assert_uint_eq(list.rows, 1);
	strcpy(list.filter, "no such thing");
	list_update(&list, &rig_now);
	ck_assert_uint_eq(list.rows, 0);
	ck_assert_uint_eq(list.all, rig_now.nadapters);
}
END_TEST

START_TEST(ten_thousand_rows_are_scrolled_through_to_their_end)
{
	struct page p;

	rig_adapters(10000);
	ck_assert_int_eq(page_open(&p, 80, 24, false), 0);
	list_sort_by(&list, "worth");
	list_update(&list, &rig_now);
	list_move(&list, &rig_now, INT32_MAX);
	list_draw(&list, &p, &rig_now);
	ck_assert_uint_eq(list.top, 10000 - 23);
	ck_assert_ptr_nonnull(strstr(line(&p, 23), "\u25b8"));
	ck_assert_ptr_nonnull(strstr(line(&p, 0), "WORTH"));
	page_close(&p);
}
END_TEST

/* The console's readings are those of real segments, too. */
START_TEST(a_page_of_real_segments_is_drawn)
{
	struct segs made;
	struct snap_source source;
	struct conf conf;
	struct ui u;
	struct page p;

	conf_defaults(&conf);
	instance_make(&made, &conf);
	ck_assert_int_eq(snap_attach(&source, made.instance), 0);
	snap_free(&rig_now);
	ck_assert_int_eq(snap_take_at(&source, &rig_now, SNAP_ALL, 100 * SECOND,
			     1000 * SECOND),
	    0);
	ck_assert_int_eq(page_open(&p, 80, 24, false), 0);
	for (int i = 0; i < VIEWS; i++) {
		ui_open(&u, (enum view_id)i);
		ui_draw(&u, &p, NULL, &rig_now);
		ck_assert_ptr_nonnull(strstr(line(&p, 0), made.instance));
		ui_close(&u);
	}
	page_close(&p);
	snap_detach(&source);
	instance_end(&made);
}
END_TEST

Suite *
suite_tui(void)
{
	Suite *s = suite_create("tui");
	TCase *t = tcase_create("tui");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, text_ends_where_the_clip_ends);
	tcase_add_test(t,
	    wide_characters_take_two_cells_and_foreign_ones_a_mark);
	tcase_add_test(t, what_does_not_fit_is_cut_with_a_mark);
	tcase_add_test(t, long_text_is_broken_at_spaces);
	tcase_add_test(t, numbers_are_short);
	tcase_add_test(t, a_curve_ends_now_and_reaches_its_greatest);
	tcase_add_test(t, a_list_is_sorted_by_any_column_either_way);
	tcase_add_test(t, the_chosen_row_stays_chosen_when_rows_move);
	tcase_add_test(t, when_the_chosen_row_goes_its_neighbour_is_chosen);
	tcase_add_test(t, a_filter_looks_into_all_texts_of_a_row);
	tcase_add_test(t, ten_thousand_rows_are_scrolled_through_to_their_end);
	tcase_add_test(t, a_page_of_real_segments_is_drawn);
	suite_add_tcase(s, t);
	return s;
}
