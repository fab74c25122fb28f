/* Processes beside the experiment. */
#include "tests/gpu/facts/facts.h"

#include "base/err.h"
#include "device/pool_cuda.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

void
child_start(struct child *c, void (*life)(int in, int out))
{
	int down[2], up[2];

	if (pipe(down) != 0 || pipe(up) != 0 || (c->pid = fork()) < 0)
		exit(1);
	if (c->pid == 0) {
		close(down[1]);
		close(up[0]);
		life(down[0], up[1]);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	c->to = down[1];
	c->from = up[0];
	c->pidfd = pidfd_open(c->pid, 0);
}

void
child_put(int fd, const void *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n)
		_exit(1);
}

bool
child_get(int fd, void *p, size_t n)
{
	return read(fd, p, n) == (ssize_t)n;
}

nsec
child_kill(struct child *c)
{
	struct pollfd ended = { .fd = c->pidfd, .events = POLLIN };
	nsec when;

	(void)kill(c->pid, SIGKILL);
	(void)poll(&ended, 1, -1);
	when = clock_mono();
	(void)waitpid(c->pid, NULL, 0);
	close(c->to);
	close(c->from);
	close(c->pidfd);
	return when;
}

/* Told by a byte: children born later hold this end, too. */
void
child_end(struct child *c)
{
	(void)!write(c->to, "", 1);
	close(c->to);
	close(c->from);
	(void)waitpid(c->pid, NULL, 0);
	close(c->pidfd);
}

void
child_hold(int in, int out)
{
	struct device_pool p;
	char c;

	if (!child_get(in, &p, sizeof(p)))
		return;
	if (device_make(&p) != 0) {
		fprintf(stderr, "gpu-facts: %s\n", err_text());
		return;
	}
	child_put(out, &p, sizeof(p));
	(void)!read(in, &c, 1);
}

void
hold(struct child *c, struct device_pool *p, uint64_t bytes)
{
	*p = (struct device_pool){ .kind = DEVICE_CUDA,
		.bytes = bytes,
		.chunk_bytes = bytes };
	child_start(c, child_hold);
	child_put(c->to, p, sizeof(*p));
	if (!child_get(c->from, p, sizeof(*p)))
		exit(1);
}
