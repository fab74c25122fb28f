/* Edges, and sums between them. */
#include "shm/histogram.h"

#include <string.h>

#define DECADE(u)                                                              \
	1000 * (u), 1250 * (u), 1500 * (u), 2000 * (u), 2500 * (u),            \
	    3000 * (u), 4000 * (u), 5000 * (u), 6000 * (u), 7500 * (u),        \
	    8000 * (u)
#define SECONDS(s) 1000000000ull * (s)

const uint64_t histogram_edges[HISTOGRAM_KINDS][HISTOGRAM_EDGES] = {
	[HISTOGRAM_TIME] = { DECADE(10ull), DECADE(100ull), DECADE(1000ull),
	    DECADE(10000ull), DECADE(100000ull), DECADE(1000000ull),
	    DECADE(10000000ull), SECONDS(100), SECONDS(120), SECONDS(160),
	    SECONDS(240), SECONDS(320), SECONDS(480), SECONDS(640),
	    SECONDS(960), SECONDS(1280), SECONDS(1920), SECONDS(2560),
	    SECONDS(3840), SECONDS(5120), SECONDS(7680) },
	[HISTOGRAM_COUNT] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	    16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 45, 50, 56, 64, 72, 80,
	    90, 100, 112, 128, 144, 160, 180, 200, 225, 256, 288, 320, 360, 400,
	    450, 500, 512, 576, 640, 720, 800, 900, 1000, 1024, 1152, 1280,
	    1440, 1600, 1800, 2000, 2048, 2304, 2560, 2880, 3200, 3600, 4000,
	    4096, 5000, 6000, 7000, 8192, 10000, 12000, 14000, 16384, 20000,
	    25000, 32768, 40000, 50000, 65536, 100000, 131072, 200000, 262144,
	    500000, 524288, 1048576 },
};

int
histogram_bucket(enum histogram_kind kind, uint64_t value)
{
	const uint64_t *edge = histogram_edges[kind];
	int low = 0, high = HISTOGRAM_EDGES;

	while (low < high) {
		int middle = (low + high) / 2;

		if (value <= edge[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void
add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_store_explicit(to,
	    atomic_load_explicit(to, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

void
histogram_add(struct histogram *h, enum histogram_kind kind, uint64_t value,
    uint64_t n)
{
	add(&h->sum, value * n);
	add(&h->count[histogram_bucket(kind, value)], n);
}

void
histogram_read(const struct histogram *h, struct histogram_view *v)
{
	v->sum = atomic_load_explicit(&h->sum, memory_order_relaxed);
	v->total = 0;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		v->count[i] = atomic_load_explicit(&h->count[i],
		    memory_order_relaxed);
		v->total += v->count[i];
	}
}

void
histogram_minus(struct histogram_view *now, const struct histogram_view *before)
{
	now->sum -= before->sum;
	now->total = 0;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		now->count[i] = now->count[i] > before->count[i] ?
		    now->count[i] - before->count[i] :
		    0;
		now->total += now->count[i];
	}
}

double
histogram_quantile(const struct histogram_view *v, enum histogram_kind kind,
    double q)
{
	const uint64_t *edge = histogram_edges[kind];
	double rank = q * (double)v->total, below = 0;

	for (int i = 0; i < HISTOGRAM_EDGES; i++) {
		double here = (double)v->count[i];
		double from = i == 0 ? 0 : (double)edge[i - 1];

		/* Times below the first edge are mostly none at all. */
		if (i == 0 && kind == HISTOGRAM_TIME && here > 0 &&
		    here >= rank)
			return 0;
		if (here > 0 && below + here >= rank)
			return from +
			    ((double)edge[i] - from) * (rank - below) / here;
		below += here;
	}
	return v->total == 0 ? 0 : (double)edge[HISTOGRAM_EDGES - 1];
}

uint64_t
histogram_up_to(const struct histogram_view *v, enum histogram_kind kind,
    uint64_t edge)
{
	uint64_t sum = 0;

	for (int i = 0; i < HISTOGRAM_EDGES; i++) {
		if (histogram_edges[kind][i] > edge)
			break;
		sum += v->count[i];
	}
	return sum;
}
