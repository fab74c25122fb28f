/* Settings by name: defaults, and one value checked and set. */
#include "conf/conf.h"

#include "base/err.h"
#include "base/must.h"
#include "base/near.h"
#include "base/units.h"
#include "conf/params.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void
conf_defaults(struct conf *c)
{
	memset(c, 0, sizeof(*c));
	for (int i = 0; i < conf_nparams; i++) {
		const struct param *p = &conf_params[i];
		char *field = (char *)c + p->offset;

		if (p->kind == PARAM_U32)
			*(uint32_t *)field = (uint32_t)p->def;
		else if (p->kind == PARAM_U64)
			*(uint64_t *)field = p->def;
		else if (p->kind == PARAM_REAL)
			*(double *)field = p->real_def;
		else
			strcpy(field, p->text);
	}
	c->setter = CONF_FROM_OPTION;
}

enum conf_from
conf_by(struct conf *c, enum conf_from by)
{
	enum conf_from was = (enum conf_from)c->setter;

	c->setter = (unsigned char)by;
	return was;
}

/* A bare name is also compared with the last part of a key: who writes
 * batch_max at the top level wants to hear of its section. */
static int
distance(const char *key, const struct param *p)
{
	int whole = near_distance(key, p->key);
	int part = near_distance(key, p->name);

	return part < whole ? part : whole;
}

static int
unknown(const char *key)
{
	const struct param *best = &conf_params[0];

	for (int i = 1; i < conf_nparams; i++)
		if (distance(key, &conf_params[i]) < distance(key, best))
			best = &conf_params[i];
	if (near_enough(key, distance(key, best)))
		return err_set(ERR_CONFIG,
		    "unknown setting '%.64s'; did you mean '%s'?", key,
		    best->key);
	return err_set(ERR_CONFIG,
	    "unknown setting '%.64s'; 'chameleon check --settings' lists all",
	    key);
}

static bool
parse_number(const char *text, uint64_t *n)
{
	size_t len = strlen(text);

	if (len == 0 || len > 20 || strspn(text, "0123456789") != len)
		return false;
	*n = strtoull(text, NULL, 10);
	return len < 20 || (text[0] == '1' && *n > UINT64_MAX / 2);
}

static int
set_number(const struct param *p, void *field, const char *value)
{
	bool bytes = strcmp(p->unit, "bytes") == 0;
	uint64_t n;

	if (!(bytes ? units_parse_bytes(value, &n) : parse_number(value, &n)) ||
	    n < p->least || n > p->most)
		return err_set(ERR_CONFIG,
		    "%s: %.64s: want %" PRIu64 "..%" PRIu64 " %s", p->key,
		    value, p->least, p->most, p->unit);
	if (p->kind == PARAM_U32)
		*(uint32_t *)field = (uint32_t)n;
	else
		*(uint64_t *)field = n;
	return 0;
}

static int
set_real(const struct param *p, void *field, const char *value)
{
	char *end;
	double x = strtod(value, &end);

	/* The comparison refuses what is no number, too. */
	if (end == value || *end != '\0' ||
	    !(x >= p->real_least && x <= p->real_most))
		return err_set(ERR_CONFIG, "%s: %.64s: want %g..%g", p->key,
		    value, p->real_least, p->real_most);
	*(double *)field = x;
	return 0;
}

/* Whether value is the choice that n characters say.  "cuda:N" is any number
 * of at most three digits behind "cuda:". */
static bool
chosen(const char *choice, size_t n, const char *value)
{
	size_t digits;

	if (n < 3 || strncmp(choice + n - 2, ":N", 2) != 0)
		return strlen(value) == n && strncmp(choice, value, n) == 0;
	if (strncmp(choice, value, n - 1) != 0)
		return false;
	digits = strspn(value + n - 1, "0123456789");
	return digits >= 1 && digits <= 3 && value[n - 1 + digits] == '\0';
}

/* What a choice may be, in words: "auto, cpu, cuda or cuda:N". */
static int
not_chosen(const struct param *p, const char *value)
{
	char words[128];
	size_t used = 0;

	if (strstr(p->choices, ":N") == NULL)
		return err_set(ERR_CONFIG, "%s: '%.64s': want one of %s",
		    p->key, value, p->choices);
	must(strlen(p->choices) < sizeof(words) / 2);
	for (const char *at = p->choices; *at != '\0'; at++)
		if (*at != '|')
			words[used++] = *at;
		else
			used += (size_t)sprintf(words + used, "%s",
			    strchr(at + 1, '|') != NULL ? ", " : " or ");
	words[used] = '\0';
	return err_set(ERR_CONFIG, "%s: %.64s: want %s", p->key, value, words);
}

static int
set_choice(const struct param *p, char *field, const char *value)
{
	for (const char *at = p->choices;; at++) {
		size_t n = strcspn(at, "|");

		if (chosen(at, n, value)) {
			memcpy(field, value, strlen(value) + 1);
			return 0;
		}
		at += n;
		if (*at == '\0')
			return not_chosen(p, value);
	}
}

static int
set_text(const struct param *p, char *field, const char *value)
{
	size_t len = strlen(value);

	if (len >= CONF_TEXT_MAX)
		return err_set(ERR_CONFIG, "%s: %zu bytes: want at most %d",
		    p->key, len, CONF_TEXT_MAX - 1);
	memset(field, 0, CONF_TEXT_MAX);
	memcpy(field, value, len);
	return 0;
}

static int
set_field(const struct param *p, char *field, const char *value)
{
	if (p->kind == PARAM_TEXT)
		return set_text(p, field, value);
	if (p->kind == PARAM_CHOICE)
		return set_choice(p, field, value);
	if (p->kind == PARAM_REAL)
		return set_real(p, field, value);
	return set_number(p, field, value);
}

int
conf_set(struct conf *c, const char *key, const char *value)
{
	int i = conf_find(key), e;

	if (i < 0)
		return unknown(key);
	const struct param *p = &conf_params[i];
	if ((e = set_field(p, (char *)c + p->offset, value)) == 0)
		c->from[i] = c->setter;
	return e;
}

int
conf_set_pair(struct conf *c, const char *pair)
{
	const char *equals = strchr(pair, '=');
	char key[128];

	if (equals == NULL || equals == pair ||
	    (size_t)(equals - pair) >= sizeof(key))
		return err_set(ERR_CONFIG, "'%.64s': want key=value", pair);
	memcpy(key, pair, (size_t)(equals - pair));
	key[equals - pair] = '\0';
	return conf_set(c, key, equals + 1);
}
