/* Every view of a recorded instance, cell by cell, as tests/screens has them.
 * UPDATE=1 writes those files anew. */
#include "base/clock.h"
#include "tests/unit/tui_rig.h"
#include "tui/keys.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_tui_screens(void);

/* What is shown, and the keys that lead there from the overview. */
static const struct {
	const char *name, *keys;
} shots[] = {
	{ "overview", "" },
	{ "queues", "2" },
	{ "adapters", "3" },
	{ "adapter", "3jj\n" },
	{ "requests", "4" },
	{ "request", "4\n" },
	{ "ended", "4e" },
	{ "ended-one", "4ej\n" },
	{ "processes", "5" },
	{ "events", "6" },
	{ "event", "6j\n" },
	{ "help", "?" },
};

static const struct {
	const char *name;
	int cols, rows;
	bool ascii;
} sizes[] = {
	{ "80x24", 80, 24, false },
	{ "200x60", 200, 60, false },
	{ "80x24-ascii", 80, 24, true },
	{ "200x60-ascii", 200, 60, true },
	{ "40x10", 40, 10, false },
};

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

static void
read_all(const char *path, char *into, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n;

	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	n = fread(into, 1, size - 1, f);
	into[n] = '\0';
	fclose(f);
}

static void
write_all(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	fputs(text, f);
	fclose(f);
}

static void
compare(const char *shot, const char *size, const char *text)
{
	static char wanted[256 * 1024];
	char path[128];

	snprintf(path, sizeof(path), "tests/screens/%s-%s.txt", shot, size);
	if (getenv("UPDATE") != NULL)
		write_all(path, text);
	read_all(path, wanted, sizeof(wanted));
	ck_assert_msg(strcmp(text, wanted) == 0,
	    "%s: is now (UPDATE=1 takes it over)\n%s", path, text);
}

START_TEST(a_view_looks_as_it_is_recorded)
{
	int shot = _i / COUNT(sizes), size = _i % COUNT(sizes);
	struct ui u;

	rig_make();
	ui_open(&u, VIEW_overview);
	rig_keys(&u, shots[shot].keys);
	compare(shots[shot].name, sizes[size].name,
	    rig_page(&u, sizes[size].cols, sizes[size].rows,
		sizes[size].ascii));
	ui_close(&u);
	rig_drop();
}
END_TEST

START_TEST(ascii_pages_have_nothing_else)
{
	struct ui u;

	rig_make();
	for (int i = 0; i < VIEWS; i++) {
		ui_open(&u, (enum view_id)i);
		for (const char *p = rig_page(&u, 80, 24, true); *p; p++)
			ck_assert((unsigned char)*p < 0x80);
		ui_close(&u);
	}
	rig_drop();
}
END_TEST

Suite *
suite_tui_screens(void)
{
	Suite *s = suite_create("tui_screens");
	TCase *t = tcase_create("screens");

	tcase_add_loop_test(t, a_view_looks_as_it_is_recorded, 0,
	    COUNT(shots) * COUNT(sizes));
	tcase_add_test(t, ascii_pages_have_nothing_else);
	suite_add_tcase(s, t);
	return s;
}
