/* The array that params.tbl makes. */
#include "conf/params.h"

#include "base/must.h"

#include <inttypes.h>
#include <stdio.h>

#define AT(field) offsetof(struct conf, field)

const struct param conf_params[] = {
#define TOP_TEXT(name, def, help)                                              \
	{ #name, "", #name, PARAM_TEXT, AT(name), def, "", 0, 0, 0, 0, 0, 0,   \
		"", help },
#define TOP_CHOICE(name, def, choices, help)                                   \
	{ #name, "", #name, PARAM_CHOICE, AT(name), def, choices, 0, 0, 0, 0,  \
		0, 0, "", help },
#define TOP_U32(name, def, least, most, unit, help)                            \
	{ #name, "", #name, PARAM_U32, AT(name), "", "", def, least, most, 0,  \
		0, 0, unit, help },
#define TEXT(section, name, def, help)                                         \
	{ #section "." #name, #section, #name, PARAM_TEXT,                     \
		AT(section##_##name), def, "", 0, 0, 0, 0, 0, 0, "", help },
#define CHOICE(section, name, def, choices, help)                              \
	{ #section "." #name, #section, #name, PARAM_CHOICE,                   \
		AT(section##_##name), def, choices, 0, 0, 0, 0, 0, 0, "",      \
		help },
#define U32(section, name, def, least, most, unit, help)                       \
	{ #section "." #name, #section, #name, PARAM_U32,                      \
		AT(section##_##name), "", "", def, least, most, 0, 0, 0, unit, \
		help },
#define U64(section, name, def, least, most, unit, help)                       \
	{ #section "." #name, #section, #name, PARAM_U64,                      \
		AT(section##_##name), "", "", def, least, most, 0, 0, 0, unit, \
		help },
#define REAL(section, name, def, least, most, unit, help)                      \
	{ #section "." #name, #section, #name, PARAM_REAL,                     \
		AT(section##_##name), "", "", 0, 0, 0, def, least, most, unit, \
		help },
#include "conf/params.tbl"
#undef TOP_TEXT
#undef TOP_CHOICE
#undef TOP_U32
#undef TEXT
#undef CHOICE
#undef U32
#undef U64
#undef REAL
};

_Static_assert(sizeof(conf_params) / sizeof(conf_params[0]) == CONF_COUNT,
    "one index a setting");

const int conf_nparams = sizeof(conf_params) / sizeof(conf_params[0]);

char *
conf_value(const struct param *p, const struct conf *c, char *buf, size_t size)
{
	const char *field = (const char *)c + p->offset;

	must(size > 0);
	if (p->kind == PARAM_U32)
		snprintf(buf, size, "%" PRIu32, *(const uint32_t *)field);
	else if (p->kind == PARAM_U64)
		snprintf(buf, size, "%" PRIu64, *(const uint64_t *)field);
	else if (p->kind == PARAM_REAL)
		snprintf(buf, size, "%.15g", *(const double *)field);
	else
		snprintf(buf, size, "%s", field);
	return buf;
}
