/* What is remembered of adapters over a restart of the engine, and while their files
 * are away: pins, weights, version numbers, and which version serves a name.
 *
 * A JSON file, of those adapters of which there is something to remember, and of
 * names that are gone: they may come back, and another version must not have the
 * number of one that was.  It is written anew whole, to another name in the same
 * directory, and renamed, so that it is always the one or the other; by a thread,
 * since a disk may take its time. */
#include "loader/ld.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "model/beneath.h"

#define FORMAT 1
#define FILE_BYTES_MAX (64u << 20) /* some 200 an adapter */
#define PAUSE_NS SECOND
#define SOON_NS (PAUSE_NS / 10) /* where a number might be given twice */
#define VERSION_MOST 999999998	/* NAME@VERSION has nine digits at most */

struct ld_memory {
	const char *path; /* "": nothing is remembered */
	json_t *adapters; /* by name, as of the last look at them; never NULL */
	uint64_t written; /* hash of what was handed over last */
	bool more;	  /* and there is more since */
	nsec looked_ns;
	pthread_mutex_t lock;
	pthread_cond_t some;
	char *text;	   /* to be written; NULL: nothing */
	bool stop, failed; /* failed: the last one could not be written */
	bool started;
	pthread_t thread;
};

/* ---- reading ---- */

/* Never waits for the other end of a FIFO. */
static int
read_file(json_t **root, const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	int fd, e;

	*root = NULL;
	snprintf(dir, sizeof(dir), "%.*s", (int)(name - path), path);
	if ((e = beneath_dir(&fd, AT_FDCWD, dir[0] == '\0' ? "." : dir)) != 0)
		return e;
	e = beneath_json(root, fd, name, FILE_BYTES_MAX, true);
	close(fd);
	return e;
}

static int
read_adapters(json_t **adapters, const char *path)
{
	json_t *root;
	int e = read_file(&root, path);

	*adapters = json_object_get(root, "adapters");
	if (e == 0 &&
	    json_integer_value(json_object_get(root, "format")) != FORMAT)
		e = err_set(ERR_FORMAT, "it is of another format");
	else if (e == 0 && !json_is_object(*adapters))
		e = err_set(ERR_FORMAT, "it names no adapters");
	*adapters = e == 0 ? json_incref(*adapters) : NULL;
	json_decref(root);
	return e;
}

/* As this file writes them; what may be left out is NULL. */
static bool
makes_sense(const json_t *row)
{
	const json_t *version = json_object_get(row, "version");
	const json_t *files = json_object_get(row, "files");
	const json_t *serves = json_object_get(row, "serves");
	const json_t *pinned = json_object_get(row, "pinned");
	const json_t *weight = json_object_get(row, "weight");

	return json_is_integer(version) && json_integer_value(version) >= 1 &&
	    json_integer_value(version) <= VERSION_MOST &&
	    (files == NULL || json_is_string(files)) &&
	    (serves == NULL || json_is_integer(serves)) &&
	    (pinned == NULL || json_is_boolean(pinned)) &&
	    (weight == NULL ||
		(json_number_value(weight) >= 0.01 &&
		    json_number_value(weight) <= ASK_WEIGHT_MAX / 100.0));
}

static void
forget_nonsense(json_t *adapters)
{
	char first[DIR_NAME_MAX] = "";
	uint32_t n = 0;
	const char *name;
	void *next;
	json_t *row;

	json_object_foreach_safe(adapters, next, name, row)
	{
		if (makes_sense(row))
			continue;
		if (n++ == 0)
			snprintf(first, sizeof(first), "%s", name);
		(void)json_object_del(adapters, name);
	}
	if (n > 0)
		log_warn("what was remembered of an adapter makes no sense and "
			 "is forgotten, its pin, weight and version with it "
			 "adapter=%s rows=%u",
		    first, n);
}

static void
read_all(struct ld_memory *m)
{
	char aside[PATH_MAX];
	json_t *read;
	int e = read_adapters(&read, m->path);

	if (e == 0) {
		json_decref(m->adapters);
		m->adapters = read;
		forget_nonsense(read);
	}
	if (e == 0 || e == ERR_NOT_FOUND)
		return;
	snprintf(aside, sizeof(aside), "%s.bad", m->path);
	if (rename(m->path, aside) == 0) {
		log_warn("what was remembered of adapters cannot be read, and "
			 "is set aside: pins, weights and rollbacks are those "
			 "of a first start file=%s reason=%s",
		    aside, err_text());
		return;
	}
	log_warn(
	    "what was remembered of adapters cannot be read nor set aside, "
	    "so nothing is remembered in this life: move it away and start "
	    "again file=%s reason=%s",
	    m->path, err_text());
	m->path = "";
}

