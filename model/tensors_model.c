/* The tensors of a model directory: one file, or those that its index names. */
#include "model/tensors.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "model/beneath.h"
#include "model/tensors_file.h"

#define ONE_FILE "model.safetensors"
#define INDEX "model.safetensors.index.json"
#define INDEX_FILES_MAX 4096

static const struct tensors_limits limits = {
	.header_bytes_max = TENSORS_MODEL_HEADER_MAX,
};

/* The number of a file that is open already, or -1. */
static int
file_number(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* Opens each file that the map names, once; names (INDEX_FILES_MAX) says how
 * they are called. */
static int
open_files(struct tensors *ts, int dirfd, json_t *map, const char **names)
{
	const char *tensor;
	json_t *file;
	int e;

	json_object_foreach(map, tensor, file)
	{
		const char *name = json_string_value(file);

		if (name == NULL)
			return err_set(ERR_FORMAT,
			    "weight_map: '%.80s' does not name a file", tensor);
		if (file_number(names, ts->nfiles, name) >= 0)
			continue;
		if (ts->nfiles == INDEX_FILES_MAX)
			return err_set(ERR_LIMIT,
			    "weight_map names more than %d files",
			    INDEX_FILES_MAX);
		names[ts->nfiles] = name;
		if ((e = tensors_append(ts, dirfd, name, limits, true)) != 0)
			return e;
	}
	return 0;
}

/* The map and the files must agree, tensor for tensor. */
static int
check_map(const struct tensors *ts, json_t *map, const char *const *names)
{
	const char *tensor;
	json_t *file;

	for (int i = 0; i < ts->count; i++)
		if (json_object_get(map, ts->list[i].name) == NULL)
			return err_set(ERR_FORMAT,
			    "%s: is in %s, but not in the weight_map",
			    ts->list[i].name, names[ts->list[i].file]);
	json_object_foreach(map, tensor, file)
	{
		const struct tensor *t = tensors_find(ts, tensor);
		const char *want = json_string_value(file);

		if (t == NULL || strcmp(names[t->file], want) != 0)
			return err_set(ERR_FORMAT, "%s: is not in %s", tensor,
			    want);
	}
	return 0;
}

static int
open_sharded(struct tensors *ts, int dirfd)
{
	static _Thread_local const char *names[INDEX_FILES_MAX];
	json_t *index, *map;
	int e = beneath_json(&index, dirfd, INDEX, TENSORS_MODEL_HEADER_MAX,
	    true);

	if (e != 0)
		return e;
	map = json_object_get(index, "weight_map");
	if (!json_is_object(map))
		e = err_set(ERR_FORMAT, "%s: weight_map is missing", INDEX);
	else if ((e = open_files(ts, dirfd, map, names)) == 0 &&
	    (e = tensors_index_build(ts)) == 0)
		e = check_map(ts, map, names);
	json_decref(index);
	return e;
}

int
tensors_open_model(struct tensors *ts, const char *dir)
{
	int dirfd, e;

	*ts = (struct tensors){ 0 };
	if ((e = beneath_dir(&dirfd, AT_FDCWD, dir)) != 0)
		return e;
	e = tensors_open(ts, dirfd, ONE_FILE, limits, true);
	if (e == ERR_NOT_FOUND) {
		e = open_sharded(ts, dirfd);
		if (e == ERR_NOT_FOUND && ts->nfiles == 0)
			e = err_set(ERR_NOT_FOUND,
			    "neither " ONE_FILE " nor " INDEX);
	}
	close(dirfd);
	if (e == 0)
		return 0;
	tensors_close(ts);
	return err_add("%s", dir);
}
