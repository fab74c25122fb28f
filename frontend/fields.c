/* Reads the fields of a request by their table. */
#include "frontend/api.h"
#include "frontend/names.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TEMPERATURE_DEFAULT 1.0

struct field;

/* Puts v where the field belongs; false: refused. */
typedef bool take_f(const struct field *, const json_t *v, struct api_request *,
    struct api_fail *);

struct field {
	const char *name;
	take_f *take;
	size_t at; /* of the member */
	double least, most;
	const char *want;
};

static void *
member(const struct field *f, struct api_request *r)
{
	return (char *)r + f->at;
}

static bool
wrong_type(const struct field *f, const json_t *v, struct api_fail *fail)
{
	return api_refuse(fail, API_WRONG_TYPE, f->name, "%s: %s: want %s",
	    f->name, api_kind(v), f->want);
}

static bool
out_of_range(const struct field *f, const json_t *v, struct api_fail *fail)
{
	if (json_is_integer(v))
		return api_refuse(fail, API_OUT_OF_RANGE, f->name,
		    "%s: %jd: want %s", f->name,
		    (intmax_t)json_integer_value(v), f->want);
	if (json_is_real(v))
		return api_refuse(fail, API_OUT_OF_RANGE, f->name,
		    "%s: %.12g: want %s", f->name, json_real_value(v), f->want);
	return api_refuse(fail, API_OUT_OF_RANGE, f->name, "%s: want %s",
	    f->name, f->want);
}

/* An integer, also one written 16.0 as some clients do. */
static bool
integer(const json_t *v, double *out)
{
	if (!json_is_number(v))
		return false;
	*out = json_number_value(v);
	return *out == floor(*out);
}

static bool
take_int(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	double n;

	if (!integer(v, &n))
		return wrong_type(f, v, fail);
	if (n < f->least || n > f->most)
		return out_of_range(f, v, fail);
	*(int32_t *)member(f, r) = (int32_t)n;
	return true;
}

static bool
take_real(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	if (!json_is_number(v))
		return wrong_type(f, v, fail);
	if (!(json_number_value(v) >= f->least &&
		json_number_value(v) <= f->most))
		return out_of_range(f, v, fail);
	*(double *)member(f, r) = json_number_value(v);
	return true;
}

/* As a real, but the least is outside; judged as the float it becomes. */
static bool
take_share(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	if (json_is_number(v) && !((float)json_number_value(v) > f->least))
		return out_of_range(f, v, fail);
	return take_real(f, v, r, fail);
}

static bool
take_bool(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	if (!json_is_boolean(v))
		return wrong_type(f, v, fail);
	*(bool *)member(f, r) = json_is_true(v);
	return true;
}

static bool
take_text(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	return api_text_of(v, f->name, f->want, (const char **)member(f, r),
	    fail);
}

static bool
take_seed(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	double n;

	if (!integer(v, &n))
		return wrong_type(f, v, fail);
	if (json_is_real(v) && fabs(n) > 0x1p53)
		return out_of_range(f, v, fail);
	r->has_seed = true;
	r->seed = json_is_integer(v) ? (uint64_t)json_integer_value(v) :
				       (uint64_t)(int64_t)n;
	return true;
}

static bool
take_skip(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	(void)f, (void)v, (void)r, (void)fail;
	return true;
}

/* Only the value that asks for what is done anyway. */
static bool
take_only(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	bool same = json_is_number(v) ? json_number_value(v) == f->least :
	    json_is_string(v)	      ? json_string_length(v) == 0 :
					json_is_false(v);

	(void)r;
	return same ||
	    api_refuse(fail, API_NOT_SUPPORTED, f->name, "%s: want %s", f->name,
		f->want);
}

static bool
token_id(const struct field *f, const json_t *v, int32_t *id,
    const struct api_request *r, struct api_fail *fail)
{
	double n;

	if (!integer(v, &n))
		return api_refuse(fail, API_WRONG_TYPE, f->name,
		    "%s: holds %s: want %s", f->name, api_kind(v), f->want);
	if (n < 0 || n >= r->vocab)
		return api_refuse(fail, API_OUT_OF_RANGE, f->name,
		    "%s: token id %.0f: want 0..%d", f->name, n,
		    (int)r->vocab - 1);
	*id = (int32_t)n;
	return true;
}

static bool
take_prompt(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	const json_t *first = json_array_get(v, 0);
	int32_t id;

	r->prompt = v;
	if (json_is_string(v))
		return true;
	if (!json_is_array(v))
		return wrong_type(f, v, fail);
	if (json_is_string(first) || json_is_array(first))
		return api_refuse(fail, API_NOT_SUPPORTED, f->name,
		    "prompt: several prompts in one request: want %s; send a "
		    "line for each",
		    f->want);
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!token_id(f, json_array_get(v, i), &id, r, fail))
			return false;
	return true;
}

static bool
take_ids(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v))
		return wrong_type(f, v, fail);
	if (n > SLOT_STOP_IDS_MAX)
		return api_refuse(fail, API_OUT_OF_RANGE, f->name,
		    "%s: %zu ids: want %s", f->name, n, f->want);
	for (size_t i = 0; i < n; i++)
		if (!token_id(f, json_array_get(v, i), &r->stop_ids[i], r,
			fail))
			return false;
	r->nstop_ids = (int)n;
	return true;
}

