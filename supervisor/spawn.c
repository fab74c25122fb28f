/* posix_spawn, pidfds, and what wait says. */
#include "supervisor/spawn.h"

#include "base/err.h"
#include "base/pidstat.h"
#include "proc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OOM_NEVER (-1000)

extern char **environ;

int
spawn_find(char path[PATH_MAX], const char *role)
{
	static const char *const places[] = { "", "../libexec/chameleon/" };
	char self[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return err_sys(ERR_IO, "/proc/self/exe");
	self[n] = '\0';
	if ((slash = strrchr(self, '/')) != NULL)
		slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, PATH_MAX, "%s%schameleon-%s", self, places[i],
		    role);
		if (access(path, X_OK) == 0)
			return 0;
	}
	return err_set(ERR_NOT_FOUND,
	    "chameleon-%s is neither in %s nor in %s../libexec/chameleon: the "
	    "installation is not complete",
	    role, self, self);
}

/* Descriptors and signals as a child wants them. */
static int
prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int control)
{
	sigset_t none, all;
	int e;

	sigemptyset(&none);
	sigfillset(&all);
	e = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null",
	    O_RDONLY, 0);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(files, STDERR_FILENO,
		    STDOUT_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(files, control,
		    PROC_CONTROL_FD);
	if (e == 0)
		e = posix_spawnattr_setsigmask(attr, &none);
	if (e == 0)
		e = posix_spawnattr_setsigdefault(attr, &all);
	if (e == 0)
		e = posix_spawnattr_setflags(attr,
		    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return e;
}

static int
start(pid_t *pid, const char *path, const char *role, const char *instance,
    int control)
{
	char name[64], id[80];
	char *argv[] = { name, id, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int e;

	snprintf(name, sizeof(name), "chameleon-%s", role);
	snprintf(id, sizeof(id), "%s", instance);
	if ((e = posix_spawn_file_actions_init(&files)) != 0)
		return e;
	if ((e = posix_spawnattr_init(&attr)) == 0) {
		e = prepare(&files, &attr, control);
		if (e == 0)
			e = posix_spawn(pid, path, &files, &attr, argv,
			    environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return e;
}

int
spawn_role(struct spawned *s, const char *role, const char *instance)
{
	char path[PATH_MAX];
	int ends[2], e = spawn_find(path, role);

	*s = (struct spawned){ -1, -1, -1 };
	if (e != 0)
		return e;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, ends) != 0)
		return err_sys(ERR_IO, "a control socket for %s", role);
	e = start(&s->pid, path, role, instance, ends[1]);
	close(ends[1]);
	if (e != 0) {
		close(ends[0]);
		errno = e;
		return err_sys(e == ENOENT || e == EACCES || e == ENOEXEC ?
			ERR_NOT_FOUND :
			ERR_IO,
		    "starting %s", path);
	}
	s->control = ends[0];
	/* It is our child and not reaped: the pid is still its own. */
	if ((s->pidfd = pidfd_open(s->pid, 0)) < 0) {
		e = err_sys(ERR_IO, "pidfd of %s", role);
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
		close(s->control);
		*s = (struct spawned){ -1, -1, -1 };
		return e;
	}
	fcntl(s->pidfd, F_SETFD, FD_CLOEXEC);
	return 0;
}

bool
spawn_reap(struct spawned *s, struct spawn_end *end)
{
	siginfo_t info = { 0 };

	if (s->pid < 0 ||
	    waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG) != 0 ||
	    info.si_pid != s->pid)
		return false;
	if (info.si_code == CLD_EXITED) {
		end->status = info.si_status;
		snprintf(end->how, sizeof(end->how), "exit status %d",
		    info.si_status);
	} else {
		end->status = -1;
		snprintf(end->how, sizeof(end->how), "signal %d (SIG%s)",
		    info.si_status, sigabbrev_np(info.si_status));
	}
	close(s->pidfd);
	close(s->control);
	*s = (struct spawned){ -1, -1, -1 };
	return true;
}

void
spawn_signal(const struct spawned *s, int number)
{
	if (s->pidfd >= 0)
		(void)pidfd_send_signal(s->pidfd, number, NULL, 0);
}

void
spawn_spare(pid_t pid)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	if ((f = fopen(path, "we")) == NULL)
		return;
	(void)fprintf(f, "%d", OOM_NEVER);
	(void)!fclose(f);
}

uint64_t
spawn_start_time(pid_t pid)
{
	struct pidstat s;

	return pidstat_read(pid, &s) ? s.start_time : 0;
}
