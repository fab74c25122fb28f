/* The stand-in itself: it is as strict as what it stands in for. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "device/cuda_check.h"
#include "device/pool_cuda.h"
#include "tests/kernels/peer.h"
#include "tests/kernels/rig.h"

Suite *suite_stand_in(void);

#define CHUNK ((uint64_t)1 << 16)

static cudaIpcMemHandle_t
handle_of(const struct device_pool *p)
{
	cudaIpcMemHandle_t h;

	memcpy(&h, p->handle, sizeof(h));
	return h;
}

START_TEST(memory_is_not_opened_where_it_was_made)
{
	cudaIpcMemHandle_t h;
	void *p, *q;

	ck_assert_int_eq(cudaMalloc(&p, 1000), cudaSuccess);
	ck_assert_int_eq(cudaIpcGetMemHandle(&h, p), cudaSuccess);
	ck_assert_int_eq(cudaIpcOpenMemHandle(&q, h,
			     cudaIpcMemLazyEnablePeerAccess),
	    cudaErrorDeviceUninitialized);
	ck_assert_int_eq(cudaIpcGetMemHandle(&h, (char *)p + 8),
	    cudaErrorInvalidValue);
	ck_assert_int_eq(cudaFree(p), cudaSuccess);
}
END_TEST

START_TEST(a_second_open_is_the_same_memory_and_is_counted)
{
	struct device_pool pool;
	cudaIpcMemHandle_t h;
	void *p, *q;

	peer_start(&pool, 0, 4 * CHUNK);
	h = handle_of(&pool);
	ck_assert_int_eq(cudaIpcOpenMemHandle(&p, h, 0), cudaErrorInvalidValue);
	ck_assert_int_eq(cudaIpcOpenMemHandle(&p, h, 1), cudaSuccess);
	ck_assert_int_eq(cudaIpcOpenMemHandle(&q, h, 1), cudaSuccess);
	ck_assert_ptr_eq(p, q);
	ck_assert_int_eq(cudaIpcCloseMemHandle(p), cudaSuccess);
	ck_assert_int_eq(cudaMemset(p, 1, 4 * CHUNK), cudaSuccess);
	ck_assert_int_eq(cudaIpcCloseMemHandle(p), cudaSuccess);
	ck_assert_int_eq(cudaIpcCloseMemHandle(p), cudaErrorInvalidValue);
	peer_end(0);
}
END_TEST

START_TEST(a_mapping_outlives_its_maker_but_is_not_opened_anew)
{
	struct device_pool pool;
	void *p, *q;

	peer_start(&pool, 0, 4 * CHUNK);
	ck_assert_int_eq(cudaIpcOpenMemHandle(&p, handle_of(&pool), 1),
	    cudaSuccess);
	peer_end(SIGKILL);
	ck_assert_int_eq(cudaMemset(p, 1, 4 * CHUNK), cudaSuccess);
	ck_assert_int_eq(cudaIpcCloseMemHandle(p), cudaSuccess);
	ck_assert_int_ne(cudaIpcOpenMemHandle(&q, handle_of(&pool), 1),
	    cudaSuccess);
}
END_TEST

START_TEST(memory_has_an_end_and_comes_back)
{
	size_t left, all, now;
	void *p, *q;

	ck_assert_int_eq(cudaMemGetInfo(&left, &all), cudaSuccess);
	ck_assert_int_eq(cudaMalloc(&p, left + 1), cudaErrorMemoryAllocation);
	ck_assert_int_eq(cudaMalloc(&p, left / 2), cudaSuccess);
	ck_assert_int_eq(cudaMalloc(&q, left - left / 4),
	    cudaErrorMemoryAllocation);
	ck_assert_int_eq(cudaFree(p), cudaSuccess);
	ck_assert_int_eq(cudaMemGetInfo(&now, &all), cudaSuccess);
	ck_assert_uint_eq(now, left);
}
END_TEST

/* Late, as it is unless it is told otherwise: nothing has happened until
 * somebody waits. */
START_TEST(who_looks_before_he_waits_sees_nothing)
{
	bool eager = _i != 0;
	uint64_t *words, three[3] = { 1, 2, 3 };
	void *sums;

	setenv("CUDASIM_MODE", eager ? "eager" : "late", 1);
	rig_begin();
	sums = rig_new(8);
	ck_assert_int_eq(cudaHostAlloc((void **)&words, 64, 0), cudaSuccess);
	memset(words, 0, 64);
	ck_assert_int_eq(cuda_checksum(rig_stream, sums,
			     rig_put(three, sizeof(three)), sizeof(three)),
	    0);
	ck_assert_int_eq(cudaMemcpyAsync(words, sums, 8, cudaMemcpyDeviceToHost,
			     rig_stream),
	    cudaSuccess);
	ck_assert_int_eq(words[0] != 0, eager);
	rig_wait();
	ck_assert_uint_ne(words[0], 0);
	ck_assert_int_eq(cudaFreeHost(words), cudaSuccess);
	rig_end();
}
END_TEST

