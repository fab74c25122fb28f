/* What keys do to the console, without a terminal. */
#include "base/clock.h"
#include "tests/unit/tui_rig.h"
#include "tui/ask.h"
#include "tui/keys.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

Suite *suite_tui_keys(void);

static struct ui ui;

static void
make(void)
{
	rig_make();
	ui_open(&ui, VIEW_overview);
}

static void
drop(void)
{
	ui_close(&ui);
	rig_drop();
}

/* The page with one space for each gap, so that it does not matter where a line
 * is broken. */
static const char *
page(void)
{
	static char out[65536];
	size_t n = 0;
	bool gap = false;

	for (const char *p = rig_page(&ui, 80, 24, false); *p != '\0'; p++) {
		bool space = *p == ' ' || *p == '\n';

		if (n + 3 > sizeof(out))
			break;
		if (gap && !space)
			out[n++] = ' ';
		if (!space)
			out[n++] = *p;
		gap = space;
	}
	out[n] = '\0';
	return out;
}

static void
shows(const char *text)
{
	const char *p = page();

	ck_assert_msg(strstr(p, text) != NULL, "no '%s' in\n%s", text, p);
}

static void
shows_not(const char *text)
{
	const char *p = page();

	ck_assert_msg(strstr(p, text) == NULL, "'%s' in\n%s", text, p);
}

START_TEST(digits_and_tab_go_from_view_to_view)
{
	rig_keys(&ui, "3");
	shows("[3 adapters]");
	rig_keys(&ui, "\t");
	shows("[4 requests]");
	rig_key(&ui, PRESS_BACK_TAB);
	rig_key(&ui, PRESS_BACK_TAB);
	shows("[2 queues]");
	rig_keys(&ui, "?");
	shows("leave the console");
	rig_key(&ui, PRESS_ESCAPE);
	shows("[2 queues]");
	rig_keys(&ui, "1\t\t\t\t\t\t\t");
	shows("[1 overview]");
}
END_TEST

START_TEST(a_stuck_request_is_explained_within_three_keys)
{
	rig_keys(&ui, "4\n");
	shows("it is the first of the");
	shows("finds no memory: 3 of 32 chunks free");
	rig_key(&ui, PRESS_ESCAPE);
	rig_keys(&ui, "jjj\n");
	shows("waits 4.2 s in queue 2");
	shows("the first of the queue, 9.4, finds no");
}
END_TEST

START_TEST(each_phase_has_a_sentence)
{
	rig_keys(&ui, "4j\n");
	shows("runs: 77 of at most 512 tokens, the last one 4.2 s ago");
	shows("gpuexec has been silent for 4.2 s");
	shows("quota 200ms, own load 100ms, reading 60ms, copying 30ms");
	rig_keys(&ui, "j");
	shows("was put back after 12 tokens");
	rig_keys(&ui, "jj");
	shows("its own adapter support-mail-german-2026, which is on");
	rig_keys(&ui, "j");
	shows("was placed 20 ms ago");
}
END_TEST

START_TEST(each_reason_has_a_sentence)
{
	static const struct {
		enum sched_why why;
		const char *text;
	} reasons[] = {
		{ WHY_NONE, "was not held by anything" },
		{ WHY_QUOTA, "needs more tokens than are left: 120 of the" },
		{ WHY_ADAPTER, "waits for adapter sql-r16 to come" },
		{ WHY_BATCH, "finds the batch full: 6 of 64 run" },
		{ WHY_INTERVAL, "waits for the next admission" },
	};

	rig_keys(&ui, "4\n");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		rig_now.request[0].why = reasons[i].why;
		shows(reasons[i].text);
	}
}
END_TEST

