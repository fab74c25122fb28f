/* Where an answer lies: a sum of hashed weights, taught by a filter. */
#include "policy/learned.h"

#include <math.h>

#define ENDS 8			    /* tokens looked at, at either end */
#define FEATURES (6 + 2 * 3 * ENDS) /* of one request, at most */
#define EXACT 64		    /* shorter prompts are told apart */

/* Variances, in buckets squared: how far a weight may be from nought before
 * anything is known, what an answer strays by itself, and what a weight may
 * have drifted since its last answer. */
#define DOUBT_COMMON 25
#define DOUBT_ADAPTER 10
#define DOUBT_LENGTH 0.5f
#define DOUBT_TOKEN 0.1f
#define DOUBT_ANYWHERE 0.5f
#define STRAYS 2
#define DRIFT 3e-4f

#define OUTLIER 2 /* deviations; farther off counts as so far off */

enum feature { PROMPT, MOST, ANY, PLACED = ANY + 2 };

/* The weights of one request, and their doubt at first. */
struct reading {
	int n;
	struct weight *at[FEATURES];
	float doubt[FEATURES];
};

/* Any bit of z changes each bit of the result: splitmix64's last step. */
static uint64_t
mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void
look(struct reading *r, struct weight *w, float doubt)
{
	r->at[r->n] = w;
	r->doubt[r->n++] = doubt;
}

static void
look_up(struct reading *r, struct learned *l, uint64_t feature, uint64_t who,
    uint64_t value, float doubt)
{
	uint64_t h = mix(mix(who + feature * 0x9e3779b97f4a7c15u) + value);

	look(r, &l->table[h & (LEARNED_WEIGHTS - 1)], doubt);
}

/* What a long prompt asks for stands at its ends: in a system prompt's first
 * words or in the last ones.  Each token counts where it is, where it is for
 * this adapter, and anywhere near that end. */
static void
look_at_ends(struct reading *r, struct learned *l, uint64_t who,
    const struct predict_view *v)
{
	for (uint32_t i = 0; i < ENDS && i < v->prompt; i++)
		for (uint32_t end = 0; end < 2; end++) {
			uint32_t at = end == 0 ? i : v->prompt - 1 - i;
			uint64_t token = (uint32_t)v->tokens[at];
			uint64_t placed = PLACED + 2 * i + end;

			look_up(r, l, placed, 0, token, DOUBT_TOKEN);
			look_up(r, l, placed, who, token, DOUBT_TOKEN);
			look_up(r, l, ANY + end, 0, token, DOUBT_ANYWHERE);
		}
}

static void
look_all(struct reading *r, struct learned *l, struct learned_adapter *a,
    const struct predict_view *v)
{
	uint32_t prompt = v->prompt < EXACT ? v->prompt :
					      EXACT + predict_bucket(v->prompt);
	uint32_t most = predict_bucket(v->max_tokens);

	r->n = 0;
	look(r, &l->common, DOUBT_COMMON);
	look(r, &a->own, DOUBT_ADAPTER);
	look_up(r, l, PROMPT, 0, prompt, DOUBT_LENGTH);
	look_up(r, l, PROMPT, a->who, prompt, DOUBT_LENGTH);
	look_up(r, l, MOST, 0, most, DOUBT_LENGTH);
	look_up(r, l, MOST, a->who, most, DOUBT_LENGTH);
	if (v->tokens != NULL)
		look_at_ends(r, l, a->who, v);
}

static double
sum(const struct reading *r)
{
	double place = 0;

	for (int i = 0; i < r->n; i++)
		place += (double)r->at[i]->value;
	return place;
}

double
learned_place(struct learned *l, struct learned_adapter *a,
    const struct predict_view *v)
{
	struct reading r;

	look_all(&r, l, a, v);
	return sum(&r);
}

/* The doubt there is about the sum, weights that are new being made ready. */
static double
doubt(struct reading *r)
{
	double all = STRAYS;

	for (int i = 0; i < r->n; i++) {
		struct weight *w = r->at[i];

		w->doubt = w->doubt > 0 ? w->doubt + DRIFT : r->doubt[i];
		all += (double)w->doubt;
	}
	return all;
}

void
learned_teach(struct learned *l, struct learned_adapter *a,
    const struct predict_view *v, uint32_t bucket)
{
	double place = bucket + 0.5, all, error, most;
	struct reading r;

	if (!(l->common.doubt > 0))
		l->common.value = (float)place;
	look_all(&r, l, a, v);
	all = doubt(&r);
	most = OUTLIER * sqrt(all);
	error = fmax(-most, fmin(most, place - sum(&r)));
	for (int i = 0; i < r.n; i++) {
		struct weight *w = r.at[i];
		float gain = w->doubt / (float)all;

		w->value += gain * (float)error;
		w->doubt -= gain * w->doubt;
	}
}
