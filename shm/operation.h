/*
 * operation.h -- what operators have asked of adapters, and what became of it.
 *
 * The last ones, in the frontend's segment: they outlive the frontend, and whoever
 * asked.  Operation n lies in at[n % OPERATIONS_KEPT]; numbers only grow, and one
 * whose place is that of an operation that waits is left out.
 *
 * Threads  The frontend alone reads and writes them.
 */
#ifndef SHM_OPERATION_H
#define SHM_OPERATION_H

#include "base/clock.h"
#include "shm/dir.h"

#include <stdint.h>

#define OPERATIONS_KEPT 256
#define OPERATION_NAME_MAX 16
#define OPERATION_REASON_MAX 160

enum operation_state {
	OPERATION_WAITING,
	OPERATION_DONE,
	OPERATION_FAILED,
	OPERATION_EXPIRED,   /* its deadline passed first */
	OPERATION_WITHDRAWN, /* by an operator */
	OPERATION_STATES
};

struct operation {
	uint64_t number; /* from 1; 0: none.  Stored last */
	char op[OPERATION_NAME_MAX];
	char adapter[DIR_NAME_MAX];
	char reason[OPERATION_REASON_MAX]; /* a sentence, unless it is done */
	uint8_t state;			   /* enum operation_state */
	uint8_t wait;			   /* unload: for those who use it */
	uint8_t was_pinned;		   /* when it was asked */
	uint8_t withdrawn;		   /* an operator has taken it back */
	int32_t entry;
	uint32_t serial, version;
	uint32_t failures; /* of loads of that entry, when it was asked */
	/* Brought to the device, or freed there; while it waits, there when it was
	 * asked. */
	uint64_t bytes;
	nsec loaded_ns; /* when that entry had been loaded last, then */
	nsec asked_ns, ended_ns, deadline_ns;
	nsec undone_ns; /* when its wish was taken back; 0: it stands */
};

struct operations {
	uint64_t last; /* number of the last one */
	struct operation at[OPERATIONS_KEPT];
};

#endif
