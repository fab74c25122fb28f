/* bfloat16 and half precision to float32 and back. */
#include "model/tensors.h"

#include <string.h>

#include "base/err.h"

#define BLOCK 8192 /* elements converted at once: 16 KiB of stack */

static inline uint32_t
bits_of(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	return u;
}

static inline float
float_of(uint32_t u)
{
	float f;

	memcpy(&f, &u, sizeof(f));
	return f;
}

uint16_t
tensor_bf16(float f)
{
	uint32_t u = bits_of(f);

	if ((u & 0x7fffffff) > 0x7f800000) /* NaN stays one, made quiet */
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

uint16_t
tensor_f16(float f)
{
	uint32_t u = bits_of(f), sign = u >> 16 & 0x8000;

	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (u >= 0x47800000) /* 2^16: no rounding brings it back */
		return (uint16_t)(sign | 0x7c00);
	if (u < 0x38800000) /* below 2^-14: the sum's last bit is 2^-24 */
		return (uint16_t)(sign |
		    (bits_of(float_of(u) + 0.5f) - 0x3f000000));
	u -= 112u << 23; /* exponents are biased by 127 and by 15 */
	return (uint16_t)(sign | (u + 0xfff + (u >> 13 & 1)) >> 13);
}

float
tensor_from_bf16(uint16_t h)
{
	return float_of((uint32_t)h << 16);
}

float
tensor_from_f16(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	/* The product moves the exponent by 112, and is exact for the
	 * subnormal too. */
	uint32_t u = bits_of(float_of((uint32_t)(h & 0x7fff) << 13) * 0x1p112f);

	if ((h & 0x7c00) == 0x7c00)
		u |= 0x7f800000;
	return float_of(sign | u);
}

const char *
tensor_dtype_word(enum tensor_dtype dtype)
{
	static const char *const words[] = { [TENSOR_F32] = "f32",
		[TENSOR_F16] = "f16",
		[TENSOR_BF16] = "bf16" };

	return (unsigned)dtype < TENSOR_OTHER ? words[dtype] : "other";
}

int
tensor_dtype_bytes(enum tensor_dtype dtype)
{
	switch (dtype) {
	case TENSOR_F32:
		return 4;
	case TENSOR_F16:
	case TENSOR_BF16:
		return 2;
	case TENSOR_OTHER:
		break;
	}
	return 0;
}

int
tensors_read_f32(const struct tensors *ts, const struct tensor *t,
    uint64_t first, uint64_t n, float *out)
{
	uint16_t half[BLOCK];

	if (t->dtype == TENSOR_F32)
		return tensors_read(ts, t, first, n, out);
	if (t->dtype == TENSOR_OTHER)
		return err_set(ERR_UNSUPPORTED,
		    "%s: dtype %s: want F16, BF16 or F32", t->name,
		    t->dtype_name);
	while (n > 0) {
		uint64_t some = n < BLOCK ? n : BLOCK;
		int e = tensors_read(ts, t, first, some, half);

		if (e != 0)
			return e;
		if (t->dtype == TENSOR_BF16)
			for (uint64_t i = 0; i < some; i++)
				out[i] = tensor_from_bf16(half[i]);
		else
			for (uint64_t i = 0; i < some; i++)
				out[i] = tensor_from_f16(half[i]);
		out += some;
		first += some;
		n -= some;
	}
	return 0;
}
