/* Sums of bytes, in one piece and in pages; and the word that says a step is
 * over. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/rng.h"
#include "tests/kernels/rig.h"

Suite *suite_checksum(void);

static unsigned char *
draw_bytes(size_t n, uint64_t seed)
{
	unsigned char *p = malloc(n + 1);
	struct rng rng;

	rng_seed(&rng, seed);
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)rng_next(&rng);
	return p;
}

START_TEST(parts_of_a_region_have_the_sums_of_the_cpu)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 16, 24, 4097, 1 << 20,
		(1 << 20) + 3, 3 << 20 };
	size_t n = sizes[_i];
	unsigned char *bytes = draw_bytes(n, (uint64_t)_i);
	int parts = cuda_parts(n, n);
	uint64_t have[4], *sums;

	rig_begin();
	ck_assert_int_le(parts, 4);
	sums = rig_new(sizeof(have));
	ck_assert_int_eq(cuda_checksum(rig_stream, sums, rig_put(bytes, n), n),
	    0);
	rig_get(have, sums, sizeof(have));
	for (int i = 0; i < parts; i++) {
		size_t at = (size_t)i * CHECKSUM_PART;
		size_t some = n - at < CHECKSUM_PART ? n - at : CHECKSUM_PART;

		ck_assert_uint_eq(have[i], checksum_part(bytes + at, some));
	}
	free(bytes);
	rig_end();
}
END_TEST

START_TEST(pages_are_summed_where_they_lie)
{
	size_t page = 3 * 4096, n = 5 * page - 100;
	unsigned char *bytes = draw_bytes(n, 9);
	uint64_t at[5], have[8], *sums;
	int parts = cuda_parts(n, page);

	rig_begin();
	ck_assert_int_eq(parts, 5);
	for (size_t i = 0; i < 5; i++)
		at[i] = (uint64_t)(uintptr_t)rig_put(bytes + i * page,
		    i < 4 ? page : page - 100);
	sums = rig_new(sizeof(have));
	ck_assert_int_eq(cuda_checksum_pages(rig_stream, sums,
			     rig_put(at, sizeof(at)), page, n),
	    0);
	rig_get(have, sums, sizeof(have));
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(have[i],
		    checksum_part(bytes + i * page, i < 4 ? page : page - 100));
	free(bytes);
	rig_end();
}
END_TEST

START_TEST(a_changed_word_and_two_that_changed_places_are_found)
{
	unsigned char *bytes = draw_bytes(4096, 1);
	uint64_t sum = checksum_part(bytes, 4096);
	unsigned char word[8];

	bytes[1000] ^= 1;
	ck_assert_uint_ne(checksum_part(bytes, 4096), sum);
	bytes[1000] ^= 1;
	memcpy(word, bytes + 8, 8);
	memcpy(bytes + 8, bytes + 2048, 8);
	memcpy(bytes + 2048, word, 8);
	ck_assert_uint_ne(checksum_part(bytes, 4096), sum);
	ck_assert_uint_ne(checksum_join(checksum_join(0, 1), 2),
	    checksum_join(checksum_join(0, 2), 1));
	free(bytes);
}
END_TEST

START_TEST(a_bit_that_changed_in_two_words_is_found)
{
	unsigned char *bytes = draw_bytes(4096, 2);
	uint64_t sum = checksum_part(bytes, 4096);
	unsigned char *bit = bytes + 24 + _i / 8;

	for (size_t far = 8; far <= 2048; far *= 2) {
		bit[0] ^= (unsigned char)(1 << _i % 8);
		bit[far] ^= (unsigned char)(1 << _i % 8);
		ck_assert_uint_ne(checksum_part(bytes, 4096), sum);
		bit[0] ^= (unsigned char)(1 << _i % 8);
		bit[far] ^= (unsigned char)(1 << _i % 8);
	}
	ck_assert_uint_eq(checksum_part(bytes, 4096), sum);
	free(bytes);
}
END_TEST

START_TEST(done_is_said_behind_what_was_queued_before)
{
	uint64_t *words, *there;

	rig_begin();
	ck_assert_int_eq(cudaHostAlloc((void **)&words, 2 * sizeof(*words),
			     cudaHostAllocMapped),
	    0);
	ck_assert_int_eq(cudaHostGetDevicePointer((void **)&there, words, 0),
	    0);
	words[0] = 0;
	words[1] = 41;
	ck_assert_int_eq(cuda_done(rig_stream, there, there + 1), 0);
	rig_wait();
	ck_assert_uint_eq(words[0], 41);
	ck_assert_int_eq(cudaFreeHost(words), 0);
	rig_end();
}
END_TEST

Suite *
suite_checksum(void)
{
	Suite *s = suite_create("checksum");
	TCase *c = tcase_create("checksum");

	tcase_add_loop_test(c, parts_of_a_region_have_the_sums_of_the_cpu, 0,
	    10);
	tcase_add_test(c, pages_are_summed_where_they_lie);
	tcase_add_test(c, a_changed_word_and_two_that_changed_places_are_found);
	tcase_add_loop_test(c, a_bit_that_changed_in_two_words_is_found, 0, 64);
	tcase_add_test(c, done_is_said_behind_what_was_queued_before);
	suite_add_tcase(s, c);
	return s;
}