/* Its bytes have not outlived the engine. */
bool
ld_memory_other(const struct ld_memory *m, const char *name)
{
	const json_t *o = json_object_get(m->adapters, name);
	const json_t *serves = json_object_get(o, "serves");

	return json_is_integer(serves) &&
	    json_integer_value(serves) !=
	    json_integer_value(json_object_get(o, "version"));
}

void
ld_memory_chosen(struct ld_memory *m, const char *name)
{
	(void)json_object_del(json_object_get(m->adapters, name), "serves");
}

bool
ld_memory_recall(const struct ld_memory *m, const char *name, uint64_t file_id,
    uint32_t *version, uint16_t *asked)
{
	const json_t *o = json_object_get(m->adapters, name);
	json_int_t known = json_integer_value(json_object_get(o, "version"));
	double weight = json_number_value(json_object_get(o, "weight"));
	const char *files = json_string_value(json_object_get(o, "files"));
	bool pinned = json_is_true(json_object_get(o, "pinned"));
	uint64_t id = 0;

	if (o == NULL)
		return false;
	if (files != NULL)
		(void)sscanf(files, "%16" SCNx64, &id);
	*version = (uint32_t)known + (id != file_id);
	if (weight <= 0) /* left out */
		weight = 1;
	if (pinned || weight < 1 || weight > 1)
		*asked = (uint16_t)((uint32_t)(weight * 100 + 0.5) |
		    (pinned ? 0x8000u : 0));
	return ld_memory_other(m, name);
}

/* ---- writing ---- */

static int
write_text(const char *path, const char *text)
{
	size_t n = strlen(text), done = 0;
	int fd, e = 0;

	/* What was there, of whatever kind, was never finished. */
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(ERR_IO, "%s", path);
	while (e == 0 && done < n) {
		ssize_t w = write(fd, text + done, n - done);

		if (w > 0)
			done += (size_t)w;
		else if (w == 0 || errno != EINTR)
			e = err_sys(ERR_IO, "%s", path);
	}
	if (e == 0 && fsync(fd) != 0)
		e = err_sys(ERR_IO, "%s", path);
	close(fd);
	return e;
}

