/* The last events of a run, and the first breach of a law. */
#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
#define NOTE(name, text) text,
#include "sim/note.tbl"
#undef NOTE
};

void
sim_note(struct sim *m, enum sim_note_kind kind, uint64_t a, int64_t b)
{
	m->note[m->notes++ % SIM_NOTES] = (struct sim_note){ m->now, kind, a,
		b };
}

static size_t
line(const struct sim_note *n, char *to, size_t room)
{
	int k = snprintf(to, room, "\n%14.6f s  ", (double)n->at / 1e9);

	if (k < 0 || (size_t)k >= room)
		return 0;
	to += k;
	room -= (size_t)k;
	return (size_t)k +
	    (size_t)snprintf(to, room, texts[n->kind], (unsigned long long)n->a,
		(long long)n->b);
}

/* The first one counts: what follows may be its consequence. */
void
sim_breach(struct sim *m, const char *fmt, ...)
{
	char *to = m->result->breach;
	size_t room = sizeof(m->result->breach), n;
	uint64_t i = m->notes > SIM_NOTES ? m->notes - SIM_NOTES : 0;
	va_list ap;

	if (m->broken)
		return;
	m->broken = true;
	n = (size_t)snprintf(to, room, "seed %llu, step %llu, %.6f s: ",
	    (unsigned long long)m->setup->seed, (unsigned long long)m->launched,
	    (double)m->now / 1e9);
	va_start(ap, fmt);
	n += (size_t)vsnprintf(to + n, room - n, fmt, ap);
	va_end(ap);
	for (; i < m->notes && n + 256 < room; i++)
		n += line(&m->note[i % SIM_NOTES], to + n, room - n);
}
