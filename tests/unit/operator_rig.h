/*
 * operator_rig.h -- what tests of operators' wishes have beside frontend_rig.h: the
 * words that scheduler and loader would make of them, and the operations.
 */
#ifndef TESTS_UNIT_OPERATOR_RIG_H
#define TESTS_UNIT_OPERATOR_RIG_H

#include "tests/unit/frontend_rig.h"

/* What scheduler and loader make of an ask; HAVE_FAILED: one load more has. */
void rig_obey(struct rig *, uint32_t a, enum want_state, enum have_state);

/* The command in the adapter's word. */
enum dir_ask rig_asked(const struct rig *, uint32_t a);

/* Says it, with turns until the adapter's word has the command. */
void rig_wish(struct rig *, int fd, uint32_t a, const char *line,
    enum dir_ask wait_for);

/* More turns than whoever obeys is waited for. */
void rig_turns(struct rig *);

/* The next line, which says that it is done. */
json_t *rig_done(struct rig *, int fd);

/* The next line is an error of this code that names the operation. */
void rig_refused(struct rig *, int fd, const char *code, const char *in_message,
    json_int_t operation);

/* A number of a line; of the next line. */
json_int_t rig_number(const json_t *, const char *key);
json_int_t rig_hear_number(struct rig *, int fd, const char *key);

/* The operation of this number, as everybody sees it. */
const struct operation *rig_operation(const struct rig *, uint64_t n);
void rig_expect(const struct rig *, uint64_t n, enum operation_state,
    const char *in_reason);

#endif