/* The new name is on the disk when its directory is. */
static void
settle(const char *path)
{
	char dir[PATH_MAX], *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return;
	*slash = '\0';
	fd = open(dir[0] == '\0' ? "/" : dir,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

static int
replace(const char *path, const char *text)
{
	char coming[PATH_MAX];
	int e;

	snprintf(coming, sizeof(coming), "%s.coming", path);
	if ((e = write_text(coming, text)) != 0)
		return e;
	if (rename(coming, path) != 0)
		return err_sys(ERR_IO, "%s", path);
	settle(path);
	return 0;
}

static void *
live(void *arg)
{
	struct ld_memory *m = arg;
	char *text;
	int e;

	pthread_mutex_lock(&m->lock);
	while (m->text != NULL || !m->stop) {
		if (m->text == NULL) {
			pthread_cond_wait(&m->some, &m->lock);
			continue;
		}
		text = m->text;
		m->text = NULL;
		pthread_mutex_unlock(&m->lock);
		e = replace(m->path, text);
		free(text);
		if (e != 0 && !m->failed)
			log_warn("what operators asked of adapters is not "
				 "remembered over a restart (state_dir) "
				 "reason=%s",
			    err_text());
		pthread_mutex_lock(&m->lock);
		m->failed = e != 0;
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* ---- what there is to remember ---- */

/* The version that is to serve the name of the newest files; 0: one that is gone. */
static uint32_t
serves(const struct ld *l, uint32_t newest)
{
	uint32_t a = ld_version_serving(l, newest);

	if (a != LD_NOBODY)
		return l->w.info[a].version;
	return ld_state(l, newest) == DIR_KEPT ||
		ld_memory_other(l->memory, l->w.info[newest].name) ?
	    0 :
	    l->w.info[newest].version;
}

static bool
is_newest(const struct ld *l, uint32_t a)
{
	enum dir_state state = ld_state(l, a);

	return (dir_may_serve(state) || state == DIR_BROKEN) &&
	    ld_find(l, l->w.info[a].name) == a;
}

static bool
has_something(const struct ld *l, uint32_t a)
{
	return l->w.info[a].version > 1 || ld_asked_of(l, a) != 0 ||
	    ld_state(l, a) == DIR_KEPT;
}

static uint64_t
hash_all(const struct ld *l)
{
	uint64_t h = HASH_START;

	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		enum dir_state state = ld_state(l, a);
		uint64_t row[3];

		if (state == DIR_FREE || state == DIR_RETIRED ||
		    !has_something(l, a))
			continue;
		row[0] = (uint64_t)a << 32 | ld_serial(&l->w, a);
		row[1] = state;
		row[2] = ld_asked_of(l, a);
		h = hash_bytes(h, row, sizeof(row));
	}
	return h;
}

static void
put(const struct ld *l, uint32_t a)
{
	const struct dir_info *info = &l->w.info[a];
	uint16_t asked = ld_asked_of_name(l, a);
	uint32_t weight = asked & 0x7fffu;
	char files[24];

	snprintf(files, sizeof(files), "%016" PRIx64, info->file_id);
	(void)json_object_set_new(l->memory->adapters, info->name,
	    json_pack("{s:I, s:s, s:I, s:b, s:f}", "version",
		(json_int_t)info->version, "files", files, "serves",
		(json_int_t)serves(l, a), "pinned", (asked & 0x8000u) != 0,
		"weight", weight == 0 ? 1.0 : weight / 100.0));
}

void
ld_memory_note(struct ld *l, uint32_t a)
{
	json_t *all = l->memory->adapters, *row;

	/* What never worked is no version. */
	if (ld_state(l, a) == DIR_BROKEN && !has_something(l, a))
		return;
	put(l, a);
	/* Last in the order in which names are forgotten. */
	row = json_incref(json_object_get(all, l->w.info[a].name));
	(void)json_object_del(all, l->w.info[a].name);
	(void)json_object_set_new(all, l->w.info[a].name, row);
	l->memory->more = true;
}

/* As many names that are gone as there may be adapters, the last ones. */
static void
forget_the_oldest(const struct ld *l)
{
	json_t *all = l->memory->adapters, *o;
	size_t n = json_object_size(all),
	       most = 2 * (size_t)l->w.plan->adapters;
	const char *name;
	void *next;

	json_object_foreach_safe(all, next, name, o)
	{
		if (n <= most)
			return;
		if (ld_find(l, name) == LD_NOBODY) {
			(void)json_object_del(all, name);
			n--;
		}
	}
}

static char *
write_down(const struct ld *l)
{
	json_t *all = l->memory->adapters, *root;
	char *text;

	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		if (!is_newest(l, a))
			continue;
		if (has_something(l, a))
			put(l, a);
		else
			(void)json_object_del(all, l->w.info[a].name);
	}
	forget_the_oldest(l);
	root = json_pack("{s:i, s:O}", "format", FORMAT, "adapters", all);
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}

void
ld_memory_tick(struct ld *l, nsec now)
{
	struct ld_memory *m = l->memory;
	bool again;
	uint64_t hash;
	char *text;

	if (!m->started || now - m->looked_ns < (m->more ? SOON_NS : PAUSE_NS))
		return;
	m->looked_ns = now;
	pthread_mutex_lock(&m->lock);
	again = m->failed;
	pthread_mutex_unlock(&m->lock);
	hash = hash_all(l);
	if ((hash == m->written && !again && !m->more) ||
	    (text = write_down(l)) == NULL)
		return;
	m->written = hash;
	m->more = false;
	pthread_mutex_lock(&m->lock);
	free(m->text);
	m->text = text;
	pthread_cond_signal(&m->some);
	pthread_mutex_unlock(&m->lock);
}

int
ld_memory_open(struct ld_memory **out, const struct ld_world *w)
{
	struct ld_memory *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return err_set(ERR_MEMORY, "no memory for the loader");
	m->path = w->state_file != NULL ? w->state_file : "";
	m->written = HASH_START; /* nothing, as in no file */
	m->adapters = json_object();
	if (m->adapters == NULL) {
		free(m);
		return err_set(ERR_MEMORY, "no memory for the loader");
	}
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->some, NULL);
	*out = m;
	if (m->path[0] == '\0')
		return 0;
	read_all(m);
	if (m->path[0] == '\0')
		return 0;
	m->more = json_object_size(m->adapters) > 0; /* written once more */
	m->started = pthread_create(&m->thread, NULL, live, m) == 0;
	return m->started ? 0 : err_set(ERR_IO, "no thread can be started");
}

/* What was handed over is written. */
void
ld_memory_close(struct ld_memory *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_signal(&m->some);
	pthread_mutex_unlock(&m->lock);
	if (m->started)
		pthread_join(m->thread, NULL);
	pthread_cond_destroy(&m->some);
	pthread_mutex_destroy(&m->lock);
	json_decref(m->adapters);
	free(m->text);
	free(m);
}
