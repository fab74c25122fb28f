/* What the engine itself counts, asked before and after a benchmark. */
#include "base/err.h"
#include "cli/bench.h"
#include "cli/client.h"

#include <jansson.h>

#define ASK_NS (30 * SECOND)

static uint64_t
member(json_t *stats, const char *group, const char *name)
{
	json_t *j = json_object_get(json_object_get(stats, group), name);

	return (uint64_t)json_integer_value(j);
}

int
bench_counts(const char *connect, struct bench_counts *counts)
{
	char *line = NULL;
	struct client c;
	int e = client_open(&c, connect, ASK_NS);

	if (e == 0)
		e = client_send(&c, "{\"op\":\"stats\",\"id\":\"counts\"}");
	while (e == 0 && (line == NULL || line[0] == '\0'))
		e = client_wait(&c, &line, clock_mono() + ASK_NS);
	if (e == 0) {
		json_t *reply = json_loads(line, 0, NULL);
		json_t *stats = json_object_get(reply, "stats");

		counts->loads = member(stats, "loader", "loads");
		counts->load_bytes = member(stats, "loader", "load_bytes");
		counts->squashed = member(stats, "scheduler", "squashed");
		if (stats == NULL)
			e = err_set(ERR_FORMAT, "the engine tells no counters");
		json_decref(reply);
	}
	client_close(&c);
	return e;
}
