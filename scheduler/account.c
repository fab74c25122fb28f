/* What a request is taken to be: its length, its size, its price; and who pays.
 *
 * The account of a queue: quota = available + charged to live requests.  Prices
 * are in tokens of the pool (paper, 4.3): prompt, predicted answer, adapter. */
#include "scheduler/sch.h"

#include "base/must.h"

#include <string.h>

/* Seconds that a request is taken to run before any has ended: a moment, and so
 * much a token; the first ends put it right. */
static const double first_guess[COST_TERMS] = { 0.05, 2e-4, 0.03, 0 };

int64_t
account_tokens(const struct sch *h, uint64_t bytes)
{
	uint64_t block = h->w.plan->chunk_bytes / h->per_chunk;
	uint64_t token = block / h->w.plan->block_tokens;

	return (int64_t)((bytes + token - 1) / token);
}

static int64_t
total_tokens(const struct sch *h)
{
	return (int64_t)h->nchunks * h->per_chunk * h->w.plan->block_tokens;
}

double
account_size(const struct sch *h, const struct size_view *v)
{
	return h->rules.size->size(v, &h->scale);
}

uint32_t
account_class(const struct sch *h, double size)
{
	int c = h->nclasses == 1 ? 0 : cuts_class(&h->cuts, size);

	return (uint32_t)(c < h->nclasses ? c : h->nclasses - 1);
}

void
account_rules(struct sch *h)
{
	h->scale.a = h->rules.weight[0];
	h->scale.b = h->rules.weight[1];
	h->scale.c = h->rules.weight[2];
	h->worth.frequency = h->rules.evict_weight[0];
	h->worth.recency = h->rules.evict_weight[1];
	h->worth.size = h->rules.evict_weight[2];
	h->worth.window_ns = h->rules.window_ns;
}

/* One queue that has all, until there is more to go by: soon. */
void
account_open(struct sch *h, nsec now)
{
	if (h->cost.seen == 0) {
		cost_init(&h->cost, first_guess);
		cost_init(&h->load_cost,
		    (const double[COST_TERMS]){ 0.001, 1e-4, 0, 0 });
	}
	h->scale = (struct size_scale){ .prompt_max = h->w.plan->context,
		.answer_max = h->w.plan->context,
		.adapter_max = h->scale.adapter_max,
		.adapter_min = h->scale.adapter_min };
	account_rules(h);
	h->refresh_ns = 0;
	h->nclasses = 1;
	h->cuts.classes = 1;
	h->quota[0] = total_tokens(h);
	h->overloaded = false;
	account_settle(h);
	recent_refresh(h, now, true);
}

static struct predict_view
predict_view(const struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];
	const struct slot_request *r = &h->w.request[slot];

	return (struct predict_view){ .adapter = (int32_t)p->key - 1,
		.prompt = p->nprompt,
		.max_tokens = p->max_tokens,
		.truth = h->w.truth == NULL ? 0 : h->w.truth[slot],
		.tokens = h->w.prompt == NULL || r == NULL ?
		    NULL :
		    h->w.prompt + (size_t)slot * h->w.plan->context };
}

void
account_request(struct sch *h, uint32_t slot, uint32_t predicted)
{
	struct sch_slot *p = &h->slot[slot];
	struct predict_view view = predict_view(h, slot);
	double adapter = (double)account_tokens(h, p->view.adapter_bytes);

	if (predicted < 1 || predicted > p->max_tokens)
		predicted = predict_tokens(h->predict, &h->rules.predict,
		    &view);
	p->view.predicted = predicted;
	p->runs_s = cost_seconds(&h->cost, p->nprompt, predicted, adapter);
	p->cost = (int64_t)p->nprompt + predicted + (int64_t)adapter;
	p->size = account_size(h,
	    &(struct size_view){ p->nprompt, predicted, p->view.adapter_bytes,
		p->runs_s });
	p->class = (uint8_t)account_class(h, p->size);
	p->queue = (uint8_t)(1 + p->class);
}

/* A queue whose quota is smaller than its first request would never admit it:
 * that one costs all there is. */
int64_t
account_price(const struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];
	const struct sch_key *k = &h->key[p->key];
	int64_t cost = p->cost, quota = h->quota[p->class];

	if (h->rules.charge_first && k->running > 0)
		cost -= account_tokens(h, p->view.adapter_bytes);
	return cost < quota ? cost : quota;
}

void
account_take(struct sch *h, uint32_t slot, const int64_t *charge, nsec now)
{
	struct sch_slot *p = &h->slot[slot];

	must(!p->charged);
	p->charged = true;
	p->placed_ns = now;
	memset(p->charge, 0, sizeof(p->charge));
	if (charge != NULL) {
		memcpy(p->charge, charge, sizeof(p->charge));
		return; /* admit_took has taken it */
	}
	p->charge[p->class] = account_price(h, slot);
	h->available[p->class] -= p->charge[p->class];
}

void
account_return(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];

	must(p->charged);
	p->charged = false;
	for (int q = 0; q < CLASSES; q++)
		h->available[q] += p->charge[q];
	memset(p->charge, 0, sizeof(p->charge));
}

