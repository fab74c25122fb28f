#include "tests/unit/operator_rig.h"

#include "shm/word.h"

#include <check.h>
#include <string.h>

void
rig_obey(struct rig *r, uint32_t a, enum want_state want, enum have_state have)
{
	uint32_t gen = word_load_place(&r->made.want[a]).gen + 1;

	word_store_place(&r->as[PROC_SCHEDULER].want[a],
	    (struct place_word){ gen, want, 0, 0 });
	rig_failures(r, a, have == HAVE_FAILED);
	word_store_place(&r->as[PROC_LOADER].have[a],
	    (struct place_word){ gen, have, 0, 0 });
}

enum dir_ask
rig_asked(const struct rig *r, uint32_t a)
{
	return dir_ask_command(atomic_load(&r->made.ask[a]));
}

void
rig_wish(struct rig *r, int fd, uint32_t a, const char *line,
    enum dir_ask wait_for)
{
	rig_say(fd, line);
	while (rig_asked(r, a) != wait_for)
		rig_turn(r);
}

void
rig_turns(struct rig *r)
{
	for (int i = 0; i < 10; i++)
		rig_turn(r);
}

json_t *
rig_done(struct rig *r, int fd)
{
	json_t *line = rig_hear(r, fd);

	ck_assert_ptr_nonnull(line);
	ck_assert_msg(json_is_true(json_object_get(line, "done")), "%s",
	    json_dumps(line, 0));
	return line;
}

json_int_t
rig_number(const json_t *line, const char *key)
{
	const json_t *v = json_object_get(line, key);

	if (!json_is_integer(v))
		ck_abort_msg("no number '%s' in %s", key,
		    json_dumps(line, JSON_ENCODE_ANY));
	return json_integer_value(v);
}

json_int_t
rig_hear_number(struct rig *r, int fd, const char *key)
{
	json_t *line = rig_hear(r, fd);
	json_int_t n = rig_number(line, key);

	json_decref(line);
	return n;
}

void
rig_refused(struct rig *r, int fd, const char *code, const char *in_message,
    json_int_t operation)
{
	json_t *line = rig_hear(r, fd);

	ck_assert_str_eq(rig_text(line, "code"), code);
	ck_assert_msg(strstr(rig_text(line, "message"), in_message) != NULL,
	    "'%s'", rig_text(line, "message"));
	ck_assert_int_eq(rig_number(line, "operation"), operation);
	json_decref(line);
}

const struct operation *
rig_operation(const struct rig *r, uint64_t n)
{
	const struct operation *o = &r->made.operations
					 ->at[n % OPERATIONS_KEPT];

	ck_assert_uint_eq(o->number, n);
	return o;
}

void
rig_expect(const struct rig *r, uint64_t n, enum operation_state want,
    const char *in_reason)
{
	const struct operation *o = rig_operation(r, n);

	ck_assert_int_eq(o->state, want);
	ck_assert_msg(strstr(o->reason, in_reason) != NULL, "'%s'", o->reason);
}
