/* A block of threads: fibres on one thread of the system.
 *
 * A fibre runs until a barrier or its end; a barrier lets it go on when all have
 * come who must.  Which thread runs first is by CUDASIM_ORDER (up, down, or a
 * seed): a barrier that is missing shows as other bits in one of the orders.
 *
 * Stacks lie an odd number of cache lines apart, or all of them would share the
 * same few lines of the first cache. */
#include "sim.h"

#include <cstdlib>
#include <sys/mman.h>
#include <vector>

#define THREADS_MAX 1024
#define WARPS_MAX (THREADS_MAX / 32)
#define STACK_BYTES ((size_t)(128 * 1024 + 64 * 37))
#define SHARED_BYTES ((size_t)228 << 10)

cudasim_place cudasim_here;

enum fibre_state { READY, AT_WARP, AT_BLOCK, ENDED };

struct fibre {
	void *stack; /* where it goes on */
	enum fibre_state state;
	unsigned mask; /* AT_WARP: who must come */
	bool waited;   /* for earlier kernels */
	uint3 thread;
};

struct warp {
	uint64_t given[2][32];
	unsigned turn[32]; /* which of the two a lane gives next */
};

static fibre fibres[THREADS_MAX];
static warp warps[WARPS_MAX];
static unsigned nthreads, current;
static void *scheduler;
static char *stacks;
static const std::function<void()> *body;
static const char *running;
static int votes[2];
static unsigned vote_turn[THREADS_MAX];
alignas(128) static unsigned char dynamic_shared[SHARED_BYTES];

/* ---- from one fibre to the other -------------------------------------- */

extern "C" void cudasim_switch(void **save, void *to);

#if defined(__x86_64__)
#define KEPT 6 /* registers that a callee keeps */
asm(".text\n.globl cudasim_switch\n.type cudasim_switch,@function\n"
    "cudasim_switch:\n"
    "	pushq %rbp\n	pushq %rbx\n	pushq %r12\n"
    "	pushq %r13\n	pushq %r14\n	pushq %r15\n"
    "	movq %rsp, (%rdi)\n	movq %rsi, %rsp\n"
    "	popq %r15\n	popq %r14\n	popq %r13\n"
    "	popq %r12\n	popq %rbx\n	popq %rbp\n"
    "	ret\n.size cudasim_switch, .-cudasim_switch\n");

/* A stack that begins in `entry`: kept registers, then where to return to. */
static void *
prepare(char *top, void (*entry)(void))
{
	void **s = (void **)((uintptr_t)top & ~(uintptr_t)63);

	*--s = nullptr; /* the entry has no caller */
	*--s = (void *)entry;
	for (int i = 0; i < KEPT; i++)
		*--s = nullptr;
	return s;
}
#elif defined(__aarch64__)
asm(".text\n.globl cudasim_switch\n.type cudasim_switch,@function\n"
    "cudasim_switch:\n"
    "	sub sp, sp, #160\n"
    "	stp x19, x20, [sp]\n	stp x21, x22, [sp, #16]\n"
    "	stp x23, x24, [sp, #32]\n	stp x25, x26, [sp, #48]\n"
    "	stp x27, x28, [sp, #64]\n	stp x29, x30, [sp, #80]\n"
    "	stp d8, d9, [sp, #96]\n	stp d10, d11, [sp, #112]\n"
    "	stp d12, d13, [sp, #128]\n	stp d14, d15, [sp, #144]\n"
    "	mov x9, sp\n	str x9, [x0]\n	mov sp, x1\n"
    "	ldp x19, x20, [sp]\n	ldp x21, x22, [sp, #16]\n"
    "	ldp x23, x24, [sp, #32]\n	ldp x25, x26, [sp, #48]\n"
    "	ldp x27, x28, [sp, #64]\n	ldp x29, x30, [sp, #80]\n"
    "	ldp d8, d9, [sp, #96]\n	ldp d10, d11, [sp, #112]\n"
    "	ldp d12, d13, [sp, #128]\n	ldp d14, d15, [sp, #144]\n"
    "	add sp, sp, #160\n	ret\n"
    ".size cudasim_switch, .-cudasim_switch\n");

static void *
prepare(char *top, void (*entry)(void))
{
	char *s = (char *)((uintptr_t)top & ~(uintptr_t)63) - 160;

	memset(s, 0, 160);
	*(void **)(s + 88) = (void *)entry; /* x30 */
	return s;
}
#else
#error "the stand-in knows how to switch fibres on x86-64 and aarch64"
#endif

static void
leave(enum fibre_state state)
{
	fibre *f = &fibres[current];

	f->state = state;
	cudasim_switch(&f->stack, scheduler);
}

static void
begin(void)
{
	(*body)();
	leave(ENDED);
	abort();
}

static void
resume(unsigned i)
{
	current = i;
	cudasim_here.thread = fibres[i].thread;
	cudasim_here.linear = i;
	cudasim_switch(&scheduler, fibres[i].stack);
}

/* ---- what a kernel calls ---------------------------------------------- */

void
wait_for_earlier(void)
{
	fibres[current].waited = true;
}

void
cudasim_early_end(void)
{
	if (fibres[current].waited)
		return;
	fprintf(stderr,
	    "cudasim: kernel %s, block (%u, %u, %u): thread %u has ended and "
	    "did not wait for earlier kernels\n",
	    running, cudasim_here.block.x, cudasim_here.block.y,
	    cudasim_here.block.z, current);
	abort();
}

void
cudasim_block_barrier(void)
{
	leave(AT_BLOCK);
}

void
cudasim_warp_barrier(unsigned mask)
{
	fibres[current].mask = mask;
	leave(AT_WARP);
}

