/* What a file read anew changes. */
#include "supervisor/reload.h"

#include "base/err.h"
#include "base/log.h"
#include "proc/settings.h"
#include "supervisor/note.h"

#include <stdio.h>
#include <string.h>

#define NAMES_MAX 2048

/* One line a change; returns how many took effect, and the names of those that
 * did not. */
static int
tell(const struct conf *was, const struct conf *is, char names[NAMES_MAX])
{
	struct conf_row a, b;
	size_t used = 0;
	int n = 0;

	names[0] = '\0';
	for (int i = 0; conf_row(was, i, &a) && conf_row(is, i, &b); i++) {
		if (strcmp(a.value, b.value) == 0)
			continue;
		if (a.live) {
			log_info("setting changed setting=%s was=%s now=%s "
				 "by=reload",
			    a.key, a.value, b.value);
			n++;
		} else if (used < NAMES_MAX) {
			used += (size_t)snprintf(names + used, NAMES_MAX - used,
			    "%s%s", used > 0 ? "," : "", a.key);
		}
	}
	return n;
}

int
reload(struct segs *g, sv_read_f read)
{
	struct conf was, is, next;
	char names[NAMES_MAX];
	uint64_t version;
	int e, n;

	if ((e = read(&is)) != 0) {
		log_error("the settings stay as they were reason=%s",
		    err_text());
		sv_note(g, EVENT_SETTINGS, 0, "refused: %s", err_text());
		return e;
	}
	(void)settings_read(g, &was);
	(void)settings_started(g, &next);
	conf_take_live(&next, &is);
	version = sheet_write(&g->supervisor->settings, &next, sizeof(next));
	n = tell(&was, &is, names);
	if (n == 0)
		log_info("the settings were read anew: none has changed");
	if (names[0] != '\0')
		log_warn("needs a restart settings=%s", names);
	sv_note(g, EVENT_SETTINGS, version, "%d changed%s%s", n,
	    names[0] != '\0' ? "; needs a restart: " : "", names);
	return 0;
}
