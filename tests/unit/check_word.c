/* Words: what is packed comes out, and a word's payload is there before it. */
#include "base/rng.h"
#include "shm/word.h"

#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_word(void);

START_TEST(every_field_comes_out_as_it_went_in)
{
	struct rng r;

	rng_seed(&r, 1);
	for (int i = 0; i < 10000; i++) {
		uint64_t v = rng_next(&r);
		struct word w = word_unpack(v);
		struct place_word p = word_unpack_place(v);

		ck_assert_uint_eq(word_pack(w), v);
		ck_assert_uint_eq(word_pack_place(p), v);
		ck_assert_uint_eq(w.gen, p.gen);
		ck_assert_uint_eq(w.state, p.state);
	}
}
END_TEST

START_TEST(a_field_that_is_too_wide_spoils_no_other)
{
	struct word w = word_unpack(word_pack((struct word){ ~0u, 0, ~0u, 0 }));
	struct place_word p = word_unpack_place(
	    word_pack_place((struct place_word){ 0, ~0u, 0, ~0u }));

	ck_assert_uint_eq(w.gen, WORD_GEN_MASK);
	ck_assert_uint_eq(w.state, 0);
	ck_assert_uint_eq(w.round, WORD_ROUND_MASK);
	ck_assert_uint_eq(w.low, 0);
	ck_assert_uint_eq(p.gen, 0);
	ck_assert_uint_eq(p.state, 15);
	ck_assert_uint_eq(p.class, 0);
	ck_assert_uint_eq(p.place, ~0u);
}
END_TEST

START_TEST(generations_and_rounds_begin_anew_behind_the_last)
{
	ck_assert_uint_eq(word_next_gen(5), 6);
	ck_assert_uint_eq(word_next_gen(WORD_GEN_MASK), 0);
	ck_assert_uint_eq(word_next_round(WORD_ROUND_MASK), 0);
}
END_TEST

#define TOKENS 5000u

struct page {
	_Atomic uint64_t word;
	uint32_t token[TOKENS]; /* plain, as in the segments */
};

/* Token i exists when low > i, in the eyes of another process too. */
START_TEST(the_payload_is_there_before_the_word)
{
	struct page *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t seen = 0;
	int status;

	ck_assert_ptr_ne(p, MAP_FAILED);
	if (fork() == 0) {
		for (uint32_t i = 0; i < TOKENS; i++) {
			p->token[i] = ~i;
			word_store(&p->word,
			    (struct word){ 7, X_RUN, 1, i + 1 });
			if (i % 64 == 0)
				sched_yield();
		}
		_exit(0);
	}
	while (seen < TOKENS) {
		struct word w = word_load(&p->word);

		for (; seen < w.low; seen++)
			ck_assert_uint_eq(p->token[seen], ~seen);
		sched_yield();
	}
	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);
	munmap(p, sizeof(*p));
}
END_TEST

Suite *
suite_word(void)
{
	Suite *s = suite_create("word");
	TCase *t = tcase_create("word");

	tcase_add_test(t, every_field_comes_out_as_it_went_in);
	tcase_add_test(t, a_field_that_is_too_wide_spoils_no_other);
	tcase_add_test(t, generations_and_rounds_begin_anew_behind_the_last);
	tcase_add_test(t, the_payload_is_there_before_the_word);
	suite_add_tcase(s, t);
	return s;
}