static bool
add_stop(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	size_t n = json_string_length(v);

	if (!json_is_string(v))
		return api_refuse(fail, API_WRONG_TYPE, f->name,
		    "%s: holds %s: want %s", f->name, api_kind(v), f->want);
	if (n < 1 || n > STOPS_BYTES_MAX)
		return api_refuse(fail, API_OUT_OF_RANGE, f->name,
		    "%s: a string of %zu bytes: want %s", f->name, n, f->want);
	r->stop[r->nstop] = json_string_value(v);
	r->stop_bytes[r->nstop++] = n;
	return true;
}

static bool
take_stop(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	if (json_is_string(v))
		return add_stop(f, v, r, fail);
	if (!json_is_array(v))
		return wrong_type(f, v, fail);
	if (json_array_size(v) > STOPS_MAX)
		return api_refuse(fail, API_OUT_OF_RANGE, f->name,
		    "%s: %zu strings: want %s", f->name, json_array_size(v),
		    f->want);
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!add_stop(f, json_array_get(v, i), r, fail))
			return false;
	return true;
}

/* The keys of logit_bias are token ids as text. */
static bool
take_bias(const struct field *f, const json_t *v, struct api_request *r,
    struct api_fail *fail)
{
	const char *key;
	json_t *add;
	char *end;

	if (!json_is_object(v))
		return wrong_type(f, v, fail);
	if (json_object_size(v) > SAMPLE_BIAS_MAX)
		return api_refuse(fail, API_OUT_OF_RANGE, f->name,
		    "%s: %zu tokens: want at most %d", f->name,
		    json_object_size(v), SAMPLE_BIAS_MAX);
	json_object_foreach((json_t *)(uintptr_t)v, key, add)
	{
		long id = strtol(key, &end, 10);

		if (end == key || *end != '\0' || id < 0 || id >= r->vocab)
			return api_refuse(fail, API_OUT_OF_RANGE, f->name,
			    "%s: token id '%s': want 0..%d", f->name, key,
			    (int)r->vocab - 1);
		if (!json_is_number(add))
			return wrong_type(f, add, fail);
		if (!(json_number_value(add) >= f->least &&
			json_number_value(add) <= f->most))
			return out_of_range(f, add, fail);
		r->bias[r->nbias].id = (int32_t)id;
		r->bias[r->nbias++].add = (float)json_number_value(add);
	}
	return true;
}

static const struct field fields[] = {
#define FIELD(name, take, member, least, most, want)                           \
	{ #name, take_##take, offsetof(struct api_request, member), least,     \
		most, want },
#include "frontend/fields.tbl"
#undef FIELD
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static bool
unknown(const char *key, struct api_fail *fail)
{
	const char *near = NULL;
	int limit = 3;

	for (size_t i = 0; i < FIELDS; i++) {
		int d = fe_names_distance(key, fields[i].name, limit);

		if (d <= limit) {
			near = fields[i].name;
			limit = d - 1;
		}
	}
	if (near == NULL)
		return api_refuse(fail, API_UNKNOWN_FIELD, key,
		    "unknown field '%s'", key);
	return api_refuse(fail, API_UNKNOWN_FIELD, key,
	    "unknown field '%s'; did you mean '%s'?", key, near);
}

static void
set_defaults(struct api_request *r, const struct shape *s, uint32_t vocab)
{
	*r = (struct api_request){
		.temperature = s->has_temperature ? s->temperature :
						    TEMPERATURE_DEFAULT,
		.top_p = s->has_top_p ? s->top_p : 1,
		.top_k = s->has_top_k ? s->top_k : 0,
		.repetition = s->has_repetition ? s->repetition : 1,
		.logprobs = -1,
		.skip_special = true,
		.add_special = true,
		.vocab = (int32_t)vocab,
	};
}

bool
api_read(struct api_request *r, const json_t *root, const struct shape *s,
    uint32_t vocab, struct api_fail *fail)
{
	const char *key;
	json_t *v;

	set_defaults(r, s, vocab);
	json_object_foreach((json_t *)(uintptr_t)root, key, v)
	{
		size_t i = 0;

		while (i < FIELDS && strcmp(key, fields[i].name) != 0)
			i++;
		if (i == FIELDS)
			return unknown(key, fail);
		if (!json_is_null(v) && !fields[i].take(&fields[i], v, r, fail))
			return false;
	}
	if (r->prompt == NULL)
		return api_refuse(fail, API_MISSING_FIELD, "prompt",
		    "prompt: missing: want a string or an array of token ids");
	if (r->max_tokens > 0 && r->min_tokens > r->max_tokens)
		return api_refuse(fail, API_OUT_OF_RANGE, "min_tokens",
		    "min_tokens: %d: want at most max_tokens, %d",
		    r->min_tokens, r->max_tokens);
	if (r->top_k < 0)
		r->top_k = 0;
	return true;
}
