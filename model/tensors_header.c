/* The header of a safetensors file: bounded, parsed, and held against the
 * file's size before anybody looks at a number. */
#include "model/tensors_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "model/beneath.h"

#define DEPTH_MAX 3 /* file, tensor, shape */
#define LENGTH_BYTES 8

/* Every dtype of the format; those that nobody computes with here are OTHER. */
static const struct dtype dtypes[] = {
	{ "F32", 32, TENSOR_F32 },
	{ "F16", 16, TENSOR_F16 },
	{ "BF16", 16, TENSOR_BF16 },
	{ "BOOL", 8, TENSOR_OTHER },
	{ "F4", 4, TENSOR_OTHER },
	{ "F6_E2M3", 6, TENSOR_OTHER },
	{ "F6_E3M2", 6, TENSOR_OTHER },
	{ "U8", 8, TENSOR_OTHER },
	{ "I8", 8, TENSOR_OTHER },
	{ "F8_E5M2", 8, TENSOR_OTHER },
	{ "F8_E4M3", 8, TENSOR_OTHER },
	{ "F8_E8M0", 8, TENSOR_OTHER },
	{ "I16", 16, TENSOR_OTHER },
	{ "U16", 16, TENSOR_OTHER },
	{ "I32", 32, TENSOR_OTHER },
	{ "U32", 32, TENSOR_OTHER },
	{ "F64", 64, TENSOR_OTHER },
	{ "I64", 64, TENSOR_OTHER },
	{ "U64", 64, TENSOR_OTHER },
	{ "C64", 64, TENSOR_OTHER },
};

const struct dtype *
dtype_find(const char *name)
{
	for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
		if (strcmp(dtypes[i].name, name) == 0)
			return &dtypes[i];
	return NULL;
}

const char *
dtype_name(enum tensor_dtype dtype)
{
	return dtype < TENSOR_OTHER ? dtypes[dtype].name : "?";
}

bool
tensor_measure(struct tensor *t, unsigned bits)
{
	uint64_t n = 1;

	for (int i = 0; i < t->ndim; i++)
		if (__builtin_mul_overflow(n, t->shape[i], &n))
			return false;
	t->elements = n;
	if (__builtin_mul_overflow(n, (uint64_t)bits, &n) || n % 8 != 0)
		return false;
	t->bytes = n / 8;
	return true;
}

