/* Points in a ring. */
#include "shm/history.h"

#include "shm/note.h"

void
history_put(struct history *h, const struct history_point *point)
{
	uint64_t number = note_next(&h->last);
	struct history_slot *s = &h->at[number % HISTORY_KEPT];

	note_open(&s->number);
	s->point = *point;
	note_close(&s->number, number);
	note_close(&h->last, number);
}

bool
history_get(const struct history *h, uint64_t number,
    struct history_point *point)
{
	const struct history_slot *s = &h->at[number % HISTORY_KEPT];

	if (!note_is(&s->number, number))
		return false;
	*point = s->point;
	return note_was(&s->number, number);
}
