/* A child that asks, and what its line says. */
#include "supervisor/probe.h"

#include "base/err.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512
#define LOOK_MS 5 /* between two looks whether it has ended */

extern char **environ;

static void __attribute__((format(printf, 2, 3)))
is_not(struct plan_gpu *g, const char *fmt, ...)
{
	va_list args;

	g->there = false;
	va_start(args, fmt);
	vsnprintf(g->why_not, sizeof(g->why_not), fmt, args);
	va_end(args);
}

/* ---------------------------------------------------------- its answer */

/* The value of a key, up to a blank or between quotes; false: there is none. */
static bool
value_of(const char *line, const char *key, char *out, size_t size)
{
	const char *at = strstr(line, key);
	const char *end;

	if (at == NULL)
		return false;
	at += strlen(key);
	end = *at == '"' ? strchr(++at, '"') : at + strcspn(at, " ");
	if (end == NULL || end == at)
		return false;
	snprintf(out, size, "%.*s", (int)(end - at), at);
	return true;
}

static bool
bytes_of(const char *line, const char *key, uint64_t *out)
{
	char text[32];

	return value_of(line, key, text, sizeof(text)) &&
	    sscanf(text, "%" SCNu64, out) == 1;
}

void
probe_read(struct plan_gpu *g, const char *line)
{
	*g = (struct plan_gpu){ .there = true };
	if (line[0] == '\0')
		is_not(g, "chameleon-holder --probe ended without a word");
	else if (strncmp(line, "ok ", 3) != 0)
		is_not(g, "%s", line);
	else if (!value_of(line, " name=", g->name, sizeof(g->name)) ||
	    !bytes_of(line, " total=", &g->total) ||
	    !bytes_of(line, " free=", &g->free) ||
	    !value_of(line, " capability=", g->capability,
		sizeof(g->capability)) ||
	    !value_of(line, " driver=", g->driver, sizeof(g->driver)))
		is_not(g,
		    "chameleon-holder --probe says '%.100s', which this "
		    "program does not understand: they are of two builds",
		    line);
}

/* ----------------------------------------------------------- the child */

static int
left_ms(nsec until)
{
	nsec left = until - clock_mono();

	return left <= 0 ? 0 : (int)((left + MILLISECOND - 1) / MILLISECOND);
}

/* Its output until it ends or a line is whole; false: it took too long. */
static bool
hear(int fd, char line[LINE_MAX_BYTES], nsec until)
{
	struct pollfd from = { .fd = fd, .events = POLLIN };
	size_t used = 0;

	line[0] = '\0';
	while (strchr(line, '\n') == NULL && used < LINE_MAX_BYTES - 1) {
		ssize_t n;

		if (poll(&from, 1, left_ms(until)) <= 0)
			return false;
		n = read(fd, line + used, LINE_MAX_BYTES - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
		line[used] = '\0';
	}
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* Waits for its end, and then no longer: what hangs in a driver may not even
 * die.  Its memory on the GPU is free when it has ended. */
static bool
ended(pid_t pid, int *status, nsec until)
{
	for (;;) {
		if (waitpid(pid, status, WNOHANG) != 0)
			return true;
		if (left_ms(until) == 0)
			return false;
		(void)poll(NULL, 0, LOOK_MS);
	}
}

static int
start(pid_t *pid, const char *program, int ordinal, int out)
{
	char number[16];
	char name[] = "chameleon-holder", option[] = "--probe";
	char *argv[] = { name, option, number, NULL };
	posix_spawn_file_actions_t files;
	int e;

	snprintf(number, sizeof(number), "%d", ordinal);
	if ((e = posix_spawn_file_actions_init(&files)) != 0)
		return e;
	e = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
	    O_RDONLY, 0);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(&files, out,
		    STDOUT_FILENO);
	if (e == 0)
		e = posix_spawn(pid, program, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return e;
}

static void
listen_to(struct plan_gpu *g, pid_t pid, int fd, nsec within)
{
	nsec until = clock_mono() + within;
	char line[LINE_MAX_BYTES];
	bool heard = hear(fd, line, until);
	int status = 0;

	heard = ended(pid, &status, until) && heard;
	if (!heard) {
		kill(pid, SIGKILL);
		(void)ended(pid, &status, clock_mono() + 100 * MILLISECOND);
		is_not(g,
		    "the driver has not answered within %.0f s: it hangs; "
		    "'nvidia-smi' and the kernel's log may say why",
		    (double)within / (double)SECOND);
	} else if (WIFSIGNALED(status))
		is_not(g, "chameleon-holder --probe was ended by SIG%s",
		    sigabbrev_np(WTERMSIG(status)));
	else
		probe_read(g, line);
}

void
probe_with(struct plan_gpu *g, const char *program, int ordinal, nsec within)
{
	int ends[2], e;
	pid_t pid;

	*g = (struct plan_gpu){ .there = false };
	if (pipe2(ends, O_CLOEXEC) != 0) {
		is_not(g, "a pipe for the probe: %s", strerror(errno));
		return;
	}
	e = start(&pid, program, ordinal, ends[1]);
	close(ends[1]);
	if (e != 0)
		is_not(g, "starting %s: %s", program, strerror(e));
	else
		listen_to(g, pid, ends[0], within);
	close(ends[0]);
}

void
probe_gpu(struct plan_gpu *g, int ordinal)
{
	char program[PATH_MAX];

	*g = (struct plan_gpu){ .there = false };
	if (spawn_find(program, "holder") != 0)
		is_not(g, "this build has no CUDA backend (make CUDA=1)");
	else
		probe_with(g, program, ordinal, PROBE_NS);
}
