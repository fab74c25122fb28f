/* Segments full of noise: whoever looks at them reads nonsense, and goes on. */
#include "base/err.h"
#include "cli/explain.h"
#include "tests/unit/wild_rig.h"
#include "tui/keys.h"
#include "tui/ui.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_wild(void);

#define ROUNDS 60

static struct snap snap, before;

static void
drop(void)
{
	snap_free(&snap);
	snap_free(&before);
	wild_drop();
}

static void
look(void)
{
	struct snap was = before;

	before = snap;
	snap = was;
	ck_assert_int_eq(snap_take_at(&wild_source, &snap, SNAP_ALL, WILD_NOW,
			     WILD_NOW),
	    0);
}

static void
draw_all(struct ui *u)
{
	static const char keys[] = "1233\n<r>4\ne\nE\nA\n56\n?";
	static const int sizes[][2] = { { 80, 24 }, { 200, 60 }, { 1, 1 },
		{ 3, 200 }, { 500, 2 }, { 17, 9 } };

	for (size_t k = 0; k < sizeof(keys); k++) {
		size_t i = wild_below(sizeof(sizes) / sizeof(sizes[0]));
		struct page p;

		ck_assert_int_eq(page_open(&p, sizes[i][0], sizes[i][1],
				     k % 2 == 0),
		    0);
		ui_draw(u, &p, &before, &snap);
		page_close(&p);
		ui_key(u, &snap, keys[k]);
	}
}

static void
explain_all(FILE *f)
{
	for (uint32_t i = 0; i < snap.nrequests; i++) {
		explain_open(&snap, i, f);
		json_decref(explain_open_json(&snap, i));
	}
	for (uint32_t i = 0; i < snap.nrecords; i++) {
		explain_record(&snap.record[i], snap.now, f);
		json_decref(explain_record_json(&snap.record[i], snap.now));
	}
}

START_TEST(noise_in_every_segment_breaks_no_reader_of_them)
{
	FILE *nowhere = fopen("/dev/null", "w");

	ck_assert_ptr_nonnull(nowhere);
	for (int i = 0; i < ROUNDS; i++) {
		struct ui u;

		wild_fill();
		look();
		look();
		ui_open(&u, VIEW_overview);
		draw_all(&u);
		ui_close(&u);
		explain_all(nowhere);
	}
	fclose(nowhere);
}
END_TEST

START_TEST(segments_that_are_cut_short_are_gone_and_kill_nobody)
{
	char path[128], reason[SNAP_REASON_MAX];
	struct snap_adapter adapter;

	for (int i = SEG_POOL; i-- > 0;) {
		snprintf(path, sizeof(path), "/dev/shm/chameleon.%s.%s",
		    instance_name(),
		    i == SEG_SUPERVISOR ? "supervisor" :
			i == SEG_BELLS	? "bells" :
					  seg_proc_name(
					      (enum proc_id)(i - SEG_MONITOR)));
		ck_assert_int_eq(truncate(path, 0), 0);
		if (i == SEG_BELLS)
			continue;
		ck_assert_int_eq(snap_take(&wild_source, &snap, SNAP_ALL),
		    ERR_GONE);
		(void)snap_reason(&wild_source, 1, reason);
		(void)snap_adapter_at(&wild_source, 1, &adapter, WILD_NOW);
	}
}
END_TEST

START_TEST(noise_is_not_attached_to)
{
	struct snap_source other;

	for (int i = 0; i < ROUNDS; i++) {
		wild_fill();
		ck_assert_int_ne(snap_attach(&other, instance_name()), 0);
	}
}
END_TEST

Suite *
suite_wild(void)
{
	Suite *s = suite_create("wild");
	TCase *t = tcase_create("noise");

	tcase_add_checked_fixture(t, wild_make, drop);
	tcase_add_test(t, noise_in_every_segment_breaks_no_reader_of_them);
	tcase_add_test(t, noise_is_not_attached_to);
	tcase_add_test(t, segments_that_are_cut_short_are_gone_and_kill_nobody);
	suite_add_tcase(s, t);
	return s;
}
