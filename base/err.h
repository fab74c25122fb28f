/*
 * err.h -- a failure is a code and a sentence.
 *
 * A function that can fail returns 0 or an ERR_* code and leaves one sentence
 * that its user can act on.  The sentence grows on the way up: whoever knows
 * more puts it in front.
 *
 *	return err_set(ERR_FORMAT, "tensor '%s': dtype %s", name, dtype);
 *	...
 *	if ((e = tensors_open(&t, path)) != 0)
 *		return err_add("model '%s'", dir);   -> "model 'x': tensor ..."
 *
 * Not for bugs (must.h), nor for answers such as full, empty, not yet.
 *
 * Memory   One fixed buffer a thread; err_text is valid until the next err_*.
 * Threads  Each thread has its own sentence.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	ERR_NONE = 0,
#define ERR(name, text, status) ERR_##name,
#include "base/err.tbl"
#undef ERR
	ERR_COUNT
};

/* Sets the sentence, returns code. */
int err_set(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets the sentence to "FMT: strerror(errno)", returns code. */
int err_sys(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "FMT: " in front of the sentence; returns the code it had. */
int err_add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The sentence and the code of this thread's last failure. */
const char *err_text(void);
int err_code(void);

/* A word or two for a code, and the exit status of a process that could not
 * start for it: 100 (do not restart) or 111 (try again). */
const char *err_name(int code);
int err_status(int code);

#endif
