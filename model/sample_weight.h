/*
 * sample_weight.h -- e^x for the weights of tokens, the same bits everywhere.
 *
 * Weights decide ties and cuts; a token must not depend on whose exponential it
 * was.  So there is one, of IEEE operations in a fixed order, without any that
 * a compiler may join: a kernel defines SAMPLE_MUL and SAMPLE_ADD before it
 * includes this (gpuexec/cuda/sample.cu); C is built with -ffp-contract=off.
 *
 *	x = n ln 2 + r, |r| <= ln 2 / 2
 *	e^x = 2^n (1 + (r + r^2 (1 / 2 + r / 6 + ... + r^5 / 5040)))
 *
 * The small terms are added up before the large ones, so for every float x <= 0
 * it is within one unit in the last place, and never less for a greater x: what
 * is likelier is not lighter.  1 at 0; 0 below -104, and for what is no number.
 */
#ifndef MODEL_SAMPLE_WEIGHT_H
#define MODEL_SAMPLE_WEIGHT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifndef SAMPLE_MUL
#define SAMPLE_MUL(a, b) ((a) * (b))
#define SAMPLE_ADD(a, b) ((a) + (b))
#define SAMPLE_FUNCTION static inline
#endif

#define SAMPLE_LOG2_E 1.44269504f
/* ln 2 in two parts, the first with so few bits that n times it is exact. */
#define SAMPLE_LN2_HIGH 0.693359375f
#define SAMPLE_LN2_LOW -2.12194440e-4f

/* 2^n for -126 <= n <= 127. */
SAMPLE_FUNCTION float
sample_power(int n)
{
	uint32_t bits = (uint32_t)(n + 127) << 23;
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

SAMPLE_FUNCTION float
sample_weight(float x)
{
	float n, r, p = 1.0f / 5040;
	int half;

	if (!(x > -104.0f))
		return 0;
	n = rintf(SAMPLE_MUL(x, SAMPLE_LOG2_E));
	r = SAMPLE_ADD(x, -SAMPLE_MUL(n, SAMPLE_LN2_HIGH));
	r = SAMPLE_ADD(r, -SAMPLE_MUL(n, SAMPLE_LN2_LOW));
	p = SAMPLE_ADD(SAMPLE_MUL(p, r), 1.0f / 720);
	p = SAMPLE_ADD(SAMPLE_MUL(p, r), 1.0f / 120);
	p = SAMPLE_ADD(SAMPLE_MUL(p, r), 1.0f / 24);
	p = SAMPLE_ADD(SAMPLE_MUL(p, r), 1.0f / 6);
	p = SAMPLE_ADD(SAMPLE_MUL(p, r), 0.5f);
	p = SAMPLE_MUL(SAMPLE_MUL(r, r), p);
	p = SAMPLE_ADD(1.0f, SAMPLE_ADD(r, p));
	/* In two steps, or 2^n would be no normal number. */
	half = (int)n / 2;
	return SAMPLE_MUL(SAMPLE_MUL(p, sample_power(half)),
	    sample_power((int)n - half));
}

#endif
