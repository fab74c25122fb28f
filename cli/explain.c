/* A request's page: in sentences, each number beside what it is part of. */
#include "cli/explain.h"

#include "cli/ctl.h"
#include "tui/explain.h"

#include <stdbool.h>
#include <string.h>

/* What held the first of its queue meanwhile. */
static const struct {
	const char *name, *was;
} whys[WHY_COUNT] = {
	[WHY_NONE] = { "other",
	    "nothing held it but the turn it had to wait for" },
	[WHY_QUOTA] = { "quota", "its class had no tokens left" },
	[WHY_MEMORY] = { "memory", "no device memory was free" },
	[WHY_ADAPTER] = { "adapter",
	    "the first of its queue waited for an adapter" },
	[WHY_BATCH] = { "batch", "the batch was full" },
	[WHY_INTERVAL] = { "interval", "it was not time to admit" },
};

static const char *
source_name(uint32_t source)
{
	static const char *const names[] = { [SLOT_RESIDENT] = "resident",
		[SLOT_HOST] = "host",
		[SLOT_DISK] = "disk" };

	return source <= SLOT_DISK ? names[source] : "unknown";
}

/* ---- the page of one that has ended ---- */

/* "  quota          500.000 ms   61.6 %  its class ..." */
static void
line(FILE *f, int depth, const char *name, nsec part, nsec whole,
    const char *says)
{
	fprintf(f, "  %*s%-*s %12.3f ms", 2 * depth, "", 12 - 2 * depth, name,
	    clock_ms(part));
	if (whole > 0)
		fprintf(f, " %6.1f %%", 100 * (double)part / (double)whole);
	fprintf(f, "%s%s\n", says[0] != '\0' ? "  " : "", says);
}

static void
print_head(const struct record_note *n, nsec now, FILE *f)
{
	char digest[13];

	snap_digest(n->digest, sizeof(n->digest), digest);
	fprintf(f,
	    "Request %s (%u.%u) arrived %.1f s ago and ended %.1f s "
	    "ago: %s%s%s.\n",
	    n->id, n->slot, n->gen, clock_ms(now - n->arrived_ns) / 1e3,
	    clock_ms(now - n->arrived_ns - n->total_ns) / 1e3,
	    record_end_name(n->end), n->code[0] != '\0' ? ", " : "", n->code);
	if (n->name[0] == '\0')
		fprintf(f, "It asked the base model.\n");
	else
		fprintf(f,
		    "It asked adapter %s, version %u, digest %s; that "
		    "was %s when it came.\n",
		    n->name, n->version, digest[0] != '\0' ? digest : "unknown",
		    n->source == SLOT_RESIDENT ? "on the device" :
			n->source == SLOT_HOST ? "in host memory" :
						 "on disk");
	fprintf(f, "Its prompt has %u tokens, its answer %u of at most %u",
	    n->prompt, n->tokens, n->max_tokens);
	if (n->predicted > 0)
		fprintf(f, "; %u were predicted", n->predicted);
	fprintf(f, ".\n");
	if (n->queue > 0)
		fprintf(f, "It waited in queue %u.\n", n->queue);
	else
		fprintf(f,
		    "It waited until it was past the age limit, or was "
		    "never in a queue.\n");
}

/* The largest part of the time to the first token, in a sentence. */
static void
print_most(const struct record_note *n, nsec whole, FILE *f)
{
	const char *says = "prefill: computing its prompt";
	nsec most = n->prefill_ns;

	if (n->adapter_ns > most) {
		most = n->adapter_ns;
		says = "its adapter, which was on its way";
	}
	for (int w = 0; w < WHY_COUNT; w++)
		if (n->wait.by_ns[w] > most) {
			most = n->wait.by_ns[w];
			says = whys[w].was;
		}
	if (whole > 0)
		fprintf(f, "Most of it, %.0f %%: %s.\n",
		    100 * (double)most / (double)whole, says);
}

