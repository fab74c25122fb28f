/* The catalogue, and how each adapter is used, as one JSON line. */
#include "frontend/frontend.h"
#include "shm/word.h"

#include <string.h>

static const char *
state_name(uint32_t have)
{
	static const char *const names[] = { [HAVE_ABSENT] = "disk",
		[HAVE_HOST] = "host",
		[HAVE_LOADING] = "loading",
		[HAVE_RESIDENT] = "resident",
		[HAVE_FAILED] = "failed" };

	return have <= HAVE_FAILED ? names[have] : "failed";
}

/* The fastest memory that it takes room in. */
static const char *
where(uint32_t have)
{
	if (have == HAVE_RESIDENT || have == HAVE_LOADING)
		return "device";
	return have == HAVE_HOST ? "host" : "disk";
}

/* Zeros while the scheduler speaks of an earlier use of the index. */
static void
put_uses(struct frontend *fe, struct line_out *o, uint32_t a, uint64_t entry)
{
	const struct adapter_meters *m = &fe->g->uses[a];
	const struct {
		const char *name;
		const _Atomic uint32_t *count;
	} shown[] = { { "hits", &m->hits }, { "misses", &m->misses },
		{ "loads", &m->loads }, { "queued", &m->waiting },
		{ "running", &m->running } };
	/* U1: who sees the serial sees no counts of the entry before. */
	bool its = atomic_load_explicit(&m->serial, memory_order_acquire) ==
	    dir_serial(entry);

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		line_number(o, shown[i].name,
		    its ? atomic_load_explicit(shown[i].count,
			      memory_order_relaxed) :
			  0);
}

static void
put_adapter(struct frontend *fe, struct line_out *o, uint32_t a, uint64_t entry)
{
	bool broken = dir_entry_state(entry) == DIR_BROKEN;
	const struct dir_info *info = &fe->g->info[a];
	uint32_t have = word_load_place(&fe->g->have[a]).state;
	char text[DIR_REASON_MAX];

	line_put(o, "{\"name\":");
	fe_names_copy(fe->g, (int32_t)a, text);
	line_text(o, text, strlen(text));
	line_key(o, "rank");
	line_int(o, info->rank);
	line_key(o, "state");
	line_put(o, "\"");
	line_put(o, broken ? "broken" : state_name(have));
	line_put(o, "\",\"where\":\"");
	line_put(o, where(have));
	line_put(o, "\"");
	line_key(o, "pinned");
	line_put(o, fe_pinned(fe, a) ? "true" : "false");
	line_fmt(o, ",\"weight\":%.2f", fe_weight(fe, a));
	line_number(o, "bytes", info->bytes);
	line_number(o, "version", info->version);
	/* Another version serves the name; this one is NAME@VERSION. */
	line_key(o, "kept");
	line_put(o, dir_entry_state(entry) == DIR_KEPT ? "true" : "false");
	/* Known once it was read whole. */
	line_key(o, "digest");
	if (memcmp(info->digest, (unsigned char[32]){ 0 }, 32) == 0)
		line_put(o, "null");
	else
		line_hex(o, info->digest, 6);
	put_uses(fe, o, a, entry);
	/* Why it is broken, or its last load has failed. */
	if (fe_reason(fe->g, (int32_t)a, text)[0] != '\0' || broken) {
		line_key(o, "reason");
		line_text(o, text, strlen(text));
	}
	line_put(o, "}");
}

/* In one turn, since what is listed in several may be in the list twice or not at
 * all: ten thousand take about 3 ms (tests/bench/ends.c). */
void
fe_adapters(struct frontend *fe, struct line_out *o, const char *id)
{
	bool first = true;

	line_put(o, "{\"id\":");
	line_put(o, id);
	line_put(o, ",\"base\":");
	line_text(o, fe->names.base, strlen(fe->names.base));
	line_put(o, ",\"adapters\":[");
	for (uint32_t a = 0; a < fe->plan->adapters; a++) {
		uint64_t entry = atomic_load_explicit(&fe->g->entry[a],
		    memory_order_acquire);
		enum dir_state state = dir_entry_state(entry);

		if (!dir_may_serve(state) && state != DIR_BROKEN)
			continue;
		if (!first)
			line_put(o, ",");
		first = false;
		put_adapter(fe, o, a, entry);
	}
	line_put(o, "]}\n");
}