/* Deep nesting would be a deep recursion in the parser. */
static bool
too_deep(const char *text, uint64_t n)
{
	int depth = 0;
	bool quoted = false;

	for (uint64_t i = 0; i < n; i++) {
		char c = text[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

static int
parse_text(json_t **header, const char *text, uint64_t n)
{
	json_error_t why;
	size_t valid;

	if (n == 0 || text[0] != '{')
		return err_set(ERR_FORMAT, "the header does not begin with {");
	if ((valid = utf8_valid(text, n)) != n)
		return err_set(ERR_FORMAT,
		    "the header is not valid UTF-8 at byte %zu", valid);
	if (too_deep(text, n))
		return err_set(ERR_FORMAT, "the header nests deeper than %d",
		    DEPTH_MAX);
	*header = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (*header == NULL)
		return err_set(ERR_FORMAT, "the header: %s", why.text);
	return 0;
}

static int
read_header(json_t **header, uint64_t *data, int fd, uint64_t size,
    uint64_t max)
{
	unsigned char length[LENGTH_BYTES];
	uint64_t n = 0;
	char *text;
	int e;

	if (size < LENGTH_BYTES)
		return err_set(ERR_FORMAT, "has %ju bytes, fewer than 8",
		    (uintmax_t)size);
	if ((e = beneath_read(fd, length, LENGTH_BYTES, 0)) != 0)
		return e;
	for (int i = LENGTH_BYTES - 1; i >= 0; i--)
		n = n << 8 | length[i];
	if (n > size - LENGTH_BYTES)
		return err_set(ERR_FORMAT,
		    "names a header of %ju bytes, the file has %ju",
		    (uintmax_t)n, (uintmax_t)size);
	if (n > max)
		return err_set(ERR_LIMIT,
		    "has a header of %ju bytes, the limit is %ju", (uintmax_t)n,
		    (uintmax_t)max);
	if ((text = malloc(n + 1)) == NULL)
		return err_set(ERR_MEMORY,
		    "no memory for a header of %ju bytes", (uintmax_t)n);
	if ((e = beneath_read(fd, text, n, LENGTH_BYTES)) == 0)
		e = parse_text(header, text, n);
	free(text);
	*data = LENGTH_BYTES + n;
	return e;
}

static bool
to_count(const json_t *value, uint64_t *n)
{
	json_int_t i = json_integer_value(value);

	if (!json_is_integer(value) || i < 0)
		return false;
	*n = (uint64_t)i;
	return true;
}

static int
parse_shape(struct tensor *t, const json_t *shape)
{
	size_t ndim = json_array_size(shape);

	if (!json_is_array(shape))
		return err_set(ERR_FORMAT, "%s: shape is missing or no list",
		    t->name);
	if (ndim > TENSOR_DIMS_MAX)
		return err_set(ERR_FORMAT,
		    "%s: %zu dimensions, the limit is %d", t->name, ndim,
		    TENSOR_DIMS_MAX);
	t->ndim = (int)ndim;
	for (size_t i = 0; i < ndim; i++)
		if (!to_count(json_array_get(shape, i), &t->shape[i]))
			return err_set(ERR_FORMAT,
			    "%s: dimension %zu is not a non-negative integer",
			    t->name, i);
	return 0;
}

/* Leaves in offset where the data begins relative to the header's end. */
static int
parse_offsets(struct tensor *t, const json_t *offsets)
{
	uint64_t begin, end;

	if (json_array_size(offsets) != 2 ||
	    !to_count(json_array_get(offsets, 0), &begin) ||
	    !to_count(json_array_get(offsets, 1), &end))
		return err_set(ERR_FORMAT,
		    "%s: data_offsets are not two non-negative integers",
		    t->name);
	if (begin > end || end - begin != t->bytes)
		return err_set(ERR_FORMAT,
		    "%s: data_offsets [%ju, %ju] do not hold its %ju bytes",
		    t->name, (uintmax_t)begin, (uintmax_t)end,
		    (uintmax_t)t->bytes);
	t->offset = begin;
	return 0;
}

static int
parse_tensor(struct tensor *t, const json_t *fields)
{
	const json_t *value = json_object_get(fields, "dtype");
	const struct dtype *dtype;
	int e;

	if (!json_is_string(value))
		return err_set(ERR_FORMAT, "%s: dtype is missing or no text",
		    t->name);
	if ((dtype = dtype_find(json_string_value(value))) == NULL)
		return err_set(ERR_FORMAT, "%s: dtype '%.40s' is not known",
		    t->name, json_string_value(value));
	t->dtype = dtype->ours;
	snprintf(t->dtype_name, sizeof(t->dtype_name), "%s", dtype->name);
	if ((e = parse_shape(t, json_object_get(fields, "shape"))) != 0)
		return e;
	if (!tensor_measure(t, dtype->bits))
		return err_set(ERR_FORMAT,
		    "%s: its shape is over 64 bits of bytes, or no whole "
		    "number of them",
		    t->name);
	return parse_offsets(t, json_object_get(fields, "data_offsets"));
}

static int
check_metadata(const json_t *metadata)
{
	const char *key;
	json_t *value;

	if (!json_is_object(metadata))
		return err_set(ERR_FORMAT, "__metadata__ is not an object");
	json_object_foreach((json_t *)(uintptr_t)metadata, key,
	    value) if (!json_is_string(value)) return err_set(ERR_FORMAT,
	    "__metadata__: '%.80s' is not a text", key);
	return 0;
}

static int
by_place(const void *va, const void *vb)
{
	const struct tensor *a = va, *b = vb;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	/* Empty tensors may share their place with a full one: they lead. */
	return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

/* No hole, no overlap, nothing behind the last; offsets become those of the
 * file. */
static int
check_places(struct tensor *list, int n, uint64_t data, uint64_t size)
{
	uint64_t at = 0;

	if (n > 0)
		qsort(list, (size_t)n, sizeof(*list), by_place);
	for (int i = 0; i < n; i++) {
		if (list[i].offset != at)
			return err_set(ERR_FORMAT,
			    "%s: begins at byte %ju of the data, want %ju",
			    list[i].name, (uintmax_t)list[i].offset,
			    (uintmax_t)at);
		if (list[i].bytes > size - data - at)
			return err_set(ERR_FORMAT,
			    "%s: ends at byte %ju of the data, the file has "
			    "%ju",
			    list[i].name, (uintmax_t)(at + list[i].bytes),
			    (uintmax_t)(size - data));
		at += list[i].bytes;
		list[i].offset += data;
	}
	if (at != size - data)
		return err_set(ERR_FORMAT,
		    "%ju bytes of data, the tensors end at byte %ju",
		    (uintmax_t)(size - data), (uintmax_t)at);
	return 0;
}

static int
parse_all(struct tensors *ts, int file, const json_t *header)
{
	const char *key;
	json_t *fields;
	int e;

	json_object_foreach((json_t *)(uintptr_t)header, key, fields)
	{
		struct tensor *t = &ts->list[ts->count];

		if (strcmp(key, "__metadata__") == 0) {
			if ((e = check_metadata(fields)) != 0)
				return e;
			continue;
		}
		*t = (struct tensor){ .file = file, .name = strdup(key) };
		if (t->name == NULL)
			return err_set(ERR_MEMORY, "no memory for names");
		ts->count++;
		if ((e = parse_tensor(t, fields)) != 0)
			return e;
	}
	return 0;
}

int
tensors_header(struct tensors *ts, int file, uint64_t size,
    struct tensors_limits limits)
{
	json_t *header = NULL;
	uint64_t data = 0;
	int first = ts->count, e;
	struct tensor *list;
	size_t n;

	e = read_header(&header, &data, ts->fds[file], size,
	    limits.header_bytes_max);
	if (e != 0)
		return e;
	n = json_object_size(header) -
	    (json_object_get(header, "__metadata__") != NULL);
	if (limits.count_max > 0 && n > (size_t)limits.count_max) {
		e = err_set(ERR_LIMIT, "has %zu tensors, the limit is %d", n,
		    limits.count_max);
		goto out;
	}
	/* One more than needed, so that none is room for one too. */
	list = realloc(ts->list, ((size_t)first + n + 1) * sizeof(*list));
	if (list == NULL) {
		e = err_set(ERR_MEMORY, "no memory for %zu tensors", n);
		goto out;
	}
	ts->list = list;
	if ((e = parse_all(ts, file, header)) == 0)
		e = check_places(ts->list + first, ts->count - first, data,
		    size);
out:
	json_decref(header);
	return e;
}
