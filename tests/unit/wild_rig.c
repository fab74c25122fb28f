/* Noise in all segments. */
#include "tests/unit/wild_rig.h"

#include "base/rng.h"
#include "shm/word.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <string.h>

struct segs wild_as[PROC_COUNT];
struct snap_source wild_source;
static struct segs made;
static struct rng noise;

void
wild_make(void)
{
	struct conf conf;

	conf_defaults(&conf);
	instance_make(&made, &conf);
	made.supervisor->settings_bytes = sizeof(conf);
	for (int i = 0; i < PROC_COUNT; i++)
		ck_assert_int_eq(segs_open(&wild_as[i], made.instance,
				     (enum proc_id)i),
		    0);
	ck_assert_int_eq(snap_attach(&wild_source, made.instance), 0);
	rng_seed(&noise, 1);
}

void
wild_drop(void)
{
	snap_detach(&wild_source);
	for (int i = 0; i < PROC_COUNT; i++)
		segs_close(&wild_as[i]);
	instance_end(&made);
}

uint64_t
wild_below(uint64_t n)
{
	return rng_below(&noise, n);
}

/* What arithmetic likes least, among others. */
static uint64_t
wild(void)
{
	static const uint64_t odd[] = { 0, 1, UINT64_MAX, INT64_MAX,
		(uint64_t)INT64_MIN, 0x7ff0000000000000, 0x7ff8000000000000,
		0xfff0000000000000, 0x7fffffff80000000, UINT32_MAX,
		(uint64_t)WILD_NOW, (uint64_t)WILD_NOW - 1 };
	uint64_t k = rng_below(&noise, 2 * sizeof(odd) / sizeof(odd[0]));

	return k < sizeof(odd) / sizeof(odd[0]) ? odd[k] : rng_next(&noise);
}

static void
fill(void *at, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t w = wild();

		memcpy((char *)at + i, &w, 8);
	}
}

/* Notes count by their number, which noise never has. */
static void
put_notes(void)
{
	struct event_note event;
	struct record_note record;
	struct history_point point;

	for (int i = 0; i < 20; i++) {
		fill(&event, sizeof(event));
		event.kind = (uint32_t)rng_below(&noise, EVENT_KINDS + 2);
		event_put(wild_as[PROC_LOADER].events[PROC_LOADER], event,
		    "%.60s", event.text);
		fill(&record, sizeof(record));
		record_put(wild_as[PROC_FRONTEND].records, &record);
		fill(&point, sizeof(point));
		history_put(wild_as[PROC_MONITOR].history, &point);
	}
}

void
wild_fill(void)
{
	fill(made.base[SEG_SUPERVISOR], made.bytes[SEG_SUPERVISOR]);
	for (int i = 0; i < PROC_COUNT; i++)
		fill(wild_as[i].base[SEG_MONITOR + i],
		    wild_as[i].bytes[SEG_MONITOR + i]);
	put_notes();
	for (uint32_t i = 0; i < 8; i++)
		if (rng_below(&noise, 4) > 0)
			atomic_store(&wild_as[PROC_FRONTEND].f[i],
			    word_pack(
				(struct word){ .gen = i + 1, .state = F_SUB }));
	for (uint32_t i = 0; i < 4; i++)
		atomic_store(&wild_as[PROC_LOADER].entry[i],
		    dir_entry(i + 1, (enum dir_state)rng_below(&noise, 5)));
}
