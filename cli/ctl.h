/*
 * ctl.h -- `chameleon ctl`: what an engine does, and what it shall do.
 *
 *	ctl.c		the verbs (ctl_verbs.tbl), the options, the instance
 *	ctl_rows.c	tables: adapters, queues, requests, processes, rings
 *	ctl_adapter.c	adapter: one of them, with the report of its load
 *	ctl_past.c	tables: events, ended, history; all columns: ctl_columns.tbl
 *	ctl_overview.c	overview, status
 *	ctl_explain.c	explain; explain.h makes the page
 *	ctl_ask.c	what is asked for over the admin socket
 *
 * What it shows is read from the segments (snap/), so it works while processes
 * hang; what it asks for goes over the admin socket.
 */
#ifndef CLI_CTL_H
#define CLI_CTL_H

#include "cli/cmd.h"
#include "cli/grid.h"
#include "cli/options.h"
#include "snap/snap.h"

#include <jansson.h>
#include <stdbool.h>

/* Exit statuses, beside those of cmd.h. */
#define CTL_REFUSED CMD_FAILED
#define CTL_NO_INSTANCE 3
#define CTL_OTHER_VERSION 4
#define CTL_TIMED_OUT 5

/* The options; a time may be CTL_NOT_GIVEN. */
#define CTL_NOT_GIVEN UINT64_MAX
struct ctl {
	const char *instance, *sort, *filter;
	bool json, yes, wait;
	uint64_t timeout_ms, deadline_ms;
};
extern struct ctl ctl;

/* An instance that is looked at. */
struct ctl_look {
	struct snap_source source;
	struct snap snap;
};

/* Reads the parts.  CMD_GO_ON, or the exit status after a sentence; there is
 * nothing to close then. */
int ctl_open(struct ctl_look *, unsigned parts);
void ctl_close(struct ctl_look *);

/* Prints the sentence of the last failure; the status that goes with its code. */
int ctl_failed(void);

/* {"NAME": rows} with --json, else the grid; sorted and filtered.  Takes the
 * rows.  The exit status. */
int ctl_rows(const char *name, const struct grid *, json_t *rows);

/* A verb that shows a list: one row a member of what was read. */
struct ctl_list {
	const char *name;
	unsigned part; /* of the reading */
	struct grid grid;
	json_t *(*row)(const struct ctl_look *, uint32_t i);
	uint32_t (*count)(const struct snap *);
};
int ctl_list(const struct ctl_list *);

/* Makes it the verb `name`; number may speak of the reading as s. */
#define CTL_LIST(name, part, columns, row, number)                             \
	static uint32_t count_##name(const struct snap *s)                     \
	{                                                                      \
		(void)s;                                                       \
		return number;                                                 \
	}                                                                      \
	int ctl_##name(char **operands)                                        \
	{                                                                      \
		static const struct ctl_list list = { #name, part,             \
			{ CMD_ENTRIES(columns) }, row, count_##name };         \
                                                                               \
		(void)operands;                                                \
		return ctl_list(&list);                                        \
	}

/* The row of an adapter that was read. */
json_t *ctl_adapter_row(const struct ctl_look *, uint32_t i);

/* Text, or null if it is empty. */
json_t *ctl_text(const char *);

/* A time in ms; null: there is none (-1). */
json_t *ctl_ms(nsec);

/* Prints an object as one line, and lets it go.  The exit status. */
int ctl_object(json_t *);

/* "17.3"; buf has room for it. */
#define CTL_SLOT_MAX 24
const char *ctl_slot(uint32_t slot, uint32_t gen, char buf[CTL_SLOT_MAX]);

/* A request's id as its client gave it; a text if it was cut. */
json_t *ctl_id(const char *id);

/* Whether what an operator typed names a request: its SLOT.GEN, or its id. */
bool ctl_means(const char *typed, uint32_t slot, uint32_t gen);
bool ctl_means_id(const char *typed, const char *id);

/* One a verb: the exit status. */
#define VERB(name, operands, completes, help) int ctl_##name(char **);
#include "cli/ctl_verbs.tbl"
#undef VERB

#endif
