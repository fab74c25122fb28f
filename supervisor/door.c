/* Handing over, keeping, dropping. */
#include "supervisor/door.h"

#include "base/err.h"
#include "base/log.h"

#include <unistd.h>

#define LISTENERS 2u
#define MESSAGES_MAX 256 /* a turn */

void
door_hand_over(struct door *d)
{
	d->stage = DOOR_HANDING;
	d->sent = 0;
	d->owes = false;
}

void
door_shut(struct door *d)
{
	d->stage = DOOR_CLOSED;
	d->owes = false;
}

static int
hand(struct door *d, int control)
{
	const int fds[LISTENERS] = { d->listener, d->admin };
	const uint32_t kinds[LISTENERS] = { DOOR_LISTENER, DOOR_ADMIN };
	const struct parked *k;
	uint32_t at;
	int e;

	for (; d->sent < LISTENERS; d->sent++) {
		struct door_message m = { kinds[d->sent], 0, 0 };

		if (fds[d->sent] >= 0 &&
		    (e = door_send(control, m, fds[d->sent])) != 0)
			return e;
	}
	for (;;) {
		at = d->sent - LISTENERS;
		if ((k = park_from(&d->park, &at)) == NULL)
			break;
		struct door_message m = { DOOR_PARKED, k->flags, k->tag };
		if ((e = door_send(control, m, k->fd)) != 0)
			return e;
		d->sent = LISTENERS + at + 1;
	}
	e = door_send(control, (struct door_message){ DOOR_BEGIN, 0, 0 }, -1);
	if (e == 0)
		d->stage = DOOR_OPEN;
	return e;
}

static void
obey(struct door *d, struct door_message m, int fd)
{
	switch (m.kind) {
	case DOOR_PARK:
		d->owes = true;
		d->owed = m;
		d->owed.kind = DOOR_REFUSED;
		if (fd >= 0 && park_add(&d->park, m.tag, m.flags, fd)) {
			d->owed.kind = DOOR_KEPT;
			fd = -1;
		}
		break;
	case DOOR_DROP:
		(void)park_drop(&d->park, m.tag);
		break;
	default:
		log_warn("door: the frontend sent a message of kind %u",
		    m.kind);
	}
	if (fd >= 0)
		close(fd);
}

int
door_turn(struct door *d, int control)
{
	struct door_message m;
	int fd, e = 0;

	if (d->stage == DOOR_CLOSED)
		return 0;
	if (d->stage == DOOR_HANDING)
		e = hand(d, control);
	for (int n = 0; e == 0 && n < MESSAGES_MAX; n++) {
		if (d->owes) {
			if ((e = door_send(control, d->owed, -1)) != 0)
				break;
			d->owes = false;
		}
		if ((e = door_receive(control, &m, &fd)) == 0)
			obey(d, m, fd);
	}
	return e == ERR_BUSY ? 0 : e;
}

bool
door_wants_room(const struct door *d)
{
	return d->stage == DOOR_HANDING || d->owes;
}
