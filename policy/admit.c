/* The orders of admission, by name. */
#include "policy/admit.h"

#include <stddef.h>
#include <string.h>

/* By arrival, which a restart of the scheduler does not change; what arrived in
 * the same moment goes by submission, then by slot. */
static bool
fifo(const struct admit_view *a, const struct admit_view *b)
{
	if (a->arrived_ns != b->arrived_ns)
		return a->arrived_ns < b->arrived_ns;
	if (a->order != b->order)
		return a->order < b->order;
	return a->slot < b->slot;
}

static const struct admit_policy policies[] = {
	{ "fifo", fifo },
};

const struct admit_policy *
admit_find(const char *name)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strcmp(policies[i].name, name) == 0)
			return &policies[i];
	return NULL;
}
