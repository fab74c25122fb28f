/*
 * cuda_check.h -- what a CUDA call said, as one of our errors.
 *
 * The call that reports an error is often not the call that failed.  An error
 * after which every later call fails (an illegal address, a lost device, an
 * uncorrectable memory error) ends the process there and then, with last words
 * and status 111: the supervisor starts it again.
 *
 * For builds with CUDA alone.
 */
#ifndef DEVICE_CUDA_CHECK_H
#define DEVICE_CUDA_CHECK_H

#include <cuda_runtime_api.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0, or ERR_DEVICE (ERR_MEMORY: the device has none left) with the sentence
 * "<doing>: <what CUDA says>".  Does not return after a sticky error. */
int cuda_check(cudaError_t, const char *doing);

/* After a launch: what it said, for "kernel <name>". */
int cuda_launched(const char *kernel);

/* Whether nothing works any more after this one. */
bool cuda_is_sticky(cudaError_t);

/* Called with the sentence before the process ends; NULL: standard error.  One
 * for the whole process. */
void cuda_set_last_words(void (*say)(const char *sentence));

/* Ends the process with the sentence of this thread's last failure, as after a
 * sticky error. */
#ifndef __cplusplus
_Noreturn void cuda_last_words(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
