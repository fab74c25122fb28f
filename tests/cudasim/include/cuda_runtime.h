/*
 * cuda_runtime.h -- CUDA's words for kernels, as C++ on the host.
 *
 * A kernel is a function; LAUNCH queues it with its arguments.  A block runs at
 * a time, its threads as fibres that switch at barriers alone.
 */
#ifndef CUDASIM_RUNTIME_H
#define CUDASIM_RUNTIME_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>

using std::max;
using std::min;

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

/* ---- types ------------------------------------------------------------ */

struct uint3 {
	unsigned x, y, z;
};
struct dim3 {
	unsigned x, y, z;
	dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c)
	{
	}
};

#define CUDASIM_VECTORS(type, name, align2, align4)                            \
	struct __align__(align2) name##2                                       \
	{                                                                      \
		type x, y;                                                     \
	};                                                                     \
	struct name##3                                                         \
	{                                                                      \
		type x, y, z;                                                  \
	};                                                                     \
	struct __align__(align4) name##4                                       \
	{                                                                      \
		type x, y, z, w;                                               \
	};                                                                     \
	static inline name##2 make_##name##2(type x, type y)                   \
	{                                                                      \
		return { x, y };                                               \
	}                                                                      \
	static inline name##4 make_##name##4(type x, type y, type z, type w)   \
	{                                                                      \
		return { x, y, z, w };                                         \
	}
CUDASIM_VECTORS(float, float, 8, 16)
CUDASIM_VECTORS(int, int, 8, 16)
CUDASIM_VECTORS(double, double, 16, 16)
CUDASIM_VECTORS(unsigned short, ushort, 4, 8)
struct __align__(8) uint2
{
	unsigned x, y;
};
struct __align__(16) uint4
{
	unsigned x, y, z, w;
};
static inline uint2
make_uint2(unsigned x, unsigned y)
{
	return { x, y };
}
static inline uint4
make_uint4(unsigned x, unsigned y, unsigned z, unsigned w)
{
	return { x, y, z, w };
}
struct __align__(16) ulonglong2
{
	unsigned long long x, y;
};
static inline ulonglong2
make_ulonglong2(unsigned long long x, unsigned long long y)
{
	return { x, y };
}

/* ---- where a thread is ------------------------------------------------ */

struct cudasim_place {
	uint3 thread, block;
	dim3 threads, blocks;
	unsigned linear; /* number in its block */
};
/* An operation runs at a time, so there is one. */
extern cudasim_place cudasim_here;
#define threadIdx cudasim_here.thread
#define blockIdx cudasim_here.block
#define blockDim cudasim_here.threads
#define gridDim cudasim_here.blocks
#define warpSize 32

/* ---- launches --------------------------------------------------------- */

void cudasim_launch(const char *kernel, dim3 grid, dim3 block, size_t shared,
    cudaStream_t, const void *identity, std::function<void()>);
void *cudasim_dynamic_shared(void);
cudaError_t cudasim_func_attribute(const void *, cudaFuncAttribute, int);

/* Arguments are taken as they are now, and become what the kernel wants. */
template <typename... P, typename... A>
static inline void
cudasim_queue(const char *name, dim3 grid, dim3 block, size_t shared,
    cudaStream_t stream, void (*kernel)(P...), A... a)
{
	std::tuple<std::decay_t<P>...> arguments(a...);

	cudasim_launch(name, grid, block, shared, stream, (const void *)kernel,
	    [kernel, arguments] { std::apply(kernel, arguments); });
}