/* A number behind an allocation's end, a word before its begin. */
START_TEST(what_is_written_beside_an_allocation_is_seen)
{
	uint64_t three[3] = { 1, 2, 3 };
	char *sums;

	rig_begin();
	ck_assert_int_eq(cudaMalloc((void **)&sums, 24), cudaSuccess);
	ck_assert_int_eq(cuda_checksum(rig_stream,
			     (void *)(sums + (_i == 0 ? 24 : -8)),
			     rig_put(three, sizeof(three)), sizeof(three)),
	    0);
	rig_wait();
	ck_assert_int_eq(cudaFree(sums), cudaErrorIllegalAddress);
}
END_TEST

START_TEST(the_host_cannot_read_what_is_on_the_device)
{
	uint64_t three[3] = { 1, 2, 3 };
	const volatile uint64_t *there;

	rig_begin();
	there = rig_put(three, sizeof(three));
	ck_assert_uint_eq(there[1], 2);
}
END_TEST

START_TEST(memory_that_was_given_back_is_gone)
{
	void *p, *q;

	rig_begin();
	ck_assert_int_eq(cudaMalloc(&p, 64), cudaSuccess);
	ck_assert_int_eq(cudaFree(p), cudaSuccess);
	ck_assert_int_eq(cudaMalloc(&q, 64), cudaSuccess);
	ck_assert_int_eq(cuda_checksum(rig_stream, p, q, 64), 0);
	rig_wait();
}
END_TEST

START_TEST(a_memset_is_not_waited_for)
{
	uint64_t word;
	void *p;

	rig_begin();
	p = rig_new(8);
	ck_assert_int_eq(cudaMemset(p, 0, 8), cudaSuccess);
	rig_get(&word, p, 8);
	ck_assert_uint_eq(word, 0); /* a copy has waited for it */
	ck_assert_int_eq(cudaMemset(p, 1, 8), cudaSuccess);
	ck_assert_int_eq(cuda_checksum(rig_stream, p, p, 8), 0);
	rig_get(&word, p, 8);
	ck_assert_uint_eq(word, 0x0101010101010101); /* lost, as it may be */
	rig_end();
}
END_TEST

START_TEST(a_stream_that_is_asked_often_enough_ends)
{
	void *sums;
	int looks = 0;

	rig_begin();
	sums = rig_new(8);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(cuda_checksum(rig_stream, sums, sums, 8), 0);
	while (cudaStreamQuery(rig_stream) == cudaErrorNotReady)
		looks++;
	ck_assert_int_gt(looks, 0);
	rig_end();
}
END_TEST

START_TEST(a_capture_runs_nothing_and_forbids_waiting)
{
	cudaGraph_t graph;
	cudaGraphExec_t run;
	uint64_t one = 1, sum[2] = { 0 };
	void *sums, *p;

	rig_begin();
	sums = rig_put(sum, 8);
	p = rig_put(&one, 8);
	ck_assert_int_eq(cudaStreamBeginCapture(rig_stream,
			     cudaStreamCaptureModeThreadLocal),
	    cudaSuccess);
	ck_assert_int_eq(cuda_checksum(rig_stream, sums, p, 8), 0);
	ck_assert_int_eq(cudaStreamSynchronize(rig_stream),
	    cudaErrorStreamCaptureUnsupported);
	ck_assert_int_eq(cudaMalloc(&p, 8), cudaErrorStreamCaptureUnsupported);
	ck_assert_int_eq(cudaStreamEndCapture(rig_stream, &graph), cudaSuccess);
	rig_get(sum, sums, 8);
	ck_assert_uint_eq(sum[0], 0);
	ck_assert_int_eq(cudaGraphInstantiate(&run, graph, 0), cudaSuccess);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(cudaGraphLaunch(run, rig_stream), cudaSuccess);
		rig_get(&sum[i], sums, 8);
		ck_assert_uint_ne(sum[i], 0);
	}
	ck_assert_uint_eq(sum[0], sum[1]);
	(void)cudaGraphExecDestroy(run);
	(void)cudaGraphDestroy(graph);
	(void)cudaGetLastError();
	rig_end();
}
END_TEST

START_TEST(pinned_memory_does_not_overlap)
{
	char *p = aligned_alloc(4096, 3 * 4096);

	ck_assert_int_eq(cudaHostRegister(p, 2 * 4096, 0), cudaSuccess);
	ck_assert_int_eq(cudaHostRegister(p + 4096, 2 * 4096, 0),
	    cudaErrorHostMemoryAlreadyRegistered);
	ck_assert_int_eq(cudaHostUnregister(p), cudaSuccess);
	ck_assert_int_eq(cudaHostUnregister(p),
	    cudaErrorHostMemoryNotRegistered);
	free(p);
}
END_TEST

