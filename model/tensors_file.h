/*
 * tensors_file.h -- what the files of tensors_*.c share; for them alone.
 */
#ifndef MODEL_TENSORS_FILE_H
#define MODEL_TENSORS_FILE_H

#include "model/tensors.h"

/* One kind of number that the format knows. */
struct dtype {
	const char *name;
	unsigned bits; /* of an element */
	enum tensor_dtype ours;
};

/* NULL: the format has none of this name. */
const struct dtype *dtype_find(const char *name);
const char *dtype_name(enum tensor_dtype);

/* Bytes of a tensor; false: over 64 bits, or not a whole number. */
bool tensor_measure(struct tensor *, unsigned bits);

/* Reads and checks the header of a file of `size` bytes, and appends its
 * tensors, in the order of their data, to the list. */
int tensors_header(struct tensors *, int file, uint64_t size,
    struct tensors_limits);

/* Opens a file and appends its tensors. */
int tensors_append(struct tensors *, int dirfd, const char *name,
    struct tensors_limits, bool follow_links);

/* Builds the index; ERR_FORMAT if a name is there twice. */
int tensors_index_build(struct tensors *);

#endif
