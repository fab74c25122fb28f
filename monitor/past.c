/* Readings, and what lies between two of them. */
#include "monitor/past.h"

static const enum histogram_id ids[PAST_HISTOGRAMS] = {
	[PAST_TTFT] = HISTOGRAM_FRONTEND_ttft,
	[PAST_TBT] = HISTOGRAM_GPUEXEC_tbt,
	[PAST_QUEUE] = HISTOGRAM_FRONTEND_queue_wait,
};

static uint64_t
load(const _Atomic uint64_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static struct past_counts
count(const struct segs *g)
{
	return (struct past_counts){
		.accepted = load(&g->frontend_meters->accepted),
		.refused = load(&g->frontend_meters->refused),
		.finished = load(&g->frontend_meters->finished),
		.cancelled = load(&g->frontend_meters->cancelled),
		.failed = load(&g->frontend_meters->failed),
		.prompt_tokens = load(&g->gpuexec_meters->prompt_tokens),
		.output_tokens = load(&g->gpuexec_meters->output_tokens),
		.hits = load(&g->scheduler_meters->hits),
		.misses = load(&g->scheduler_meters->misses),
		.loads = load(&g->loader_meters->loads),
		.evictions = load(&g->scheduler_meters->evictions),
		.squashed = load(&g->scheduler_meters->squashed),
	};
}

void
past_begin(struct past *p, const struct segs *g, nsec now)
{
	p->at_ns = now;
	p->next_ns = now + HISTORY_EVERY_NS;
	p->counts = count(g);
	for (int i = 0; i < PAST_HISTOGRAMS; i++)
		histogram_read(g->histogram[ids[i]], &p->histogram[i]);
}

/* Of another's meter; one that has fallen says nothing. */
static uint64_t
since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void
counted(struct history_point *to, const struct past_counts *now,
    const struct past_counts *before)
{
#define SINCE(name) to->name = since(now->name, before->name)
	SINCE(accepted);
	SINCE(refused);
	SINCE(finished);
	SINCE(cancelled);
	SINCE(failed);
	SINCE(prompt_tokens);
	SINCE(output_tokens);
	SINCE(hits);
	SINCE(misses);
	SINCE(loads);
	SINCE(evictions);
	SINCE(squashed);
#undef SINCE
}

static void
gauged(struct history_point *to, const struct scheduler_meters *m)
{
	to->waiting = load(&m->waiting);
	to->running = load(&m->running);
	to->kv_chunks = load(&m->kv_chunks);
	to->adapter_chunks = load(&m->adapter_chunks);
	to->kv_blocks_used = load(&m->kv_blocks_used);
}

static void
percentiles(struct past *p, const struct segs *g, int i, double *p50,
    double *p99)
{
	struct histogram_view now, new;

	histogram_read(g->histogram[ids[i]], &now);
	new = now;
	histogram_minus(&new, &p->histogram[i]);
	*p50 = histogram_quantile(&new, HISTOGRAM_TIME, 0.50);
	*p99 = histogram_quantile(&new, HISTOGRAM_TIME, 0.99);
	p->histogram[i] = now;
}

bool
past_turn(struct past *p, const struct segs *g, nsec now)
{
	struct past_counts counts;
	struct history_point point = { 0 };

	if (now < p->next_ns)
		return false;
	counts = count(g);
	counted(&point, &counts, &p->counts);
	gauged(&point, g->scheduler_meters);
	percentiles(p, g, PAST_TTFT, &point.ttft_p50, &point.ttft_p99);
	percentiles(p, g, PAST_TBT, &point.tbt_p50, &point.tbt_p99);
	percentiles(p, g, PAST_QUEUE, &point.queue_p50, &point.queue_p99);
	point.at_ns = now;
	point.took_ns = now - p->at_ns;
	history_put(g->history, &point);
	p->counts = counts;
	p->at_ns = now;
	/* On the second, unless one was slept through. */
	p->next_ns += HISTORY_EVERY_NS;
	if (p->next_ns <= now)
		p->next_ns = now + HISTORY_EVERY_NS;
	return true;
}
