/* What the machine can do at the most: bytes read from memory a second, and
 * f32 and bf16 multiply-adds a second.  These are the limits that speed is
 * compared with, so the loops do nothing else. */
#include "base/err.h"
#include "cli/bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define ROUND_NS (250 * MILLISECOND)
#define ROUNDS 4 /* the best counts: a neighbour can only make it slower */
#define READ_BYTES ((size_t)1 << 30) /* all threads; far over any cache */
#define THREADS_MAX 256
#define CHAINS 12 /* independent sums: latency of an FMA times ports */
#define STEPS 100000

struct gauge {
	pthread_barrier_t *gate;
	double (*work)(struct gauge *); /* a bounded piece; how much it was */
	const unsigned char *bytes;
	size_t nbytes;
	double done, seconds;
	volatile float sink;
};

#if defined(__x86_64__)
/* Twelve of a kind, written out: in an array they would live in memory. */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

__attribute__((target("avx512f"))) static double
fma_512(struct gauge *g)
{
	__m512 x = _mm512_set1_ps(1.0001f), y = _mm512_set1_ps(1e-6f);
	__m512 all = y;

#define BEGIN(k) __m512 s##k = _mm512_set1_ps(k);
#define STEP(k) s##k = _mm512_fmadd_ps(s##k, x, y);
#define END(k) all = _mm512_add_ps(all, s##k);
	EACH(BEGIN)
	for (int i = 0; i < STEPS; i++) {
		EACH(STEP)
	}
	EACH(END)
#undef BEGIN
#undef STEP
#undef END
	g->sink = _mm512_reduce_add_ps(all);
	return 2.0 * 16 * CHAINS * STEPS;
}

__attribute__((target("avx2,fma"))) static double
fma_256(struct gauge *g)
{
	__m256 x = _mm256_set1_ps(1.0001f), y = _mm256_set1_ps(1e-6f);
	__m256 all = y;

#define BEGIN(k) __m256 s##k = _mm256_set1_ps(k);
#define STEP(k) s##k = _mm256_fmadd_ps(s##k, x, y);
#define END(k) all = _mm256_add_ps(all, s##k);
	EACH(BEGIN)
	for (int i = 0; i < STEPS; i++) {
		EACH(STEP)
	}
	EACH(END)
#undef BEGIN
#undef STEP
#undef END
	g->sink = _mm256_cvtss_f32(all);
	return 2.0 * 8 * CHAINS * STEPS;
}

__attribute__((target("avx512f,avx512bw,avx512bf16"))) static double
dot_bf16(struct gauge *g)
{
	__m512bh x = (__m512bh)_mm512_set1_epi16(0x3f80);
	__m512 all = _mm512_setzero_ps();

#define BEGIN(k) __m512 s##k = _mm512_set1_ps(k);
#define STEP(k) s##k = _mm512_dpbf16_ps(s##k, x, x);
#define END(k) all = _mm512_add_ps(all, s##k);
	EACH(BEGIN)
	for (int i = 0; i < STEPS; i++) {
		EACH(STEP)
	}
	EACH(END)
#undef BEGIN
#undef STEP
#undef END
	g->sink = _mm512_reduce_add_ps(all);
	return 4.0 * 16 * CHAINS * STEPS;
}

__attribute__((target("avx512f"))) static double
read_512(struct gauge *g)
{
	__m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;

	for (size_t i = 0; i < g->nbytes; i += 256) {
		a = _mm512_xor_si512(a, _mm512_load_si512(g->bytes + i));
		b = _mm512_xor_si512(b, _mm512_load_si512(g->bytes + i + 64));
		c = _mm512_xor_si512(c, _mm512_load_si512(g->bytes + i + 128));
		d = _mm512_xor_si512(d, _mm512_load_si512(g->bytes + i + 192));
	}
	a = _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d));
	g->sink = (float)_mm512_reduce_add_epi32(a);
	return (double)g->nbytes;
}
#endif

/* What any machine has: the compiler's own best. */
static double
fma_plain(struct gauge *g)
{
	float sum[64];
	const int n = 20000;

	for (int k = 0; k < 64; k++)
		sum[k] = (float)k;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < 64; k++)
			sum[k] = sum[k] * 1.0001f + 1e-6f;
	for (int k = 1; k < 64; k++)
		sum[0] += sum[k];
	g->sink = sum[0];
	return 2.0 * 64 * n;
}

