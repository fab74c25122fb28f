/* Files of tensors: opening, finding by name, reading. */
#include "model/tensors.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/must.h"
#include "model/beneath.h"
#include "model/tensors_file.h"

/* Open addressing: place[hash & mask] and on is a tensor's index + 1, or 0. */
struct tensors_index {
	uint64_t mask;
	int place[];
};

/* The place of a name, or the empty one where it would go. */
static uint64_t
seek(const struct tensors *ts, const char *name)
{
	const struct tensors_index *index = ts->index;
	uint64_t at = hash_text(HASH_START, name) & index->mask;

	while (index->place[at] != 0 &&
	    strcmp(ts->list[index->place[at] - 1].name, name) != 0)
		at = (at + 1) & index->mask;
	return at;
}

int
tensors_index_build(struct tensors *ts)
{
	uint64_t places = 8;

	while (places < 2 * (uint64_t)ts->count)
		places *= 2;
	ts->index = calloc(1,
	    sizeof(*ts->index) + places * sizeof(ts->index->place[0]));
	if (ts->index == NULL)
		return err_set(ERR_MEMORY, "no memory for %d names", ts->count);
	ts->index->mask = places - 1;
	for (int i = 0; i < ts->count; i++) {
		uint64_t at = seek(ts, ts->list[i].name);

		if (ts->index->place[at] != 0)
			return err_set(ERR_FORMAT, "%s: is there twice",
			    ts->list[i].name);
		ts->index->place[at] = i + 1;
	}
	return 0;
}

int
tensors_append(struct tensors *ts, int dirfd, const char *name,
    struct tensors_limits limits, bool follow_links)
{
	uint64_t size;
	int *fds = realloc(ts->fds, ((size_t)ts->nfiles + 1) * sizeof(*fds));
	int e;

	if (fds == NULL)
		return err_set(ERR_MEMORY, "no memory for files");
	ts->fds = fds;
	e = beneath_file(&fds[ts->nfiles], &size, dirfd, name, follow_links);
	if (e != 0)
		return e;
	ts->nfiles++;
	if ((e = tensors_header(ts, ts->nfiles - 1, size, limits)) != 0)
		return err_add("%s", name);
	return 0;
}

int
tensors_open(struct tensors *ts, int dirfd, const char *name,
    struct tensors_limits limits, bool follow_links)
{
	int e;

	*ts = (struct tensors){ 0 };
	e = tensors_append(ts, dirfd, name, limits, follow_links);
	if (e == 0)
		e = tensors_index_build(ts);
	if (e != 0)
		tensors_close(ts);
	return e;
}

void
tensors_close(struct tensors *ts)
{
	for (int i = 0; i < ts->count; i++)
		free((char *)(uintptr_t)ts->list[i].name);
	for (int i = 0; i < ts->nfiles; i++)
		close(ts->fds[i]);
	free(ts->list);
	free(ts->fds);
	free(ts->index);
	*ts = (struct tensors){ 0 };
}

const struct tensor *
tensors_find(const struct tensors *ts, const char *name)
{
	int found;

	if (ts->index == NULL)
		return NULL;
	found = ts->index->place[seek(ts, name)];
	return found == 0 ? NULL : &ts->list[found - 1];
}

int
tensors_read(const struct tensors *ts, const struct tensor *t, uint64_t first,
    uint64_t n, void *out)
{
	uint64_t each = t->elements == 0 ? 0 : t->bytes / t->elements;

	must(first <= t->elements && n <= t->elements - first);
	if (each * t->elements != t->bytes)
		return err_set(ERR_UNSUPPORTED,
		    "%s: dtype %s has no whole bytes", t->name, t->dtype_name);
	if (beneath_read(ts->fds[t->file], out, n * each,
		t->offset + first * each) != 0)
		return err_add("%s", t->name);
	return 0;
}
