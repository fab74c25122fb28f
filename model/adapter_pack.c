/* From the tensors of an adapter to the image that the device uses. */
#include "model/adapter.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/must.h"
#include "model/adapter_file.h"
#include "model/adapter_image.h"
#include "model/beneath.h"

#define FLOATS (1u << 18) /* read at once: 1 MiB, which stays in a cache */
#define TILE 64		  /* rows of a transposed tile */
#define STRIPE 16	  /* its columns: one cache line */

struct job {
	const struct adapter *adapter;
	unsigned char *image;
	enum tensor_dtype dtype;
	uint32_t page_bytes;
	float *floats;	/* FLOATS */
	uint32_t bound; /* bits of |x| from which x is infinite in dtype */
	bool any;	/* some B is not zero */
	bool (*go_on)(void *);
	void *arg;
};

/* Bits of the least |x| that rounds to infinity. */
static uint32_t
bound_of(enum tensor_dtype dtype)
{
	return dtype == TENSOR_F32 ? 0x7f800000 :
	    dtype == TENSOR_BF16   ? 0x7f7f8000 :
				     0x477ff000;
}

/* One array of an image. */
struct rows {
	uint64_t start, bytes; /* of a row */
};

static inline uint32_t
bits_of(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	return u;
}

static unsigned char *
row(const struct job *j, struct rows r, uint64_t i)
{
	return j->image +
	    adapter_row(r.start, r.bytes, j->page_bytes, (uint32_t)i);
}

/* Reads n elements from first on, scaled and checked. */
static int
read_some(struct job *j, const struct tensor *t, uint64_t first, uint64_t n,
    float scale, float *to)
{
	uint32_t bad = 0, any = 0;
	int e = tensors_read_f32(&j->adapter->tensors, t, first, n, to);

	if (e != 0)
		return e;
	if (j->go_on != NULL && !j->go_on(j->arg))
		return err_set(ERR_GONE, "no longer wanted");
	for (uint64_t i = 0; i < n; i++) {
		uint32_t u;

		to[i] *= scale;
		u = bits_of(to[i]) & 0x7fffffff;
		bad |= u >= j->bound;
		any |= u;
	}
	j->any |= any != 0;
	for (uint64_t i = 0; bad != 0 && i < n; i++)
		if ((bits_of(to[i]) & 0x7fffffff) >= j->bound)
			return err_set(ERR_UNSUPPORTED,
			    "%s: element %ju is not finite", t->name,
			    (uintmax_t)(first + i));
	return 0;
}

/* Finite numbers to the image's dtype, rounded to nearest even. */
static void
put(enum tensor_dtype dtype, unsigned char *to, const float *from, uint64_t n)
{
	if (dtype == TENSOR_F32) {
		memcpy(to, from, n * sizeof(*from));
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		uint32_t u = bits_of(from[i]);
		uint16_t h = dtype == TENSOR_F16 ?
		    tensor_f16(from[i]) :
		    (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);

		memcpy(to + 2 * i, &h, sizeof(h));
	}
}

/* from (n, m) becomes columns [at, at + n) of the rows first and on: m rows.
 * A stripe of columns at once, so that each line that is read is used whole. */
static void
put_across(struct job *j, struct rows r, uint64_t first, uint64_t at,
    const float *from, uint64_t n, uint64_t m)
{
	size_t each = (size_t)tensor_dtype_bytes(j->dtype);

	for (uint64_t c0 = 0; c0 < m; c0 += STRIPE) {
		uint64_t c1 = c0 + STRIPE < m ? c0 + STRIPE : m;
		unsigned char *to[STRIPE];

		for (uint64_t c = c0; c < c1; c++)
			to[c - c0] = row(j, r, first + c) + at * each;
		for (uint64_t i0 = 0; i0 < n; i0 += TILE) {
			uint64_t i1 = i0 + TILE < n ? i0 + TILE : n;
			float line[TILE];

			for (uint64_t c = c0; c < c1; c++) {
				for (uint64_t i = i0; i < i1; i++)
					line[i - i0] = from[i * m + c];
				put(j->dtype, to[c - c0] + i0 * each, line,
				    i1 - i0);
			}
		}
	}
}

/* A of a linear layer: (r, in) as it is. */
static int
pack_rows(struct job *j, const struct tensor *t, struct rows r)
{
	uint64_t cols = t->shape[1];
	size_t each = (size_t)tensor_dtype_bytes(j->dtype);

	for (uint64_t i = 0; i < t->shape[0]; i++) {
		unsigned char *to = row(j, r, i);

		for (uint64_t c = 0; c < cols; c += FLOATS) {
			uint64_t n = cols - c < FLOATS ? cols - c : FLOATS;
			int e = read_some(j, t, i * cols + c, n, 1, j->floats);

			if (e != 0)
				return e;
			put(j->dtype, to + c * each, j->floats, n);
		}
	}
	return 0;
}

/* B (out, r) as (r, out), scaled: some rows of it at once. */
static int
pack_b(struct job *j, const struct tensor *t, struct rows r, float scale)
{
	uint64_t rank = t->shape[1], some = FLOATS / rank;

	for (uint64_t o = 0; o < t->shape[0]; o += some) {
		uint64_t n = t->shape[0] - o < some ? t->shape[0] - o : some;
		int e = read_some(j, t, o * rank, n * rank, scale, j->floats);

		if (e != 0)
			return e;
		put_across(j, r, 0, o, j->floats, n, rank);
	}
	return 0;
}