START_TEST(copies_go_where_their_kind_says)
{
	char host[16];
	void *p;

	ck_assert_int_eq(cudaMalloc(&p, 16), cudaSuccess);
	ck_assert_int_eq(cudaMemcpy(p, host, 17, cudaMemcpyHostToDevice),
	    cudaErrorInvalidValue);
	ck_assert_int_eq(cudaMemcpy(host, p, 16, cudaMemcpyHostToDevice),
	    cudaErrorInvalidValue);
	ck_assert_int_eq(cudaMemcpy(p, host, 16, cudaMemcpyHostToDevice),
	    cudaSuccess);
	ck_assert_int_eq(cudaFree(p), cudaSuccess);
}
END_TEST

/* What a child does with a device that fails for good; returns its status and
 * its last words. */
static int
fails_for_good(char words[256])
{
	int out[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(out[1], STDERR_FILENO);
		setenv("CUDASIM_STICKY", "2", 1);
		rig_begin();
		for (int i = 0; i < 5; i++) {
			void *p = rig_new(64);

			(void)cuda_checksum(rig_stream, p, p, 64);
			(void)cuda_check(cudaStreamSynchronize(rig_stream),
			    "the step");
		}
		_exit(0);
	}
	close(out[1]);
	memset(words, 0, 256);
	for (ssize_t n = 0, k;
	     (k = read(out[0], words + n, (size_t)(255 - n))) > 0;)
		n += k;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(out[0]);
	return status;
}

START_TEST(a_device_that_fails_for_good_ends_the_process_with_words)
{
	char words[256];
	int status = fails_for_good(words);

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 111);
	ck_assert_ptr_nonnull(
	    strstr(words, "the step: an illegal memory access"));
}
END_TEST

/* An error that may go away by itself is tried again (111), another not. */
START_TEST(what_rules_a_gpu_out_is_said)
{
	static const struct {
		const char *setting, *value, *says;
		int status;
	} why[] = {
		{ "CUDASIM_DRIVER", "none", "no NVIDIA driver is loaded", 111 },
		{ "CUDASIM_DRIVER", "11040", "too old: it knows CUDA 11.4",
		    100 },
		{ "CUDASIM_DEVICES", "0", "no GPU can be seen", 111 },
		{ "CUDASIM_COMPUTE_MODE", "3", "compute mode Exclusive", 100 },
		{ "CUDASIM_IPC", "0", "MIG", 100 },
		{ "CUDASIM_CAPABILITY", "7", "want 8.0", 100 },
		{ "CUDASIM_FAIL", "cudaGetDeviceCount:1:304", "no permission",
		    100 },
		{ "CUDASIM_FAIL", "cudaGetDeviceCount:1:34", "stub", 100 },
		{ "CUDASIM_FAIL", "cudaGetDeviceCount:1:802", "fabricmanager",
		    111 },
		{ "CUDASIM_FAIL", "cudaGetDeviceCount:1:803", "two versions",
		    100 },
	};
	struct device_facts f;
	int e;

	setenv(why[_i].setting, why[_i].value, 1);
	e = device_look(&f, 0);
	ck_assert_int_ne(e, 0);
	ck_assert_msg(strstr(err_text(), why[_i].says) != NULL, "%s",
	    err_text());
	ck_assert_int_eq(err_status(e), why[_i].status);
}
END_TEST

Suite *
suite_stand_in(void)
{
	Suite *s = suite_create("stand_in");
	TCase *c = tcase_create("stand_in");

	tcase_add_test(c, memory_is_not_opened_where_it_was_made);
	tcase_add_test(c, a_second_open_is_the_same_memory_and_is_counted);
	tcase_add_test(c, a_mapping_outlives_its_maker_but_is_not_opened_anew);
	tcase_add_test(c, memory_has_an_end_and_comes_back);
	tcase_add_loop_test(c, who_looks_before_he_waits_sees_nothing, 0, 2);
	tcase_add_loop_test(c, what_is_written_beside_an_allocation_is_seen, 0,
	    2);
	tcase_add_test_raise_signal(c,
	    the_host_cannot_read_what_is_on_the_device, SIGSEGV);
	tcase_add_test_raise_signal(c, memory_that_was_given_back_is_gone,
	    SIGSEGV);
	tcase_add_test(c, a_memset_is_not_waited_for);
	tcase_add_test(c, a_stream_that_is_asked_often_enough_ends);
	tcase_add_test(c, a_capture_runs_nothing_and_forbids_waiting);
	tcase_add_test(c, pinned_memory_does_not_overlap);
	tcase_add_test(c, copies_go_where_their_kind_says);
	tcase_add_test(c,
	    a_device_that_fails_for_good_ends_the_process_with_words);
	tcase_add_loop_test(c, what_rules_a_gpu_out_is_said, 0, 10);
	suite_add_tcase(s, c);
	return s;
}
