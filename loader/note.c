/* What happened to adapters: for the log, and for whoever looks in from outside.
 *
 * At a start a whole catalogue is listed at once; that is one event, so that the
 * ring still holds what came before it. */
#include "loader/ld.h"

#include <string.h>

#include "base/log.h"
#include "base/units.h"

#define LINES_MAX 16 /* of one kind, of one look */

/* Whether this one has a line of its own. */
static bool
is_said(uint32_t *said)
{
	return (*said)++ < LINES_MAX;
}

static struct event_note
about(enum event_kind kind, int32_t adapter, uint64_t value)
{
	return (struct event_note){ .at_ns = clock_mono(),
		.kind = (uint16_t)kind,
		.adapter = adapter,
		.slot = -1,
		.value = value };
}

void
ld_note_listed(struct ld *l, uint32_t a)
{
	const struct dir_info *info = &l->w.info[a];

	if (!l->opened) {
		log_debug("adapter listed adapter=%s version=%u rank=%d "
			  "bytes=%ju",
		    info->name, info->version, info->rank,
		    (uintmax_t)info->bytes);
		return;
	}
	if (is_said(&l->listed_said))
		log_info("adapter listed adapter=%s version=%u rank=%d "
			 "bytes=%ju",
		    info->name, info->version, info->rank,
		    (uintmax_t)info->bytes);
	if (l->w.events != NULL)
		event_put(l->w.events,
		    about(EVENT_LISTED, (int32_t)a, info->version), "%s",
		    info->name);
}

void
ld_note_look_over(struct ld *l)
{
	if (l->listed_said > LINES_MAX)
		log_info("and more adapters are listed more=%u",
		    l->listed_said - LINES_MAX);
	if (l->retired_said > LINES_MAX)
		log_info("and more adapters are retired more=%u",
		    l->retired_said - LINES_MAX);
	if (l->broken_said > LINES_MAX)
		log_warn("and more adapters are broken; 'chameleon ctl "
			 "adapters' says which, and why more=%u",
		    l->broken_said - LINES_MAX);
	if (l->unserved_said > LINES_MAX)
		log_warn("and nobody serves the names of more adapters; "
			 "requests for them say which versions there are "
			 "more=%u",
		    l->unserved_said - LINES_MAX);
	l->listed_said = l->retired_said = l->broken_said = l->unserved_said =
	    0;
}

void
ld_note_broken(struct ld *l, const char *name, const char *why)
{
	if (is_said(&l->broken_said))
		log_warn("adapter is broken adapter=%s reason=%s", name, why);
	if (l->opened && l->w.events != NULL)
		event_put(l->w.events, about(EVENT_FAILED, -1, 0), "%s: %s",
		    name, why);
}

void
ld_note_retired(struct ld *l, uint32_t a, const char *because)
{
	const struct dir_info *info = &l->w.info[a];
	struct event_note note = about(EVENT_RETIRED, (int32_t)a,
	    info->version);

	note.reason = REASON_GONE;
	if (is_said(&l->retired_said))
		log_info("adapter retired adapter=%s version=%u because=%s",
		    info->name, info->version, because);
	if (l->w.events != NULL)
		event_put(l->w.events, note, "%s", info->name);
}

void
ld_note_first(struct ld *l)
{
	l->opened = true;
	log_info("catalogue is read adapters=%u broken=%u", l->listed,
	    l->broken);
	if (l->w.events == NULL)
		return;
	if (l->broken == 0)
		event_put(l->w.events, about(EVENT_LISTED, -1, 0),
		    "%u adapters", l->listed);
	else
		event_put(l->w.events, about(EVENT_LISTED, -1, 0),
		    "%u adapters, %u broken", l->listed, l->broken);
}

void
ld_note_kept(struct ld *l, uint32_t a, const char *what)
{
	const struct dir_info *info = &l->w.info[a];

	log_info("adapter version %s adapter=%s version=%u", what, info->name,
	    info->version);
	if (l->w.events != NULL)
		event_put(l->w.events,
		    about(EVENT_LISTED, (int32_t)a, info->version), "%s@%u %s",
		    info->name, info->version, what);
}