/* A of the embedding, (r, vocab), as (vocab, r): some columns at once. */
static int
pack_embedding(struct job *j, const struct tensor *t, struct rows r)
{
	uint64_t rank = t->shape[0], vocab = t->shape[1], some = FLOATS / rank;
	int e;

	for (uint64_t v = 0; v < vocab; v += some) {
		uint64_t n = vocab - v < some ? vocab - v : some;

		for (uint64_t i = 0; i < rank; i++) {
			e = read_some(j, t, i * vocab + v, n, 1,
			    j->floats + i * n);
			if (e != 0)
				return e;
		}
		put_across(j, r, v, 0, j->floats, rank, n);
	}
	return 0;
}

static int
pack_module(struct job *j, const struct adapter_module *m,
    const struct adapter_entry *entry)
{
	struct rows a = { entry->a, adapter_a_bytes(entry, j->dtype) };
	struct rows b = { entry->b, adapter_b_bytes(entry, j->dtype) };
	bool any = j->any; /* what A holds does not count */
	int e = m->linear == LINEAR_EMBED ? pack_embedding(j, m->a, a) :
					    pack_rows(j, m->a, a);

	j->any = any;
	return e == 0 ? pack_b(j, m->b, b, m->scale) : e;
}

/* The file itself, then what the configuration made of it. */
static int
digest_all(struct job *j, EVP_MD_CTX *md, uint64_t bytes)
{
	const struct adapter *a = j->adapter;
	uint64_t some = FLOATS * sizeof(*j->floats);
	int ok = EVP_DigestInit_ex(md, EVP_sha256(), NULL), e;

	for (uint64_t at = 0; ok == 1 && at < bytes; at += some) {
		uint64_t n = bytes - at < some ? bytes - at : some;

		if ((e = beneath_read(a->tensors.fds[0], j->floats, n, at)) !=
		    0)
			return err_add(ADAPTER_TENSORS);
		if (j->go_on != NULL && !j->go_on(j->arg))
			return err_set(ERR_GONE, "no longer wanted");
		ok = EVP_DigestUpdate(md, j->floats, n);
	}
	for (int i = 0; ok == 1 && i < a->nmodules; i++) {
		const struct adapter_module *m = &a->modules[i];
		uint32_t row4[] = { (uint32_t)m->layer, m->linear,
			(uint32_t)m->rank, bits_of(m->scale) };

		ok = EVP_DigestUpdate(md, row4, sizeof(row4));
	}
	if (ok == 1)
		ok = EVP_DigestFinal_ex(md,
		    ((struct adapter_image *)(void *)j->image)->digest, NULL);
	return ok == 1 ? 0 : err_set(ERR_MEMORY, "libcrypto has no SHA-256");
}

static int
digest(struct job *j)
{
	const struct tensors *ts = &j->adapter->tensors;
	const struct tensor *last = &ts->list[ts->count - 1];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int e;

	if (md == NULL)
		return err_set(ERR_MEMORY, "no memory for a digest");
	/* The last tensor ends with the file. */
	e = digest_all(j, md, last->offset + last->bytes);
	EVP_MD_CTX_free(md);
	return e;
}

static int
pack_all(struct job *j, struct adapter_rules rules)
{
	const struct adapter *a = j->adapter;
	struct adapter_image *image = (void *)j->image;
	int e = digest(j);

	for (int i = 0; i < a->nmodules && e == 0; i++)
		e = pack_module(j, &a->modules[i], &image->entry[i]);
	if (e != 0)
		return e;
	if (adapter_stamp(a) != a->stamp)
		return err_set(ERR_IO,
		    ADAPTER_TENSORS " was changed while it was read");
	if (!j->any && !rules.allow_noop)
		return err_set(ERR_UNSUPPORTED,
		    "every lora_B is zero: the adapter changes nothing");
	image->magic = ADAPTER_MAGIC;
	return 0;
}

int
adapter_pack(const struct adapter *a, const struct shape *s,
    enum tensor_dtype dtype, uint32_t page_bytes, struct adapter_rules rules,
    void *out, bool (*go_on)(void *), void *arg)
{
	uint64_t bytes = adapter_image_bytes(a, s, dtype, page_bytes);
	struct adapter_image *image = out;
	struct job j = {
		.adapter = a,
		.image = out,
		.dtype = dtype,
		.page_bytes = page_bytes,
		.bound = bound_of(dtype),
		.go_on = go_on,
		.arg = arg,
	};
	int e;

	must(dtype != TENSOR_OTHER);
	if (bytes == 0)
		return err_set(ERR_LIMIT,
		    "a row is longer than a page of %u bytes", page_bytes);
	if ((j.floats = malloc(FLOATS * sizeof(*j.floats))) == NULL)
		return err_set(ERR_MEMORY, "no memory to pack with");
	memset(out, 0, bytes);
	image->bytes = bytes;
	image->dtype = dtype;
	image->page_bytes = page_bytes;
	image->nmodules = (uint32_t)a->nmodules;
	adapter_layout(a, s, dtype, page_bytes, image->entry);
	image->header_bytes = (uint32_t)adapter_header_bytes(
	    (uint64_t)a->nmodules);
	e = pack_all(&j, rules);
	free(j.floats);
	return e;
}
