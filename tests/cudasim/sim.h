/*
 * sim.h -- what the files of the stand-in share; for them alone.
 *
 *	machine.cc   devices, errors, faults on demand
 *	memory.cc    device memory, pinned memory, memory between processes
 *	streams.cc   streams, events, graphs, copies
 *	fibres.cc    a block of threads
 *	kernels.cc   launches
 *	matmul.cc    matrix products
 *
 * Threads  One lock for all of it: an operation runs at a time.
 */
#ifndef TESTS_CUDASIM_SIM_H
#define TESTS_CUDASIM_SIM_H

#include <cuda_runtime.h>

#include <functional>
#include <mutex>
#include <string>

extern std::recursive_mutex sim_lock;

/* A call, from its begin to its end; calls may call others. */
struct sim_call {
	sim_call();
	~sim_call();
};
#define SIM_LOCKED sim_call sim_this_call

/* ---- machine.cc ------------------------------------------------------- */

/* Of a setting of the environment; or what else. */
long sim_setting(const char *name, long otherwise);

/* At the begin of every call: a fault that was asked for, a sticky error, a
 * fork since the first call. */
cudaError_t sim_enter(const char *function);

/* Remembers an error for cudaGetLastError, and returns it. */
cudaError_t sim_error(cudaError_t);

/* From now on every call says so; the sentence goes to standard error. */
void sim_break(cudaError_t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether kernels may be launched: false from the one that was asked to fail. */
bool sim_launch_allowed(const char *kernel);

/* A pseudo-random number below n, by CUDASIM_SEED. */
unsigned sim_random(unsigned n);

/* ---- memory.cc -------------------------------------------------------- */

/* The device works: its memory is there until the call is over.  Before and
 * after that the host has no access to it, unless CUDASIM_GUARD=0. */
void sim_open_memory(void);
void sim_close_memory(void);

/* Whether n bytes lie in one allocation of the device; or in pinned memory. */
bool sim_is_device(const void *, size_t n);
bool sim_is_pinned(const void *, size_t n);

/* ---- streams.cc ------------------------------------------------------- */

/* Queues an operation; on a stream that is captured, it is recorded. */
void sim_queue(cudaStream_t, std::function<void()>);

/* A stream is being captured: what waits or allocates may not be called. */
bool sim_capturing(void);

/* ---- fibres.cc -------------------------------------------------------- */

/* Runs the threads of one block. */
void sim_block(const char *kernel, dim3 grid, dim3 block, uint3 where,
    size_t shared, const std::function<void()> &);

#endif