void
ld_note_unserved(struct ld *l, uint32_t a)
{
	const struct dir_info *info = &l->w.info[a];

	if (is_said(&l->unserved_said))
		log_warn("nobody serves the name of an adapter, requests for "
			 "it are refused: the version that an operator chose "
			 "is gone; 'chameleon ctl rollback %s@%u' lets the one "
			 "that is there serve it adapter=%s version=%u",
		    info->name, info->version, info->name, info->version);
	if (l->w.events != NULL)
		event_put(l->w.events,
		    about(EVENT_LISTED, (int32_t)a, info->version),
		    "%s@%u is there, but nobody serves its name", info->name,
		    info->version);
}

void
ld_note_failed(struct ld *l, uint32_t a, const char *why)
{
	const char *name = l->w.info[a].name;
	char before[DIR_REASON_MAX];

	/* The same again is no news; whoever asks is told all the same. */
	dir_reason(&l->w.info[a], l->w.reasons, a, before);
	if (strcmp(before, why) == 0)
		return;
	log_warn("adapter failed adapter=%s reason=%s", name, why);
	if (l->w.events != NULL)
		event_put(l->w.events, about(EVENT_FAILED, (int32_t)a, 0),
		    "%s: %s", name, why);
}

void
ld_note_changed(struct ld *l, uint32_t a)
{
	const char *name = l->w.info[a].name;

	log_warn("an adapter's bytes on the GPU have changed since they were "
		 "copied there; it is copied again adapter=%s",
	    name);
	if (l->w.events != NULL)
		event_put(l->w.events, about(EVENT_FAILED, (int32_t)a, 0),
		    "%s: its bytes on the GPU had changed; copied again", name);
}

void
ld_note_proved(const struct ld *l, nsec took)
{
	char bytes[32];

	log_info("adapters on the GPU compared with their copies same=%u "
		 "changed=%u bytes=%s took_ms=%.1f",
	    l->proof.good, l->proof.wrong,
	    units_bytes(bytes, sizeof(bytes), l->proof.bytes), clock_ms(took));
}

static uint32_t
microseconds(nsec t)
{
	t /= MICROSECOND;
	return t < 0 ? 0 : t < UINT32_MAX ? (uint32_t)t : UINT32_MAX;
}

void
ld_note_times(struct dir_info *info, const struct ld_job *j)
{
	uint32_t read = microseconds(j->read_ns - j->taken_ns);

	info->read_us = read < 1u << 31 ? read & 0x7fffffffu : 0x7fffffffu;
	info->from_disk = j->was_read;
	info->copy_us = microseconds(j->pass.end_ns - j->read_ns);
}

void
ld_note_loaded(struct ld *l, const struct ld_job *j)
{
	struct dir_info *info = &l->w.info[j->adapter];
	nsec told = clock_mono(), took = told - j->asked_ns;
	struct histogram *h = j->was_read ? l->w.load_disk : l->w.load_host;
	struct event_note event = about(EVENT_LOADED, (int32_t)j->adapter,
	    (uint64_t)took);
	struct load_note note = { .asked_ns = j->asked_ns,
		.queue_ns = j->taken_ns - j->asked_ns,
		.read_ns = j->read_ns - j->taken_ns,
		.wait_ns = j->pass.begin_ns - j->read_ns,
		.copy_ns = j->pass.end_ns - j->pass.begin_ns,
		.tell_ns = told - j->pass.end_ns,
		.bytes = j->bytes,
		.adapter = j->adapter,
		.rank = (uint16_t)info->rank,
		.from_disk = j->was_read };

	sample_put_load(l->w.samples, ++l->samples, &note);
	if (h != NULL)
		histogram_add(h, HISTOGRAM_TIME, (uint64_t)took, 1);
	event.reason = j->was_read ? REASON_DISK : REASON_HOST;
	if (l->w.events != NULL)
		event_put(l->w.events, event, "%s", info->name);
	log_debug("adapter loaded adapter=%s from=%s took_ms=%.3f bytes=%ju",
	    info->name, event_reason(event.reason), clock_ms(took),
	    (uintmax_t)j->bytes);
}

void
ld_note_sums(struct ld *l)
{
	ld_gauge(&l->w.meters->listed, l->listed);
	ld_gauge(&l->w.meters->broken, l->broken);
	ld_gauge(&l->w.meters->host_bytes, l->store.used);
	ld_gauge(&l->w.meters->host_adapters, l->store.count);
}
