/*
 * fields.h -- the members of a JSON object, each with its kind and bounds.
 *
 * A member that is absent or null leaves the value as it was: the caller sets
 * the default first.  One of another kind, or out of bounds, is ERR_FORMAT and
 * a sentence that begins with its name.
 */
#ifndef MODEL_FIELDS_H
#define MODEL_FIELDS_H

#include <jansson.h>
#include <stdbool.h>

/* NULL: absent, or null. */
const json_t *field(const json_t *object, const char *name);

int field_int(const json_t *object, const char *name, int least, int most,
    int *value);
int field_number(const json_t *object, const char *name, double least,
    double most, double *value);
int field_bool(const json_t *object, const char *name, bool *value);

/* The text lives as long as the object. */
int field_text(const json_t *object, const char *name, const char **value);

/* As field_int, but it must be there. */
int field_need(const json_t *object, const char *name, int least, int most,
    int *value);

/* Whether a value says nothing: null, false, 0, "", [] or {}. */
bool field_is_empty(const json_t *value);

#endif