/* Loans are dissolved: who runs is booked to its class of now. */
void
account_settle(struct sch *h)
{
	for (int q = 0; q < CLASSES; q++) {
		if (q >= h->nclasses)
			h->quota[q] = 0;
		h->available[q] = h->quota[q];
	}
	for (uint32_t i = 0; i < h->nlive; i++) {
		struct sch_slot *p = &h->slot[h->live[i]];
		int64_t paid = 0;

		if (!p->charged)
			continue;
		for (int q = 0; q < CLASSES; q++)
			paid += p->charge[q];
		p->size = account_size(h,
		    &(struct size_view){ p->view.prompt, p->view.predicted,
			p->view.adapter_bytes, p->runs_s });
		p->class = (uint8_t)account_class(h, p->size);
		memset(p->charge, 0, sizeof(p->charge));
		p->charge[p->class] = paid;
		h->available[p->class] -= paid;
	}
}

void
account_learn(struct sch *h, uint32_t slot, uint32_t tokens, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	const struct slot_result *r = h->w.result == NULL ? NULL :
							    &h->w.result[slot];
	struct predict_view view = predict_view(h, slot);
	struct predict_score was, score;
	double seconds;

	if (p->placed_ns == 0 || tokens == 0 ||
	    (r != NULL && r->finish != FINISH_STOP &&
		r->finish != FINISH_LENGTH))
		return;
	was = predict_score(h->predict);
	predict_learn(h->predict, &view, p->view.predicted, tokens);
	score = predict_score(h->predict);
	/* The meters go on where the life before ended, the score does not. */
	sch_add(&h->w.meters->predict_total, score.total - was.total);
	sch_add(&h->w.meters->predict_right, score.right - was.right);
	sch_add(&h->w.meters->predict_near, score.near - was.near);
	if (h->w.ticket[slot].squashes > 0)
		return; /* it ran in parts */
	seconds = (double)(now - p->placed_ns) / (double)SECOND;
	cost_learn(&h->cost, p->nprompt, tokens,
	    (double)account_tokens(h, p->view.adapter_bytes), seconds);
	recent_ended(h, slot, tokens, seconds);
}

static void
put_int(_Atomic int64_t *to, int64_t v)
{
	atomic_store_explicit(to, v, memory_order_relaxed);
}

static void
put_real(_Atomic double *to, double v)
{
	atomic_store_explicit(to, v, memory_order_relaxed);
}

/* What live requests of other classes hold of its quota, and the reverse. */
static void
tell_loans(struct sch *h, int q)
{
	int64_t lent = 0, borrowed = 0;

	for (uint32_t i = 0; i < h->nlive; i++) {
		const struct sch_slot *p = &h->slot[h->live[i]];

		for (int from = 0; p->charged && from < CLASSES; from++) {
			lent += p->class != q && from == q ? p->charge[from] :
							     0;
			borrowed += p->class == q && from != q ?
			    p->charge[from] :
			    0;
		}
	}
	put_int(&h->w.queues[1 + q].lent, lent);
	put_int(&h->w.queues[1 + q].borrowed, borrowed);
}

static void
tell_queue(struct sch *h, uint32_t i)
{
	struct sched_queue *to = &h->w.queues[i];
	uint32_t head = queue_head(h, i), running = 0;

	for (uint32_t k = 0; k < h->nlive; k++)
		running += h->slot[h->live[k]].queue == i;
	sch_gauge(&to->waiting, h->waiting_in[i]);
	sch_gauge(&to->running, running);
	atomic_store_explicit(&to->oldest_ns,
	    head == NOBODY ? 0 : h->slot[head].view.arrived_ns,
	    memory_order_relaxed);
	if (i == 0)
		return;
	put_int(&to->quota, h->quota[i - 1]);
	put_int(&to->available, h->available[i - 1]);
	put_real(&to->from, i == 1 ? 0 : h->cuts.at[i - 2]);
	put_real(&to->to, (int)i >= h->nclasses ? 0 : h->cuts.at[i - 1]);
	tell_loans(h, (int)i - 1);
}

void
account_tell(struct sch *h, nsec now)
{
	(void)now;
	if (h->w.queues == NULL)
		return;
	for (uint32_t i = 0; i < QUEUES; i++)
		tell_queue(h, i);
	sch_gauge(&h->w.meters->queues_now, (uint64_t)h->nclasses);
}

bool
sch_balanced(const struct sch *h)
{
	int64_t charged[CLASSES] = { 0 };
	uint32_t waiting[QUEUES] = { 0 };

	for (uint32_t i = 0; i < h->nlive; i++)
		for (int q = 0; q < CLASSES; q++)
			charged[q] += h->slot[h->live[i]].charge[q];
	for (uint32_t i = 0; i < h->nslots; i++)
		if (h->slot[i].phase == PHASE_WAITING)
			waiting[h->slot[i].queue]++;
	for (int q = h->nclasses + 1; q < QUEUES; q++)
		if (waiting[q] > 0)
			return false; /* it would wait until it is of age */
	for (int q = 0; q < CLASSES; q++)
		if (h->quota[q] != h->available[q] + charged[q])
			return false;
	for (int q = 0; q < QUEUES; q++)
		if (h->waiting_in[q] != waiting[q])
			return false;
	return true;
}
