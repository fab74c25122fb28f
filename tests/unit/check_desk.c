/* What lies beside the metrics: alerts, their remedies, and the dashboard. */
#include <check.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/metrics.h"

#define RULES "etc/prometheus/rules.yml"
#define RULES_TEST "tests/fixtures/rules_test.yml"
#define DASHBOARD "etc/grafana/chameleon.json"
#define REMEDIES "docs/OPERATIONS.md"
#define NAME_MAX_BYTES 96

static char *
whole(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	ck_assert_msg(f != NULL, "%s is not there", path);
	ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
	fclose(f);
	return text;
}

/* Samples of a histogram or a summary have names of their own. */
static bool
is_metric(const char *name)
{
	static const char *const ends[] = { "", "_bucket", "_sum", "_count" };

	for (uint32_t i = 0; i < metrics_count; i++) {
		const struct metrics_row *r = &metrics_rows[i];
		size_t n;

		if (r->kind != ROW_FAMILY)
			continue;
		n = strlen(r->text);
		if (strncmp(name, r->text, n) != 0)
			continue;
		for (int e = 0; e < 4; e++)
			if (strcmp(name + n, ends[e]) == 0 &&
			    (e == 0 || r->type >= METRICS_HISTOGRAM))
				return true;
	}
	return false;
}

/* Every word of a text that looks like a metric is one.  Returns how many. */
static int
only_metrics(const char *text, const char *where)
{
	int n = 0;

	while (*text != '\0') {
		char name[NAME_MAX_BYTES] = "";
		size_t k = 0;

		while (isalnum((unsigned char)text[k]) || text[k] == '_' ||
		    text[k] == ':')
			k++;
		if (k > 0 && k < sizeof(name)) {
			memcpy(name, text, k);
			name[k] = '\0';
		}
		if (strncmp(name, "chameleon_", 10) == 0 ||
		    strncmp(name, "vllm:", 5) == 0) {
			ck_assert_msg(is_metric(name),
			    "%s: there is no metric %s", where, name);
			n++;
		}
		text += k > 0 ? k : 1;
	}
	return n;
}

static int
look_through(const json_t *j, const char *key)
{
	const char *name;
	json_t *value;
	size_t i;
	int n = 0;

	if (json_is_string(j) && key != NULL &&
	    (strcmp(key, "expr") == 0 || strcmp(key, "query") == 0))
		n += only_metrics(json_string_value(j), DASHBOARD);
	json_object_foreach((json_t *)j, name, value)
	    n += look_through(value, name);
	json_array_foreach(j, i, value) n += look_through(value, NULL);
	return n;
}

START_TEST(the_dashboard_shows_metrics_that_exist)
{
	json_error_t error;
	json_t *j = json_load_file(DASHBOARD, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(j != NULL, "%s: %s", DASHBOARD, error.text);
	ck_assert_int_gt(look_through(j, NULL), 50);
	json_decref(j);
}
END_TEST

START_TEST(alerts_ask_for_metrics_that_exist)
{
	char *text = whole(RULES);

	ck_assert_int_gt(only_metrics(text, RULES), 10);
	free(text);
}
END_TEST

/* Of the alert whose name stands behind `at`. */
static void
name_of(const char *at, char out[NAME_MAX_BYTES])
{
	size_t n = strcspn(at, "\n");

	ck_assert_uint_lt(n, NAME_MAX_BYTES);
	memcpy(out, at, n);
	out[n] = '\0';
}

START_TEST(every_alert_has_a_remedy_and_a_test)
{
	static const char mark[] = "- alert: ";
	char *rules = whole(RULES), *remedies = whole(REMEDIES);
	char *tests = whole(RULES_TEST), *at = rules;
	char name[NAME_MAX_BYTES], want[2 * NAME_MAX_BYTES];
	int n = 0;

	for (; (at = strstr(at, mark)) != NULL; n++) {
		at += strlen(mark);
		name_of(at, name);
		snprintf(want, sizeof(want), "\n### %s\n\n", name);
		ck_assert_msg(strstr(remedies, want) != NULL,
		    "%s has no section %s", REMEDIES, name);
		snprintf(want, sizeof(want), "alertname: %s\n", name);
		ck_assert_msg(strstr(tests, want) != NULL, "%s does not try %s",
		    RULES_TEST, name);
		for (char *c = name; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		snprintf(want, sizeof(want),
		    "runbook_url: docs/OPERATIONS.md#%s\n", name);
		ck_assert_msg(strstr(at, want) != NULL,
		    "%s: %s has no link to its remedy", RULES, name);
	}
	ck_assert_int_gt(n, 8);
	free(rules);
	free(remedies);
	free(tests);
}
END_TEST

START_TEST(every_remedy_is_of_an_alert)
{
	char *rules = whole(RULES), *remedies = whole(REMEDIES);
	char *at = strstr(remedies, "\n## Alerts\n");
	char name[NAME_MAX_BYTES], want[2 * NAME_MAX_BYTES];

	ck_assert_ptr_nonnull(at);
	for (; (at = strstr(at, "\n### ")) != NULL; at++) {
		name_of(at + strlen("\n### "), name);
		snprintf(want, sizeof(want), "- alert: %s\n", name);
		ck_assert_msg(strstr(rules, want) != NULL,
		    "%s: %s is no alert of %s", REMEDIES, name, RULES);
	}
	free(rules);
	free(remedies);
}
END_TEST

Suite *suite_desk(void);
Suite *
suite_desk(void)
{
	Suite *s = suite_create("desk");
	TCase *t = tcase_create("desk");

	tcase_add_test(t, the_dashboard_shows_metrics_that_exist);
	tcase_add_test(t, alerts_ask_for_metrics_that_exist);
	tcase_add_test(t, every_alert_has_a_remedy_and_a_test);
	tcase_add_test(t, every_remedy_is_of_an_alert);
	suite_add_tcase(s, t);
	return s;
}
