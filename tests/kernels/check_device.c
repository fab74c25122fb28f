/* The pool between processes: made by one, opened and filled by another. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "device/pool_cuda.h"
#include "tests/kernels/peer.h"
#include "tests/kernels/rig.h"

Suite *suite_device(void);

#define CHUNK ((uint64_t)1 << 16)
#define WEIGHTS (3 * CHUNK)
#define CHUNKS (300 * CHUNK)
#define STAGING (1u << 18)
#define THREADS 3

static struct device_pool pool;
static struct device *device;

static void
begin(void)
{
	peer_start(&pool, WEIGHTS, CHUNKS);
	ck_assert_msg(device_open(&device, &pool) == 0, "%s", err_text());
	ck_assert_uint_eq(device_bytes(device), CHUNKS);
}

static void
end(void)
{
	device_close(device);
	peer_end(0);
}

static unsigned char *
draw_bytes(uint64_t n, uint64_t seed)
{
	unsigned char *p = malloc(n + 8);
	struct rng rng;

	rng_seed(&rng, seed);
	for (uint64_t i = 0; i < n; i += 8) {
		uint64_t word = rng_next(&rng);

		memcpy(p + i, &word, sizeof(word));
	}
	return p;
}

static void
there_and_back(const unsigned char *bytes, uint64_t offset, uint64_t n)
{
	unsigned char *back = malloc(n + 1);

	ck_assert_int_eq(device_copy(device, offset, bytes, n), 0);
	ck_assert_int_eq(device_read(device, back, offset, n), 0);
	ck_assert_mem_eq(back, bytes, n);
	free(back);
}

START_TEST(copies_arrive_whatever_their_size_and_wherever_they_come_from)
{
	static const uint64_t sizes[] = { 1, 255, STAGING / 2, STAGING / 2 + 1,
		5 * STAGING + 7, (9 << 20) + 3 };
	uint64_t n = 10 << 20;
	unsigned char *bytes, *staging = aligned_alloc(4096, STAGING);

	begin();
	if (_i % 3 != 0)
		ck_assert_int_eq(device_pin(device, staging, STAGING, true), 0);
	bytes = draw_bytes(n, 1);
	if (_i % 3 == 2)
		ck_assert_int_eq(device_pin(device, bytes, n, false), 0);
	there_and_back(bytes + 5, 3 * CHUNK + 11, sizes[_i / 3]);
	end();
	free(staging);
	free(bytes);
}
END_TEST

START_TEST(weights_lie_in_front_of_the_chunks)
{
	begin();
	ck_assert_ptr_eq((char *)device_weights(device) + WEIGHTS,
	    device_address(device, 0));
	ck_assert_ptr_eq((char *)device_address(device, 0) + 5 * CHUNK,
	    device_address(device, 5 * CHUNK));
	end();
}
END_TEST

START_TEST(the_pool_is_zero_at_first)
{
	unsigned char *back = malloc(CHUNKS), some = 0;

	begin();
	ck_assert_int_eq(device_read(device, back, 0, CHUNKS), 0);
	/* One check, for each is told to the parent. */
	for (uint64_t i = 0; i < CHUNKS; i++)
		some |= back[i];
	ck_assert_uint_eq(some, 0);
	free(back);
	end();
}
END_TEST

static void *
copy_some(void *arg)
{
	uint64_t i = (uint64_t)(uintptr_t)arg, n = 20 * CHUNK + i;
	unsigned char *bytes = draw_bytes(n, i);

	for (int k = 0; k < 3; k++)
		there_and_back(bytes, i * 30 * CHUNK, n);
	free(bytes);
	return NULL;
}

START_TEST(threads_copy_at_the_same_time)
{
	pthread_t thread[THREADS];

	begin();
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, copy_some,
				     (void *)i),
		    0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(thread[i], NULL);
	end();
}
END_TEST

START_TEST(a_handle_of_somebody_who_has_gone_is_refused_in_words)
{
	peer_start(&pool, WEIGHTS, CHUNKS);
	peer_end(SIGKILL);
	ck_assert_int_eq(device_open(&device, &pool), ERR_DEVICE);
	ck_assert_ptr_nonnull(strstr(err_text(), "a process that lives"));
}
END_TEST

START_TEST(bytes_that_are_no_handle_are_refused)
{
	peer_start(&pool, WEIGHTS, CHUNKS);
	memset(pool.handle, 0x5a, sizeof(pool.handle));
	ck_assert_int_ne(device_open(&device, &pool), 0);
	peer_end(0);
}
END_TEST

START_TEST(a_pool_that_is_too_large_says_what_is_free)
{
	struct device_pool large = { .kind = DEVICE_CUDA,
		.bytes = (uint64_t)1 << 46,
		.chunk_bytes = CHUNK };

	ck_assert_int_eq(device_make(&large), ERR_MEMORY);
	ck_assert_ptr_nonnull(strstr(err_text(), "are free"));
	ck_assert_ptr_nonnull(strstr(err_text(), "memory.device_bytes"));
}
END_TEST

START_TEST(what_the_gpu_is_can_be_asked)
{
	struct device_facts f;

	ck_assert_msg(device_look(&f, 0) == 0, "%s", err_text());
	ck_assert_uint_gt(f.total, 0);
	ck_assert_uint_le(f.free, f.total);
	ck_assert_int_ge(f.major, 8);
	ck_assert_int_ge(f.devices, 1);
	ck_assert_int_ge(f.driver, f.runtime / 1000 * 1000);
	ck_assert_int_eq(device_look(&f, 99), ERR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(err_text(), "no GPU 99"));
}
END_TEST

START_TEST(the_owner_of_a_killed_process_s_memory_keeps_it)
{
	unsigned char *bytes = draw_bytes(CHUNK, 3), *back = malloc(CHUNK);

	begin();
	ck_assert_int_eq(device_copy(device, CHUNK, bytes, CHUNK), 0);
	peer_end(SIGKILL);
	/* Not promised by CUDA; docs/CUDA.md, T4, says what was seen. */
	if (device_read(device, back, CHUNK, CHUNK) == 0)
		ck_assert_mem_eq(back, bytes, CHUNK);
	device_close(device);
	free(bytes);
	free(back);
}
END_TEST

Suite *
suite_device(void)
{
	Suite *s = suite_create("device");
	TCase *c = tcase_create("device");

	tcase_add_loop_test(c,
	    copies_arrive_whatever_their_size_and_wherever_they_come_from, 0,
	    18);
	tcase_add_test(c, weights_lie_in_front_of_the_chunks);
	tcase_add_test(c, the_pool_is_zero_at_first);
	tcase_add_test(c, threads_copy_at_the_same_time);
	tcase_add_test(c,
	    a_handle_of_somebody_who_has_gone_is_refused_in_words);
	tcase_add_test(c, bytes_that_are_no_handle_are_refused);
	tcase_add_test(c, a_pool_that_is_too_large_says_what_is_free);
	tcase_add_test(c, what_the_gpu_is_can_be_asked);
	tcase_add_test(c, the_owner_of_a_killed_process_s_memory_keeps_it);
	suite_add_tcase(s, c);
	return s;
}
