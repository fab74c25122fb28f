/*
 * pattern.h -- regular expressions that strangers wrote, over module names.
 *
 * Written for Python's re, read by PCRE2, whose syntax holds nearly all of it.
 * One that PCRE2 cannot read, or cannot finish within a limit of steps, is an
 * error, never "no match".  A pattern without anything special but dots, as
 * most are, is compared directly.
 *
 * Memory   pattern_compile allocates, pattern_free frees; text must live on.
 * Threads  One a pattern.
 */
#ifndef MODEL_PATTERN_H
#define MODEL_PATTERN_H

#include <stdbool.h>

struct pcre2_real_code_8;

enum pattern_kind {
	PATTERN_WHOLE, /* matches all of the name */
	PATTERN_TAIL,  /* ^(.*\.)?(TEXT)$ */
	PATTERN_LAYER, /* ^.*?\.TEXT\.(\d+)\. */
};

struct pattern {
	const char *text;
	enum pattern_kind kind;
	struct pcre2_real_code_8 *code; /* NULL: compared directly */
};

/* ERR_UNSUPPORTED: it cannot be read; ERR_MEMORY. */
int pattern_compile(struct pattern *, const char *text, enum pattern_kind);
void pattern_free(struct pattern *);

/* Puts into *matches whether it does.  ERR_LIMIT: too many steps. */
int pattern_match(const struct pattern *, const char *name, bool *matches);

/* Of a PATTERN_LAYER: the number that the parentheses hold, -1: no match. */
int pattern_layer(const struct pattern *, const char *name, int *layer);

#endif
