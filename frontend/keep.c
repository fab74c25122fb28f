/* Where the note of a request that has ended goes: the ring of records, the
 * distributions, the counters, and the log if it was slow. */
#include "base/log.h"
#include "frontend/frontend.h"

#include <stdio.h>

/* So many of them are logged in a second: when all are slow, a line for each
 * would help nobody. */
#define SLOW_LINES 10

/* Room for all parts of one line of the log. */
#define SLOW_TEXT_MAX 512

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
	}
	if (n->ran) {
		SAMPLE(fe, ttft, n->ttft_ns);
		SAMPLE(fe, prefill, n->prefill_ns);
	}
	if (n->end != RECORD_STOP && n->end != RECORD_LENGTH)
		return;
	SAMPLE(fe, e2e, n->ttft_ns + n->decode_ns);
	SAMPLE(fe, decode, n->decode_ns);
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

/* key=value, as the members of `timing` are named. */
static void
put_parts(char text[SLOW_TEXT_MAX], const struct record_note *n)
{
	const struct wait_split *w = &n->wait;
	const struct {
		const char *name;
		nsec length;
	} parts[] = { { "ttft_ms", n->ttft_ns }, { "queue_ms", n->queue_ns },
		{ "queue_quota_ms", w->by_ns[WHY_QUOTA] },
		{ "queue_memory_ms", w->by_ns[WHY_MEMORY] },
		{ "queue_adapter_ms", w->by_ns[WHY_ADAPTER] },
		{ "queue_batch_ms", w->by_ns[WHY_BATCH] },
		{ "queue_interval_ms", w->by_ns[WHY_INTERVAL] },
		{ "queue_other_ms", w->by_ns[WHY_NONE] },
		{ "adapter_ms", n->adapter_ns },
		{ "adapter_disk_ms", w->disk_ns },
		{ "adapter_host_ms", w->host_ns },
		{ "adapter_copy_ms", w->copy_ns },
		{ "prefill_ms", n->prefill_ns }, { "total_ms", n->total_ns } };
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0;
	     i < sizeof(parts) / sizeof(parts[0]) && used < SLOW_TEXT_MAX; i++)
		used += (size_t)snprintf(text + used, SLOW_TEXT_MAX - used,
		    " %s=%.3f", parts[i].name, clock_ms(parts[i].length));
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
	char parts[SLOW_TEXT_MAX];
	nsec most = mostly(n, &what);

	put_parts(parts, n);
	log_warn("%s request=%s slot=%u.%u adapter=%s end=%s%s",
	    n->ran ? "the first token was slow" : "slow, and no token came",
	    n->id, n->slot, n->gen, name, record_end_name(n->end), parts);
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
		log_warn("%u more slow requests within a second left_out=%u",
		    s->left_out, s->left_out);
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