START_TEST(a_request_that_ends_while_it_is_looked_at_is_followed)
{
	rig_keys(&ui, "4\n");
	rig_now.record[1].slot = rig_now.request[0].slot;
	rig_now.record[1].gen = rig_now.request[0].gen;
	rig_now.request[0].gen++;
	shows("by its client \"old-1\"");
	rig_now.record[1].gen++;
	shows("it has ended, and is not among those kept");
}
END_TEST

START_TEST(a_filter_grows_with_each_key)
{
	rig_keys(&ui, "3/ro");
	shows("/ro_");
	shows("roman");
	shows("broken-one");
	rig_keys(&ui, "m");
	shows_not("broken-one");
	rig_key(&ui, PRESS_BACKSPACE);
	shows("broken-one");
	rig_keys(&ui, "m\n");
	shows("1 of 8 adapters with 'rom'; Esc shows all");
	rig_key(&ui, PRESS_ESCAPE);
	shows("broken-one");
	rig_keys(&ui, "/q");
	ck_assert(!ui.quit);
}
END_TEST

START_TEST(keys_sort_and_turn_a_list)
{
	rig_keys(&ui, "3");
	shows("ADAPTER\u25b2");
	rig_keys(&ui, ">");
	shows("V\u25bc");
	rig_keys(&ui, "<r");
	shows("ADAPTER\u25bc");
	rig_keys(&ui, "<");
	/* The last column comes into view. */
	shows("WORTH\u25bc");
	rig_key(&ui, PRESS_LEFT);
	rig_keys(&ui, "ss");
	shows("V\u25bc");
}
END_TEST

START_TEST(pinning_is_asked_of_the_engine_at_once)
{
	const char *fields[UI_FIELDS_MAX];

	rig_keys(&ui, "3/roman\np");
	ck_assert(ui.wished);
	ck_assert_str_eq(ui.wish.op, "pin");
	wish_fields(&ui.wish, fields);
	ck_assert_str_eq(fields[0], "name");
	ck_assert_str_eq(fields[1], "roman");
	ck_assert_ptr_null(fields[2]);
}
END_TEST

START_TEST(what_could_hurt_is_asked_again_first)
{
	rig_keys(&ui, "3x");
	shows("unload broken-one: sure? y/n");
	ck_assert(!ui.wished);
	rig_keys(&ui, "n");
	ck_assert(!ui.wished);
	shows("nothing was done");
	rig_keys(&ui, "xy");
	ck_assert(ui.wished);
	ck_assert_str_eq(ui.wish.op, "unload");
	ui.wished = false;
	rig_keys(&ui, "4c");
	shows("cancel 9.4: sure? y/n");
	rig_keys(&ui, "y");
	ck_assert(ui.wished);
	ck_assert_str_eq(ui.wish.key[0], "request");
	ck_assert_str_eq(ui.wish.value[0], "9.4");
}
END_TEST

START_TEST(the_engine_is_ended_by_a_y_and_a_typed_yes_alone)
{
	rig_keys(&ui, "dy");
	shows("type yes and Enter");
	rig_keys(&ui, "y\n");
	ck_assert(!ui.wished);
	rig_keys(&ui, "dyyes");
	rig_key(&ui, PRESS_ESCAPE);
	ck_assert(!ui.wished);
	rig_keys(&ui, "dn");
	ck_assert_int_eq(ui.mode, UI_LOOK);
	rig_keys(&ui, "dyyes\n");
	ck_assert(ui.wished);
	ck_assert_str_eq(ui.wish.op, "drain");
	ck_assert_int_eq(ui.wish.fields, 0);
}
END_TEST

START_TEST(a_policy_is_one_of_its_choices)
{
	rig_keys(&ui, "E");
	shows("[value]");
	rig_key(&ui, PRESS_RIGHT);
	shows("[none]");
	rig_keys(&ui, "\n");
	shows("set policy.eviction to none: sure? y/n");
	rig_keys(&ui, "y");
	ck_assert(ui.wished);
	ck_assert_str_eq(ui.wish.op, "set");
	ck_assert_str_eq(ui.wish.value[0], "policy.eviction");
	ck_assert_str_eq(ui.wish.key[1], "value");
	ck_assert_str_eq(ui.wish.value[1], "none");
	ui.wished = false;
	rig_keys(&ui, "A");
	shows("[chameleon]");
	rig_key(&ui, PRESS_LEFT);
	shows("[fifo]");
	rig_key(&ui, PRESS_ESCAPE);
	ck_assert(!ui.wished);
}
END_TEST

