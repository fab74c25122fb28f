/* Random tensors, fast: numbers are picked from a table of a distribution. */
#include "model/synth_fill.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/rng.h"

/* 4096 numbers are enough to look normal, and stay in the first cache; one
 * draw of 64 bits picks five of them. */
#define TABLE_BITS 12
#define TABLE (1 << TABLE_BITS)
#define PICKS 5
#define BLOCK (PICKS << 14) /* numbers written at once */

struct job {
	const struct tensor_out *list;
	const struct synth_law *laws;
	uint64_t seed;
	void *block;
};

/* The number below which a share p of a normal distribution lies, to 5e-4:
 * formula 26.2.23 of Abramowitz and Stegun. */
static double
quantile(double p)
{
	double t = sqrt(-2 * log(p < 0.5 ? p : 1 - p));
	double x = t -
	    (2.515517 + t * (0.802853 + t * 0.010328)) /
		(1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));

	return p < 0.5 ? -x : x;
}

static void
make_table32(float *table, struct synth_law law)
{
	for (int i = 0; i < TABLE; i++)
		table[i] = (float)(law.mean +
		    law.deviation * quantile((i + 0.5) / TABLE));
}

static void
make_table16(uint16_t *table, struct synth_law law, enum tensor_dtype dtype)
{
	float wide[TABLE];

	make_table32(wide, law);
	for (int i = 0; i < TABLE; i++)
		table[i] = dtype == TENSOR_BF16 ? tensor_bf16(wide[i]) :
						  tensor_f16(wide[i]);
}

static void
draw32(float *out, const float *table, struct rng *r)
{
	for (int i = 0; i < BLOCK; i += PICKS) {
		uint64_t bits = rng_next(r);

		for (int k = 0; k < PICKS; k++, bits >>= TABLE_BITS)
			out[i + k] = table[bits & (TABLE - 1)];
	}
}

static void
draw16(uint16_t *out, const uint16_t *table, struct rng *r)
{
	for (int i = 0; i < BLOCK; i += PICKS) {
		uint64_t bits = rng_next(r);

		for (int k = 0; k < PICKS; k++, bits >>= TABLE_BITS)
			out[i + k] = table[bits & (TABLE - 1)];
	}
}

static int
write_all(int fd, const char *at, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(ERR_IO, "writing");
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

static int
fill(int fd, const struct tensor_out *t, void *arg)
{
	struct job *j = arg;
	struct synth_law law = j->laws[t - j->list];
	uint64_t left = 1, each = (uint64_t)tensor_dtype_bytes(t->dtype);
	struct rng r;
	float table32[TABLE];
	uint16_t table16[TABLE];
	int e = 0;

	rng_seed(&r, hash_text(hash_bytes(HASH_START, &j->seed, 8), t->name));
	if (t->dtype == TENSOR_F32)
		make_table32(table32, law);
	else
		make_table16(table16, law, t->dtype);
	for (int i = 0; i < t->ndim; i++)
		left *= t->shape[i];
	while (left > 0 && e == 0) {
		uint64_t n = left < BLOCK ? left : BLOCK;

		if (t->dtype == TENSOR_F32)
			draw32(j->block, table32, &r);
		else
			draw16(j->block, table16, &r);
		e = write_all(fd, j->block, n * each);
		left -= n;
	}
	return e;
}

static int
join(char *path, const char *dir, const char *file)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
		return err_set(ERR_LIMIT, "%s: the path is too long", dir);
	return 0;
}

int
synth_tensors(const char *dir, const char *file, const struct tensor_out *list,
    const struct synth_law *laws, int count, uint64_t seed)
{
	struct job j = { .list = list, .laws = laws, .seed = seed };
	char path[PATH_MAX];
	int e = join(path, dir, file);

	if (e != 0)
		return e;
	if ((j.block = malloc(BLOCK * sizeof(float))) == NULL)
		return err_set(ERR_MEMORY, "no memory to draw into");
	e = tensors_write(path, list, count, fill, &j);
	free(j.block);
	return e;
}

int
synth_dir(const char *dir)
{
	if (mkdir(dir, 0777) == 0 || errno == EEXIST)
		return 0;
	return err_sys(ERR_IO, "%s", dir);
}

int
synth_json(json_t *object, const char *dir, const char *file)
{
	char path[PATH_MAX];
	int e = join(path, dir, file);

	if (object == NULL)
		return err_set(ERR_MEMORY, "no memory for %s", file);
	if (e == 0 && json_dump_file(object, path, JSON_INDENT(2)) != 0)
		e = err_sys(ERR_IO, "%s", path);
	json_decref(object);
	return e;
}