static void
print_first(const struct record_note *n, FILE *f)
{
	nsec whole = n->ran ? n->ttft_ns : n->total_ns;
	nsec rest = n->adapter_ns -
	    (n->wait.disk_ns + n->wait.host_ns + n->wait.copy_ns);

	if (n->ran)
		fprintf(f, "\nIts first token came after %.3f ms.  ",
		    clock_ms(whole));
	else
		fprintf(f, "\nNo token came in %.3f ms.  ", clock_ms(whole));
	print_most(n, whole, f);
	line(f, 0, "queue", n->queue_ns, whole, "");
	for (int w = WHY_COUNT; w-- > 0;)
		if (n->wait.by_ns[w] > 0)
			line(f, 1, whys[w].name, n->wait.by_ns[w], whole,
			    whys[w].was);
	line(f, 0, "adapter", n->adapter_ns, whole, "");
	if (n->wait.disk_ns + n->wait.host_ns + n->wait.copy_ns > 0) {
		fprintf(f, "    of the load that brought it:\n");
		line(f, 1, "disk", n->wait.disk_ns, 0, "");
		line(f, 1, "host", n->wait.host_ns, 0, "");
		line(f, 1, "copy", n->wait.copy_ns, 0, "");
		line(f, 1, "rest", rest > 0 ? rest : 0, 0,
		    "until the loader came to it");
	}
	line(f, 0, "prefill", n->prefill_ns, whole, "");
}

/* How many times, in words where it is one. */
static void
print_times(FILE *f, const char *what, uint32_t n)
{
	if (n > 0)
		fprintf(f, "%s %u time%s.\n", what, n, n == 1 ? "" : "s");
}

void
explain_record(const struct record_note *n, nsec now, FILE *f)
{
	print_head(n, now, f);
	print_first(n, f);
	if (n->ran && n->tokens > 1)
		fprintf(f,
		    "\nThe other %u tokens took %.3f ms, %.3f each; the "
		    "longest gap was %.3f ms.\n",
		    n->tokens - 1, clock_ms(n->decode_ns),
		    clock_ms(n->decode_ns) / (n->tokens - 1),
		    clock_ms(n->longest_ns));
	print_times(f, "It was put back for want of memory", n->squashes);
	print_times(f, "The executor died with it", n->deaths);
	fprintf(f, "In all it took %.3f ms.\n", clock_ms(n->total_ns));
}

/* ---- as an object ---- */

static json_t *
queue_by(const struct wait_split *w)
{
	json_t *o = json_object();

	for (int i = WHY_COUNT; i-- > 0;)
		json_object_set_new(o, whys[i].name,
		    json_real(clock_ms(w->by_ns[i])));
	return o;
}

static json_t *
load_of(const struct wait_split *w)
{
	return json_pack("{s:f, s:f, s:f}", "disk", clock_ms(w->disk_ns),
	    "host", clock_ms(w->host_ns), "copy", clock_ms(w->copy_ns));
}

static json_t *
adapter_json(const struct record_note *n)
{
	char digest[13];

	if (n->name[0] == '\0')
		return json_null();
	return json_pack("{s:s, s:I, s:o, s:s}", "name", n->name, "version",
	    (json_int_t)n->version, "digest",
	    ctl_text(snap_digest(n->digest, sizeof(n->digest), digest)),
	    "source", source_name(n->source));
}

static json_t *
tokens_json(uint32_t prompt, uint32_t answer, uint32_t most, uint32_t predicted)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "prompt", (json_int_t)prompt,
	    "answer", (json_int_t)answer, "max", (json_int_t)most, "predicted",
	    (json_int_t)predicted);
}

json_t *
explain_record_json(const struct record_note *n, nsec now)
{
	char slot[CTL_SLOT_MAX];
	json_t *times = json_pack("{s:o, s:f, s:o, s:f, s:o, s:f, s:f, s:f, "
				  "s:f}",
	    "ttft", n->ran ? json_real(clock_ms(n->ttft_ns)) : json_null(),
	    "queue", clock_ms(n->queue_ns), "queue_by", queue_by(&n->wait),
	    "adapter", clock_ms(n->adapter_ns), "load", load_of(&n->wait),
	    "prefill", clock_ms(n->prefill_ns), "decode",
	    clock_ms(n->decode_ns), "longest_gap", clock_ms(n->longest_ns),
	    "total", clock_ms(n->total_ns));

	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:f, s:f, s:b, s:o, s:I, "
			 "s:o, s:I, s:I, s:o}",
	    "request", ctl_slot(n->slot, n->gen, slot), "id", ctl_id(n->id),
	    "phase", "ended", "end", record_end_name(n->end), "code", n->code,
	    "arrived_ms_ago", clock_ms(now - n->arrived_ns), "ended_ms_ago",
	    clock_ms(now - n->arrived_ns - n->total_ns), "streamed",
	    n->streamed, "adapter", adapter_json(n), "queue",
	    (json_int_t)n->queue, "tokens",
	    tokens_json(n->prompt, n->tokens, n->max_tokens, n->predicted),
	    "squashes", (json_int_t)n->squashes, "deaths",
	    (json_int_t)n->deaths, "times_ms", times);
}

