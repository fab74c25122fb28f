/* Who lives here, and what the last one left. */
#include "supervisor/house.h"

#include "base/err.h"
#include "base/log.h"
#include "shm/seg.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEFTOVER_MS 5000

char *
house_dir(char *out, const struct conf *c)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (c->run_dir[0] != '\0')
		snprintf(out, HOUSE_PATH_MAX, "%s", c->run_dir);
	else if (xdg != NULL && xdg[0] == '/' && access(xdg, W_OK | X_OK) == 0)
		snprintf(out, HOUSE_PATH_MAX, "%.900s/chameleon.%.64s", xdg,
		    c->instance);
	else if (geteuid() == 0 && access("/run", W_OK | X_OK) == 0)
		snprintf(out, HOUSE_PATH_MAX, "/run/chameleon.%.64s",
		    c->instance);
	else
		snprintf(out, HOUSE_PATH_MAX, "/tmp/chameleon-%u.%.64s",
		    (unsigned)geteuid(), c->instance);
	return out;
}

/* Opens a lock file and locks it; the file may be another one by then, if its
 * holder has just left. */
static int
lock_file(const char *path, const char *busy, int *out)
{
	struct stat ours, there;
	char pid[32] = "?";

	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);

		if (fd < 0 && errno == EACCES)
			return err_set(ERR_BUSY,
			    "%s: '%s' belongs to another user", busy, path);
		if (fd < 0)
			return err_sys(ERR_CONFIG, "lock '%s'", path);
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

			if (n > 0)
				pid[strspn(pid, "0123456789")] = '\0';
			close(fd);
			return err_set(ERR_BUSY,
			    "%s is already running (pid %s)", busy, pid);
		}
		if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
		    ours.st_ino == there.st_ino) {
			(void)!ftruncate(fd, 0);
			(void)dprintf(fd, "%d\n", (int)getpid());
			*out = fd;
			return 0;
		}
		close(fd);
	}
}

static int
enter_dir(struct house *h)
{
	struct stat st;
	char busy[HOUSE_PATH_MAX + 80];

	if (mkdir(h->dir, 0700) == 0)
		h->made_dir = true;
	else if (errno != EEXIST)
		return err_sys(ERR_CONFIG, "run_dir: '%s'", h->dir);
	/* In /tmp anybody may have been there first. */
	if (stat(h->dir, &st) != 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return err_set(ERR_CONFIG,
		    "run_dir: '%s': want a directory of this user's that no "
		    "other may write to",
		    h->dir);
	snprintf(busy, sizeof(busy), "run_dir '%.900s': another instance",
	    h->dir);
	return lock_file(h->dir_lock_path, busy, &h->dir_lock);
}

static bool
may_write(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) && access(dir, W_OK | X_OK) == 0;
}

int
house_state_dir(const struct conf *c, bool make)
{
	const char *dir = c->state_dir;
	char above[CONF_TEXT_MAX];

	snprintf(above, sizeof(above), "%s", dir);
	if (dir[0] == '\0' || may_write(dir))
		return 0;
	if (errno != ENOENT)
		return err_sys(ERR_CONFIG,
		    "state_dir: '%s': want a directory that this user may "
		    "write to",
		    dir);
	/* Or another instance has made it in between. */
	if (make ?
		mkdir(dir, 0700) == 0 || (errno == EEXIST && may_write(dir)) :
		may_write(dirname(above)))
		return 0;
	return err_sys(ERR_CONFIG,
	    "state_dir: '%s' is not there and cannot be made; make it, or set "
	    "another",
	    dir);
}

/* Ends a process of a former life, if it is still the same one. */
static void
end_leftover(const char *role, pid_t pid, uint64_t start_time)
{
	struct pollfd ended = { .fd = -1, .events = POLLIN };

	if (pid <= 0 || (ended.fd = pidfd_open(pid, 0)) < 0)
		return;
	if (spawn_start_time(pid) == start_time) {
		log_warn("a process of a former life is ended role=%s "
			 "role_pid=%d",
		    role, (int)pid);
		(void)pidfd_send_signal(ended.fd, SIGKILL, NULL, 0);
		if (poll(&ended, 1, LEFTOVER_MS) == 0)
			log_warn("a process of a former life does not end: it "
				 "may hang in a driver role=%s role_pid=%d",
			    role, (int)pid);
	}
	close(ended.fd);
}

/* The lock is ours, so nobody alive owns what is there. */
static void
clean(const char *instance)
{
	struct segs old;

	if (segs_open(&old, instance, PROC_COUNT) == 0) {
		for (int i = 0; i < PROC_COUNT; i++) {
			const struct order *o = &old.supervisor->order[i];

			end_leftover(seg_proc_name((enum proc_id)i),
			    (pid_t)atomic_load(&o->pid),
			    atomic_load(&o->start_time));
		}
		segs_close(&old);
	}
	segs_unlink(instance);
}

int
house_enter(struct house *h, const struct conf *c)
{
	char busy[128];
	int e;

	*h = (struct house){ .lock = -1, .dir_lock = -1 };
	snprintf(h->instance, sizeof(h->instance), "%.64s", c->instance);
	if (h->instance[0] == '\0' ||
	    h->instance[strspn(h->instance,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789-_")] != '\0' ||
	    strlen(c->instance) > 64)
		return err_set(ERR_CONFIG,
		    "instance: '%.80s': want 1..64 letters, digits, - and _",
		    c->instance);
	(void)house_dir(h->dir, c);
	h->made_dir = c->run_dir[0] == '\0'; /* maybe by one that was killed */
	if (strlen(h->dir) > HOUSE_PATH_MAX - 16)
		return err_set(ERR_CONFIG, "run_dir: the path is too long");
	snprintf(h->lock_path, sizeof(h->lock_path),
	    "/dev/shm/chameleon.%s.lock", h->instance);
	snprintf(h->dir_lock_path, sizeof(h->dir_lock_path), "%.1000s/lock",
	    h->dir);
	snprintf(h->admin_path, sizeof(h->admin_path), "%.1000s/admin.sock",
	    h->dir);
	snprintf(busy, sizeof(busy), "instance '%s'", h->instance);
	if ((e = lock_file(h->lock_path, busy, &h->lock)) == 0 &&
	    (e = enter_dir(h)) == 0) {
		clean(h->instance);
		e = house_state_dir(c, true);
	}
	if (e != 0)
		house_leave(h);
	return e;
}

void
house_leave(struct house *h)
{
	if (h->dir_lock >= 0) {
		(void)unlink(h->admin_path);
		(void)unlink(h->dir_lock_path);
	}
	if (h->made_dir)
		(void)rmdir(h->dir);
	if (h->lock >= 0) {
		segs_unlink(h->instance);
		(void)unlink(h->lock_path);
		close(h->lock);
	}
	if (h->dir_lock >= 0)
		close(h->dir_lock);
	h->lock = h->dir_lock = -1;
}
