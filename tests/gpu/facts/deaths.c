/* What becomes of work and memory when a process dies: T2 to T5. */
#include "tests/gpu/facts/facts.h"

#include "base/err.h"
#include "device/cuda_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define WATCH_NS (2 * SECOND)
#define TIMES 4

static struct device *
opened(const struct device_pool *p)
{
	struct device *d;

	if (device_open(&d, p) != 0) {
		say("", "cannot open the pool: %s", err_text());
		exit(1);
	}
	return d;
}

/* ---- a kernel, or a copy, that goes on -------------------------------- */

static void
count_life(int in, int out)
{
	struct device_pool p;
	struct device *d;

	if (!child_get(in, &p, sizeof(p)))
		return;
	d = opened(&p);
	child_put(out, &p, 1);
	for (;;) {
		(void)fact_count(NULL, device_address(d, 0),
		    fact_small() ? 1000 : 1 << 22);
		(void)cudaDeviceSynchronize();
	}
}

static void
copy_life(int in, int out)
{
	struct device_pool p;
	struct device *d;
	unsigned char *from;
	uint64_t n;

	if (!child_get(in, &p, sizeof(p)))
		return;
	d = opened(&p);
	n = p.bytes;
	from = aligned_alloc(4096, n);
	memset(from, 1, n);
	if (device_pin(d, from, n, false) != 0)
		return;
	child_put(out, &p, 1);
	for (unsigned char v = 1;; v++) {
		memset(from, v, n);
		(void)device_copy(d, 0, from, n);
	}
}

/* Kills it and watches its last word of the pool until it stands still; how
 * long after the death it last changed. */
static nsec
watch_one(void (*life)(int, int), uint64_t bytes, uint64_t at)
{
	struct child holder, worker;
	struct device_pool p;
	struct device *d;
	uint64_t word = 0, last = 0;
	nsec died, changed = 0;
	char c;

	child_start(&worker, life);
	hold(&holder, &p, bytes);
	d = opened(&p);
	child_put(worker.to, &p, sizeof(p));
	(void)child_get(worker.from, &c, 1);
	clock_sleep(SECOND / 2);
	died = child_kill(&worker);
	for (nsec now = died; now < died + WATCH_NS; now = clock_mono()) {
		if (device_read(d, &word, at, sizeof(word)) != 0)
			break;
		if (word != last)
			changed = now;
		last = word;
	}
	device_close(d);
	child_end(&holder);
	return changed > died ? changed - died : 0;
}

/* The longest of TIMES, each in a process that has not called CUDA. */
static nsec
watch_death(void (*life)(int, int), uint64_t bytes, uint64_t at)
{
	nsec most = 0, one;
	int pipes[2];

	for (int i = 0; i < TIMES && pipe(pipes) == 0; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			one = watch_one(life, bytes, at);
			child_put(pipes[1], &one, sizeof(one));
			_exit(0);
		}
		close(pipes[1]);
		if (child_get(pipes[0], &one, sizeof(one)) && one > most)
			most = one;
		close(pipes[0]);
		(void)waitpid(pid, NULL, 0);
	}
	return most;
}

static void
t2(void)
{
	say("T2",
	    "a kernel of a killed process: last change seen %.1f ms after its "
	    "pidfd (%d times, the longest)",
	    (double)watch_death(count_life, MIB, 0) / 1e6, TIMES);
}

static void
t3(void)
{
	uint64_t n = fact_bytes(1024 * MIB);

	say("T3",
	    "a copy of %.0f MiB of a killed process: last change seen %.1f ms "
	    "after its pidfd (%d times, the longest)",
	    (double)n / (double)MIB,
	    (double)watch_death(copy_life, n, n - 8) / 1e6, TIMES);
}

/* ---- the holder ------------------------------------------------------- */

static void
open_life(int in, int out)
{
	struct device_pool p;
	struct device *d;
	char text[256] = "works";

	if (!child_get(in, &p, sizeof(p)))
		return;
	if (device_open(&d, &p) != 0)
		snprintf(text, sizeof(text), "fails (%s)", err_text());
	child_put(out, text, sizeof(text));
}

static void
t4(void)
{
	struct child holder, user;
	struct device_pool p;
	struct device *d;
	char text[256] = "";
	uint64_t word, n = fact_bytes(1024 * MIB);
	size_t before = 0, after = 0, all;
	int reads;

	child_start(&user, open_life);
	hold(&holder, &p, n);
	d = opened(&p);
	(void)cudaMemGetInfo(&before, &all);
	(void)child_kill(&holder);
	reads = device_read(d, &word, 0, sizeof(word));
	child_put(user.to, &p, sizeof(p));
	(void)child_get(user.from, text, sizeof(text));
	child_end(&user);
	say("T4", "holder killed: others %s; a new open %s",
	    reads == 0 ? "read on" : "cannot read", text);
	device_close(d);
	clock_sleep(SECOND / 2);
	(void)cudaMemGetInfo(&after, &all);
	say("T4", "its memory is %s when the last mapping has gone",
	    after >= before + n / 2 ? "back" : "not back");
}

/* ---- a fault ---------------------------------------------------------- */

static void
stray_life(int in, int out)
{
	struct device_pool p;
	cudaError_t e;

	if (!child_get(in, &p, sizeof(p)))
		return;
	(void)opened(&p);
	(void)fact_stray(NULL);
	e = cudaDeviceSynchronize();
	child_put(out, &e, sizeof(e));
}

static void
t5(void)
{
	struct child holder, worker;
	struct device_pool p;
	struct device *d;
	uint64_t n = fact_bytes(256 * MIB);
	unsigned char *from = malloc(n), *back = malloc(n);
	cudaError_t e = cudaSuccess;
	nsec longest = 0;

	if (fact_small()) {
		say("T5", "not on the stand-in: a stray write ends it");
		return;
	}
	child_start(&worker, stray_life);
	hold(&holder, &p, n);
	d = opened(&p);
	memset(from, 7, n);
	child_put(worker.to, &p, sizeof(p));
	for (int i = 0; i < 40; i++) {
		nsec begun = clock_mono(), took;

		if (device_copy(d, 0, from, 16 * MIB) != 0)
			break;
		took = clock_mono() - begun;
		longest = took > longest ? took : longest;
	}
	(void)child_get(worker.from, &e, sizeof(e));
	(void)device_copy(d, 0, from, n);
	(void)device_read(d, back, 0, n);
	say("T5",
	    "an illegal write elsewhere gives %s there; copies here go on, the "
	    "longest of 16 MiB took %.1f ms; the pool is %s",
	    cudaGetErrorName(e), (double)longest / 1e6,
	    memcmp(from, back, n) == 0 ? "intact" : "damaged");
	child_end(&worker);
	device_close(d);
	child_end(&holder);
}

const struct fact death_facts[] = {
	{ "T2", "kill -9 of gpuexec inside a kernel", t2 },
	{ "T3", "kill -9 of the loader during a copy", t3 },
	{ "T4", "kill -9 of the holder", t4 },
	{ "T5", "an illegal write", t5 },
};
const int ndeath_facts = (int)(sizeof(death_facts) / sizeof(death_facts[0]));
