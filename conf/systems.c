/* Rows of systems.tbl, set over a configuration. */
#include "conf/systems.h"

#include "base/err.h"
#include "base/must.h"
#include "base/near.h"

#include <stdbool.h>
#include <string.h>

#define WIDTH 79

static const struct system {
	const char *name;
	const char *pairs; /* key=value, with blanks between */
} systems[] = {
#define SYSTEM(name, pairs) { name, pairs },
#include "conf/systems.tbl"
#undef SYSTEM
};

#define NSYSTEMS (sizeof(systems) / sizeof(systems[0]))

static int
unknown(const char *name)
{
	char known[1024] = "";
	size_t n = 0, best = 0;

	for (size_t i = 0; i < NSYSTEMS; i++) {
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
		    i > 0 ? ", " : "", systems[i].name);
		must(n < sizeof(known));
		if (near_distance(name, systems[i].name) <
		    near_distance(name, systems[best].name))
			best = i;
	}
	if (near_enough(name, near_distance(name, systems[best].name)))
		return err_set(ERR_CONFIG,
		    "unknown system '%.64s'; did you mean '%s'?  Known: %s",
		    name, systems[best].name, known);
	return err_set(ERR_CONFIG, "unknown system '%.64s'; known: %s", name,
	    known);
}

/* The next pair of *at, in buf; false: there is none. */
static bool
next_pair(const char **at, char *buf, size_t size)
{
	size_t n;

	*at += strspn(*at, " ");
	n = strcspn(*at, " ");
	must(n < size);
	memcpy(buf, *at, n);
	buf[n] = '\0';
	*at += n;
	return n > 0;
}

int
conf_system(struct conf *c, const char *name)
{
	const char *at = NULL;
	char pair[128];
	int e = 0;

	for (size_t i = 0; i < NSYSTEMS; i++)
		if (strcmp(systems[i].name, name) == 0)
			at = systems[i].pairs;
	if (at == NULL)
		return unknown(name);
	while (e == 0 && next_pair(&at, pair, sizeof(pair)))
		e = conf_set_pair(c, pair);
	return e == 0 ? 0 : err_add("system '%s'", name);
}

/* Whether a pair of the same key follows: then this one has no effect. */
static bool
overridden(const char *pair, const char *at)
{
	size_t key = strcspn(pair, "=") + 1;
	char later[128];

	while (next_pair(&at, later, sizeof(later)))
		if (strncmp(pair, later, key) == 0)
			return true;
	return false;
}

/* Folded. */
static void
print_pairs(FILE *f, const char *at)
{
	int column = WIDTH;
	char pair[128];

	while (next_pair(&at, pair, sizeof(pair))) {
		if (overridden(pair, at))
			continue;
		if (column + 1 + (int)strlen(pair) > WIDTH) {
			fprintf(f, "\n   ");
			column = 3;
		}
		column += fprintf(f, " %s", pair);
	}
	fprintf(f, "\n");
}

void
conf_systems(FILE *f)
{
	for (size_t i = 0; i < NSYSTEMS; i++) {
		fprintf(f, "%s", systems[i].name);
		print_pairs(f, systems[i].pairs);
	}
}
