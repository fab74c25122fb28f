/*
 * tensors.h -- the tensors of one or several safetensors files.
 *
 * Trusts nothing: the header is bounded before it is read, every product is
 * checked, the data must follow without hole or overlap and end with the file.
 * Data is read with pread into the caller's memory, never mapped: a file cut
 * short under a mapping would kill the process that reads it.
 *
 * Memory   tensors_open allocates, tensors_close frees; names live as long.
 * Threads  After opening, any number may read.
 * Waiting  As long as the disk does.
 */
#ifndef MODEL_TENSORS_H
#define MODEL_TENSORS_H

#include <stdbool.h>
#include <stdint.h>

#define TENSOR_DIMS_MAX 8
#define TENSORS_MODEL_HEADER_MAX 100000000u
#define TENSORS_ADAPTER_HEADER_MAX (1u << 20)
#define TENSORS_ADAPTER_COUNT_MAX 4096

/* OTHER: legal in the format, not computed with here. */
enum tensor_dtype { TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_OTHER };

struct tensor {
	const char *name;
	enum tensor_dtype dtype;
	char dtype_name[12]; /* as written in the file */
	int ndim;
	uint64_t shape[TENSOR_DIMS_MAX]; /* row-major, slowest first */
	uint64_t elements;
	uint64_t bytes;
	uint64_t offset; /* of the first byte in its file */
	int file;	 /* index of its file */
};

struct tensors {
	struct tensor *list; /* in file order */
	int count;
	int *fds;
	int nfiles;
	struct tensors_index *index; /* names to places, private */
};

/* What a file may have at the most; over it: ERR_LIMIT. */
struct tensors_limits {
	uint64_t header_bytes_max;
	int count_max; /* 0: no limit */
};

/* Opens one file below the directory dirfd, a plain name; links are followed
 * only if follow_links.  ERR_NOT_FOUND, ERR_FORMAT (names the tensor),
 * ERR_LIMIT, ERR_IO, ERR_MEMORY. */
int tensors_open(struct tensors *, int dirfd, const char *name,
    struct tensors_limits, bool follow_links);

/* Opens model.safetensors of a model directory, or all files that
 * model.safetensors.index.json names: plain names, each tensor exactly once,
 * in the file that the map says. */
int tensors_open_model(struct tensors *, const char *dir);

/* Fine for a struct that was never opened but is zero. */
void tensors_close(struct tensors *);

/* NULL: there is none of this name. */
const struct tensor *tensors_find(const struct tensors *, const char *name);

/* Reads elements [first, first + n) as stored, or as float32. */
int tensors_read(const struct tensors *, const struct tensor *, uint64_t first,
    uint64_t n, void *out);
int tensors_read_f32(const struct tensors *, const struct tensor *,
    uint64_t first, uint64_t n, float *out);

/* One tensor to be written: data is of dtype, row-major. */
struct tensor_out {
	const char *name;
	enum tensor_dtype dtype;
	int ndim;
	uint64_t shape[TENSOR_DIMS_MAX];
	const void *data;
};

/* Writes a safetensors file.  data may be NULL in all: then fill is called for
 * each in turn and must write its bytes to fd (for files larger than memory). */
int tensors_write(const char *path, const struct tensor_out *, int count,
    int (*fill)(int fd, const struct tensor_out *, void *arg), void *arg);

/* Numbers of the three dtypes, rounded to nearest even. */
uint16_t tensor_bf16(float);
uint16_t tensor_f16(float);
float tensor_from_bf16(uint16_t);
float tensor_from_f16(uint16_t);
int tensor_dtype_bytes(enum tensor_dtype); /* 4, 2, 2; 0 for OTHER */

/* "f32", "f16", "bf16", "other", whatever the number. */
const char *tensor_dtype_word(enum tensor_dtype);

#endif
