/*
 * admit.h -- which waiting request is looked at next for admission.
 *
 * Pure.  The scheduler asks for the order of the waiting; it admits in this
 * order what memory and adapters allow.
 */
#ifndef POLICY_ADMIT_H
#define POLICY_ADMIT_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct admit_view {
	uint32_t slot;
	nsec arrived_ns;
	uint64_t order; /* count of submissions seen before it */
	uint32_t prompt, predicted;
	uint64_t adapter_bytes;
};

/* Whether a goes before b. */
typedef bool admit_before_f(const struct admit_view *a,
    const struct admit_view *b);

struct admit_policy {
	const char *name;
	admit_before_f *before;
};

/* NULL: no policy of that name. */
const struct admit_policy *admit_find(const char *name);

#endif
