/*
 * frontend_rig.h -- a frontend in the hands of a test.
 *
 * Real segments, real sockets, the real frontend; the test's own thread plays
 * supervisor, scheduler and executor between its steps, so nothing depends on
 * time.
 */
#ifndef TESTS_UNIT_FRONTEND_RIG_H
#define TESTS_UNIT_FRONTEND_RIG_H

#include "frontend/frontend.h"

#define RIG_SCRIPT_MAX 512
#define RIG_PARKED_MAX 64

struct rig {
	struct segs made, as[PROC_COUNT];
	struct proc proc;
	struct frontend fe;
	struct plan plan;
	int control; /* the supervisor's end */
	int listener, admin, port;
	char dir[64], admin_path[128];
	int parked[RIG_PARKED_MAX];
	uint64_t tag[RIG_PARKED_MAX];
	/* What the executor says to every request, a token a turn. */
	int32_t script[RIG_SCRIPT_MAX];
	int nscript;
	enum slot_finish finish;
	int32_t stop_id;
	enum slot_denied deny;
	/* What scheduler and executor say of its times, since its arrival; 0:
	 * as they come. */
	nsec placed_ns, first_ns, last_ns, longest_ns;
	struct wait_split wait;
	uint32_t queue;
	bool engine; /* whether it works at all */
	bool stands; /* scheduler and loader take no turns */
	nsec later;  /* how far the frontend's clock is ahead of ours */
};

/* Settings and plan may be changed between the two. */
void rig_prepare(struct rig *);
void rig_start(struct rig *);
void rig_end(struct rig *);

/* A new life of the frontend, as after kill -9. */
void rig_crash(struct rig *);

/* The script: every byte of text as the tokenizer has it, then `finish`. */
void rig_script(struct rig *, const char *text, enum slot_finish);

/* One step of everybody. */
void rig_turn(struct rig *);

int rig_connect(struct rig *);
int rig_connect_admin(struct rig *);
void rig_say(int fd, const char *text);

/* The next line as JSON, with turns until it is there; NULL: end of file. */
json_t *rig_hear(struct rig *, int fd);

/* Says a line and hears one; fails unless it is an error of this code. */
void rig_error(struct rig *, int fd, const char *line, const char *code,
    const char *in_message);

/* An adapter in the catalogue. */
void rig_adapter(struct rig *, uint32_t a, const char *name, enum dir_state);

/* So many loads of it more have failed. */
void rig_failures(struct rig *, uint32_t a, uint32_t more);

/* Slots whose f is SUB. */
uint32_t rig_open_slots(struct rig *);

const char *rig_text(const json_t *, const char *key);

#endif
