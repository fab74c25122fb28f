/* Settings in an engine that runs: what they are, and which may change. */
#include "base/err.h"
#include "conf/conf.h"
#include "conf/params.h"

#include <string.h>

#define LIVE_SECTION "policy"

static const char *const from_names[CONF_FROM_COUNT] = { "default", "file",
	"system", "option", "operator" };

static bool
is_live(const struct param *p)
{
	return strcmp(p->section, LIVE_SECTION) == 0;
}

int
conf_find(const char *key)
{
	for (int i = 0; i < conf_nparams; i++)
		if (strcmp(conf_params[i].key, key) == 0)
			return i;
	return -1;
}

const char *
conf_choices(const char *key)
{
	int i = conf_find(key);

	return i >= 0 && conf_params[i].kind == PARAM_CHOICE ?
	    conf_params[i].choices :
	    NULL;
}

bool
conf_row(const struct conf *c, int i, struct conf_row *row)
{
	const struct param *p = &conf_params[i];

	if (i < 0 || i >= conf_nparams)
		return false;
	*row = (struct conf_row){ .key = p->key,
		.from = c->from[i] < CONF_FROM_COUNT ? from_names[c->from[i]] :
						       "unknown",
		.number = p->kind != PARAM_TEXT && p->kind != PARAM_CHOICE,
		.live = is_live(p) };
	(void)conf_value(p, c, row->value, sizeof(row->value));
	return true;
}

int
conf_set_live(struct conf *c, const char *key, const char *value)
{
	int i = conf_find(key);

	if (i >= 0 && !is_live(&conf_params[i]))
		return err_set(ERR_CONFIG,
		    "%s needs a restart: only settings of the section "
		    "'" LIVE_SECTION "' change while the engine runs",
		    key);
	return conf_set(c, key, value);
}

static size_t
field_bytes(const struct param *p)
{
	switch (p->kind) {
	case PARAM_TEXT:
		return CONF_TEXT_MAX;
	case PARAM_CHOICE:
		return CONF_CHOICE_MAX;
	case PARAM_U32:
		return sizeof(uint32_t);
	default:
		return 8;
	}
}

void
conf_end_texts(struct conf *c)
{
	for (int i = 0; i < conf_nparams; i++) {
		const struct param *p = &conf_params[i];

		if (p->kind == PARAM_TEXT || p->kind == PARAM_CHOICE)
			((char *)c)[p->offset + field_bytes(p) - 1] = '\0';
	}
}

void
conf_take_live(struct conf *to, const struct conf *from)
{
	for (int i = 0; i < conf_nparams; i++) {
		const struct param *p = &conf_params[i];

		if (!is_live(p))
			continue;
		memcpy((char *)to + p->offset, (const char *)from + p->offset,
		    field_bytes(p));
		to->from[i] = from->from[i];
	}
}

int
conf_check(const struct conf *c)
{
	if (strcmp(c->policy_predictor, "oracle") == 0)
		return err_set(ERR_CONFIG,
		    "policy.predictor: 'oracle' knows the length of an answer "
		    "in the simulator alone");
	return 0;
}
