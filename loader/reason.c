/* Why entries are broken, or their loads have failed: a table smaller than the
 * catalogue, since most are not. */
#include "loader/ld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static uint32_t
owner(const struct ld *l, uint32_t i)
{
	return atomic_load_explicit(&l->w.reasons[i].entry,
	    memory_order_relaxed);
}

static void
give(struct ld *l, uint32_t i, uint32_t entry)
{
	atomic_store_explicit(&l->w.reasons[i].entry, entry,
	    memory_order_release);
}

/* A reason is the entry's that says so, if it says so too. */
static bool
is_used(const struct ld *l, uint32_t i)
{
	uint32_t a = owner(l, i) - 1;

	return a < l->w.plan->adapters && ld_state(l, a) != DIR_FREE &&
	    l->w.info[a].reason == i + 1;
}

int
ld_reasons_open(struct ld *l)
{
	l->free_reason = calloc(DIR_REASONS, sizeof(*l->free_reason));
	if (l->free_reason == NULL)
		return err_set(ERR_MEMORY, "no memory for a table");
	for (uint32_t i = DIR_REASONS; i-- > 0;) {
		if (is_used(l, i))
			continue;
		give(l, i, 0);
		l->free_reason[l->nfree_reasons++] = i;
	}
	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		uint32_t i = l->w.info[a].reason;

		if (i > 0 && i <= DIR_REASONS && owner(l, i - 1) != a + 1)
			l->w.info[a].reason = 0;
	}
	return 0;
}

void
ld_reason_clear(struct ld *l, uint32_t a)
{
	uint32_t i = l->w.info[a].reason;

	l->w.info[a].reason = 0;
	if (i == 0 || i > DIR_REASONS)
		return;
	give(l, i - 1, 0);
	l->free_reason[l->nfree_reasons++] = i - 1;
}

void
ld_reason_set(struct ld *l, uint32_t a, const char *text, uint32_t spare)
{
	struct dir_reason *r;
	uint32_t i;

	ld_reason_clear(l, a);
	if (l->nfree_reasons <= spare) {
		l->w.info[a].reason = DIR_REASONS + 1;
		return;
	}
	i = l->free_reason[--l->nfree_reasons];
	r = &l->w.reasons[i];
	snprintf(r->text, sizeof(r->text), "%s", text);
	give(l, i, a + 1);
	l->w.info[a].reason = (uint16_t)(i + 1);
}