START_TEST(keys_of_another_view_say_where_they_belong)
{
	rig_keys(&ui, "p");
	ck_assert(!ui.wished);
	shows("that is for adapters: press 3");
	rig_keys(&ui, "c");
	shows("that is for open requests: press 4");
	rig_keys(&ui, "/");
	shows("there is no list to filter here");
}
END_TEST

START_TEST(the_reason_of_a_broken_adapter_is_in_its_details)
{
	rig_keys(&ui, "3\n");
	strcpy(ui.reason, "tensor 'x': dtype I8: want F16, BF16 or F32");
	shows("reason tensor 'x': dtype I8");
	rig_now.nadapters = 0;
	shows("it is no longer in the catalogue");
}
END_TEST

START_TEST(a_small_terminal_is_told_so_in_the_room_there_is)
{
	ck_assert_str_eq(rig_page(&ui, 18, 2, false), "terminal too\nsmall:\n");
	ck_assert_ptr_nonnull(
	    strstr(rig_page(&ui, 39, 24, false), "39x24, want 40x10"));
	for (int cols = 1; cols < 100; cols += 3)
		for (int rows = 1; rows < 30; rows += 2)
			for (int v = 0; v < VIEWS; v++) {
				ui.view = (enum view_id)v;
				(void)rig_page(&ui, cols, rows, false);
			}
	shows("[? help]");
}
END_TEST

START_TEST(every_key_in_every_view_does_no_harm_to_an_empty_reading)
{
	static const int codes[] = { PRESS_UP, PRESS_DOWN, PRESS_LEFT,
		PRESS_RIGHT, PRESS_PAGE_UP, PRESS_PAGE_DOWN, PRESS_HOME,
		PRESS_END, PRESS_BACK_TAB, PRESS_RESIZE, PRESS_BACKSPACE,
		PRESS_ESCAPE, '\n', '\t' };

	for (int full = 1; full >= 0; full--) {
		for (int v = 0; v < VIEWS; v++)
			for (int c = 1; c < 0x80; c++) {
				ui.view = (enum view_id)v;
				rig_key(&ui, c);
				rig_key(&ui,
				    codes[(size_t)c %
					(sizeof(codes) / sizeof(*codes))]);
			}
		rig_now.nadapters = rig_now.nrequests = rig_now.nevents = 0;
		rig_now.nrecords = rig_now.nhistory = 0;
	}
}
END_TEST

START_TEST(a_long_refusal_is_shown_to_its_end)
{
	rig_keys(&ui, "3");
	ui_say(&ui, LOOK_BAD, "pin roman: %s",
	    "the pinned adapters would leave too little for a request of full "
	    "context, which needs 12 chunks of the 32 that there are; unpin "
	    "one of them first, the largest is support-mail-german-2026");
	shows("pin roman: the pinned adapters");
	shows("the largest is support-mail-german-2026");
	/* It goes with the next key. */
	rig_keys(&ui, "j");
	shows_not("support-mail-german-2026 first");
	shows("2 of 8 adapters");
}
END_TEST

START_TEST(an_instance_that_has_ended_is_said_over_what_it_left)
{
	strcpy(ui.ended, "instance default has ended 12 s ago");
	rig_keys(&ui, "3");
	shows("instance default has ended 12 s ago");
	shows("roman");
}
END_TEST

