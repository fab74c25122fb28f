/* Records in a ring. */
#include "shm/record.h"

#include "shm/note.h"

void
record_put(struct record_log *log, const struct record_note *note)
{
	uint64_t number = note_next(&log->last);
	struct record_slot *r = &log->at[number % RECORDS_KEPT];

	note_open(&r->number);
	r->note = *note;
	r->note.number = number;
	note_close(&r->number, number);
	note_close(&log->last, number);
}

bool
record_get(const struct record_log *log, uint64_t number,
    struct record_note *note)
{
	const struct record_slot *r = &log->at[number % RECORDS_KEPT];

	if (!note_is(&r->number, number))
		return false;
	*note = r->note;
	note->id[RECORD_ID_MAX - 1] = '\0';
	note->name[DIR_NAME_MAX - 1] = '\0';
	note->code[RECORD_CODE_MAX - 1] = '\0';
	return note_was(&r->number, number);
}

const char *
record_end_name(uint32_t end)
{
	static const char *const names[RECORD_ENDS] = { [RECORD_STOP] = "stop",
		[RECORD_LENGTH] = "length",
		[RECORD_CANCELLED] = "cancelled",
		[RECORD_FAILED] = "failed" };

	return end < RECORD_ENDS ? names[end] : "unknown";
}

const char *
why_name(uint32_t why)
{
	static const char *const names[WHY_COUNT] = { [WHY_NONE] = "none",
		[WHY_QUOTA] = "quota",
		[WHY_MEMORY] = "memory",
		[WHY_ADAPTER] = "adapter",
		[WHY_BATCH] = "batch",
		[WHY_INTERVAL] = "interval" };

	return why < WHY_COUNT ? names[why] : "unknown";
}