static double
read_plain(struct gauge *g)
{
	const uint64_t *at = (const void *)g->bytes;
	uint64_t sum[8] = { 0 };

	for (size_t i = 0; i < g->nbytes / 8; i += 8)
		for (int k = 0; k < 8; k++)
			sum[k] ^= at[i + (size_t)k];
	g->sink = (float)(sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^
	    sum[6] ^ sum[7]);
	return (double)g->nbytes;
}

static void *
run(void *arg)
{
	struct gauge *g = arg;
	nsec start, now;

	(void)g->work(g); /* pages, clock of the core */
	pthread_barrier_wait(g->gate);
	start = now = clock_mono();
	g->done = 0;
	while (now - start < ROUND_NS) {
		g->done += g->work(g);
		now = clock_mono();
	}
	g->seconds = clock_ms(now - start) / 1000;
	return NULL;
}

/* Work a second of n threads together. */
static double
one_round(struct gauge *g, int n)
{
	pthread_barrier_t gate;
	pthread_t thread[THREADS_MAX];
	double sum = 0;
	int started = 0;

	pthread_barrier_init(&gate, NULL, (unsigned)n);
	for (int i = 0; i < n; i++)
		g[i].gate = &gate;
	for (; started < n - 1; started++)
		if (pthread_create(&thread[started], NULL, run, &g[started]))
			break;
	if (started < n - 1) /* those that wait would wait for ever */
		abort();
	run(&g[n - 1]);
	for (int i = 0; i < n - 1; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&gate);
	for (int i = 0; i < n; i++)
		sum += g[i].done / g[i].seconds;
	return sum;
}

static double
best(double (*work)(struct gauge *), int n, unsigned char *bytes, size_t each)
{
	static struct gauge g[THREADS_MAX];
	double most = 0;

	for (int i = 0; i < n; i++) {
		g[i].work = work;
		g[i].bytes = bytes + (size_t)i * each;
		g[i].nbytes = each;
	}
	for (int i = 0; i < ROUNDS; i++) {
		double rate = one_round(g, n);

		most = rate > most ? rate : most;
	}
	return most;
}

struct limits {
	double read, fma, dot; /* bytes/s, flop/s, flop/s or 0 */
};

static int
measure(int n, struct limits *l)
{
	size_t each = READ_BYTES / (size_t)n / 4096 * 4096;
	double (*fma)(struct gauge *) = fma_plain;
	double (*reading)(struct gauge *) = read_plain;
	double (*dot)(struct gauge *) = NULL;
	unsigned char *bytes = aligned_alloc(4096, each * (size_t)n);

	if (bytes == NULL)
		return err_set(ERR_MEMORY, "no memory for %zu bytes",
		    each * (size_t)n);
	memset(bytes, 1, each * (size_t)n);
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f")) {
		fma = fma_512;
		reading = read_512;
	} else if (__builtin_cpu_supports("fma"))
		fma = fma_256;
	if (__builtin_cpu_supports("avx512bf16"))
		dot = dot_bf16;
#endif
	l->read = best(reading, n, bytes, each);
	free(bytes);
	l->fma = best(fma, n, NULL, 0);
	l->dot = dot == NULL ? 0 : best(dot, n, NULL, 0);
	return 0;
}

int
bench_machine(uint64_t threads, bool json, FILE *f)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int n = threads > 0 ? (int)threads : (int)cores, e;
	struct limits l = { 0 };

	if (n < 1 || n > THREADS_MAX)
		return err_set(ERR_USAGE, "%d threads: want 1..%d", n,
		    THREADS_MAX);
	if ((e = measure(n, &l)) != 0)
		return e;
	if (json)
		fprintf(f,
		    "{\"threads\": %d, \"read_gb_s\": %.2f, "
		    "\"f32_gflops\": %.1f, \"bf16_dot_gflops\": %.1f}\n",
		    n, l.read / 1e9, l.fma / 1e9, l.dot / 1e9);
	else
		fprintf(f,
		    "threads                      %d\n"
		    "read bandwidth               %.1f GB/s\n"
		    "f32 multiply-add             %.0f GFLOP/s\n"
		    "bf16 dot product             %.0f GFLOP/s%s\n",
		    n, l.read / 1e9, l.fma / 1e9, l.dot / 1e9,
		    l.dot > 0 ? "" : " (this processor has none)");
	return 0;
}
