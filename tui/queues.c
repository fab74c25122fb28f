/* The view of queues: quotas, who waits, and why. */
#include "tui/text.h"
#include "tui/ui.h"

#include <math.h>
#include <stdio.h>

#define REASON 33 /* where times by reason begin */

static void
sizes(const struct snap_queue *q, uint32_t i, char *text)
{
	char a[TEXT_MAX], b[TEXT_MAX];

	if (i == 0)
		snprintf(text, 2 * TEXT_MAX, "past age limit");
	else if (q->to > 0)
		snprintf(text, 2 * TEXT_MAX, "%s to %s", text_real(a, q->from),
		    text_real(b, q->to));
	else
		snprintf(text, 2 * TEXT_MAX, "%s and more",
		    text_real(a, q->from));
}

static double
admitted_per_s(const struct snap *before, const struct snap *s, uint32_t i)
{
	if (before == NULL || s->now <= before->now || i >= before->nqueues ||
	    s->queue[i].admitted < before->queue[i].admitted)
		return NAN;
	return (double)(s->queue[i].admitted - before->queue[i].admitted) *
	    1e9 / (double)(s->now - before->now);
}

static int
draw_quotas(struct page *p, const struct snap *s, int y)
{
	page_say(p, 0, y++, LOOK_BOLD, "%2s %-15s %8s %8s %8s %8s %6s %7s %6s",
	    "Q", "SIZES", "QUOTA", "USED", "LENT", "BORROWED", "WAIT", "OLDEST",
	    "RUN");
	for (uint32_t i = 0; i < s->nqueues; i++) {
		const struct snap_queue *q = &s->queue[i];
		char size[2 * TEXT_MAX], n[4][TEXT_MAX], t[TEXT_MAX];

		sizes(q, i, size);
		page_say(p, 0, y++, q->oldest_ns > 0 ? LOOK_WARN : LOOK_PLAIN,
		    "%2u %-15s %8s %8s %8s %8s %6ju %7s %6ju", i, size,
		    text_count(n[0], (double)q->quota),
		    text_count(n[1], (double)(q->quota - q->available)),
		    text_count(n[2], (double)q->lent),
		    text_count(n[3], (double)q->borrowed),
		    (uintmax_t)q->waiting,
		    text_time(t, q->oldest_ns > 0 ? q->oldest_ns : -1),
		    (uintmax_t)q->running);
	}
	return y;
}

static int
draw_blocked(struct page *p, const struct snap *before, const struct snap *s,
    int y)
{
	page_put(p, 0, y++, LOOK_DIM,
	    "what the first of each queue waits for now, and has waited for "
	    "in all");
	page_say(p, 0, y, LOOK_BOLD, "%2s %9s %7s  %-9s", "Q", "ADMITTED",
	    "PER S", "NOW");
	for (int w = 1; w < WHY_COUNT; w++)
		page_fit(p, REASON + 9 * (w - 1), y, 8, true, LOOK_BOLD,
		    why_name((uint32_t)w));
	for (uint32_t i = 0; i < s->nqueues; i++) {
		const struct snap_queue *q = &s->queue[i];
		char a[TEXT_MAX], b[TEXT_MAX];

		y++;
		page_say(p, 0, y, LOOK_PLAIN, "%2u %9s %7s  %-9s", i,
		    text_count(a, (double)q->admitted),
		    text_real(b, admitted_per_s(before, s, i)),
		    q->waiting > 0 ? why_name(q->why) : "-");
		for (int w = 1; w < WHY_COUNT; w++)
			page_fit(p, REASON + 9 * (w - 1), y, 8, true,
			    LOOK_PLAIN, text_time(a, q->blocked_ns[w]));
	}
	return y + 1;
}

void
view_queues(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	const struct conf *c = &s->conf;
	char line[512], t[TEXT_MAX];
	int y;

	(void)u;
	y = draw_quotas(p, s, 0);
	y = draw_blocked(p, before, s, y + 1);
	snprintf(line, sizeof(line),
	    "admission %s \u00b7 predictor %s \u00b7 size %s \u00b7 cuts %s "
	    "\u00b7 surplus %s \u00b7 lend %s \u00b7 charge %s \u00b7 reserve "
	    "%s \u00b7 slo %s",
	    c->policy_admission, c->policy_predictor, c->policy_size,
	    c->policy_cuts, c->policy_quota_surplus, c->policy_lend,
	    c->policy_adapter_charge, c->policy_reserve,
	    text_time(t, (nsec)c->policy_slo_ms * MILLISECOND));
	y = page_fold(p, 0, y + 1, LOOK_PLAIN, line);
	page_say(p, 0, y, LOOK_PLAIN, "eviction %s \u00b7 prefetch %s",
	    c->policy_eviction, c->policy_prefetch);
}
