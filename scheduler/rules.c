/* The policies in force, from settings; and what changes when they do. */
#include "scheduler/sch.h"

#include "base/err.h"

#include <string.h>

static nsec
ms(uint32_t n)
{
	return (nsec)n * MILLISECOND;
}

/* Early enough for one that has come of age to be answered within the SLO;
 * under sjf, as its authors have it, when that is past (docs/POLICY.md, row
 * 19). */
static nsec
age_limit(const struct conf *c, const struct admit_policy *admission)
{
	nsec slo = ms(c->policy_slo_ms);

	if (c->policy_age_max_ms != 0)
		return ms(c->policy_age_max_ms);
	return admission == admit_find("sjf") ? slo : slo * 3 / 5;
}

/* Its place in names[]; the settings' table lets nothing else through. */
static int
place_of(const char *name, const char *const *names)
{
	int i = 0;

	while (names[i] != NULL && strcmp(names[i], name) != 0)
		i++;
	return names[i] == NULL ? -1 : i;
}

static const char *const reserves[] = { [RESERVE_GROW] = "grow",
	[RESERVE_PREDICTED] = "predicted",
	[RESERVE_MAX] = "max",
	NULL };
static const char *const lends[] = { "empty", "patient", NULL };
static const char *const charges[] = { "each", "first", NULL };

static void
numbers(struct sch_rules *r, const struct conf *c)
{
	r->predict.accuracy = c->policy_predictor_accuracy / 100.0;
	r->predict.quantile = c->policy_predictor_quantile / 100.0;
	r->weight[0] = c->policy_size_input;
	r->weight[1] = c->policy_size_output;
	r->weight[2] = c->policy_size_adapter;
	r->evict_weight[0] = c->policy_evict_frequency;
	r->evict_weight[1] = c->policy_evict_recency;
	r->evict_weight[2] = c->policy_evict_size;
	r->queues_max = (int)c->policy_queues_max;
	r->refresh_ns = ms(c->policy_refresh_ms);
	r->slo_ns = ms(c->policy_slo_ms);
	r->age_ns = age_limit(c, r->admission);
	r->window_ns = ms(c->policy_window_ms);
	r->cold_wait_ns = ms(c->policy_cold_wait_ms);
	r->bypass_max = c->policy_bypass_max;
	r->squash_max = c->policy_squash_max;
	r->admit_every = c->policy_admit_every_steps;
	r->resident_min_percent = c->policy_resident_min_percent;
	r->prefetch_max = c->policy_prefetch_max;
	r->spare_blocks = c->scheduler_spare_blocks;
}

int
sch_rules_read(struct sch_rules *r, const struct conf *c)
{
	int predictor = predict_find(c->policy_predictor);
	int cuts = cuts_find(c->policy_cuts);
	int surplus = quota_find(c->policy_quota_surplus);
	int prefetch = prefetch_find(c->policy_prefetch);
	int reserve = place_of(c->policy_reserve, reserves);
	int lend = place_of(c->policy_lend, lends);
	int charge = place_of(c->policy_adapter_charge, charges);

	*r = (struct sch_rules){ .admission = admit_find(c->policy_admission),
		.eviction = evict_find(c->policy_eviction),
		.size = size_find(c->policy_size) };
	if (r->admission == NULL || r->eviction == NULL || r->size == NULL ||
	    predictor < 0 || cuts < 0 || surplus < 0 || prefetch < 0 ||
	    reserve < 0 || lend < 0 || charge < 0)
		return err_set(ERR_CONFIG,
		    "section policy: a choice that this scheduler has not");
	r->predict.kind = (enum predict_kind)predictor;
	r->cuts = (enum cuts_rule)cuts;
	r->surplus = (enum quota_rule)surplus;
	r->prefetch = (enum prefetch_kind)prefetch;
	r->lend_patient = lend == 1;
	r->charge_first = charge == 1;
	r->follow = strcmp(c->policy_layer_stream, "yes") == 0;
	r->reserve = (enum sch_reserve)reserve;
	numbers(r, c);
	return 0;
}

/* Idle adapters that the new policy would not have kept go at once. */
static void
drop_idle(struct sch *h)
{
	for (uint32_t i = h->nholding; i-- > 0;)
		resident_idle(h, h->holding[i]);
}

/* Whether queues made by the one would be others by the other. */
static bool
queues_differ(const struct sch_rules *a, const struct sch_rules *b)
{
	bool differ = a->admission->queues != b->admission->queues ||
	    a->size != b->size || a->queues_max != b->queues_max ||
	    a->cuts != b->cuts || a->surplus != b->surplus ||
	    a->slo_ns != b->slo_ns;

	for (int i = 0; i < 3; i++)
		differ |= a->weight[i] < b->weight[i] ||
		    a->weight[i] > b->weight[i];
	return differ;
}

void
sch_rules_set(struct sch *h, const struct sch_rules *rules, nsec now)
{
	bool anew;

	/* Worth is in units of its policy. */
	if (h->rules.eviction != rules->eviction) {
		h->floor = 0;
		for (uint32_t key = 1; key < h->nkeys; key++)
			h->key[key].floor = 0;
	}
	anew = queues_differ(&h->rules, rules);
	h->rules = *rules;
	account_rules(h);
	if (anew)
		account_open(h, now);
	queue_again(h);
	for (uint32_t i = 0; i < h->nholding; i++)
		evict_touch(h, h->holding[i], now);
	drop_idle(h);
}
