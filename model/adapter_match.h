/*
 * adapter_match.h -- which tensor of an adapter belongs to which module.
 *
 * For the files of adapter*.c alone.
 */
#ifndef MODEL_ADAPTER_MATCH_H
#define MODEL_ADAPTER_MATCH_H

#include "model/adapter.h"

/* Places for every module that an adapter of this shape may have: the head,
 * the embedding, then seven a layer. */
int match_places(const struct shape *);
int match_place(int layer, enum shape_linear);

struct match {
	const struct tensor *a, *b;
};

/* Fills matches (match_places) from the adapter's tensors; counts nmatched.
 * Refuses tensors that change what is computed in another way, two for one
 * place, and, unless rules allow it, those that fit nowhere. */
int match_tensors(struct match *, struct adapter *, const struct shape *,
    const struct adapter_rules *);

#endif
