/* All there is to say of one adapter or one request. */
#include "tui/columns.h"
#include "tui/explain.h"
#include "tui/text.h"
#include "tui/ui.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LABEL 16
#define LINE_MAX_BYTES 512

/* "name   text", folded; moves *y on. */
static void __attribute__((format(printf, 4, 5)))
field(struct page *p, int *y, const char *name, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	page_put(p, 1, *y, LOOK_BOLD, name);
	*y = page_fold(p, LABEL, *y, LOOK_PLAIN, line);
}

static const char *
digest_text(const unsigned char *digest, size_t bytes, char *out)
{
	return snap_digest(digest, bytes, out)[0] != '\0' ?
	    out :
	    "not known before it is loaded";
}

static void
draw_uses(struct page *p, int *y, const struct snap_adapter *a)
{
	char t[TEXT_MAX], r[TEXT_MAX];

	field(p, y, "requests", "%u wait, %u run, now", a->waiting, a->running);
	field(p, y, "hits", "%u of %u (%s)", a->hits, a->hits + a->misses,
	    text_percent(t, hit_share(a)));
	if (a->loads > 0)
		field(p, y, "loads", "%u; cold start %s in the mean", a->loads,
		    text_long(t, a->cold_ns / a->loads));
	else
		field(p, y, "loads", "none");
	field(p, y, "left",
	    "%u for keys and values, %u for other adapters, %u for other "
	    "reasons",
	    a->evictions_kv, a->evictions_adapter, a->left);
	field(p, y, "last use", "%s%s", text_long(t, a->used_ns),
	    a->used_ns >= 0 ? " ago" : "");
	field(p, y, "worth", "%s: what eviction thinks of it",
	    text_real(r, a->worth));
}

void
adapter_detail(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	int64_t row = columns_find(LIST_ADAPTERS, s, u->detail_of);
	const struct snap_adapter *a;
	char digest[80], t[TEXT_MAX];
	int y = 0;

	(void)before;
	if (row < 0) {
		page_put(p, 1, 0, LOOK_WARN,
		    "it is no longer in the catalogue; Esc");
		return;
	}
	a = &s->adapter[row];
	field(p, &y, "adapter", "%s, version %u%s", a->name, a->version,
	    a->retired ? ": replaced or removed, still in use" : "");
	field(p, &y, "state", "%s%s", snap_state_name(a->state),
	    a->pinned ? ", pinned" : "");
	if (u->reason[0] != '\0')
		field(p, &y, "reason", "%s", u->reason);
	field(p, &y, "rank", "%d", a->rank);
	field(p, &y, "bytes", "%s on the device",
	    text_bytes(t, (double)a->bytes));
	if (a->chunk >= 0)
		field(p, &y, "where", "chunk %d, place %u", a->chunk, a->place);
	field(p, &y, "digest", "%s",
	    digest_text(a->digest, sizeof(a->digest), digest));
	draw_uses(p, &y, a);
}

/* Of one that is open. */
static void
draw_open(struct page *p, const struct snap *s, const struct snap_request *r)
{
	char line[EXPLAIN_MAX], t[TEXT_MAX];
	int y = 0;

	field(p, &y, "request", "%u.%u, by its client %s", r->slot, r->gen,
	    r->id);
	field(p, &y, "now", "%s", explain_request(line, s, r));
	y++;
	field(p, &y, "adapter", "%s", adapter_name(r->adapter, r->name));
	field(p, &y, "queue", "%u", r->queue);
	field(p, &y, "prompt", "%u tokens", r->prompt);
	field(p, &y, "answer", "%u tokens, predicted %u, at most %u", r->tokens,
	    r->predicted, r->max_tokens);
	field(p, &y, "put back", "%u times%s", r->squashes,
	    r->deaths > 0 ? "; gpuexec has died while it ran" : "");
	y++;
	field(p, &y, "arrived", "%s ago", text_long(t, r->age_ns));
	field(p, &y, "waited", "%s%s", text_long(t, r->waited_ns),
	    r->phase == SNAP_WAITING ? " so far" : " until it was placed");
	if (r->phase != SNAP_WAITING)
		field(p, &y, "waited for", "%s", explain_split(line, &r->wait));
}

static void
draw_ended(struct page *p, const struct record_note *r)
{
	static const char *const sources[] = { "on the device",
		"in host memory", "on disk" };
	char line[EXPLAIN_MAX], t[TEXT_MAX], digest[80];
	int y = 0;

	field(p, &y, "request", "%u.%u, by its client %s", r->slot, r->gen,
	    r->id);
	field(p, &y, "ended", "%s%s%s", record_end_name(r->end),
	    r->code[0] != '\0' ? ": " : "", r->code);
	y++;
	field(p, &y, "total", "%s", text_long(t, r->total_ns));
	field(p, &y, "  queue", "%s: %s", text_long(t, r->queue_ns),
	    explain_split(line, &r->wait));
	field(p, &y, "  adapter", "%s", text_long(t, r->adapter_ns));
	field(p, &y, "  prefill", "%s", text_long(t, r->prefill_ns));
	field(p, &y, "  decode", "%s, at most %s between two tokens",
	    text_long(t, r->decode_ns),
	    text_long((char[TEXT_MAX]){ 0 }, r->longest_ns));
	field(p, &y, "first token", "after %s", text_long(t, r->ttft_ns));
	y++;
	if (r->adapter == SLOT_BASE)
		field(p, &y, "adapter", "%s", DIR_BASE);
	else
		field(p, &y, "adapter",
		    "%s, version %u, %s; was %s when it came", r->name,
		    r->version,
		    digest_text(r->digest, sizeof(r->digest), digest),
		    r->source < 3 ? sources[r->source] : "elsewhere");
	field(p, &y, "queue", "%u", r->queue);
	field(p, &y, "prompt", "%u tokens", r->prompt);
	field(p, &y, "answer", "%u tokens, predicted %u, at most %u", r->tokens,
	    r->predicted, r->max_tokens);
	field(p, &y, "put back", "%u times%s", r->squashes,
	    r->deaths > 0 ? "; gpuexec has died while it ran" : "");
}

/* One that ends while its details show goes on as one that has ended. */
void
request_detail(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	int64_t row = columns_find(LIST_REQUESTS, s, u->detail_of);

	(void)before;
	if (row >= 0 && u->detail_list == LIST_REQUESTS) {
		draw_open(p, s, &s->request[row]);
		return;
	}
	row = columns_find(LIST_ENDED, s, u->detail_of);
	if (row >= 0)
		draw_ended(p, &s->record[row]);
	else
		page_put(p, 1, 0, LOOK_WARN,
		    "it has ended, and is not among those kept; Esc");
}

void
event_detail(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	int64_t row = columns_find(LIST_EVENTS, s, u->detail_of);
	const struct list_kind *k = &list_kinds[LIST_EVENTS];
	int y = 0;

	(void)before;
	if (row < 0) {
		page_put(p, 1, 0, LOOK_WARN, "it is no longer kept; Esc");
		return;
	}
	for (int i = 0; i < k->columns; i++) {
		char buf[TEXT_MAX];

		field(p, &y, k->column[i].name, "%s",
		    list_cell(&k->column[i], s, (uint32_t)row, buf));
	}
}
