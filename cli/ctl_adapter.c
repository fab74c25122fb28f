/* chameleon ctl adapter: all that is known of one, and the report of its load. */
#include "cli/ctl.h"
#include "cli/report.h"

#include "base/err.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The version that is asked for, or the one that serves the name; -1: none. */
static int
find(const struct snap *s, const char *typed)
{
	const char *at = strchr(typed, '@');
	size_t n = at == NULL ? strlen(typed) : (size_t)(at - typed);
	unsigned long version = at == NULL ? 0 : strtoul(at + 1, NULL, 10);
	int found = -1;

	for (uint32_t i = 0; i < s->nadapters; i++) {
		const struct snap_adapter *a = &s->adapter[i];

		if (strlen(a->name) != n || memcmp(a->name, typed, n) != 0 ||
		    (at != NULL && a->version != version))
			continue;
		if (found < 0 || (s->adapter[found].kept && !a->kept))
			found = (int)i;
	}
	return found;
}

/* A path of the engine's, whose working directory may be another. */
static void
as_engine(const struct snap *s, const char *path, char out[PATH_MAX])
{
	uint32_t pid = s->process[PROC_COUNT].pid;

	if (path[0] == '/')
		snprintf(out, PATH_MAX, "%s", path);
	else
		snprintf(out, PATH_MAX, "/proc/%u/cwd/%s", pid, path);
}

/* The files of a name are those of its newest version. */
static bool
has_files(const struct snap *s, const struct snap_adapter *a)
{
	for (uint32_t i = 0; i < s->nadapters; i++)
		if (s->adapter[i].version > a->version &&
		    strcmp(s->adapter[i].name, a->name) == 0)
			return false;
	return true;
}

/* Zeros where it is not. */
static struct report_held
held(const struct snap *s, const struct snap_adapter *a)
{
	struct report_held h = { 0 };

	if (a->state == SNAP_HOST)
		h.host_bytes = a->bytes;
	if (a->state == SNAP_RESIDENT || a->state == SNAP_LEAVING) {
		h.device_bytes = a->bytes;
		h.device_chunks = (int)dir_chunks(a->bytes,
		    s->plan.chunk_bytes);
	}
	return h;
}

/* Of the files that are there now; why not, where they are refused. */
static void
report(const struct snap *s, const struct snap_adapter *a,
    char out[REPORT_BYTES])
{
	struct adapter_rules rules = {
		.allow_partial = strcmp(s->conf.loader_allow_partial, "yes") ==
		    0,
		.allow_noop = strcmp(s->conf.loader_allow_noop, "yes") == 0,
	};
	char model[PATH_MAX], all[PATH_MAX], dir[PATH_MAX + DIR_NAME_MAX + 1];

	if (!has_files(s, a)) {
		snprintf(out, REPORT_BYTES,
		    "no report: files of another version have taken the place "
		    "of its own\n");
		return;
	}
	as_engine(s, s->conf.model, model);
	as_engine(s, s->conf.adapters, all);
	snprintf(dir, sizeof(dir), "%s/%s", all, a->name);
	if (report_adapter(model, dir, rules, held(s, a), out) != 0) {
		size_t used = strlen(out);

		snprintf(out + used, REPORT_BYTES - used, "refused: %s\n",
		    err_text());
	}
}

static int
show(json_t *row, const char *text)
{
	const char *key;
	json_t *value;

	if (ctl.json) {
		json_object_set_new(row, "report", json_string(text));
		return ctl_object(json_pack("{s:o}", "adapter", row));
	}
	json_object_foreach(row, key, value)
	{
		char *shown = json_is_string(value) ?
		    strdup(json_string_value(value)) :
		    json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

		printf("%-18s %s\n", key, shown == NULL ? "" : shown);
		free(shown);
	}
	json_decref(row);
	printf("\n%s", text);
	return CMD_OK;
}

int
ctl_adapter(char **operands)
{
	char *text = calloc(1, REPORT_BYTES);
	struct ctl_look l;
	int status, at;

	if (text == NULL)
		return CMD_FAILED;
	status = ctl_open(&l, SNAP_ADAPTERS | SNAP_PROCESSES);
	if (status != CMD_GO_ON) {
		free(text);
		return status;
	}
	at = find(&l.snap, operands[0]);
	if (at < 0) {
		err_set(ERR_NOT_FOUND,
		    "there is no adapter '%.80s'; 'chameleon ctl adapters' "
		    "lists %u",
		    operands[0], l.snap.nadapters);
		status = ctl_failed();
	} else {
		report(&l.snap, &l.snap.adapter[at], text);
		status = show(ctl_adapter_row(&l, (uint32_t)at), text);
	}
	ctl_close(&l);
	free(text);
	return status;
}
