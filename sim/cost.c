/* The terms of a cost model: their table, their ranges, and the time of a
 * step. */
#include "sim/cost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sim/terms.h"

const struct sim_term sim_terms[] = {
#define TERM(name, least, most, unit, help)                                    \
	{ #name, offsetof(struct sim_cost, name), least, most, unit, help },
#include "sim/cost.tbl"
#undef TERM
};

const int sim_nterms = (int)(sizeof(sim_terms) / sizeof(*sim_terms));

_Static_assert(sizeof(sim_terms) / sizeof(*sim_terms) <= SIM_TERMS_MAX,
    "a reader notes which terms it has seen");

const struct sim_term *
sim_term_find(const char *name)
{
	for (int i = 0; i < sim_nterms; i++)
		if (strcmp(sim_terms[i].name, name) == 0)
			return &sim_terms[i];
	return NULL;
}

/* What is counted comes in whole numbers. */
bool
sim_term_whole(const struct sim_term *t)
{
	return strcmp(t->unit, "ms") != 0 && strcmp(t->unit, "us") != 0 &&
	    strcmp(t->unit, "ratio") != 0;
}

int
sim_term_check(const struct sim_term *t, double v)
{
	bool whole = sim_term_whole(t);

	if (v >= t->least && v <= t->most && (!whole || floor(v) == v))
		return 0;
	return err_set(ERR_USAGE, "%s: %.15g: want %s%.15g..%.15g %s", t->name,
	    v, whole ? "a whole number " : "", t->least, t->most, t->unit);
}

double *
sim_term_of(struct sim_cost *c, const struct sim_term *t)
{
	return (double *)(void *)((char *)c + t->offset);
}

int
sim_cost_set(struct sim_cost *c, const char *name, double value)
{
	const struct sim_term *t = sim_term_find(name);
	int e;

	if (t == NULL)
		return err_set(ERR_USAGE, "no cost term '%s'", name);
	if ((e = sim_term_check(t, value)) != 0)
		return e;
	*sim_term_of(c, t) = value;
	return 0;
}

/* The shortest text that reads back as the same number. */
static const char *
number(char *buf, size_t size, double v)
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(buf, size, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	if (strchr(buf, 'e') != NULL && fabs(v) >= 1 && floor(v) == v)
		snprintf(buf, size, "%.0f", v);
	return buf;
}

int
sim_cost_print(const struct sim_cost *c, void *file)
{
	FILE *f = file;

	fprintf(f, "name: %s\n", c->name);
	for (int i = 0; i < sim_nterms; i++) {
		const struct sim_term *t = &sim_terms[i];
		char buf[64];
		double v;

		memcpy(&v, (const char *)c + t->offset, sizeof(v));
		fprintf(f, "\n# %s\n# %g..%g %s\n%s: %s\n", t->help, t->least,
		    t->most, t->unit, t->name, number(buf, sizeof(buf), v));
	}
	return ferror(f) ? err_set(ERR_IO, "a cost model cannot be written") :
			   0;
}

nsec
sim_cost_step(const struct sim_cost *c, const struct sim_step *s)
{
	double ms = 0;

	if (s->decode_rows > 0 || c->mixed_steps > 0)
		ms += c->step_fixed_ms;
	if (s->prompt_tokens > 0)
		ms += c->prefill_fixed_ms;
	ms += s->prompt_tokens * c->prefill_token_ms;
	ms += s->decode_rows * c->decode_row_ms;
	ms += (double)s->decode_context * c->attend_token_us / 1e3;
	ms += (double)s->prompt_pairs * c->prefill_attend_us / 1e3;
	if (s->lora_rows > 0)
		ms += c->lora_step_ms;
	ms += s->adapters * c->lora_adapter_ms;
	ms += (double)s->prompt_ranks * c->lora_prefill_rank_us / 1e3;
	ms += (double)s->decode_ranks * c->lora_decode_rank_us / 1e3;
	return (nsec)(ms * (double)MILLISECOND + 0.5);
}

uint64_t
sim_cost_adapter_bytes(const struct sim_cost *c, int32_t rank)
{
	return (uint64_t)c->adapter_fixed_bytes +
	    (uint64_t)(rank < 0 ? 0 : rank) * (uint64_t)c->adapter_rank_bytes;
}
