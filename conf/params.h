/*
 * params.h -- params.tbl as an array, for the files of this folder.
 */
#ifndef CONF_PARAMS_H
#define CONF_PARAMS_H

#include "conf/conf.h"

#include <stddef.h>

enum param_kind { PARAM_TEXT, PARAM_CHOICE, PARAM_U32, PARAM_U64, PARAM_REAL };

struct param {
	const char *key;     /* "listen", "frontend.line_bytes_max" */
	const char *section; /* "" at the top level */
	const char *name;
	enum param_kind kind;
	size_t offset;	     /* in struct conf */
	const char *text;    /* default of a TEXT or CHOICE */
	const char *choices; /* "a|b|c" */
	uint64_t def, least, most;
	double real_def, real_least, real_most; /* of a REAL */
	const char *unit;
	const char *help;
};

extern const struct param conf_params[];
extern const int conf_nparams;

/* The value of one setting as text, quoted nowhere; returns buf. */
char *conf_value(const struct param *, const struct conf *, char *buf,
    size_t size);

#endif