/* ---- one that is open ---- */

/* Those of its queue that came before it. */
static uint32_t
ahead(const struct snap *s, uint32_t i)
{
	const struct snap_request *r = s->request;
	uint32_t n = 0;

	for (uint32_t k = 0; k < i; k++)
		n += r[k].phase == SNAP_WAITING && r[k].queue == r[i].queue;
	return n;
}

/* Whoever is to do what comes next may hang. */
static void
print_silence(const struct snap *s, const struct snap_request *r, FILE *f)
{
	const struct snap_process *p = &s->process[r->phase != SNAP_WAITING ?
		PROC_GPUEXEC :
		r->loading ? PROC_LOADER :
			     PROC_SCHEDULER];

	if (p->silent_ns > SECOND)
		fprintf(f,
		    "The process that it needs next, %s, has been silent for "
		    "%.1f s: see 'chameleon ctl processes'.\n",
		    p->name, clock_ms(p->silent_ns) / 1e3);
}

/* Once it was placed: what it had waited for. */
static void
print_waited(const struct snap_request *r, FILE *f)
{
	fprintf(f, "Until it was placed it waited for %.3f ms.\n",
	    clock_ms(r->waited_ns));
	for (int w = WHY_COUNT; w-- > 0;)
		if (r->wait.by_ns[w] > 0)
			line(f, 1, whys[w].name, r->wait.by_ns[w], r->waited_ns,
			    whys[w].was);
	if (r->wait.loading_ns > 0)
		line(f, 1, "load", r->wait.loading_ns, r->waited_ns,
		    "its adapter was on its way");
	print_times(f, "It was put back for want of memory", r->squashes);
	print_times(f, "The executor died with it", r->deaths);
}

void
explain_open(const struct snap *s, uint32_t i, FILE *f)
{
	const struct snap_request *r = &s->request[i];
	char says[EXPLAIN_MAX];

	fprintf(f, "Request %s (%u.%u) arrived %.1f s ago and is open.\n",
	    r->id, r->slot, r->gen, clock_ms(r->age_ns) / 1e3);
	fprintf(f, "It asks %s%s.\n",
	    r->name[0] != '\0' ? "adapter " : "the base model", r->name);
	fprintf(f, "Its prompt has %u tokens, its answer may have %u",
	    r->prompt, r->max_tokens);
	if (r->predicted > 0)
		fprintf(f, "; %u are predicted", r->predicted);
	fprintf(f, ".\n\nIt %s\n", explain_request(says, s, r));
	if (r->phase != SNAP_WAITING)
		print_waited(r, f);
	else if (r->queue > 0)
		fprintf(f, "In its queue %u came before it.\n", ahead(s, i));
	print_silence(s, r, f);
}

json_t *
explain_open_json(const struct snap *s, uint32_t i)
{
	const struct snap_request *r = &s->request[i];
	char slot[CTL_SLOT_MAX], says[EXPLAIN_MAX];
	json_t *times = json_pack("{s:f, s:f, s:f, s:o, s:f, s:o}", "age",
	    clock_ms(r->age_ns), "waited", clock_ms(r->waited_ns), "quiet",
	    clock_ms(r->quiet_ns), "queue_by", queue_by(&r->wait), "adapter",
	    clock_ms(r->wait.loading_ns), "load", load_of(&r->wait));
	bool waits = r->phase == SNAP_WAITING || r->phase == SNAP_HELD;

	return json_pack("{s:s, s:o, s:s, s:s, s:o, s:I, s:o, s:b, s:I, s:o, "
			 "s:I, s:I, s:o}",
	    "request", ctl_slot(r->slot, r->gen, slot), "id", ctl_id(r->id),
	    "phase", snap_phase_name(r->phase), "says",
	    explain_request(says, s, r), "adapter",
	    r->name[0] == '\0' ? json_null() :
				 json_pack("{s:s}", "name", r->name),
	    "queue", (json_int_t)r->queue, "waits_for",
	    waits ? json_string(whys[r->why].name) : json_null(), "loading",
	    r->loading, "ahead", (json_int_t)ahead(s, i), "tokens",
	    tokens_json(r->prompt, r->tokens, r->max_tokens, r->predicted),
	    "squashes", (json_int_t)r->squashes, "deaths",
	    (json_int_t)r->deaths, "times_ms", times);
}