/* A socket that plays the engine's. */
static int
listen_at(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

static void
answer(int fd, const char *text)
{
	char question[256];
	ssize_t n = read(fd, question, sizeof(question) - 1);

	ck_assert_int_gt((int)n, 0);
	question[n] = '\0';
	ck_assert_ptr_nonnull(strstr(question, "\"roman\""));
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void
wait_for_answer(struct ask *a)
{
	for (int i = 0; i < 5000 && a->waits; i++) {
		ask_look(a, &ui);
		clock_sleep(MILLISECOND);
	}
	ck_assert(!a->waits);
}

START_TEST(answers_refusals_and_lost_connections_are_told)
{
	char path[] = "/tmp/chameleon-check-XXXXXX", sock[64];
	struct ask a;
	int door, fd;

	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(sock, sizeof(sock), "%s/admin.sock", path);
	ask_open(&a);
	rig_keys(&ui, "3/roman\np");
	ask_start(&a, &ui, sock);
	shows("pin roman: nobody listens at");
	door = listen_at(sock);
	ask_start(&a, &ui, sock);
	shows("pin roman: asked");
	ask_start(&a, &ui, sock);
	shows("'pin roman' is not answered yet");
	fd = accept(door, NULL, NULL);
	answer(fd,
	    "{\"id\":1,\"done\":true,\"name\":\"roman\","
	    "\"state\":\"resident\",\"bytes\":12}\n");
	wait_for_answer(&a);
	shows("pin roman: done, state resident, bytes 12");
	ask_start(&a, &ui, sock);
	answer(fd,
	    "{\"id\":2,\"error\":{\"code\":\"unknown_adapter\","
	    "\"message\":\"no adapter 'roman'; did you mean 'x'?\"}}\n");
	wait_for_answer(&a);
	shows("pin roman: no adapter 'roman'; did you mean 'x'?");
	ask_start(&a, &ui, sock);
	close(fd);
	wait_for_answer(&a);
	shows("pin roman: no answer");
	/* At the next wish it connects again. */
	ask_start(&a, &ui, sock);
	fd = accept(door, NULL, NULL);
	answer(fd, "{\"id\":1,\"done\":true}\n");
	close(fd);
	ask_close(&a);
	close(door);
	unlink(sock);
	rmdir(path);
}
END_TEST

Suite *
suite_tui_keys(void)
{
	Suite *s = suite_create("tui_keys");
	TCase *t = tcase_create("keys");

	tcase_add_checked_fixture(t, make, drop);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, digits_and_tab_go_from_view_to_view);
	tcase_add_test(t, a_stuck_request_is_explained_within_three_keys);
	tcase_add_test(t, each_phase_has_a_sentence);
	tcase_add_test(t, each_reason_has_a_sentence);
	tcase_add_test(t,
	    a_request_that_ends_while_it_is_looked_at_is_followed);
	tcase_add_test(t, a_filter_grows_with_each_key);
	tcase_add_test(t, keys_sort_and_turn_a_list);
	tcase_add_test(t, pinning_is_asked_of_the_engine_at_once);
	tcase_add_test(t, what_could_hurt_is_asked_again_first);
	tcase_add_test(t, the_engine_is_ended_by_a_y_and_a_typed_yes_alone);
	tcase_add_test(t, a_policy_is_one_of_its_choices);
	tcase_add_test(t, keys_of_another_view_say_where_they_belong);
	tcase_add_test(t, the_reason_of_a_broken_adapter_is_in_its_details);
	tcase_add_test(t, a_small_terminal_is_told_so_in_the_room_there_is);
	tcase_add_test(t,
	    every_key_in_every_view_does_no_harm_to_an_empty_reading);
	tcase_add_test(t, a_long_refusal_is_shown_to_its_end);
	tcase_add_test(t, an_instance_that_has_ended_is_said_over_what_it_left);
	tcase_add_test(t, answers_refusals_and_lost_connections_are_told);
	suite_add_tcase(s, t);
	return s;
}
