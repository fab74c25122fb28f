/* A list of adapters, kept in order. */
#include "sim/names.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ADAPTERS_MAX (1u << 20)

/* Where it is, or would have to be. */
static uint32_t
place(const struct sim_names *l, const char *name)
{
	uint32_t low = 0, high = l->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(l->at[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
grow(struct sim_names *l)
{
	struct sim_named *more;

	if (l->n < l->size)
		return 0;
	if (l->n >= ADAPTERS_MAX)
		return err_set(ERR_USAGE, "over %u adapters", ADAPTERS_MAX);
	l->size = l->size == 0 ? 64 : l->size * 2;
	if ((more = realloc(l->at, l->size * sizeof(*more))) == NULL)
		return err_set(ERR_MEMORY, "no memory for %u adapters",
		    l->size);
	l->at = more;
	return 0;
}

int
sim_names_add(struct sim_names *l, const struct sim_named *a)
{
	size_t len = strspn(a->name, LETTERS "0123456789._-");
	uint32_t at = place(l, a->name);
	int e;

	if (len == 0 || a->name[len] != '\0')
		return err_set(ERR_USAGE, "'%s': want a name of [A-Za-z0-9._-]",
		    a->name);
	if (at < l->n && strcmp(l->at[at].name, a->name) == 0)
		return err_set(ERR_USAGE, "adapter '%s' twice", a->name);
	if ((e = grow(l)) != 0)
		return e;
	memmove(l->at + at + 1, l->at + at, (l->n - at) * sizeof(*l->at));
	l->at[at] = *a;
	l->n++;
	return 0;
}

int32_t
sim_names_find(const struct sim_names *l, const char *name)
{
	uint32_t at = place(l, name);

	return at < l->n && strcmp(l->at[at].name, name) == 0 ? (int32_t)at :
								-1;
}

void
sim_names_free(struct sim_names *l)
{
	free(l->at);
	memset(l, 0, sizeof(*l));
}
