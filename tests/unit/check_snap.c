/* One reading of an instance: whole, and of things that cannot be. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "shm/word.h"
#include "snap/snap.h"
#include "tests/unit/instance.h"

static struct segs made, as[PROC_COUNT];
static struct snap_source source;
static struct snap snap;
static struct conf conf;

static void
make(void)
{
	conf_defaults(&conf);
	instance_make(&made, &conf);
	for (int i = 0; i < PROC_COUNT; i++)
		ck_assert_int_eq(segs_open(&as[i], made.instance,
				     (enum proc_id)i),
		    0);
	memset(&snap, 0, sizeof(snap));
	ck_assert_int_eq(snap_attach(&source, made.instance), 0);
}

static void
drop(void)
{
	snap_free(&snap);
	snap_detach(&source);
	for (int i = 0; i < PROC_COUNT; i++)
		segs_close(&as[i]);
	instance_end(&made);
}

static void
take(void)
{
	ck_assert_int_eq(snap_take_at(&source, &snap, SNAP_ALL, 100 * SECOND,
			     1000 * SECOND),
	    0);
}

static void
adapter(uint32_t a, const char *name, enum dir_state state,
    struct place_word want, struct place_word have)
{
	struct segs *g = &as[PROC_LOADER];

	snprintf(g->info[a].name, DIR_NAME_MAX, "%s", name);
	g->info[a].version = 1;
	word_store_place(&g->have[a], have);
	word_store_place(&as[PROC_SCHEDULER].want[a], want);
	atomic_store(&g->entry[a], dir_entry(a + 1, state));
}

START_TEST(an_instance_that_is_not_there_is_told_beside_those_that_are)
{
	struct snap_source other;

	ck_assert_int_eq(snap_attach(&other, "no-such-instance"),
	    ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err_text(), "no-such-instance"));
	ck_assert_ptr_nonnull(strstr(err_text(), made.instance));
}
END_TEST

START_TEST(another_version_is_refused_with_both)
{
	struct snap_source other;

	made.supervisor->header.fingerprint++;
	strcpy(made.supervisor->header.version, "9.8\n7");
	ck_assert_int_eq(snap_attach(&other, made.instance), ERR_LAYOUT);
	ck_assert_ptr_nonnull(strstr(err_text(), "chameleon 9.8?7"));
	ck_assert_ptr_nonnull(strstr(err_text(), "this is " CHAMELEON_VERSION));
}
END_TEST

START_TEST(an_instance_that_has_ended_is_gone_and_its_last_reading_stays)
{
	take();
	segs_unlink(made.instance);
	ck_assert_int_eq(snap_take(&source, &snap, SNAP_ALL), ERR_GONE);
	ck_assert_str_eq(snap.instance, made.instance);
	ck_assert_uint_eq(snap.plan.slots, 8);
}
END_TEST

START_TEST(a_supervisor_that_is_dead_leaves_what_it_had)
{
	take();
	ck_assert(!snap.alive);
	ck_assert_str_eq(snap.process[PROC_COUNT].name, "supervisor");
	ck_assert_str_eq(snap.process[PROC_COUNT].state, "dead");
	ck_assert_str_eq(snap.process[PROC_FRONTEND].state, "none");
}
END_TEST

START_TEST(wish_and_fact_together_are_the_state_of_an_adapter)
{
	static const struct {
		enum dir_state entry;
		struct place_word want, have;
		enum snap_state state;
	} rows[] = {
		{ DIR_LISTED, { 0 }, { 0 }, SNAP_DISK },
		{ DIR_LISTED, { 0 }, { 0, HAVE_HOST, 0, 0 }, SNAP_HOST },
		{ DIR_LISTED, { 1, WANT_IN, 0, 0 }, { 0, HAVE_HOST, 0, 0 },
		    SNAP_LOADING },
		{ DIR_LISTED, { 1, WANT_IN, 0, 0 }, { 1, HAVE_LOADING, 0, 0 },
		    SNAP_LOADING },
		{ DIR_LISTED, { 1, WANT_IN, 0, 0x201 },
		    { 1, HAVE_RESIDENT, 0, 0x201 }, SNAP_RESIDENT },
		{ DIR_RETIRED, { 1, WANT_IN, 0, 0 }, { 1, HAVE_RESIDENT, 0, 0 },
		    SNAP_RESIDENT },
		{ DIR_LISTED, { 2, WANT_OUT, 0, 0 }, { 1, HAVE_RESIDENT, 0, 0 },
		    SNAP_LEAVING },
		{ DIR_LISTED, { 1, WANT_IN, 0, 0 }, { 1, HAVE_FAILED, 0, 0 },
		    SNAP_FAILED },
		{ DIR_LISTED, { 2, WANT_OUT, 0, 0 }, { 2, HAVE_FAILED, 0, 0 },
		    SNAP_FAILED },
		{ DIR_BROKEN, { 0 }, { 0 }, SNAP_BROKEN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		adapter(2, "one", rows[i].entry, rows[i].want, rows[i].have);
		take();
		ck_assert_uint_eq(snap.nadapters, 1);
		ck_assert_msg(snap.adapter[0].state == rows[i].state,
		    "row %zu: %s", i, snap_state_name(snap.adapter[0].state));
	}
	/* Replaced, and nowhere any more. */
	adapter(2, "one", DIR_RETIRED, (struct place_word){ 0 },
	    (struct place_word){ 0 });
	take();
	ck_assert_uint_eq(snap.nadapters, 0);
}
END_TEST

