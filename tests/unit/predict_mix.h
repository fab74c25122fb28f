/*
 * predict_mix.h -- requests with the lengths of their answers, for predictors.
 *
 *	demo        the held-out rows of models/demo: its tasks, prompts as
 *	            bytes, right answers with their end token; shuffled
 *	lognormal   each adapter has its own length: a median between 8 and
 *	            512 tokens, from which answers stray by 10 to 40 %
 *	instructed  one of the first or last four tokens says what is wanted, of
 *	            twelve things; an adapter halves to doubles it; the last is
 *	            as long as the prompt; answers stray by 25 %
 *	fickle      lognormal, but four in ten answers have one or two tokens:
 *	            nobody can know
 *
 * Memory   Allocated by the maker, freed by mix_free.
 */
#ifndef TESTS_UNIT_PREDICT_MIX_H
#define TESTS_UNIT_PREDICT_MIX_H

#include "policy/predict.h"

struct mix {
	uint32_t n, nadapters;
	struct predict_view *of; /* truth is the answer's length */
};

void mix_demo(struct mix *, uint64_t seed);
void mix_lognormal(struct mix *, uint32_t n, uint32_t nadapters, uint64_t seed);
void mix_instructed(struct mix *, uint32_t n, uint32_t nadapters,
    uint64_t seed);
void mix_fickle(struct mix *, uint32_t n, uint32_t nadapters, uint64_t seed);
void mix_free(struct mix *);

/* Each answer predicted, then learned; once through. */
struct predict_score mix_play(const struct mix *, const struct predict_rules *);

/* predict_bytes of it, aligned; to be freed. */
struct predict *mix_predictor(uint32_t nadapters, uint64_t seed);

#endif
