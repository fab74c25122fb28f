/*
 * admin.h -- what operators may ask, as the files that do it share it.
 *
 *	admin.c         the table, who may ask, when it is answered
 *	admin_adapter.c load, unload
 *	admin_terms.c   pin, unpin, weight, rollback
 *	admin_set.c     set, get, settings
 *	operations.c    numbers, deadlines and ends of what is asked of adapters
 *
 * An operation writes a wish into a word and is answered when the wish has
 * come true: look is asked again and again until it says so.
 */
#ifndef FRONTEND_ADMIN_H
#define FRONTEND_ADMIN_H

#include "frontend/frontend.h"

#define ADMIN_FIELDS_MAX 3

/* No failure: api_fail.code has no such value. */
#define ADMIN_NO_FAIL API_CODE_COUNT

struct admin_op {
	const char *name;
	const char *fields[ADMIN_FIELDS_MAX]; /* beside op and id */
	/* Reads the fields; NULL: there are none.  false: refused. */
	bool (*read)(struct frontend *, const json_t *, struct pending *,
	    struct api_fail *);
	/* Writes the wish; NULL: there is none.  false: refused. */
	bool (*start)(struct frontend *, struct pending *, struct api_fail *);
	/* Fulfilled: writes what stands behind "done".  Hopeless: sets code. */
	bool (*look)(struct frontend *, struct pending *, struct line_out *,
	    struct api_fail *);
	/* Takes the wish back when it is hopeless; NULL: it stays. */
	void (*undo)(struct frontend *, const struct pending *);
	/* What it waits for, for the sentence when its time is over; not NULL for
	 * those that are an operation (operations.c). */
	void (*waits_for)(struct frontend *, const struct pending *, char *out,
	    size_t size);
	/* Another version serves the name by now: it is that one's; NULL: it stays
	 * with the one that was named.  false: refused. */
	bool (*follow)(struct frontend *, struct pending *, struct api_fail *);
	/* It is obeyed so far that it will be done, whoever takes it back; NULL:
	 * never. */
	bool (*begun)(const struct frontend *, const struct pending *);
	bool broken;  /* may be asked of an adapter that is broken, too */
	bool ordered; /* of one version of a name at a time */
};

/* admin_adapter.c */
/* The adapter that "name" names, and what it is like now; false: refused. */
bool admin_find(struct frontend *, const json_t *, struct pending *,
    struct api_fail *);
/* It is about this entry, as that is now. */
void admin_take(struct frontend *, struct pending *, uint32_t adapter,
    uint32_t serial);
/* No other kind of operation on its name waits; nor, if their order matters, the same
 * one on another version.  false: refused. */
bool admin_undisturbed(struct frontend *, const struct pending *,
    struct api_fail *);
/* Another operation on it waits. */
bool admin_others_wait(const struct frontend *, const struct pending *);
/* Writes the command; pin and weight (hundredths) as given, or as they stand. */
void admin_wish_with(struct frontend *, const struct pending *, enum dir_ask,
    bool pinned, uint32_t weight);
void admin_wish(struct frontend *, const struct pending *, enum dir_ask);
void admin_put_name(struct frontend *, const struct pending *,
    struct line_out *);
bool admin_read_adapter(struct frontend *, const json_t *, struct pending *,
    struct api_fail *);
bool admin_start_load(struct frontend *, struct pending *, struct api_fail *);
/* It has come, as a load or a pin wants it. */
bool admin_look_come(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);
bool admin_look_load(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);
bool admin_start_unload(struct frontend *, struct pending *, struct api_fail *);
bool admin_look_unload(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);
bool admin_unload_begun(const struct frontend *, const struct pending *);
bool admin_read_unload(struct frontend *, const json_t *, struct pending *,
    struct api_fail *);
/* A number, or the text of one; what is not there leaves *out alone. */
bool admin_read_number(const json_t *root, const char *field, double least,
    double most, double *out, struct api_fail *);
void admin_undo_ask(struct frontend *, const struct pending *);
void admin_waits_for(struct frontend *, const struct pending *, char *out,
    size_t size);
/* The adapter is no more what it was when it was asked for. */
bool admin_adapter_gone(struct frontend *, const struct pending *,
    struct api_fail *);

/* admin_terms.c */
bool admin_start_pin(struct frontend *, struct pending *, struct api_fail *);
bool admin_follow_pin(struct frontend *, struct pending *, struct api_fail *);
bool admin_look_pin(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);
void admin_undo_pin(struct frontend *, const struct pending *);
bool admin_start_unpin(struct frontend *, struct pending *, struct api_fail *);
bool admin_look_unpin(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);
bool admin_read_weight(struct frontend *, const json_t *, struct pending *,
    struct api_fail *);
bool admin_start_weight(struct frontend *, struct pending *, struct api_fail *);
bool admin_look_weight(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);
bool admin_read_rollback(struct frontend *, const json_t *, struct pending *,
    struct api_fail *);
bool admin_start_rollback(struct frontend *, struct pending *,
    struct api_fail *);
bool admin_look_rollback(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);

/* admin_set.c */
bool admin_read_key(struct frontend *, const json_t *, struct pending *,
    struct api_fail *);
bool admin_read_set(struct frontend *, const json_t *, struct pending *,
    struct api_fail *);
bool admin_start_set(struct frontend *, struct pending *, struct api_fail *);
bool admin_look_set(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);
void admin_undo_set(struct frontend *, const struct pending *);
bool admin_look_get(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);
bool admin_look_settings(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);

/* operations.c */
/* Gives a wish its number, and its deadline if it has none. */
void fe_operation_begin(struct frontend *, struct pending *);
/* It is about another entry from now on. */
void fe_operation_follow(struct frontend *, const struct pending *);
/* The name that it is about, ended. */
void fe_operation_name(struct frontend *, const struct pending *,
    char out[DIR_NAME_MAX]);
/* Its wish has been taken back: a later life need not. */
void fe_operation_undone(struct frontend *, const struct pending *);
/* It is over; sentence: why it is not done, or NULL. */
void fe_operation_end(struct frontend *, const struct pending *,
    const struct api_fail *why);
bool admin_look_operations(struct frontend *, struct pending *,
    struct line_out *, struct api_fail *);
bool admin_read_withdraw(struct frontend *, const json_t *, struct pending *,
    struct api_fail *);
bool admin_start_withdraw(struct frontend *, struct pending *,
    struct api_fail *);
bool admin_look_withdraw(struct frontend *, struct pending *, struct line_out *,
    struct api_fail *);

/* admin.c */
/* Turns that scheduler and loader begin from now on count: they read what was
 * written before. */
void admin_turns_from(const struct frontend *, struct pending *);
/* NULL: no such operation. */
const struct admin_op *admin_op_named(const char *);

#endif