const uint64_t *
cudasim_warp_give(unsigned mask, uint64_t mine)
{
	warp *w = &warps[current / 32];
	unsigned lane = current % 32, turn = w->turn[lane]++ % 2;

	w->given[turn][lane] = mine;
	cudasim_warp_barrier(mask);
	return w->given[turn];
}

int
cudasim_block_count(int mine)
{
	unsigned turn = vote_turn[current]++ % 2;

	/* The other count was read by all before this barrier. */
	if (mine != 0)
		votes[turn]++;
	cudasim_block_barrier();
	votes[1 - turn] = 0;
	int all = votes[turn];

	cudasim_block_barrier();
	return all;
}

void *
cudasim_dynamic_shared(void)
{
	return dynamic_shared;
}

/* ---- who goes on ------------------------------------------------------ */

/* The common case: all lanes wait for all. */
static bool
release_all(unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++)
		if (fibres[i].state != AT_WARP || fibres[i].mask != ~0u)
			return false;
	for (unsigned i = first; i < end; i++)
		fibres[i].state = READY;
	return true;
}

/* Lanes of a warp that wait, if all have come whom they wait for. */
static bool
release_warp(unsigned first, unsigned end)
{
	bool any = false;

	if (release_all(first, end))
		return true;
	for (unsigned i = first; i < end; i++) {
		unsigned mask = fibres[i].mask, here = 0;

		if (fibres[i].state != AT_WARP)
			continue;
		for (unsigned k = first; k < end; k++)
			if (fibres[k].state == AT_WARP &&
			    fibres[k].mask == mask)
				here |= 1u << (k - first);
		/* A last warp may be short: what is not there is not asked. */
		if (end - first < 32)
			mask &= (1u << (end - first)) - 1;
		if ((here & mask) != mask)
			continue;
		for (unsigned k = first; k < end; k++)
			if ((mask >> (k - first) & 1) != 0)
				fibres[k].state = READY;
		any = true;
	}
	return any;
}

/* How a warp's lanes, and the warps, take turns. */
static std::vector<unsigned>
order_of(unsigned n)
{
	static const char *how = getenv("CUDASIM_ORDER");
	std::vector<unsigned> order(n);

	for (unsigned i = 0; i < n; i++)
		order[i] = how != nullptr && strcmp(how, "down") == 0 ?
		    n - 1 - i :
		    i;
	if (how != nullptr && *how >= '0' && *how <= '9')
		for (unsigned i = n - 1; i > 0; i--)
			std::swap(order[i], order[sim_random(i + 1)]);
	return order;
}

static void
run_warp(unsigned w, const std::vector<unsigned> &lanes)
{
	unsigned first = w * 32;
	unsigned end = first + 32 < nthreads ? first + 32 : nthreads;

	do
		for (unsigned lane : lanes)
			if (first + lane < end &&
			    fibres[first + lane].state == READY)
				resume(first + lane);
	while (release_warp(first, end));
}

/* After all warps have gone as far as they can.  false: the block is over. */
static bool
release_block(void)
{
	unsigned waiting = 0, ended = 0;

	for (unsigned i = 0; i < nthreads; i++) {
		waiting += fibres[i].state == AT_BLOCK;
		ended += fibres[i].state == ENDED;
	}
	if (ended == nthreads)
		return false;
	if (waiting + ended < nthreads) {
		for (unsigned i = 0; i < nthreads; i++)
			if (fibres[i].state == AT_WARP)
				fprintf(stderr,
				    "cudasim: kernel %s, block (%u, %u, %u): "
				    "thread %u waits for lanes %08x that do "
				    "not come\n",
				    running, cudasim_here.block.x,
				    cudasim_here.block.y, cudasim_here.block.z,
				    i, fibres[i].mask);
		abort();
	}
	if (ended > 0) {
		fprintf(stderr,
		    "cudasim: kernel %s, block (%u, %u, %u): %u threads wait "
		    "at a barrier, %u have ended\n",
		    running, cudasim_here.block.x, cudasim_here.block.y,
		    cudasim_here.block.z, waiting, ended);
		abort();
	}
	for (unsigned i = 0; i < nthreads; i++)
		fibres[i].state = READY;
	return true;
}

static void
set_up(dim3 block, size_t shared)
{
	if (stacks == nullptr)
		stacks = (char *)mmap(nullptr, STACK_BYTES * THREADS_MAX,
		    PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stacks == MAP_FAILED)
		abort();
	memset(dynamic_shared, 0xff, shared);
	memset(votes, 0, sizeof(votes));
	for (unsigned i = 0; i < nthreads; i++) {
		fibre *f = &fibres[i];

		f->stack = prepare(stacks + STACK_BYTES * (i + 1), begin);
		f->state = READY;
		f->waited = false;
		f->thread = { i % block.x, i / block.x % block.y,
			i / block.x / block.y };
		vote_turn[i] = 0;
	}
	for (unsigned w = 0; w * 32 < nthreads; w++)
		memset(warps[w].turn, 0, sizeof(warps[w].turn));
}

void
sim_block(const char *kernel, dim3 grid, dim3 block, uint3 where, size_t shared,
    const std::function<void()> &what)
{
	std::vector<unsigned> lanes = order_of(32), turns;

	nthreads = block.x * block.y * block.z;
	turns = order_of((nthreads + 31) / 32);
	body = &what;
	running = kernel;
	cudasim_here.block = where;
	cudasim_here.threads = block;
	cudasim_here.blocks = grid;
	set_up(block, shared);
	do
		for (unsigned w : turns)
			run_warp(w, lanes);
	while (release_block());
}
