/* Lines in, errors out: what does not depend on the single field. */
#include "frontend/api.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *type;
} codes[] = {
#define CODE(name, text, type, meaning) { text, type },
#include "frontend/codes.tbl"
#undef CODE
};

bool
api_refuse(struct api_fail *f, enum api_code code, const char *param,
    const char *fmt, ...)
{
	va_list ap;
	size_t n;

	*f = (struct api_fail){ .code = code };
	snprintf(f->param, sizeof(f->param), "%s", param);
	va_start(ap, fmt);
	vsnprintf(f->message, sizeof(f->message), fmt, ap);
	va_end(ap);
	/* The cut may have gone through a character of the client's. */
	n = strlen(f->message);
	f->message[utf8_valid(f->message, n)] = '\0';
	f->param[utf8_valid(f->param, strlen(f->param))] = '\0';
	return false;
}

const char *
api_code_text(enum api_code code)
{
	return codes[code].text;
}

const char *
api_kind(const json_t *v)
{
	static const char *const kinds[] = { [JSON_OBJECT] = "an object",
		[JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",
		[JSON_INTEGER] = "an integer",
		[JSON_REAL] = "a number",
		[JSON_TRUE] = "true",
		[JSON_FALSE] = "false",
		[JSON_NULL] = "null" };

	return kinds[json_typeof(v)];
}

bool
api_text_of(const json_t *v, const char *field, const char *want,
    const char **out, struct api_fail *f)
{
	*out = json_string_value(v);
	if (*out == NULL)
		return api_refuse(f, API_WRONG_TYPE, field, "%s: %s: want %s",
		    field, api_kind(v), want);
	if (strlen(*out) != json_string_length(v))
		return api_refuse(f, API_OUT_OF_RANGE, field,
		    "%s: holds a NUL character: want %s", field, want);
	return true;
}

/* The fewest digits that say this number: 0.1 comes back as 0.1. */
static size_t
digits_of(const json_t *v)
{
	double number = json_number_value(v);
	char text[64];
	size_t n = 15;

	for (; n < 17; n++) {
		snprintf(text, sizeof(text), "%.*g", (int)n, number);
		if (strtod(text, NULL) == number)
			break;
	}
	return n;
}

static bool
read_id(const json_t *root, char id[SLOT_ID_MAX], struct api_fail *f)
{
	const json_t *v = json_object_get(root, "id");
	size_t n;

	if (v == NULL || json_is_null(v))
		return true;
	if (!json_is_string(v) && !json_is_number(v))
		return api_refuse(f, API_WRONG_TYPE, "id",
		    "id: %s: want a string or a number", api_kind(v));
	n = json_dumpb(v, id, SLOT_ID_MAX - 1,
	    JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(digits_of(v)));
	if (n == 0 || n >= SLOT_ID_MAX) {
		id[0] = '\0';
		return api_refuse(f, API_OUT_OF_RANGE, "id",
		    "id: %zu bytes as JSON: want at most %d", n,
		    SLOT_ID_MAX - 1);
	}
	id[n] = '\0';
	return true;
}

bool
api_parse(json_t **root, const char *line, size_t n, char id[SLOT_ID_MAX],
    struct api_fail *f)
{
	size_t valid = utf8_valid(line, n);
	json_error_t e;

	*root = NULL;
	id[0] = '\0';
	if (valid < n)
		return api_refuse(f, API_INVALID_UTF8, "",
		    "byte %zu of the line (0x%02x) is not UTF-8", valid + 1,
		    (unsigned char)line[valid]);
	*root = json_loadb(line, n,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &e);
	if (*root == NULL)
		return api_refuse(f, API_NOT_JSON, "",
		    "not JSON: %s (at byte %d)", e.text, e.position);
	if (!json_is_object(*root))
		return api_refuse(f, API_NOT_JSON, "",
		    "the line is %s: want a JSON object", api_kind(*root));
	return read_id(*root, id, f);
}

const char *
api_stranger(const json_t *root, const char *const *known, int n)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)root, key, v)
	{
		int i = 0;

		while (i < n && strcmp(key, known[i]) != 0)
			i++;
		if (i == n)
			return key;
	}
	return NULL;
}

static void
put_ms(struct line_out *o, const char *name, nsec length)
{
	line_put(o, name);
	line_ms(o, length);
}

void
api_error(struct line_out *o, const char *id, const struct api_fail *f)
{
	line_put(o, "{\"id\":");
	line_put(o, id[0] != '\0' ? id : "null");
	line_put(o, ",\"error\":{\"type\":\"");
	line_put(o, codes[f->code].type);
	line_put(o, "\",\"code\":\"");
	line_put(o, codes[f->code].text);
	line_put(o, "\",\"message\":");
	line_text(o, f->message, strlen(f->message));
	if (f->param[0] != '\0') {
		line_put(o, ",\"param\":");
		line_text(o, f->param, strlen(f->param));
	}
	if (f->retry_after_ms > 0) {
		line_put(o, ",\"retry_after_ms\":");
		line_int(o, f->retry_after_ms);
	}
	if (f->busy > 0) {
		line_put(o, ",\"busy\":");
		line_int(o, f->busy);
	}
	line_put(o, "}");
	if (f->operation > 0)
		line_number(o, "operation", f->operation);
	if (f->ended != NULL)
		api_timing(o, f->ended);
	line_put(o, "}\n");
}

void
api_timing(struct line_out *o, const struct record_note *n)
{
	const struct wait_split *w = &n->wait;

	put_ms(o, ",\"timing\":{\"queue_ms\":", n->queue_ns);
	put_ms(o, ",\"adapter_ms\":", n->adapter_ns);
	put_ms(o, ",\"prefill_ms\":", n->prefill_ns);
	put_ms(o, ",\"ttft_ms\":", n->ttft_ns);
	put_ms(o, ",\"decode_ms\":", n->decode_ns);
	put_ms(o, ",\"total_ms\":", n->total_ns);
	put_ms(o, ",\"longest_gap_ms\":", n->longest_ns);
	line_put(o, ",\"queue\":{\"");
	for (uint32_t i = WHY_NONE + 1; i < WHY_COUNT; i++) {
		line_put(o, why_name(i));
		put_ms(o, "_ms\":", w->by_ns[i]);
		line_put(o, ",\"");
	}
	put_ms(o, "other_ms\":", w->by_ns[WHY_NONE]);
	put_ms(o, "},\"adapter\":{\"disk_ms\":", w->disk_ns);
	put_ms(o, ",\"host_ms\":", w->host_ns);
	put_ms(o, ",\"copy_ms\":", w->copy_ns);
	line_put(o, "}}");
}
