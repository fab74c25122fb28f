/* The rules of the scheduler, from settings. */
#include "scheduler/core.h"

#include "base/err.h"

int
sch_rules_read(struct sch_rules *r, const struct conf *c)
{
	*r = (struct sch_rules){ .admission = admit_find(c->policy_admission),
		.eviction = evict_find(c->policy_eviction),
		.spare_blocks = c->scheduler_spare_blocks };
	if (r->admission == NULL || r->eviction == NULL)
		return err_set(ERR_CONFIG,
		    "policy.admission %s, policy.eviction %s: no such policy",
		    c->policy_admission, c->policy_eviction);
	return 0;
}
