/*
 * image.h -- an adapter's image as gpuexec reads it.
 *
 * The image lies in memory that another process fills.  Its header and table
 * are copied and checked once; of the rest only numbers are read, at offsets
 * that the check has found legal.  A rank, an offset or a size is never read
 * from the pool twice.
 *
 * Memory   A view: the pages are the pool's (or the cli's) and must stay as
 *          long as a step uses it.  What image_new allocates is as large as any
 *          adapter of the shape needs; image_read allocates nothing.
 */
#ifndef GPUEXEC_IMAGE_H
#define GPUEXEC_IMAGE_H

#include <stdint.h>

#include "gpuexec/cpu/lora.h"
#include "model/adapter.h"
#include "model/shape.h"

struct image; /* a place for one adapter, empty or read */

/* Room for an image of at most so many pages.  ERR_MEMORY. */
int image_new(struct image **, const struct shape *, int pages_max);
void image_free(struct image *);

/* Reads the image that begins at page[0] and lies in n pages of page_bytes
 * (0: one page) of `bytes` in all.  ERR_FORMAT: not a legal one; then it is
 * empty. */
int image_read(struct image *, const struct shape *, const void *const *page,
    int n, uint32_t page_bytes, uint64_t bytes);

/* The module of a layer; rank 0: the adapter leaves it alone.  layer counts
 * for the first LINEAR_LAYER_COUNT alone. */
struct cpu_lora image_lora(const struct image *, int layer, enum shape_linear);

const unsigned char *image_digest(const struct image *);

#endif
