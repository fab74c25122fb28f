/* docs/METRICS.md, from the table. */
#include "monitor/metrics.h"

#include <string.h>

static const char head[] =
    "# Metrics\n"
    "\n"
    "Made from `monitor/metrics.tbl` by `make metrics-doc`; not edited by "
    "hand.\n"
    "\n"
    "`GET /metrics` on `metrics.listen` (127.0.0.1:7071; the line `ready` "
    "says\n"
    "where) answers in Prometheus' text format, version 0.0.4. `GET /health`\n"
    "answers 200 when requests can be served, else 503 with the reason.\n"
    "`etc/prometheus` has a scrape configuration and alerts, `etc/grafana` a\n"
    "dashboard; what to do about an alert is in OPERATIONS.md.\n"
    "\n"
    "Families named `vllm:` are what routers and dashboards read of vLLM, "
    "under its\n"
    "names and with its buckets; they have the labels `model_name` and "
    "`engine`\n"
    "beside those below. What the engine cannot tell, vLLM's prefix cache for "
    "one,\n"
    "is absent.\n"
    "\n"
    "Counters of requests, steps, adapters and queues go on when a process "
    "dies,\n"
    "the monitor too; they begin at 0 when the engine starts.\n"
    "\n"
    "| name | type | labels | what |\n"
    "|---|---|---|---|\n";

/* Keys with all values that the family's rows give them: "reason kv adapter". */
static void
values_of(FILE *f, uint32_t row, const char *key, size_t nkey)
{
	for (; row < metrics_count && metrics_rows[row].kind != ROW_FAMILY;
	     row++) {
		const char *at = metrics_rows[row].text;

		while (*at != '\0') {
			size_t n = strcspn(at, ","), k = strcspn(at, "=");

			if (k == nkey && strncmp(at, key, k) == 0)
				fprintf(f, " %.*s", (int)(n - k - 1),
				    at + k + 1);
			at += n + (at[n] == ',');
		}
	}
}

static void
list_names(FILE *f, const char *names, const char **between)
{
	for (; names != NULL && *names != '\0'; *between = ", ") {
		size_t n = strcspn(names, ",");

		fprintf(f, "%s`%.*s`", *between, (int)n, names);
		names += n + (names[n] == ',');
	}
}

static void
list_labels(FILE *f, uint32_t row)
{
	const struct metrics_row *r = &metrics_rows[row];
	const char *between = "", *at = r->text;

	if (r->kind == ROW_INFO) {
		list_names(f, r->text, &between);
		return;
	}
	list_names(f, metrics_set_labels[r->set], &between);
	for (; *at != '\0'; between = ", ") {
		size_t key = strcspn(at, "="), end = strcspn(at, ",");

		fprintf(f, "%s`%.*s`", between, (int)key, at);
		values_of(f, row, at, key);
		at += end + (at[end] == ',');
	}
}

static void
list_edges(FILE *f)
{
	char number[PAGE_NUMBER_MAX];

	fprintf(f,
	    "\n## Buckets\n\nIn seconds or tokens; each ends with +Inf. "
	    "Those of tokens end at the context.\n\n| of | up to |\n"
	    "|---|---|\n");
	for (int e = 0; e < EDGES_COUNT; e++) {
		const char *between = "", *family = "";

		fprintf(f, "| ");
		for (uint32_t i = 0; i < metrics_count; i++) {
			const struct metrics_row *r = &metrics_rows[i];

			if (r->kind == ROW_FAMILY)
				family = r->text;
			else if (r->kind == ROW_SPREAD && (int)r->edges == e &&
			    family != NULL) {
				fprintf(f, "%s`%s`", between, family);
				between = ", ";
				family = NULL;
			}
		}
		fprintf(f, " |");
		for (int i = 0; i < metrics_edges[e].count; i++)
			fprintf(f, " %s",
			    page_number(number, metrics_edges[e].at[i]));
		fprintf(f, " |\n");
	}
}

void
metrics_guide(FILE *f)
{
	fputs(head, f);
	for (uint32_t i = 0; i < metrics_count; i++) {
		const struct metrics_row *r = &metrics_rows[i];

		if (r->kind != ROW_FAMILY)
			continue;
		fprintf(f, "| `%s` | %s | ", r->text, metrics_types[r->type]);
		list_labels(f, i + 1);
		fprintf(f, " | %s |\n", r->help);
	}
	list_edges(f);
}