#define LAUNCH(kernel, grid, block, shared, stream, ...)                       \
	cudasim_queue(#kernel, grid, block, shared, stream, kernel, __VA_ARGS__)

/* Of a kernel that is to wait for earlier ones by itself: a thread that ends without
 * is an error.  Nothing begins early here. */
void cudasim_early_end(void);
void wait_for_earlier(void);

template <typename... P, typename... A>
static inline void
cudasim_queue_early(const char *name, dim3 grid, dim3 block, size_t shared,
    cudaStream_t stream, void (*kernel)(P...), A... a)
{
	std::tuple<std::decay_t<P>...> arguments(a...);

	cudasim_launch(name, grid, block, shared, stream, (const void *)kernel,
	    [kernel, arguments] {
		    std::apply(kernel, arguments);
		    cudasim_early_end();
	    });
}

#define LAUNCH_EARLY(kernel, grid, block, shared, stream, ...)                 \
	cudasim_queue_early(#kernel, grid, block, shared, stream, kernel,      \
	    __VA_ARGS__)

static inline void
let_next_begin(void)
{
}

#define SHARED_DYNAMIC(type, name) type *name = (type *)cudasim_dynamic_shared()

template <typename F>
static inline cudaError_t
cudaFuncSetAttribute(F *kernel, cudaFuncAttribute what, int value)
{
	return cudasim_func_attribute((const void *)kernel, what, value);
}

/* ---- barriers --------------------------------------------------------- */

/* Until all threads of the block that have not ended are here. */
void cudasim_block_barrier(void);
/* Until all lanes of the mask are here. */
void cudasim_warp_barrier(unsigned mask);
/* Gives 8 bytes to the warp, returns those of each lane, until the next. */
const uint64_t *cudasim_warp_give(unsigned mask, uint64_t mine);
/* The same over the block: how many said other than 0. */
int cudasim_block_count(int mine);

static inline void
__syncthreads(void)
{
	cudasim_block_barrier();
}

static inline int
__syncthreads_count(int v)
{
	return cudasim_block_count(v);
}

static inline int
__syncthreads_or(int v)
{
	return cudasim_block_count(v) != 0;
}

static inline int
__syncthreads_and(int v)
{
	return cudasim_block_count(v == 0) == 0;
}

static inline void
__syncwarp(unsigned mask = 0xffffffffu)
{
	cudasim_warp_barrier(mask);
}

static inline unsigned
cudasim_lane(void)
{
	return cudasim_here.linear % 32;
}

template <typename T>
static inline T
cudasim_take(unsigned mask, T v, int from)
{
	static_assert(sizeof(T) <= 8, "what a shuffle moves");
	uint64_t mine = 0;
	T got;

	memcpy((void *)&mine, (const void *)&v, sizeof(v));
	mine = cudasim_warp_give(mask, mine)[from];
	memcpy((void *)&got, (const void *)&mine, sizeof(got));
	return got;
}

template <typename T>
static inline T
__shfl_sync(unsigned mask, T v, int from, int width = 32)
{
	int lane = (int)cudasim_lane();

	return cudasim_take(mask, v,
	    lane / width * width + ((from % width) + width) % width);
}

template <typename T>
static inline T
__shfl_xor_sync(unsigned mask, T v, int by, int width = 32)
{
	int lane = (int)cudasim_lane(), from = lane ^ by;

	return cudasim_take(mask, v, from / width > lane / width ? lane : from);
}

template <typename T>
static inline T
__shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32)
{
	int lane = (int)cudasim_lane(), from = lane + (int)by;

	return cudasim_take(mask, v,
	    from / width == lane / width ? from : lane);
}

template <typename T>
static inline T
__shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32)
{
	int lane = (int)cudasim_lane(), from = lane - (int)by;

	return cudasim_take(mask, v,
	    from >= lane / width * width ? from : lane);
}

static inline unsigned
__ballot_sync(unsigned mask, int v)
{
	const uint64_t *all = cudasim_warp_give(mask, v != 0);
	unsigned bits = 0;

	for (unsigned i = 0; i < 32; i++)
		if ((mask >> i & 1) != 0 && all[i] != 0)
			bits |= 1u << i;
	return bits;
}

static inline int
__any_sync(unsigned mask, int v)
{
	return __ballot_sync(mask, v) != 0;
}

static inline int
__all_sync(unsigned mask, int v)
{
	return __ballot_sync(mask, v) == mask;
}

static inline unsigned
__reduce_add_sync(unsigned mask, unsigned v)
{
	const uint64_t *all = cudasim_warp_give(mask, v);
	unsigned sum = 0;

	for (unsigned i = 0; i < 32; i++)
		sum += (mask >> i & 1) != 0 ? (unsigned)all[i] : 0;
	return sum;
}

