/* Creating, mapping and removing the shared-memory objects of an instance. */
#include "shm/seg.h"

#include "base/err.h"
#include "base/must.h"
#include "base/units.h"
#include "shm/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SHM_DIR "/dev/shm"
#define INSTANCES_NAMED 16 /* in a sentence */
#define NAME_BYTES (SEG_INSTANCE_MAX + 32)

static int
legal(const char *instance)
{
	size_t n = strnlen(instance, SEG_INSTANCE_MAX);
	size_t ok = strspn(instance,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_");

	if (n == 0 || n == SEG_INSTANCE_MAX || ok != n)
		return err_set(ERR_CONFIG,
		    "instance '%.80s': want 1..64 letters, digits, - and _",
		    instance);
	return 0;
}

static char *
object(char name[NAME_BYTES], const char *instance, enum seg_id id)
{
	snprintf(name, NAME_BYTES, "/chameleon.%s.%s", instance,
	    layout_seg_name(id));
	return name;
}

/* The file system would kill whoever writes to a page it has no room for; so
 * the room is asked for before anything starts. */
static int
enough(const struct plan *p)
{
	char need[32], pool[32], there[32];
	uint64_t sum = 0, room;
	struct statvfs fs;

	if (statvfs(SHM_DIR, &fs) != 0)
		return 0;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	/* The store takes what is left. */
	for (int id = 0; id < SEG_STORE; id++)
		sum += p->seg_bytes[id];
	if (sum <= room)
		return 0;
	return err_set(ERR_MEMORY,
	    "shared memory: %s needed, %s of it for keys, values and "
	    "adapters; %s free in " SHM_DIR ": enlarge it, or lower "
	    "memory.device_bytes, slots or context",
	    units_bytes(need, sizeof(need), sum),
	    units_bytes(pool, sizeof(pool), p->seg_bytes[SEG_POOL]),
	    units_bytes(there, sizeof(there), room));
}

/* Has memory where it is used, and no header: a file for its users to map. */
static bool
is_sparse(enum seg_id id)
{
	return id == SEG_POOL || id == SEG_STORE;
}

/* Gives n bytes of the object memory, now. */
static int
back(int fd, uint64_t n, const char *name)
{
	char text[32];
	int e;

	do
		e = posix_fallocate(fd, 0, (off_t)n);
	while (e == EINTR);
	if (e == 0)
		return 0;
	errno = e;
	return err_sys(ERR_MEMORY, "shared memory: %s for " SHM_DIR "%s",
	    units_bytes(text, sizeof(text), n), name);
}

static int
make(const char *instance, enum seg_id id, uint64_t n, int *out)
{
	char name[NAME_BYTES];
	int fd, e = 0;

	fd = shm_open(object(name, instance, id),
	    O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return err_set(ERR_BUSY, "instance '%s': " SHM_DIR "%s exists",
		    instance, name);
	if (fd < 0)
		return err_sys(ERR_IO, "shared memory: " SHM_DIR "%s", name);
	if (ftruncate(fd, (off_t)n) != 0)
		e = err_sys(ERR_MEMORY, "shared memory: " SHM_DIR "%s", name);
	else if (!is_sparse(id))
		e = back(fd, n, name);
	if (e != 0) {
		close(fd);
		shm_unlink(name);
		return e;
	}
	*out = fd;
	return 0;
}

static void
format_role(struct segs *g, enum seg_id id)
{
	enum proc_id me = (enum proc_id)(id - SEG_MONITOR);

	for (int i = 0; i < RING_COUNT; i++)
		if (ring_rows[i].from == me)
			ring_format(g->ring_out[i], ring_rows[i].depth);
}

static void
format(struct segs *g, enum seg_id id, uint64_t boot_id)
{
	struct seg_header *h = g->base[id];

	h->fingerprint = seg_fingerprint();
	h->bytes = g->bytes[id];
	h->boot_id = boot_id;
	snprintf(h->version, sizeof(h->version), "%s", CHAMELEON_VERSION);
	memcpy(h->instance, g->instance, sizeof(h->instance));
	if (id == SEG_BELLS)
		for (int i = 0; i < PROC_COUNT; i++)
			bell_format(&g->bell[i]);
	else if (id != SEG_SUPERVISOR)
		format_role(g, id);
	atomic_thread_fence(memory_order_release);
	h->magic = SEG_MAGIC;
}

static int
map(struct segs *g, const struct plan *p, enum seg_id id, int fd, bool write)
{
	void *at = mmap(NULL, g->bytes[id],
	    write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return err_sys(ERR_MEMORY, "shared memory: mapping %s",
		    layout_seg_name(id));
	/* A core holds private memory only. */
	(void)madvise(at, g->bytes[id], MADV_DONTDUMP);
	g->base[id] = at;
	(void)layout_walk(g, p, id);
	return 0;
}

static void
clear(struct segs *g, const char *instance)
{
	memset(g, 0, sizeof(*g));
	g->pool_fd = g->store_fd = -1;
	snprintf(g->instance, sizeof(g->instance), "%s", instance);
}

static int
create_all(struct segs *g, const struct plan *p, const void *settings,
    size_t settings_bytes)
{
	uint64_t boot_id = 0;
	int fd = -1, e;

	(void)!getrandom(&boot_id, sizeof(boot_id), 0);
	/* The supervisor's comes last: who finds it finds all. */
	for (int id = SEG_COUNT - 1; id >= 0; id--) {
		g->bytes[id] = p->seg_bytes[id];
		if (is_sparse((enum seg_id)id) && g->bytes[id] == 0)
			continue;
		e = make(g->instance, (enum seg_id)id, g->bytes[id], &fd);
		if (e == 0 && is_sparse((enum seg_id)id)) {
			*(id == SEG_POOL ? &g->pool_fd : &g->store_fd) = fd;
			continue;
		}
		if (e == 0) {
			e = map(g, p, (enum seg_id)id, fd, true);
			close(fd);
		}
		if (e != 0)
			return e;
		if (id == SEG_SUPERVISOR) {
			g->supervisor->plan = *p;
			g->supervisor->settings_bytes = (uint32_t)
			    settings_bytes;
			(void)sheet_write(&g->supervisor->settings, settings,
			    settings_bytes);
		}
		format(g, (enum seg_id)id, boot_id);
	}
	return 0;
}

int
segs_create(struct segs *g, const char *instance, const struct plan *p,
    const void *settings, size_t settings_bytes)
{
	int e;

	must(settings_bytes <= SEG_SETTINGS_BYTES);
	if ((e = legal(instance)) != 0 || (e = enough(p)) != 0)
		return e;
	clear(g, instance);
	if ((e = create_all(g, p, settings, settings_bytes)) == 0) {
		g->plan = &g->supervisor->plan;
		/* The maker is no exception: it keeps write access to its own
		 * segment and the bells. */
		for (int id = SEG_MONITOR; id <= SEG_FRONTEND; id++)
			must(mprotect(g->base[id], g->bytes[id], PROT_READ) ==
			    0);
		return 0;
	}
	segs_close(g);
	if (e != ERR_BUSY)
		segs_unlink(instance);
	return e;
}

/* Who asks for one that is not there may have another in mind. */
static int
not_running(const struct segs *g)
{
	char names[INSTANCES_NAMED][SEG_INSTANCE_MAX], all[512] = "";
	int n = segs_list(names, INSTANCES_NAMED);
	size_t used = 0;

	for (int i = 0; i < n && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used,
		    "%s%s%s", i > 0 ? ", " : "", names[i],
		    segs_is_dead(names[i]) ? " (dead)" : "");
	return err_set(ERR_NOT_FOUND, "instance '%s' is not running; %s%s",
	    g->instance, n > 0 ? "those that run: " : "none is", all);
}

/* Opens one object and sees that it is as large as it says. */
static int
open_object(struct segs *g, enum seg_id id, bool write, int *out)
{
	char name[NAME_BYTES];
	struct stat st;
	int fd;

	fd = shm_open(object(name, g->instance, id),
	    (write ? O_RDWR : O_RDONLY) | O_CLOEXEC, 0);
	if (fd < 0 && errno == ENOENT)
		return not_running(g);
	if (fd < 0 && errno == EACCES)
		return err_set(ERR_NOT_FOUND,
		    "instance '%s' belongs to another user (" SHM_DIR "%s): "
		    "ask as that user, or as root",
		    g->instance, name);
	if (fd < 0)
		return err_sys(ERR_IO, "shared memory: " SHM_DIR "%s", name);
	if (fstat(fd, &st) != 0 || st.st_size < 0) {
		close(fd);
		return err_sys(ERR_IO, "shared memory: " SHM_DIR "%s", name);
	}
	g->bytes[id] = (size_t)st.st_size;
	*out = fd;
	return 0;
}

static int
foreign(const struct segs *g, enum seg_id id, const char *why)
{
	return err_set(ERR_LAYOUT,
	    "instance '%s': segment '%s' %s: it was made by another build, or "
	    "is damaged; stop that engine or start this one anew",
	    g->instance, layout_seg_name(id), why);
}

/* The header of every version begins alike. */
static int
other_version(const struct segs *g, const struct seg_header *h)
{
	char version[SEG_VERSION_MAX];

	snprintf(version, sizeof(version), "%.*s", SEG_VERSION_MAX - 1,
	    h->version);
	for (char *c = version; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f)
			*c = '?';
	return err_set(ERR_LAYOUT,
	    "instance '%s' was started by chameleon %s (layout %08x), this is "
	    "%s (layout %08x): use the same program for both, or start the "
	    "engine anew",
	    g->instance, version[0] != '\0' ? version : "?",
	    (unsigned)(h->fingerprint >> 32), CHAMELEON_VERSION,
	    (unsigned)(seg_fingerprint() >> 32));
}

/* The plan is believed only where it agrees with the sizes of the objects, so
 * that no part lies outside its mapping. */
static int
plausible(const struct segs *g, enum seg_id id)
{
	const struct seg_header *h = g->base[id];
	struct plan p;

	if (h->magic != SEG_MAGIC)
		return foreign(g, id, "is not complete");
	if (h->fingerprint != seg_fingerprint())
		return other_version(g, h);
	if (id == SEG_SUPERVISOR && g->bytes[id] < sizeof(*g->supervisor))
		return foreign(g, id, "is too small");
	p = g->supervisor->plan;
	plan_segments(&p);
	if (h->bytes != g->bytes[id] || p.seg_bytes[id] != g->bytes[id])
		return foreign(g, id, "has another size");
	if (h->boot_id != g->supervisor->header.boot_id)
		return foreign(g, id, "is of another life");
	return 0;
}

static int
open_one(struct segs *g, enum seg_id id, bool write)
{
	int fd, e = open_object(g, id, write, &fd);

	if (e != 0)
		return e;
	if (g->bytes[id] < sizeof(struct seg_header))
		e = foreign(g, id, "is too small");
	else {
		e = map(g, g->plan, id, fd, write);
		if (e == 0)
			e = plausible(g, id);
	}
	close(fd);
	return e;
}

static int
open_sparse(struct segs *g, enum seg_id id, bool write, int *fd)
{
	int e;

	if (g->plan->seg_bytes[id] == 0)
		return 0;
	e = open_object(g, id, write, fd);
	if (e == 0 && g->bytes[id] != g->plan->seg_bytes[id])
		e = foreign(g, id, "has another size");
	return e;
}

int
segs_open(struct segs *g, const char *instance, enum proc_id me)
{
	int e = legal(instance);

	if (e != 0)
		return e;
	clear(g, instance);
	if ((e = open_one(g, SEG_SUPERVISOR, false)) == 0)
		g->plan = &g->supervisor->plan;
	for (int id = SEG_MONITOR; e == 0 && id < SEG_POOL; id++)
		e = open_one(g, (enum seg_id)id,
		    id == SEG_BELLS ? me != PROC_COUNT :
				      id - SEG_MONITOR == (int)me);
	if (e == 0)
		e = open_sparse(g, SEG_POOL,
		    me == PROC_LOADER || me == PROC_GPUEXEC, &g->pool_fd);
	if (e == 0 && me == PROC_LOADER)
		e = open_sparse(g, SEG_STORE, true, &g->store_fd);
	if (e != 0)
		segs_close(g);
	return e;
}

void
segs_close(struct segs *g)
{
	for (int id = 0; id < SEG_COUNT; id++)
		if (g->base[id] != NULL)
			munmap(g->base[id], g->bytes[id]);
	if (g->pool_fd >= 0)
		close(g->pool_fd);
	if (g->store_fd >= 0)
		close(g->store_fd);
	clear(g, "");
}

void
segs_unlink(const char *instance)
{
	char name[NAME_BYTES];

	if (legal(instance) != 0)
		return;
	for (int id = 0; id < SEG_COUNT; id++)
		(void)shm_unlink(object(name, instance, (enum seg_id)id));
}

void
segs_tx(const struct segs *g, enum ring_id id, struct ring_tx *tx)
{
	ring_join_tx(tx, g->ring_out[id], g->ring_in[id], ring_rows[id].depth);
}

void
segs_rx(const struct segs *g, enum ring_id id, struct ring_rx *rx)
{
	ring_join_rx(rx, g->ring_out[id], g->ring_in[id], ring_rows[id].depth);
}
