/* Which fields of adapter_config.json are refused, and which passed over. */
#include "model/adapter_config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "model/fields.h"

#define VALUE_BYTES 80 /* of a foreign value shown to people */

enum treatment { READ, REFUSE, QUIET, IGNORE, UNKNOWN };

static const struct {
	const char *name;
	enum treatment treatment;
} fields[] = {
#define FIELD(name, treatment) { #name, treatment },
#include "model/adapter_fields.tbl"
#undef FIELD
};

/* Ways to begin that subtract something from the base before training; the
 * adapter alone is then only half of what was learnt. */
static const char *const changed_base[] = { "pissa", "olora", "corda", "loftq",
	"lora_ga" };
static const char *const same_base[] = { "eva", "gaussian", "orthogonal",
	"mica", "true", "false" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void
lora_note(char *list, size_t size, const char *fmt, ...)
{
	size_t used = strlen(list);
	const char *between = used > 0 ? ", " : "";
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (used + strlen(between) + strlen(text) < size)
		snprintf(list + used, size - used, "%s%s", between, text);
}

static enum treatment
treatment_of(const char *name)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].treatment;
	return UNKNOWN;
}

/* A text in single quotes, anything else as JSON; cut to fit. */
static void
show(char *out, size_t size, const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	if (json_is_string(value))
		snprintf(out, size, "'%s'", json_string_value(value));
	else
		snprintf(out, size, "%s", text == NULL ? "?" : text);
	free(text);
}

static int
refuse(const char *name, const json_t *value, const char *why)
{
	char text[VALUE_BYTES];

	show(text, sizeof(text), value);
	return err_set(ERR_UNSUPPORTED, "%s: %s: %s", name, text, why);
}

static int
check_type(const json_t *config)
{
	const json_t *type = json_object_get(config, "peft_type");

	if (type == NULL)
		return err_set(ERR_UNSUPPORTED,
		    "peft_type: missing: only LORA is served");
	if (!json_is_string(type) ||
	    strcmp(json_string_value(type), "LORA") != 0)
		return refuse("peft_type", type, "only LORA is served");
	return 0;
}

/* The field is absent, null or this text. */
static int
check_only(const json_t *config, const char *name, const char *text)
{
	const json_t *value = field(config, name);

	if (value == NULL ||
	    (json_is_string(value) &&
		strcmp(json_string_value(value), text) == 0))
		return 0;
	return refuse(name, value, "not supported");
}

static bool
begins(const char *text, const char *const *with, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncasecmp(text, with[i], strlen(with[i])) == 0)
			return true;
	return false;
}

static int
check_init(const json_t *config)
{
	const json_t *init = field(config, "init_lora_weights");

	if (init == NULL || json_is_boolean(init))
		return 0;
	if (!json_is_string(init))
		return refuse("init_lora_weights", init, "not supported");
	if (begins(json_string_value(init), changed_base, COUNT(changed_base)))
		return refuse("init_lora_weights", init,
		    "trained against a changed base; convert it to a plain "
		    "LoRA first");
	if (!begins(json_string_value(init), same_base, COUNT(same_base)))
		return refuse("init_lora_weights", init, "not supported");
	return 0;
}

int
lora_check_fields(const json_t *config, struct adapter *a)
{
	const char *name;
	json_t *value;
	int e;

	if ((e = check_type(config)) != 0 ||
	    (e = check_only(config, "bias", "none")) != 0 ||
	    (e = check_only(config, "task_type", "CAUSAL_LM")) != 0 ||
	    (e = check_init(config)) != 0)
		return e;
	json_object_foreach((json_t *)(uintptr_t)config, name, value)
	{
		enum treatment treatment = treatment_of(name);

		if (field_is_empty(value))
			continue;
		if (treatment == REFUSE)
			return refuse(name, value, "not supported");
		if (treatment == IGNORE)
			lora_note(a->ignored, sizeof(a->ignored), "%s", name);
		if (treatment == UNKNOWN)
			lora_note(a->ignored, sizeof(a->ignored),
			    "%.40s (unknown)", name);
	}
	return 0;
}
