/* What the last life of the frontend left: open slots, parked connections. */
#include "base/err.h"
#include "base/log.h"
#include "frontend/frontend.h"
#include "proc/door.h"

#include <stdlib.h>

static void
drop_later(struct frontend *fe, uint64_t tag)
{
	struct drops *d = &fe->drops;

	if (d->count == d->size) {
		uint32_t size = d->size == 0 ? 64 : d->size * 2;
		uint64_t *to = realloc(d->tag, size * sizeof(*to));

		if (to == NULL)
			return; /* the supervisor keeps a socket too many */
		d->tag = to;
		d->size = size;
	}
	d->tag[d->count++] = tag;
}

void
fe_drops_send(struct frontend *fe)
{
	struct drops *d = &fe->drops;

	while (d->count > 0) {
		struct door_message m = { DOOR_DROP, 0, d->tag[d->count - 1] };

		if (door_send(fe->control, m, -1) == ERR_BUSY)
			return;
		d->count--;
	}
	free(d->tag);
	*d = (struct drops){ 0 };
}

static int32_t *
bucket(const struct left *l, uint64_t tag)
{
	return &l->first[(tag * 0x9e3779b97f4a7c15u >> 32) & l->mask];
}

int
fe_left_open(struct frontend *fe)
{
	const struct answer_set_list *open = &fe->sets[ANSWER_OPEN];
	struct left *l = &fe->left;
	uint32_t places = 1;

	while (places < open->count)
		places *= 2;
	l->mask = places - 1;
	l->first = malloc(places * sizeof(*l->first));
	if (l->first == NULL)
		return err_set(ERR_MEMORY, "no memory for %u open requests",
		    open->count);
	for (uint32_t i = 0; i < places; i++)
		l->first[i] = -1;
	for (uint32_t i = 0; i < open->count; i++) {
		uint32_t slot = open->slot[i];
		int32_t *first = bucket(l, fe->g->request[slot].conn);

		fe->answers[slot].next = *first;
		*first = (int32_t)slot;
	}
	return 0;
}

void
fe_left_close(struct frontend *fe)
{
	free(fe->left.first);
	fe->left.first = NULL;
}

/* Ends one with an error line. */
static void
give_up(struct frontend *fe, uint32_t slot, const struct api_fail *fail,
    struct line_out *out)
{
	char *id = fe->g->request[slot].id;
	struct api_fail told = *fail;
	struct record_note n;

	id[SLOT_ID_MAX - 1] = '\0';
	fe_note(fe, slot, RECORD_FAILED, api_code_text(fail->code), &n);
	told.ended = &n;
	api_error(out, id, &told);
	fe_slot_close(fe, slot, &n);
}

/* What had come on the connection but was not yet read died with the last
 * life, so its requests are told to be gone and the connection is closed: the
 * only honest end. */
void
fe_parked(struct frontend *fe, uint64_t tag, int fd)
{
	struct line_out out = { 0 };
	struct api_fail fail;
	int32_t s = fe->left.first == NULL ? -1 : *bucket(&fe->left, tag);

	api_refuse(&fail, API_FRONTEND_RESTARTED, "",
	    "the frontend was restarted while this request was open; send it "
	    "again");
	fail.retry_after_ms = 1;
	/* A line of the last life may have been cut. */
	line_put(&out, "\n");
	for (; s >= 0; s = fe->answers[s].next)
		if (fe->answers[s].set == ANSWER_OPEN &&
		    fe->g->request[s].conn == tag)
			give_up(fe, (uint32_t)s, &fail, &out);
	if (fd >= 0)
		conns_farewell(fd, out.at, out.used > 1 ? out.used : 0);
	line_out_free(&out);
	drop_later(fe, tag);
	fe_drops_send(fe);
}

void
fe_begin(struct frontend *fe)
{
	struct answer_set_list *open = &fe->sets[ANSWER_OPEN];

	if (fe->begun)
		return;
	if (open->count > 0)
		log_info("requests of the last life have no client any more "
			 "requests=%u",
		    open->count);
	while (open->count > 0) {
		uint32_t slot = open->slot[open->count - 1];
		struct record_note n;

		fe_note(fe, slot, RECORD_CANCELLED, "gone", &n);
		fe_slot_close(fe, slot, &n);
	}
	fe_left_close(fe);
	fe->begun = true;
}
