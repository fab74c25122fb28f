/*
 * probs.h -- the logprobs of some tokens, in the form of OpenAI's completions.
 *
 *	{"tokens":["a"],"token_logprobs":[-0.1],"top_logprobs":[{"a":-0.1}]}
 *
 * The three arrays grow together.  A token that is no text by itself is shown
 * as "bytes:\xe2\x82", since U+FFFD would make different tokens look the same.
 */
#ifndef FRONTEND_PROBS_H
#define FRONTEND_PROBS_H

#include "frontend/line_out.h"
#include "model/tok.h"
#include "shm/slot.h"

/* Zero-initialised is ready to use. */
struct probs {
	struct line_out token, logprob, top;
};

/* One more token; what the window holds of it is copied before it is read. */
void fe_probs_add(struct probs *, const struct tok *,
    const struct slot_logprobs *, int32_t id);

/* ,"logprobs":{...} */
void fe_probs_put(const struct probs *, struct line_out *);

void fe_probs_clear(struct probs *);
void fe_probs_free(struct probs *);

#endif