START_TEST(counts_of_another_entry_are_not_this_ones)
{
	struct adapter_meters *u = &as[PROC_SCHEDULER].uses[1];

	adapter(1, "one", DIR_LISTED, (struct place_word){ 0 },
	    (struct place_word){ 0 });
	atomic_store(&u->hits, 7);
	atomic_store(&u->serial, 99);
	take();
	ck_assert_uint_eq(snap.adapter[0].hits, 0);
	ck_assert_int_eq(snap.adapter[0].used_ns, -1);
	atomic_store(&u->serial, 2);
	atomic_store(&u->used_ns, 97 * SECOND);
	take();
	ck_assert_uint_eq(snap.adapter[0].hits, 7);
	ck_assert_int_eq(snap.adapter[0].used_ns, 3 * SECOND);
}
END_TEST

static void
submit(uint32_t slot, uint32_t gen, nsec arrived)
{
	struct segs *g = &as[PROC_FRONTEND];

	strcpy(g->request[slot].id, "\"r1\"");
	g->request[slot].adapter = SLOT_BASE;
	g->request[slot].nprompt = 5;
	g->request[slot].max_tokens = 20;
	g->request[slot].arrived_ns = arrived;
	word_store(&g->f[slot], (struct word){ gen, F_SUB, 0, 0 });
}

START_TEST(three_words_are_the_phase_of_a_request)
{
	struct segs *sc = &as[PROC_SCHEDULER], *gx = &as[PROC_GPUEXEC];
	struct slot_wait *w = &sc->waits[3];

	submit(3, 17, 90 * SECOND);
	submit(4, 2, 80 * SECOND);
	atomic_store(&w->queue, 2);
	atomic_store(&w->predicted, 12);
	atomic_store(&w->gen, 17);
	atomic_store(&sc->queues[2].why, WHY_MEMORY);
	take();
	ck_assert_uint_eq(snap.nrequests, 2);
	ck_assert_uint_eq(snap.request[0].slot, 4); /* the older one first */
	ck_assert_int_eq(snap.request[1].phase, SNAP_WAITING);
	ck_assert_uint_eq(snap.request[1].queue, 2);
	ck_assert_uint_eq(snap.request[1].predicted, 12);
	ck_assert_int_eq(snap.request[1].why, WHY_MEMORY);
	ck_assert_int_eq(snap.request[1].waited_ns, 10 * SECOND);

	sc->ticket[3] = (struct slot_ticket){ .placed_ns = 94 * SECOND,
		.queue = 2 };
	word_store(&sc->s[3], (struct word){ 17, S_PLACED, 1, 1 });
	take();
	ck_assert_int_eq(snap.request[1].phase, SNAP_PLACED);
	ck_assert_int_eq(snap.request[1].waited_ns, 4 * SECOND);
	ck_assert_int_eq(snap.request[1].quiet_ns, 6 * SECOND);

	gx->result[3].last_ns = 99 * SECOND;
	word_store(&gx->x[3], (struct word){ 17, X_RUN, 1, 6 });
	take();
	ck_assert_int_eq(snap.request[1].phase, SNAP_RUNNING);
	ck_assert_uint_eq(snap.request[1].tokens, 6);
	ck_assert_int_eq(snap.request[1].quiet_ns, 1 * SECOND);

	word_store(&sc->s[3], (struct word){ 17, S_HELD, 1, 1 });
	take();
	ck_assert_int_eq(snap.request[1].phase, SNAP_HELD);
	ck_assert_int_eq(snap.request[1].why, WHY_MEMORY);

	word_store(&gx->x[3], (struct word){ 17, X_FIN, 1, 6 });
	take();
	ck_assert_int_eq(snap.request[1].phase, SNAP_ENDED);
}
END_TEST

