#include "tests/gpu/bench/holder.h"

#include "base/clock.h"
#include "base/err.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct order {
	uint64_t offset, bytes; /* 0: end */
};

static struct {
	pid_t pid;
	int to, from;
} holder, copier;

/* Runs `life` in a child with a pipe each way. */
static int
start(pid_t *pid, int *to, int *from, void (*life)(int in, int out))
{
	int down[2], up[2];

	if (pipe(down) != 0 || pipe(up) != 0 || (*pid = fork()) < 0)
		return err_sys(ERR_IO, "a process");
	if (*pid == 0) {
		close(down[1]);
		close(up[0]);
		life(down[0], up[1]);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	*to = down[1];
	*from = up[0];
	return 0;
}

static void
put(int fd, const void *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n)
		_exit(1);
}

static bool
get(int fd, void *p, size_t n)
{
	return read(fd, p, n) == (ssize_t)n;
}

/* ---- looking ---------------------------------------------------------- */

struct look {
	int e;
	struct device_facts facts;
	char text[256];
};

static void
look(int in, int out)
{
	struct look l = { 0 };

	(void)in;
	l.e = device_look(&l.facts, 0);
	snprintf(l.text, sizeof(l.text), "%s", l.e != 0 ? err_text() : "");
	put(out, &l, sizeof(l));
}

int
holder_look(struct device_facts *f)
{
	struct look l;
	pid_t pid;
	int to, from, e = start(&pid, &to, &from, look);

	if (e != 0)
		return e;
	if (!get(from, &l, sizeof(l)))
		l = (struct look){ .e = ERR_DEVICE, .text = "no answer" };
	close(to);
	close(from);
	(void)waitpid(pid, NULL, 0);
	*f = l.facts;
	return l.e == 0 ? 0 : err_set(ERR_DEVICE, "%s", l.text);
}

/* ---- holding ---------------------------------------------------------- */

static void
hold(int in, int out)
{
	struct device_pool p;
	char c;

	if (!get(in, &p, sizeof(p)))
		return;
	if (device_make(&p) != 0) {
		fprintf(stderr, "bench-gpu: %s\n", err_text());
		return;
	}
	put(out, &p, sizeof(p));
	(void)!read(in, &c, 1); /* until the other end closes */
}

/* ---- copying ---------------------------------------------------------- */

/* Until an order lies in the pipe. */
static bool
told(int in)
{
	struct pollfd p = { .fd = in, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

static double
copy_on(struct device *d, const void *from, struct order o, int in)
{
	nsec begun = clock_mono();
	uint64_t n = 0;

	while (!told(in)) {
		if (device_copy(d, o.offset, from, o.bytes) != 0) {
			fprintf(stderr, "bench-gpu: %s\n", err_text());
			return 0;
		}
		n += o.bytes;
	}
	return (double)n / ((double)(clock_mono() - begun) / 1e9);
}

static void
copy_life(int in, int out)
{
	struct device_pool p;
	struct device *d;
	struct order o;
	uint64_t most = (uint64_t)256 << 20;
	void *from;
	double rate;

	if (!get(in, &p, sizeof(p)))
		return;
	from = mmap(NULL, most, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (from == MAP_FAILED || device_open(&d, &p) != 0 ||
	    device_pin(d, from, most, false) != 0) {
		fprintf(stderr, "bench-gpu: %s\n", err_text());
		return;
	}
	memset(from, 0x3c, most);
	while (get(in, &o, sizeof(o)) && o.bytes > 0) {
		rate = copy_on(d, from, o, in);
		if (!get(in, &o, sizeof(o)))
			break;
		put(out, &rate, sizeof(rate));
	}
	device_close(d);
}

void
copier_go(uint64_t offset, uint64_t bytes)
{
	struct order o = { offset, bytes };

	put(copier.to, &o, sizeof(o));
}

double
copier_stop(void)
{
	struct order o = { 0, 0 };
	double rate = 0;

	put(copier.to, &o, sizeof(o));
	(void)get(copier.from, &rate, sizeof(rate));
	return rate;
}

/* ---- both ------------------------------------------------------------- */

int
holder_start(struct device_pool *p)
{
	int e = start(&holder.pid, &holder.to, &holder.from, hold);

	if (e == 0)
		e = start(&copier.pid, &copier.to, &copier.from, copy_life);
	if (e != 0)
		return e;
	put(holder.to, p, sizeof(*p));
	if (!get(holder.from, p, sizeof(*p)))
		return err_set(ERR_DEVICE, "the holder has no pool");
	put(copier.to, p, sizeof(*p));
	return 0;
}

void
holder_stop(void)
{
	close(copier.to);
	close(copier.from);
	(void)waitpid(copier.pid, NULL, 0);
	close(holder.to);
	close(holder.from);
	(void)waitpid(holder.pid, NULL, 0);
}