static inline void
__threadfence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void
__threadfence_block(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void
__threadfence_system(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* ---- atomics: a thread runs at a time --------------------------------- */

template <typename T, typename U>
static inline T
atomicAdd(T *at, U v)
{
	T old = *at;

	*at = (T)(old + (T)v);
	return old;
}

template <typename T, typename U>
static inline T
atomicMax(T *at, U v)
{
	T old = *at;

	*at = old > (T)v ? old : (T)v;
	return old;
}

template <typename T, typename U>
static inline T
atomicMin(T *at, U v)
{
	T old = *at;

	*at = old < (T)v ? old : (T)v;
	return old;
}

template <typename T, typename U>
static inline T
atomicOr(T *at, U v)
{
	T old = *at;

	*at = old | (T)v;
	return old;
}

template <typename T, typename U>
static inline T
atomicExch(T *at, U v)
{
	T old = *at;

	*at = (T)v;
	return old;
}

template <typename T, typename U, typename V>
static inline T
atomicCAS(T *at, U want, V v)
{
	T old = *at;

	if (old == (T)want)
		*at = (T)v;
	return old;
}

/* ---- numbers ---------------------------------------------------------- */

template <typename T>
static inline T
__ldg(const T *p)
{
	return *p;
}
template <typename T>
static inline T
__ldcs(const T *p)
{
	return *p;
}
template <typename T>
static inline T
__ldcg(const T *p)
{
	return *p;
}
template <typename T>
static inline void
__stcs(T *p, T v)
{
	*p = v;
}

template <typename To, typename From>
static inline To
cudasim_bits(From v)
{
	static_assert(sizeof(To) == sizeof(From), "the same bits");
	To to;

	memcpy((void *)&to, (const void *)&v, sizeof(to));
	return to;
}
#define __float_as_int(v) cudasim_bits<int>((float)(v))
#define __float_as_uint(v) cudasim_bits<unsigned>((float)(v))
#define __int_as_float(v) cudasim_bits<float>((int)(v))
#define __uint_as_float(v) cudasim_bits<float>((unsigned)(v))
#define __double_as_longlong(v) cudasim_bits<long long>((double)(v))
#define __longlong_as_double(v) cudasim_bits<double>((long long)(v))
#define __popc(v) __builtin_popcount(v)
#define __popcll(v) __builtin_popcountll(v)
#define __ffs(v) __builtin_ffs((int)(v))
#define __clz(v) ((v) == 0 ? 32 : __builtin_clz((unsigned)(v)))
#define __expf(v) expf(v)
#define __logf(v) logf(v)
#define __fdividef(a, b) ((float)(a) / (float)(b))
#define __umulhi(a, b) ((unsigned)((uint64_t)(a) * (uint64_t)(b) >> 32))
#define __nanosleep(n) ((void)(n))

/* Not to be joined with what is around: each is rounded by itself. */
#define CUDASIM_ROUNDED(name, type, expression)                                \
	static __attribute__((noinline, optimize("fp-contract=off"))) type     \
	name(type a, type b)                                                   \
	{                                                                      \
		return expression;                                             \
	}                                                                      \
	static inline type name##_used(type a)                                 \
	{                                                                      \
		return name(a, a);                                             \
	}
CUDASIM_ROUNDED(__fmul_rn, float, a *b)
CUDASIM_ROUNDED(__fadd_rn, float, a + b)
CUDASIM_ROUNDED(__fsub_rn, float, a - b)
CUDASIM_ROUNDED(__fdiv_rn, float, a / b)
CUDASIM_ROUNDED(__dmul_rn, double, a *b)
CUDASIM_ROUNDED(__dadd_rn, double, a + b)
CUDASIM_ROUNDED(__dsub_rn, double, a - b)
CUDASIM_ROUNDED(__ddiv_rn, double, a / b)

static inline float
__fmaf_rn(float a, float b, float c)
{
	return fmaf(a, b, c);
}
static inline float
__fsqrt_rn(float v)
{
	return sqrtf(v);
}
static inline float
__frcp_rn(float v)
{
	return 1 / v;
}
static inline float
rsqrtf(float v)
{
	return 1 / sqrtf(v);
}
static inline int
__float2int_rn(float v)
{
	return (int)rintf(v);
}
static inline float
__int2float_rn(int v)
{
	return (float)v;
}
static inline size_t
__cvta_generic_to_shared(const void *p)
{
	return (size_t)p;
}

#endif
#endif
