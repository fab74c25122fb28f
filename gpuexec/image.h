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

/* Room for an image of at most so many pages.  number: among those that a step
 * may use, the caller's to give.  ERR_MEMORY. */
int image_new(struct image **, const struct shape *, int pages_max, int number);
void image_free(struct image *);

/* Copies n bytes from an address in a page.  0 or ERR_*. */
typedef int image_fetch_f(void *arg, void *to, const void *from, uint64_t n);

/* Reads the image that begins at page[0] and lies in n pages of page_bytes
 * (0: one page) of `bytes` in all.  fetch NULL: the pages are memory of this
 * process.  ERR_FORMAT: not a legal one of that dtype; then it
 * is empty. */
int image_read(struct image *, const struct shape *, enum tensor_dtype,
    const void *const *page, int n, uint32_t page_bytes, uint64_t bytes,
    image_fetch_f *fetch, void *arg);

/* Its number, and how often it has been read: together they name what is in
 * it. */
int image_number(const struct image *);
uint32_t image_reads(const struct image *);

/* Its bytes, and those of a page (all of them, if it is one). */
uint64_t image_bytes(const struct image *);
uint64_t image_page(const struct image *);

/* The greatest rank of its modules. */
int image_rank(const struct image *);

/* Its pages, their size (0: one), what its numbers are. */
const void *const *image_pages(const struct image *, int *n,
    uint32_t *page_bytes, enum tensor_dtype *);

/* What the table says of a module: offsets of the first rows of A and B. */
int image_module(const struct image *, int layer, enum shape_linear,
    uint64_t *a, uint64_t *b);

/* The module of a layer; rank 0: the adapter leaves it alone.  layer counts
 * for the first LINEAR_LAYER_COUNT alone. */
struct cpu_lora image_lora(const struct image *, int layer, enum shape_linear);

const unsigned char *image_digest(const struct image *);

#endif
