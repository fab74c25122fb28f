/* Typed and bounded members of JSON objects. */
#include "model/fields.h"

#include "base/err.h"

const json_t *
field(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

int
field_int(const json_t *object, const char *name, int least, int most,
    int *value)
{
	const json_t *v = field(object, name);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < least ||
	    json_integer_value(v) > most)
		return err_set(ERR_FORMAT, "%s: want an integer, %d to %d",
		    name, least, most);
	*value = (int)json_integer_value(v);
	return 0;
}

int
field_need(const json_t *object, const char *name, int least, int most,
    int *value)
{
	if (field(object, name) == NULL)
		return err_set(ERR_FORMAT, "%s: is missing", name);
	return field_int(object, name, least, most, value);
}

int
field_number(const json_t *object, const char *name, double least, double most,
    double *value)
{
	const json_t *v = field(object, name);

	if (v == NULL)
		return 0;
	if (!json_is_number(v) || json_number_value(v) < least ||
	    json_number_value(v) > most)
		return err_set(ERR_FORMAT, "%s: want a number, %g to %g", name,
		    least, most);
	*value = json_number_value(v);
	return 0;
}

int
field_bool(const json_t *object, const char *name, bool *value)
{
	const json_t *v = field(object, name);

	if (v == NULL)
		return 0;
	if (!json_is_boolean(v))
		return err_set(ERR_FORMAT, "%s: want true or false", name);
	*value = json_is_true(v);
	return 0;
}

int
field_text(const json_t *object, const char *name, const char **value)
{
	const json_t *v = field(object, name);

	if (v == NULL)
		return 0;
	if (!json_is_string(v))
		return err_set(ERR_FORMAT, "%s: want a text", name);
	*value = json_string_value(v);
	return 0;
}

bool
field_is_empty(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
	case JSON_FALSE:
		return true;
	case JSON_TRUE:
		return false;
	case JSON_INTEGER:
	case JSON_REAL:
		return json_number_value(value) == 0;
	case JSON_STRING:
		return json_string_length(value) == 0;
	case JSON_ARRAY:
		return json_array_size(value) == 0;
	case JSON_OBJECT:
		return json_object_size(value) == 0;
	}
	return false;
}
