/* Where the note of a request that has ended goes: the ring of records, the
 * distributions, the counters, and the log if it was slow. */
#include "base/log.h"
#include "frontend/frontend.h"

#include <stddef.h>

/* So many of them are logged in a second: when all are slow, a line for each
 * would help nobody. */
#define SLOW_LINES 10

static void
sample(struct frontend *fe, enum histogram_id id, uint64_t value)
{
	histogram_add(fe->g->histogram[id], histogram_rows[id].kind, value, 1);
}

#define SAMPLE(fe, name, value)                                                \
	sample(fe, HISTOGRAM_FRONTEND_##name, (uint64_t)(value))

/* Each stage counts that was gone through; what only a whole answer has, counts
 * for those alone. */
static void
put_samples(struct frontend *fe, const struct record_note *n)
{
	if (n->placed) {
		SAMPLE(fe, queue_wait, n->queue_ns);
		SAMPLE(fe, adapter_wait, n->adapter_ns);
		SAMPLE(fe, placed, n->queue_ns + n->adapter_ns);
	}
	if (n->ran) {
		SAMPLE(fe, ttft, n->ttft_ns);
		SAMPLE(fe, prefill, n->prefill_ns);
	}
	if (n->end != RECORD_STOP && n->end != RECORD_LENGTH)
		return;
	SAMPLE(fe, e2e, n->ttft_ns + n->decode_ns);
	SAMPLE(fe, decode, n->decode_ns);
	SAMPLE(fe, inference, n->prefill_ns + n->decode_ns);
	if (n->tokens > 1)
		SAMPLE(fe, tpot, n->decode_ns / (n->tokens - 1));
	SAMPLE(fe, prompt_tokens, n->prompt);
	SAMPLE(fe, output_tokens, n->tokens);
}

static void
count_end(struct frontend_meters *m, uint32_t end)
{
	static const size_t of[RECORD_ENDS] = {
		[RECORD_STOP] = offsetof(struct frontend_meters, finished_stop),
		[RECORD_LENGTH] = offsetof(struct frontend_meters,
		    finished_length),
		[RECORD_CANCELLED] = offsetof(struct frontend_meters,
		    cancelled),
		[RECORD_FAILED] = offsetof(struct frontend_meters, failed),
	};

	fe_count((_Atomic uint64_t *)((char *)m + of[end]), 1);
	if (end == RECORD_STOP || end == RECORD_LENGTH)
		fe_count(&m->finished, 1);
}

/* The part of the time to the first token that was longest. */
static nsec
mostly(const struct record_note *n, const char **what)
{
	nsec most = n->prefill_ns;

	*what = "prefill";
	if (n->adapter_ns > most) {
		most = n->adapter_ns;
		*what = "loading";
	}
	for (uint32_t i = 0; i < WHY_COUNT; i++)
		if (n->wait.by_ns[i] > most) {
			most = n->wait.by_ns[i];
			*what = i == WHY_NONE ? "other" : why_name(i);
		}
	return most;
}

/* Pairs are named as the members of `timing`.  The id is the whole one, since a
 * part of a JSON text is none. */
static void
log_slow(const struct frontend *fe, const struct record_note *n,
    const char *name)
{
	const struct wait_split *w = &n->wait;
	const nsec *by = w->by_ns;

	log_warn("slow request request=%.*s slot=%u.%u adapter=%s end=%s "
		 "tokens=%u ttft_ms=%.3f queue_ms=%.3f queue_quota_ms=%.3f "
		 "queue_memory_ms=%.3f queue_adapter_ms=%.3f "
		 "queue_batch_ms=%.3f queue_interval_ms=%.3f "
		 "queue_other_ms=%.3f adapter_ms=%.3f adapter_disk_ms=%.3f "
		 "adapter_host_ms=%.3f adapter_copy_ms=%.3f prefill_ms=%.3f "
		 "total_ms=%.3f",
	    SLOT_ID_MAX - 1, fe->g->request[n->slot].id, n->slot, n->gen, name,
	    record_end_name(n->end), n->tokens, clock_ms(n->ttft_ns),
	    clock_ms(n->queue_ns), clock_ms(by[WHY_QUOTA]),
	    clock_ms(by[WHY_MEMORY]), clock_ms(by[WHY_ADAPTER]),
	    clock_ms(by[WHY_BATCH]), clock_ms(by[WHY_INTERVAL]),
	    clock_ms(by[WHY_NONE]), clock_ms(n->adapter_ns),
	    clock_ms(w->disk_ns), clock_ms(w->host_ns), clock_ms(w->copy_ns),
	    clock_ms(n->prefill_ns), clock_ms(n->total_ns));
}

static void
tell_slow(struct frontend *fe, const struct record_note *n, nsec took)
{
	const char *name = n->adapter < 0 ? fe->names.base : n->name, *what;
	struct event_note e = { .at_ns = fe->now,
		.kind = EVENT_SLOW,
		.adapter = n->adapter,
		.slot = (int32_t)n->slot,
		.gen = n->gen,
		.value = (uint64_t)took };
	nsec most = mostly(n, &what);

	log_slow(fe, n, name);
	event_put(fe->g->events[PROC_FRONTEND], e, "%s: %.0f of %.0f ms %s",
	    name, clock_ms(most), clock_ms(took), what);
}

void
fe_slow_tick(struct frontend *fe)
{
	struct slow *s = &fe->slow;

	if (fe->now - s->since_ns < SECOND)
		return;
	if (s->left_out > 0)
		log_warn("slow requests were left out left_out=%u",
		    s->left_out);
	*s = (struct slow){ .since_ns = fe->now };
}

static void
look_slow(struct frontend *fe, const struct record_note *n)
{
	nsec limit = fe->proc->conf.frontend_slow_ms * MILLISECOND;
	nsec took = n->ran ? n->ttft_ns : n->total_ns;

	if (limit == 0 || took <= limit)
		return;
	fe_count(&fe->g->frontend_meters->slow, 1);
	fe_slow_tick(fe);
	if (fe->slow.lines == SLOW_LINES) {
		fe->slow.left_out++;
		return;
	}
	fe->slow.lines++;
	tell_slow(fe, n, took);
}

void
fe_keep(struct frontend *fe, const struct record_note *n)
{
	record_put(fe->g->records, n);
	put_samples(fe, n);
	count_end(fe->g->frontend_meters, n->end);
	look_slow(fe, n);
}
