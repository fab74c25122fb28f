/* A digest of what a base model is. */
#include "model/fingerprint.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/err.h"

#define SAMPLE 64 /* numbers of a tensor */

static int
add(EVP_MD_CTX *md, const struct tensors *ts, const struct tensor *t)
{
	unsigned char sample[SAMPLE * 8] = { 0 };
	uint64_t n = t->elements < SAMPLE ? t->elements : SAMPLE;
	uint64_t each = t->elements == 0 ? 0 : t->bytes / t->elements;
	int e = 0, ok;

	if (t->dtype != TENSOR_OTHER && each <= 8)
		e = tensors_read(ts, t, 0, n, sample);
	if (e != 0)
		return e;
	ok = EVP_DigestUpdate(md, t->name, strlen(t->name) + 1);
	ok &= EVP_DigestUpdate(md, t->dtype_name, strlen(t->dtype_name) + 1);
	ok &= EVP_DigestUpdate(md, t->shape,
	    (size_t)t->ndim * sizeof(t->shape[0]));
	ok &= EVP_DigestUpdate(md, sample, n * each);
	return ok == 1 ? 0 : err_set(ERR_MEMORY, "no memory for a digest");
}

int
model_fingerprint(const struct tensors *ts,
    unsigned char out[FINGERPRINT_BYTES])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int e = 0;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		e = err_set(ERR_MEMORY, "no memory for a digest");
	for (int i = 0; e == 0 && i < ts->count; i++)
		e = add(md, ts, &ts->list[i]);
	if (e == 0 && EVP_DigestFinal_ex(md, out, NULL) != 1)
		e = err_set(ERR_MEMORY, "no memory for a digest");
	EVP_MD_CTX_free(md);
	return e;
}
