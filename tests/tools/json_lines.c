/* json_lines FILE [KEY=VALUE...]: each line of a log is an object with what all
 * lines have; prints how many lines have these pairs.  Status 1: a line is none,
 * and which. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const levels[] = { "debug", "info", "warn", "error" };

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? "" : s;
}

/* "2026-01-31T12:00:00.123Z" */
static bool
is_time(const char *s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	if (strlen(s) != strlen(form))
		return false;
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	return true;
}

static bool
is_level(const char *s)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(s, levels[i]) == 0)
			return true;
	return false;
}

/* NULL: nothing is wrong. */
static const char *
wrong(const json_t *o)
{
	if (!json_is_object(o))
		return "no object";
	if (!is_time(text_of(o, "time")))
		return "no time";
	if (!is_level(text_of(o, "level")))
		return "no level";
	if (text_of(o, "who")[0] == '\0')
		return "nobody speaks";
	if (text_of(o, "event")[0] == '\0')
		return "no event";
	if (!json_is_integer(json_object_get(o, "pid")))
		return "no pid";
	return NULL;
}

/* Whether a line has a pair: a text as it is, anything else as JSON. */
static bool
has(const json_t *o, const char *pair)
{
	const char *value = strchr(pair, '=');
	const json_t *v;
	char key[64], *dump;
	bool same;

	if (value == NULL)
		return false;
	snprintf(key, sizeof(key), "%.*s", (int)(value - pair), pair);
	if ((v = json_object_get(o, key)) == NULL)
		return false;
	if (json_is_string(v))
		return strcmp(json_string_value(v), value + 1) == 0;
	dump = json_dumps(v, JSON_ENCODE_ANY);
	same = dump != NULL && strcmp(dump, value + 1) == 0;
	free(dump);
	return same;
}

static bool
has_all(const json_t *o, char **pairs)
{
	for (; *pairs != NULL; pairs++)
		if (!has(o, *pairs))
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	FILE *f = argc > 1 ? fopen(argv[1], "re") : NULL;
	unsigned long number = 0, found = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (f == NULL) {
		fprintf(stderr, "usage: json_lines FILE [KEY=VALUE...]\n");
		return 2;
	}
	while ((n = getline(&line, &size, f)) > 0) {
		json_error_t error;
		json_t *o = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES,
		    &error);
		const char *why = o == NULL ? error.text : wrong(o);

		number++;
		if (why != NULL || line[n - 1] != '\n') {
			printf("line %lu: %s: %s", number,
			    why == NULL ? "no end" : why, line);
			return 1;
		}
		found += has_all(o, argv + 2);
		json_decref(o);
	}
	printf("%lu\n", found);
	free(line);
	fclose(f);
	return 0;
}