START_TEST(what_waits_for_its_own_adapter_says_so)
{
	adapter(1, "one", DIR_LISTED, (struct place_word){ 1, WANT_IN, 0, 0 },
	    (struct place_word){ 1, HAVE_LOADING, 0, 0 });
	submit(3, 17, 90 * SECOND);
	as[PROC_FRONTEND].request[3].adapter = 1;
	take();
	ck_assert(snap.request[0].loading);
	ck_assert_int_eq(snap.request[0].why, WHY_ADAPTER);
	ck_assert_str_eq(snap.request[0].name, "one");
}
END_TEST

START_TEST(what_cannot_be_is_not_believed)
{
	struct segs *fe = &as[PROC_FRONTEND], *sc = &as[PROC_SCHEDULER];

	submit(3, 17, 900 * SECOND); /* later than now */
	fe->request[3].adapter = 4000;
	fe->request[3].nprompt = -5;
	memset(fe->request[3].id, 0xff, SLOT_ID_MAX);
	atomic_store(&sc->waits[3].gen, 17);
	atomic_store(&sc->waits[3].queue, 4000000);
	atomic_store(&sc->queues[0].why, 77);
	atomic_store(&sc->queues[1].from, (double)NAN);
	atomic_store(&sc->scheduler_meters->queues_now, UINT64_MAX);
	atomic_store(&fe->records->last, UINT64_MAX);
	atomic_store(&fe->records->at[5].number, UINT64_MAX - 2);
	atomic_store(&sc->events[PROC_SCHEDULER]->last, UINT64_MAX - 3);
	atomic_store(&as[PROC_MONITOR].history->last, 1ull << 63);
	atomic_store(&fe->ring_out[RING_FE_SC]->head, 1ull << 62);
	adapter(1, "a\nb\xc2\x9bJ\u202e", DIR_LISTED,
	    (struct place_word){ 1, WANT_IN, 0, UINT32_MAX },
	    (struct place_word){ 1, HAVE_RESIDENT, 0, UINT32_MAX });
	atomic_store(&sc->uses[1].worth, (float)INFINITY);
	take();
	ck_assert_uint_eq(snap.nqueues, SEG_QUEUES);
	ck_assert_double_eq(snap.queue[1].from, 0);
	ck_assert_int_eq(snap.queue[0].why, WHY_NONE);
	ck_assert_int_eq(snap.request[0].adapter, SLOT_BASE);
	ck_assert_uint_eq(snap.request[0].prompt, 0);
	ck_assert_uint_eq(snap.request[0].queue, 0);
	ck_assert_int_eq(snap.request[0].age_ns, 0);
	ck_assert_uint_eq(strspn(snap.request[0].id, "?"), RECORD_ID_MAX - 1);
	ck_assert_uint_eq(snap.nevents, 0);
	ck_assert_uint_eq(snap.nhistory, 0);
	ck_assert_uint_eq(snap.ring[RING_FE_SC].used,
	    snap.ring[RING_FE_SC].depth);
	ck_assert_str_eq(snap.adapter[0].name, "a?b?J?");
	ck_assert_int_eq(snap.adapter[0].chunk, -1);
	ck_assert_double_eq(snap.adapter[0].worth, 0);
}
END_TEST

