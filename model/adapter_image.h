/*
 * adapter_image.h -- the layout of an image; for the files of adapter*.c alone.
 */
#ifndef MODEL_ADAPTER_IMAGE_H
#define MODEL_ADAPTER_IMAGE_H

#include "model/adapter.h"

/* Fills the table (nmodules), unless it is NULL, and returns the image's bytes;
 * 0: a row is longer than a page. */
uint64_t adapter_layout(const struct adapter *, const struct shape *,
    enum tensor_dtype, uint32_t page_bytes, struct adapter_entry *table);

/* Of the header with a table of so many entries, rounded up. */
uint64_t adapter_header_bytes(uint64_t nmodules);

#endif
