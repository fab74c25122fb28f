/* The settings, and over them what operators set. */
#include "proc/settings.h"

#include <string.h>

struct settings_stamp
settings_stamp(const struct segs *g)
{
	return (struct settings_stamp){ sheet_number(&g->supervisor->settings),
		sheet_number(g->overrides) };
}

uint64_t
settings_started(const struct segs *g, struct conf *c)
{
	uint64_t version = sheet_read(&g->supervisor->settings, c, sizeof(*c));

	conf_end_texts(c);
	return version;
}

/* "key=value", which another process wrote: what is not right is left out. */
static void
apply(struct conf *c, char *line)
{
	char *equals = strchr(line, '=');

	if (equals == NULL)
		return;
	*equals = '\0';
	(void)conf_set_live(c, line, equals + 1);
}

static void
apply_all(struct conf *c, struct overrides *o)
{
	enum conf_from was = conf_by(c, CONF_FROM_OPERATOR);
	char *line, *rest = o->lines;

	o->lines[sizeof(o->lines) - 1] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
		apply(c, line);
	(void)conf_by(c, was);
}

struct settings_stamp
settings_read(const struct segs *g, struct conf *c)
{
	struct settings_stamp s;
	struct overrides o;

	s.version = settings_started(g, c);
	s.sequence = sheet_read(g->overrides, &o, sizeof(o));
	if (o.version == s.version)
		apply_all(c, &o);
	return s;
}