START_TEST(events_of_all_processes_come_in_order_of_time)
{
	struct event_note note = { .at_ns = 99 * SECOND,
		.kind = EVENT_LOADED,
		.adapter = 1,
		.slot = -1 };

	event_put(as[PROC_LOADER].events[PROC_LOADER], note, "%s", "roman");
	note.at_ns = 98 * SECOND;
	note.kind = EVENT_DIED;
	event_put(&made.supervisor->events, note, "%s", "loader");
	take();
	ck_assert_uint_eq(snap.nevents, 2);
	ck_assert_str_eq(snap.event[0].by, "supervisor");
	ck_assert_str_eq(event_name(snap.event[1].note.kind), "loaded");
	ck_assert_str_eq(snap.event[1].note.text, "roman");
	ck_assert_int_eq(snap.event[1].at_wall_ns, 999 * SECOND);
}
END_TEST

START_TEST(the_text_of_an_event_is_cut_to_what_fits)
{
	struct event_log *log = as[PROC_LOADER].events[PROC_LOADER];
	struct event_note note = { .at_ns = SECOND, .kind = EVENT_LOADED };
	char endless[2 * EVENT_TEXT_MAX];

	memset(endless, 'x', sizeof(endless));
	memset(note.text, 'y', sizeof(note.text));
	event_put_text(log, note, endless, 3);
	event_put_text(log, note, endless, sizeof(endless));
	event_put(log, note, "%.*s", (int)sizeof(endless), endless);
	take();
	ck_assert_str_eq(snap.event[0].note.text, "xxx");
	ck_assert_uint_eq(strlen(snap.event[1].note.text), EVENT_TEXT_MAX - 1);
	ck_assert_uint_eq(strlen(snap.event[2].note.text), EVENT_TEXT_MAX - 1);
}
END_TEST

START_TEST(the_ring_of_records_keeps_the_last_and_numbers_them)
{
	struct record_note note = { .id = "\"r\"", .tokens = 3 };

	for (int i = 0; i < RECORDS_KEPT + 10; i++) {
		note.tokens = (uint32_t)i;
		record_put(as[PROC_FRONTEND].records, &note);
	}
	take();
	ck_assert_uint_eq(snap.nrecords, RECORDS_KEPT);
	ck_assert_uint_eq(snap.record[0].number, 11);
	ck_assert_uint_eq(snap.record[0].tokens, 10);
	ck_assert_uint_eq(snap.record[RECORDS_KEPT - 1].number,
	    RECORDS_KEPT + 10);
}
END_TEST

/* Whoever subtracts them from each other may rely on it. */
START_TEST(moments_lie_between_the_start_of_the_machine_and_now)
{
	struct record_note note = { .arrived_ns = INT64_MIN,
		.total_ns = INT64_MAX,
		.wait = { .disk_ns = INT64_MAX } };
	struct history_point point = { .at_ns = INT64_MAX,
		.took_ns = INT64_MIN };

	record_put(as[PROC_FRONTEND].records, &note);
	history_put(as[PROC_MONITOR].history, &point);
	take();
	ck_assert_int_eq(snap.record[0].arrived_ns, 0);
	ck_assert_int_eq(snap.record[0].total_ns, 100 * SECOND);
	ck_assert_int_eq(snap.record[0].wait.disk_ns, 100 * SECOND);
	ck_assert_int_eq(snap.history[0].at_ns, 100 * SECOND);
	ck_assert_int_eq(snap.history[0].took_ns, 0);
}
END_TEST

