/*
 * adapter.h -- a PEFT LoRA adapter: read, judged, packed.
 *
 * A module m of rank r adds s * B (A x) to W x.  adapter_open reads the
 * configuration and the tensors' names and shapes, and refuses with the reason
 * what would not be computed exactly (docs/PROTOCOL.md lists the sentences).
 * adapter_pack reads the numbers, refuses those that are not finite, folds s
 * into B in float32, rounds once, and writes the image that the device uses.
 *
 *	image   [ header | module table | A, B of layer 0 | layer 1 | ... ]
 *
 *	A as (r, in), B transposed as (r, out), each row beginning on
 *	ADAPTER_ALIGN bytes, and no row crossing a border of page_bytes, so
 *	that an image may lie in pages that are not neighbours.  Of the
 *	embedding A is transposed, (vocab, r): one token reads one row.
 *
 * Memory   adapter_open allocates, adapter_close frees.
 * Threads  One an adapter.
 */
#ifndef MODEL_ADAPTER_H
#define MODEL_ADAPTER_H

#include "model/shape.h"
#include "model/tensors.h"

#include <stddef.h>

#define ADAPTER_RANK_MAX 512
#define ADAPTER_ALIGN 64
#define ADAPTER_MAGIC 0x313041524f4c4843u /* "CHLORA01" */
#define ADAPTER_DIGEST_BYTES 32

/* One adapted linear layer, as the file has it. */
struct adapter_module {
	int layer; /* -1: head or embedding */
	enum shape_linear linear;
	int rank;
	float scale; /* alpha / r, or alpha / sqrt(r) */
	const struct tensor *a, *b;
};

struct adapter_rules {
	bool allow_partial; /* serve what matches, though tensors are left over
			     * or expected modules absent */
	bool allow_noop;    /* serve one whose every B is zero */
	/* The base model's: an adapter may carry a copy of the embedding or
	 * the head, passed over if equal.  NULL: a copy is refused. */
	const struct tensors *base;
};

struct adapter {
	struct tensors tensors;
	struct adapter_module *modules;	   /* by layer, then linear */
	int nmodules, nexpected, nmatched; /* modules, modules, tensors */
	int nabsent;			   /* modules expected, but not there */
	int rank_min, rank_max;
	float alpha;
	bool rslora;
	char base_name[256]; /* base_model_name_or_path, "" if none */
	char warnings[512];  /* sentences, ", " between; "" if none */
	char ignored[256];   /* unknown or ignored fields that were set */
	uint64_t config_hash;
	uint64_t stamp; /* of the tensors file when it was opened */
	/* For the report; the caller's, 0 where it does not know. */
	uint64_t host_bytes, device_bytes;
	int device_chunks;
};

/* Reads the adapter in directory name below dirfd (AT_FDCWD: a path).
 * ERR_NOT_FOUND, ERR_FORMAT, ERR_UNSUPPORTED, ERR_LIMIT, ERR_IO; the sentence
 * does not name the adapter, the caller adds "adapter 'NAME'". */
int adapter_open(struct adapter *, int dirfd, const char *name,
    const struct shape *, struct adapter_rules);
void adapter_close(struct adapter *);

/* One row of an image's module table; offsets from the image's start. */
struct adapter_entry {
	int32_t layer;	/* -1: head or embedding */
	int32_t linear; /* enum shape_linear */
	int32_t rank, in, out;
	int32_t pad;
	uint64_t a, b; /* of row 0; rows follow by the rule above */
};

struct adapter_image {
	uint64_t magic;
	uint64_t bytes;	     /* of the whole image */
	uint32_t dtype;	     /* enum tensor_dtype, not OTHER */
	uint32_t page_bytes; /* that no row crosses */
	uint32_t nmodules;
	uint32_t header_bytes; /* header and table, in the first page(s) */
	unsigned char digest[ADAPTER_DIGEST_BYTES];
	struct adapter_entry entry[]; /* nmodules */
};

/* Offset of row i of an array of rows of row_bytes that begins at start,
 * when no row may cross a border of page_bytes (page_bytes 0: no borders).
 * row_bytes are rounded up to ADAPTER_ALIGN. */
uint64_t adapter_row(uint64_t start, uint64_t row_bytes, uint32_t page_bytes,
    uint32_t i);

/* Bytes of the image of an opened adapter; known before data is read.  0: a
 * row is longer than page_bytes, which are a multiple of ADAPTER_ALIGN. */
uint64_t adapter_image_bytes(const struct adapter *, const struct shape *,
    enum tensor_dtype, uint32_t page_bytes);

/* Writes the image (adapter_image_bytes of it) to out.  Checks every number.
 * The digest is SHA-256 over the tensors file and the fields that matter.
 * go_on is asked now and then: false ends with ERR_GONE; NULL: never asked. */
int adapter_pack(const struct adapter *, const struct shape *,
    enum tensor_dtype, uint32_t page_bytes, struct adapter_rules, void *out,
    bool (*go_on)(void *), void *arg);

/* No header with its table is longer than this, for any adapter. */
uint64_t adapter_header_max(const struct shape *);

/* Whether an image in a place of n bytes is legal for this shape: every size
 * and offset in range, no array over another.  Of a shared image a private copy
 * of the first adapter_header_max bytes (or n, if fewer) is to be checked, and
 * then used: nothing behind the header is read. */
int adapter_image_check(const struct adapter_image *, uint64_t n,
    const struct shape *);

/* Where the modules of a layer and those after it begin in an image that has been
 * packed or checked; its end, if there are none.  What is of no layer (embedding,
 * head) lies in front of layer 0. */
uint64_t adapter_image_layer(const struct adapter_image *, int layer);

/* Rows of an entry's A and B, and bytes of one, before rounding up. */
uint32_t adapter_a_rows(const struct adapter_entry *);
uint64_t adapter_a_bytes(const struct adapter_entry *, enum tensor_dtype);
uint64_t adapter_b_bytes(const struct adapter_entry *, enum tensor_dtype);

/* The report of a load as people read it (several lines); digest NULL: its numbers
 * were refused. */
void adapter_report(const struct adapter *, const char *name,
    const unsigned char digest[ADAPTER_DIGEST_BYTES], char *out, size_t size);

#endif
