/*
 * sample.h -- from logits to one token, without state.
 *
 * The order: logit bias and bans, repetition, presence and frequency
 * penalties, temperature, top_k, top_p, min_p, draw.  The draw is a function
 * of (seed, position) alone, and penalties are a function of the committed
 * tokens, so a request that starts again goes on as if it had not.
 *
 * Threads  Pure but for the scratch that the caller owns.
 */
#ifndef MODEL_SAMPLE_H
#define MODEL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#define SAMPLE_BIAS_MAX 300 /* as OpenAI's */
#define SAMPLE_STOP_IDS_MAX 16
#define SAMPLE_TOP_MAX 20 /* alternatives shown */

struct sample_bias {
	int32_t id;
	float add;
};

/* Plain data: lies in the slot of its request. */
struct sample_params {
	float temperature; /* 0: greedy */
	float top_p;	   /* (0, 1]; 1: off */
	float min_p;	   /* [0, 1]; 0: off */
	int32_t top_k;	   /* 0: off */
	float repetition;  /* > 0; 1: off */
	float presence, frequency;
	uint64_t seed;
	int32_t nbias;
	struct sample_bias bias[SAMPLE_BIAS_MAX];
};

struct sample_scratch; /* of one vocabulary; allocated once */
struct sample_scratch *sample_scratch_new(int vocab);
void sample_scratch_free(struct sample_scratch *);

struct sample_pick {
	int32_t id;
	float logprob; /* natural logarithm, of the model's own distribution:
			* before penalties, temperature and cuts */
	int ntop;
	int32_t
	    top_id[SAMPLE_TOP_MAX]; /* most probable first; ties: lower id */
	float top_logprob[SAMPLE_TOP_MAX];
};

/* Picks the token at `position` (number of tokens before it, prompt included).
 * logits (vocab) are not changed.  prompt and out are what the penalties look
 * at: repetition at both, presence and frequency at out alone.  banned ids are
 * never picked (end tokens under ignore_eos are not banned, but min_tokens
 * bans them).  ntop alternatives are reported; logprob is computed only if
 * want_logprob or ntop > 0.  false: a logit is not finite. */
bool sample_pick(struct sample_pick *, struct sample_scratch *,
    const float *logits, int vocab, const struct sample_params *,
    const int32_t *prompt, int nprompt, const int32_t *out, int nout,
    const int32_t *banned, int nbanned, bool want_logprob, int ntop,
    uint64_t position);

#endif