START_TEST(memory_is_told_by_owner)
{
	struct segs *sc = &as[PROC_SCHEDULER];

	word_store_place(&sc->chunk[0],
	    (struct place_word){ 0, CHUNK_KV, 0, 1 });
	word_store_place(&sc->chunk[1],
	    (struct place_word){ 0, CHUNK_ADAPTER, 0, 1 });
	take();
	ck_assert_uint_eq(snap.memory.kv, 65536);
	ck_assert_uint_eq(snap.memory.adapters, 65536);
	ck_assert_uint_eq(snap.memory.idle, 2 * 65536);
	ck_assert_uint_eq(snap.memory.total, 4 * 65536);
}
END_TEST

START_TEST(edges_grow)
{
	for (int k = 0; k < HISTOGRAM_KINDS; k++)
		for (int i = 1; i < HISTOGRAM_EDGES; i++)
			ck_assert_uint_gt(histogram_edges[k][i],
			    histogram_edges[k][i - 1]);
}
END_TEST

START_TEST(a_value_is_counted_under_the_first_edge_that_holds_it)
{
	static struct histogram h;
	struct histogram_view v, none = { 0 };

	for (int k = 0; k < HISTOGRAM_KINDS; k++)
		for (int i = 0; i < HISTOGRAM_EDGES; i++) {
			uint64_t edge = histogram_edges[k][i];

			ck_assert_int_eq(histogram_bucket(k, edge), i);
			ck_assert_int_eq(histogram_bucket(k, edge + 1), i + 1);
		}
	histogram_add(&h, HISTOGRAM_COUNT, 10, 98);
	histogram_add(&h, HISTOGRAM_COUNT, 1000, 1);
	histogram_add(&h, HISTOGRAM_COUNT, 1ull << 40, 1);
	histogram_read(&h, &v);
	ck_assert_uint_eq(v.total, 100);
	ck_assert_uint_eq(v.sum, 980 + 1000 + (1ull << 40));
	ck_assert_uint_eq(histogram_up_to(&v, HISTOGRAM_COUNT, 10), 98);
	ck_assert_uint_eq(histogram_up_to(&v, HISTOGRAM_COUNT, 9), 0);
	ck_assert_uint_eq(histogram_up_to(&v, HISTOGRAM_COUNT, 1048576), 99);
	ck_assert_double_eq_tol(histogram_quantile(&v, HISTOGRAM_COUNT, 0.5),
	    9.51, 0.02);
	ck_assert_double_eq(histogram_quantile(&v, HISTOGRAM_COUNT, 1),
	    1048576);
	ck_assert_double_eq(histogram_quantile(&none, HISTOGRAM_COUNT, 0.5), 0);
	histogram_minus(&v, &v);
	ck_assert_uint_eq(v.total, 0);
}
END_TEST

Suite *suite_snap(void);

Suite *
suite_snap(void)
{
	Suite *s = suite_create("snap");
	TCase *t = tcase_create("snap"), *h = tcase_create("histogram");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t,
	    an_instance_that_is_not_there_is_told_beside_those_that_are);
	tcase_add_test(t, another_version_is_refused_with_both);
	tcase_add_test(t,
	    an_instance_that_has_ended_is_gone_and_its_last_reading_stays);
	tcase_add_test(t, a_supervisor_that_is_dead_leaves_what_it_had);
	tcase_add_test(t, wish_and_fact_together_are_the_state_of_an_adapter);
	tcase_add_test(t, counts_of_another_entry_are_not_this_ones);
	tcase_add_test(t, three_words_are_the_phase_of_a_request);
	tcase_add_test(t, what_waits_for_its_own_adapter_says_so);
	tcase_add_test(t, what_cannot_be_is_not_believed);
	tcase_add_test(t, events_of_all_processes_come_in_order_of_time);
	tcase_add_test(t, the_text_of_an_event_is_cut_to_what_fits);
	tcase_add_test(t, the_ring_of_records_keeps_the_last_and_numbers_them);
	tcase_add_test(t, moments_lie_between_the_start_of_the_machine_and_now);
	tcase_add_test(t, memory_is_told_by_owner);
	suite_add_tcase(s, t);
	tcase_add_test(h, edges_grow);
	tcase_add_test(h,
	    a_value_is_counted_under_the_first_edge_that_holds_it);
	suite_add_tcase(s, h);
	return s;
}
