/*
 * log_part.h -- the pieces of a log line: its sentence, and each value.
 *
 * A format is walked conversion by conversion, so that it is the format that
 * says where a value ends, never what was printed into it.
 *
 *	log_args_begin, then log_part_next until false: the sentence, with
 *	nkey 0, then each pair
 *
 * Memory   The caller's; a part too long for its text is cut.
 * Threads  No state.
 */
#ifndef BASE_LOG_PART_H
#define BASE_LOG_PART_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define LOG_PART_MAX 1024

struct log_args {
	const char *at; /* what is left of the format */
	va_list ap;
};

struct log_part {
	const char *key; /* in the format */
	size_t nkey;	 /* 0: the sentence */
	char text[LOG_PART_MAX];
	size_t n;
	bool number; /* one conversion of a number and nothing else */
};

/* log_args_end gives the list back. */
void log_args_begin(struct log_args *, const char *fmt, va_list);
void log_args_end(struct log_args *);

/* tame: what is printed into the sentence and could be taken for more than a
 * part of it, is quoted there.  false: there is no further part. */
bool log_part_next(struct log_args *, struct log_part *, bool tame);

#endif
