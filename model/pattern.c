/* Foreign regular expressions with a bound on what they may cost. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/pattern.h"

#include <limits.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define TEXT_BYTES_MAX 4096
#define STEPS_MAX 20000 /* names are shorter than 64 bytes */
#define HEAP_KIB_MAX 1024

static const char *const fronts[] = {
	[PATTERN_WHOLE] = "^(?:",
	[PATTERN_TAIL] = "^(?:.*\\.)?(?:",
	[PATTERN_LAYER] = "^.*?\\.",
};
static const char *const backs[] = {
	[PATTERN_WHOLE] = ")$",
	[PATTERN_TAIL] = ")$",
	/* Named, for the text may hold parentheses of its own. */
	[PATTERN_LAYER] = "\\.(?<chameleon_layer>\\d+)\\.",
};

/* Nothing but names and dots; a dot matches any character. */
static bool
is_simple(const char *text)
{
	return strpbrk(text, "\\^$*+?()[]{}|") == NULL;
}

static bool
same(const char *text, const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] != name[i] && text[i] != '.')
			return false;
	return true;
}

static bool
match_simple(const struct pattern *p, const char *name)
{
	size_t n = strlen(p->text), all = strlen(name);

	if (n > all || !same(p->text, name + all - n, n))
		return false;
	return n == all ||
	    (p->kind == PATTERN_TAIL && name[all - n - 1] == '.');
}

int
pattern_compile(struct pattern *p, const char *text, enum pattern_kind kind)
{
	char whole[TEXT_BYTES_MAX + 128];
	PCRE2_UCHAR why[128];
	PCRE2_SIZE at;
	int code;

	*p = (struct pattern){ .text = text, .kind = kind };
	if (kind != PATTERN_LAYER && is_simple(text))
		return 0;
	if (strlen(text) > TEXT_BYTES_MAX)
		return err_set(ERR_UNSUPPORTED,
		    "'%.40s...' is longer than %d bytes", text, TEXT_BYTES_MAX);
	snprintf(whole, sizeof(whole), "%s%s%s", fronts[kind], text,
	    backs[kind]);
	p->code = pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &code,
	    &at, NULL);
	if (p->code != NULL)
		return 0;
	pcre2_get_error_message(code, why, sizeof(why));
	return err_set(ERR_UNSUPPORTED, "'%.80s' cannot be read: %s", text,
	    (const char *)why);
}

void
pattern_free(struct pattern *p)
{
	pcre2_code_free(p->code);
	p->code = NULL;
}

/* The result of pcre2_match, and the name's capture into number if asked. */
static int
run(const struct pattern *p, const char *name, char *number, size_t size)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(p->code,
	    NULL);
	int found = PCRE2_ERROR_NOMEMORY;
	PCRE2_SIZE n = size;

	if (limits != NULL && data != NULL) {
		pcre2_set_match_limit(limits, STEPS_MAX);
		pcre2_set_depth_limit(limits, STEPS_MAX);
		pcre2_set_heap_limit(limits, HEAP_KIB_MAX);
		found = pcre2_match(p->code, (PCRE2_SPTR)name, strlen(name), 0,
		    0, data, limits);
	}
	if (found > 0 && number != NULL &&
	    pcre2_substring_copy_byname(data, (PCRE2_SPTR) "chameleon_layer",
		(PCRE2_UCHAR *)number, &n) != 0)
		found = PCRE2_ERROR_NOMATCH;
	pcre2_match_data_free(data);
	pcre2_match_context_free(limits);
	return found;
}

static int
failed(const struct pattern *p, int found)
{
	if (found == PCRE2_ERROR_NOMEMORY)
		return err_set(ERR_MEMORY, "no memory to match '%.80s'",
		    p->text);
	return err_set(ERR_LIMIT, "'%.80s' takes too long to match", p->text);
}

int
pattern_match(const struct pattern *p, const char *name, bool *matches)
{
	int found;

	if (p->code == NULL) {
		*matches = match_simple(p, name);
		return 0;
	}
	found = run(p, name, NULL, 0);
	*matches = found > 0;
	if (found > 0 || found == PCRE2_ERROR_NOMATCH)
		return 0;
	return failed(p, found);
}

int
pattern_layer(const struct pattern *p, const char *name, int *layer)
{
	char number[16];
	int found = run(p, name, number, sizeof(number));

	*layer = -1;
	if (found == PCRE2_ERROR_NOMATCH)
		return 0;
	if (found < 0)
		return failed(p, found);
	/* Names are ours: the number is one of a layer. */
	*layer = (int)strtol(number, NULL, 10);
	return 0;
}
