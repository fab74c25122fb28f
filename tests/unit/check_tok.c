/* The promises of model/tok.h: the same ids and texts as the tokenizers' own
 * libraries, and streams that never show half a character. */
#include "model/tok.h"

#include <check.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/utf8.h"

Suite *suite_tok(void);

#define FIXTURES "tests/fixtures/tokenizers/"
#define SHARED "../shared/data/"
#define IDS_MAX 400000

static int32_t ids[IDS_MAX];

static const char *const kinds[] = { "gpt2", "llama3", "qwen2", "llama2",
	"metaspace-first", "metaspace-always", "sentencepiece" };

#define NKINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static struct tok *
opened(const char *dir)
{
	struct tok *t;

	ck_assert_msg(tok_open(&t, dir) == 0, "%s: %s", dir, err_text());
	ck_assert_int_gt(tok_vocab(t), 0);
	return t;
}

static struct tok *
fixture(const char *kind)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), FIXTURES "%s", kind);
	return opened(dir);
}

static int
encode(const struct tok *t, const char *text, size_t n, unsigned flags)
{
	int count;

	ck_assert_msg(tok_encode(t, text, n, flags, ids, IDS_MAX, &count) == 0,
	    "%s", err_text());
	for (int i = 0; i < count; i++)
		ck_assert(ids[i] >= 0 && ids[i] < tok_vocab(t));
	return count;
}

static void
same_ids(const struct tok *t, const char *text, size_t n, unsigned flags,
    const json_t *want)
{
	int count = encode(t, text, n, flags);

	ck_assert_msg((size_t)count == json_array_size(want),
	    "'%s': %d ids, want %zu", text, count, json_array_size(want));
	for (int i = 0; i < count; i++)
		ck_assert_msg(ids[i] ==
			json_integer_value(json_array_get(want, (size_t)i)),
		    "'%s': id %d is %d", text, i, (int)ids[i]);
}

static void
check_row(const struct tok *t, const json_t *row, const char *key)
{
	const json_t *text = json_object_get(row, "text");
	const json_t *want = json_object_get(row, key), *special, *decoded;
	const char *p = json_string_value(text);
	size_t n = json_string_length(text), bytes;
	char *back;
	int count;

	if (want == NULL)
		want = json_object_get(row, "ids");
	special = json_object_get(row, "ids_special");
	decoded = json_object_get(row, "decoded");
	if (special != NULL)
		same_ids(t, p, n, TOK_ADD_SPECIAL, special);
	same_ids(t, p, n, 0, want);
	if (decoded == NULL)
		return;
	count = encode(t, p, n, 0);
	back = tok_decode(t, ids, count, true, &bytes);
	ck_assert_ptr_nonnull(back);
	ck_assert_msg(bytes == json_string_length(decoded) &&
		memcmp(back, json_string_value(decoded), bytes) == 0,
	    "'%s' comes back as '%s'", p, back);
	free(back);
}

/* Every row of a file of vectors; false: there is no such file. */
static bool
check_vectors(const char *dir, const char *vectors, const char *key)
{
	FILE *file = fopen(vectors, "r");
	struct tok *t;
	char *line = NULL;
	size_t max = 0;
	ssize_t n;
	int rows = 0;
	json_t *row;

	if (file == NULL)
		return false;
	t = opened(dir);
	while ((n = getline(&line, &max, file)) > 0) {
		row = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, NULL);
		ck_assert_ptr_nonnull(row);
		check_row(t, row, key);
		json_decref(row);
		rows++;
	}
	ck_assert_int_ge(rows, 100);
	free(line);
	fclose(file);
	tok_close(t);
	return true;
}

START_TEST(ids_and_texts_are_those_of_the_library)
{
	char dir[PATH_MAX / 2], vectors[PATH_MAX];

	snprintf(dir, sizeof(dir), FIXTURES "%s", kinds[_i]);
	snprintf(vectors, sizeof(vectors), "%s/vectors.jsonl", dir);
	ck_assert_msg(check_vectors(dir, vectors, "ids"), "%s is absent",
	    vectors);
}
END_TEST

static bool
shared(void)
{
	if (access(SHARED, F_OK) == 0)
		return true;
	printf("skipped: %s is absent\n", SHARED);
	return false;
}

START_TEST(real_tokenizers_give_the_vectors)
{
	if (!shared())
		return;
	ck_assert(check_vectors(SHARED "tokenizers/gpt2",
	    SHARED "tokenizers/gpt2/vectors.jsonl", "ids"));
	ck_assert(check_vectors(SHARED "tokenizers/phi-3-mini",
	    SHARED "tokenizers/phi-3-mini/vectors.jsonl", "ids"));
	ck_assert(check_vectors(SHARED "tokenizers/mistral-v1",
	    SHARED "tokenizers/mistral-v1/vectors.jsonl", "ids"));
	ck_assert(check_vectors(SHARED "models/stories260k",
	    SHARED "models/stories260k/tokenizer_vectors.jsonl", "ids"));
}
END_TEST

/* A directory of its own, in which `command` leaves one file. */
static void
check_alone(const char *command, const char *name, const char *vectors,
    const char *key)
{
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX], path[PATH_MAX + 32], line[3 * PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/check-tok-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(line, sizeof(line), "%s > '%s'", command, path);
	if (system(line) == 0)
		ck_assert(check_vectors(dir, vectors, key));
	else
		printf("skipped: '%s' does not work\n", command);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(sentencepiece_models_give_the_vectors)
{
	if (!shared())
		return;
	check_alone("cat " SHARED "tokenizers/mistral-v1/tokenizer.model",
	    "tokenizer.model", SHARED "tokenizers/mistral-v1/vectors.jsonl",
	    "ids");
	check_alone("cat " SHARED "models/stories260k/tokenizer.model",
	    "tokenizer.model",
	    SHARED "models/stories260k/tokenizer_vectors.jsonl",
	    "sentencepiece_ids");
}
END_TEST

START_TEST(a_vocabulary_of_100_000_gives_the_vectors)
{
	if (!shared())
		return;
	check_alone("xz -dc " SHARED "tokenizers/cl100k/tokenizer.json.xz",
	    "tokenizer.json", SHARED "tokenizers/cl100k/vectors.jsonl", "ids");
}
END_TEST

/* Any character but U+2581, which SentencePiece cannot tell from a space. */
static size_t
random_text(struct rng *r, char *text, int characters)
{
	static const uint32_t planes[] = { 0x80, 0x800, 0x3000, 0xd800, 0x10000,
		0x20000, 0x110000 };
	size_t n = 0;

	while (characters-- > 0) {
		uint32_t code = (uint32_t)rng_below(r, planes[rng_below(r, 7)]);

		if ((code >= 0xd800 && code < 0xe000) || code == 0x2581)
			code = ' ';
		n += (size_t)utf8_encode(code, text + n);
	}
	return n;
}

START_TEST(any_unicode_text_comes_back)
{
	static const char *const exact[] = { "gpt2", "llama3", "llama2" };
	struct tok *t = fixture(exact[_i]);
	char text[4 * 64], *back;
	size_t n, bytes;
	struct rng r;

	rng_seed(&r, 3);
	for (int round = 0; round < 500; round++) {
		n = random_text(&r, text, (int)rng_below(&r, 64));
		back = tok_decode(t, ids, encode(t, text, n, 0), true, &bytes);
		ck_assert_uint_eq(bytes, n);
		ck_assert_mem_eq(back, text, n);
		ck_assert_int_eq(back[n], 0);
		free(back);
	}
	tok_close(t);
}
END_TEST

/* Few of these are text; those that are come back, byte for byte. */
START_TEST(random_bytes_come_back_or_are_refused)
{
	struct tok *t = fixture("gpt2");
	char text[8], *back;
	int count, texts = 0, e;
	size_t bytes;
	struct rng r;

	rng_seed(&r, 4);
	for (int round = 0; round < 20000; round++) {
		size_t n = rng_below(&r, sizeof(text));

		for (size_t i = 0; i < n; i++)
			text[i] = (char)rng_below(&r, 256);
		e = tok_encode(t, text, n, 0, ids, 64, &count);
		if (utf8_valid(text, n) < n) {
			ck_assert_int_eq(e, ERR_FORMAT);
			continue;
		}
		ck_assert_int_eq(e, 0);
		back = tok_decode(t, ids, count, true, &bytes);
		ck_assert_uint_eq(bytes, n);
		ck_assert_mem_eq(back, text, n);
		free(back);
		texts++;
	}
	ck_assert_int_gt(texts, 1000);
	tok_close(t);
}
END_TEST

/* All that a stream says of n ids; every piece of it is whole characters. */
static size_t
streamed(const struct tok *t, const int32_t *in, int n, bool keep, char *all)
{
	struct tok_stream s = { .keep_special = keep };
	char out[TOK_PIECE_MAX + 8];
	size_t sum = 0, len;

	for (int i = 0; i <= n; i++) {
		len = i < n ? tok_stream_put(t, &s, in[i], out, sizeof(out)) :
			      tok_stream_end(t, &s, out, sizeof(out));
		ck_assert_uint_eq(utf8_valid(out, len), len);
		memcpy(all + sum, out, len);
		sum += len;
	}
	ck_assert_uint_eq(s.nheld, 0);
	return sum;
}

START_TEST(a_stream_of_any_ids_is_the_whole_text)
{
	struct tok *t = fixture(kinds[_i]);
	static char all[64 * TOK_PIECE_MAX];
	int32_t some[64];
	struct rng r;

	rng_seed(&r, 5);
	for (int round = 0; round < 500; round++) {
		bool keep = round & 1;
		int n = (int)rng_below(&r, 64);
		size_t got, bytes;
		char *whole;

		for (int i = 0; i < n; i++)
			some[i] = (int32_t)rng_below(&r,
				      (uint64_t)tok_vocab(t) + 4) -
			    2;
		got = streamed(t, some, n, keep, all);
		whole = tok_decode(t, some, n, keep, &bytes);
		ck_assert_ptr_nonnull(whole);
		/* The whole text may lose spaces at its start, no more. */
		ck_assert_uint_le(bytes, got);
		ck_assert_mem_eq(all + (got - bytes), whole, bytes);
		for (size_t i = 0; i < got - bytes; i++)
			ck_assert_int_eq(all[i], ' ');
		free(whole);
	}
	tok_close(t);
}
END_TEST

/* Ids of the bytes of a text, each alone. */
static int
bytes_of(const struct tok *t, const char *bytes, int n, int32_t *out)
{
	char piece[TOK_PIECE_MAX];

	for (int i = 0; i < n; i++)
		for (out[i] = 0; out[i] < tok_vocab(t); out[i]++)
			if (tok_piece(t, out[i], piece, sizeof(piece)) == 1 &&
			    piece[0] == bytes[i])
				break;
	return n;
}

START_TEST(half_a_character_waits_for_the_rest)
{
	struct tok *t = fixture(_i ? "llama2" : "gpt2");
	struct tok_stream s = { 0 };
	char out[TOK_PIECE_MAX + 8];
	int32_t four[4];

	bytes_of(t, "\xf0\x9f\xa6\x99", 4, four); /* a llama */
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(tok_stream_put(t, &s, four[i], out,
				      sizeof(out)),
		    0);
	ck_assert_uint_eq(tok_stream_put(t, &s, four[3], out, sizeof(out)), 4);
	ck_assert_mem_eq(out, "\xf0\x9f\xa6\x99", 4);
	ck_assert_uint_eq(tok_stream_end(t, &s, out, sizeof(out)), 0);
	tok_close(t);
}
END_TEST

START_TEST(bytes_that_are_no_character_become_replacements)
{
	/* One for what could have begun a character where the decoder is
	 * ByteLevel; one for each byte where it is ByteFallback. */
	static const struct {
		const char *bytes, *level, *fallback;
	} rows[] = {
		{ "a\x80z", "a?z", "a?z" },
		{ "\xf0\x9f\xa6z", "?z", "???z" },
		{ "\xe2\x82", "?", "??" },
		{ "\xc0\xaf", "??", "??" },
		{ "\xed\xa0\x80", "???", "???" },
		{ "\xf4\x90\x80", "???", "???" },
		{ "\xe2\xe2\x82\xac", "?\xe2\x82\xac", "?\xe2\x82\xac" },
	};
	struct tok *t = fixture(_i ? "llama2" : "gpt2");
	char all[8 * TOK_PIECE_MAX], want[64];
	int32_t some[8];

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		const char *p = _i ? rows[r].fallback : rows[r].level;
		int n = bytes_of(t, rows[r].bytes, (int)strlen(rows[r].bytes),
		    some);
		size_t len = 0, got = streamed(t, some, n, false, all);

		for (; *p; p++)
			if (*p == '?') {
				memcpy(want + len, "\xef\xbf\xbd", 3);
				len += 3;
			} else {
				want[len++] = *p;
			}
		ck_assert_uint_eq(got, len);
		ck_assert_mem_eq(all, want, len);
	}
	tok_close(t);
}
END_TEST

START_TEST(an_answer_keeps_its_leading_space)
{
	struct tok *t = fixture("llama2");
	char all[8 * TOK_PIECE_MAX], *whole;
	size_t bytes;
	int n = encode(t, "the end", 7, 0);

	ck_assert_uint_eq(streamed(t, ids, n, false, all), 8);
	ck_assert_mem_eq(all, " the end", 8);
	whole = tok_decode(t, ids, n, false, &bytes);
	ck_assert_str_eq(whole, "the end");
	free(whole);
	tok_close(t);
}
END_TEST

START_TEST(control_tokens_are_shown_only_if_asked_for)
{
	struct tok *t = fixture("llama2");
	char all[16 * TOK_PIECE_MAX];
	int n = encode(t, "a</s>", 5, TOK_ADD_SPECIAL);
	size_t got;

	ck_assert(tok_is_special(t, ids[0]));
	ck_assert(tok_is_special(t, ids[n - 1]));
	ck_assert(!tok_is_special(t, ids[1]));
	ck_assert(!tok_is_special(t, -1));
	ck_assert(!tok_is_special(t, tok_vocab(t)));
	got = streamed(t, ids, n, false, all);
	ck_assert_uint_eq(got, 2);
	ck_assert_mem_eq(all, " a", 2);
	got = streamed(t, ids, n, true, all);
	ck_assert_uint_eq(got, 9);
	ck_assert_mem_eq(all, "<s> a</s>", 9);
	tok_close(t);
}
END_TEST

START_TEST(too_many_ids_are_counted_and_not_written)
{
	struct tok *t = fixture("gpt2");
	char text[600];
	int32_t few[4] = { -7, -7, -7, -7 };
	int count, all;

	memset(text, '!', sizeof(text));
	all = encode(t, text, sizeof(text), 0);
	ck_assert_int_eq(tok_encode(t, text, sizeof(text), 0, few, 3, &count),
	    ERR_LIMIT);
	ck_assert_int_eq(count, all);
	ck_assert_int_eq(few[3], -7);
	ck_assert_int_eq(few[0], ids[0]);
	ck_assert_int_eq(tok_encode(t, text, sizeof(text), 0, NULL, 0, &count),
	    ERR_LIMIT);
	ck_assert_int_eq(tok_encode(t, "", 0, 0, NULL, 0, &count), 0);
	ck_assert_int_eq(count, 0);
	tok_close(t);
}
END_TEST

START_TEST(text_that_is_not_utf8_is_refused)
{
	struct tok *t = fixture(kinds[_i]);
	int count;

	ck_assert_int_eq(tok_encode(t, "ab\xff", 3, 0, ids, 8, &count),
	    ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err_text(), "byte 2"));
	ck_assert_int_eq(tok_encode(t, "\xed\xa0\x80", 3, 0, ids, 8, &count),
	    ERR_FORMAT);
	ck_assert_int_eq(tok_encode(t, "\xe2\x82", 2, 0, ids, 8, &count),
	    ERR_FORMAT);
	tok_close(t);
}
END_TEST

/* Nothing is timed here; what is not about linear would not end in time. */
START_TEST(long_texts_end)
{
	enum { LONG = 200 * 1024 };
	/* Marks of falling combining classes, which NFC has to sort. */
	static const char *const units[] = { "a", " ", "ab c1\n",
		"\xcc\x95\xcc\x80\xcc\xa7\xcc\xb4" };
	struct tok *t = fixture(kinds[_i]);
	char *text = malloc(LONG + 8);
	struct rng r;
	size_t n;

	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		for (n = 0; n < LONG; n += strlen(units[u]))
			memcpy(text + n, units[u], strlen(units[u]));
		ck_assert_int_gt(encode(t, text, n, 0), 0);
	}
	rng_seed(&r, 9);
	n = random_text(&r, text, LONG / 8);
	ck_assert_int_gt(encode(t, text, n, 0), 0);
	free(text);
	tok_close(t);
}
END_TEST

struct work {
	const struct tok *t;
	const char *text;
	int32_t ids[256];
	int count;
	bool same;
};

static void *
encode_often(void *arg)
{
	struct work *w = arg;
	int32_t mine[256];
	int count;

	w->same = true;
	for (int i = 0; i < 200; i++)
		w->same &= tok_encode(w->t, w->text, strlen(w->text), 0, mine,
			       256, &count) == 0 &&
		    count == w->count &&
		    memcmp(mine, w->ids, (size_t)count * sizeof(*mine)) == 0;
	return NULL;
}

START_TEST(threads_may_encode_at_once)
{
	static const char *const texts[4] = { "It's 12:30, isn't it?",
		"na\xc3\xafve caf\xc3\xa9 ",
		"int main(void)\n{\n\treturn 0;\n}",
		"\xe4\xbd\xa0\xe5\xa5\xbd <|endoftext|> again and again" };
	struct tok *t = fixture("gpt2");
	pthread_t thread[4];
	struct work w[4];

	for (int i = 0; i < 4; i++) {
		w[i] = (struct work){ .t = t, .text = texts[i] };
		ck_assert_int_eq(tok_encode(t, texts[i], strlen(texts[i]), 0,
				     w[i].ids, 256, &w[i].count),
		    0);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, encode_often,
				     &w[i]),
		    0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		ck_assert(w[i].same);
	}
	tok_close(t);
}
END_TEST

Suite *
suite_tok(void)
{
	Suite *s = suite_create("tok");
	TCase *t = tcase_create("tok");

	tcase_add_loop_test(t, ids_and_texts_are_those_of_the_library, 0,
	    NKINDS);
	tcase_add_test(t, real_tokenizers_give_the_vectors);
	tcase_add_test(t, sentencepiece_models_give_the_vectors);
	tcase_add_test(t, a_vocabulary_of_100_000_gives_the_vectors);
	tcase_add_loop_test(t, any_unicode_text_comes_back, 0, 3);
	tcase_add_test(t, random_bytes_come_back_or_are_refused);
	tcase_add_loop_test(t, a_stream_of_any_ids_is_the_whole_text, 0,
	    NKINDS);
	tcase_add_loop_test(t, half_a_character_waits_for_the_rest, 0, 2);
	tcase_add_loop_test(t, bytes_that_are_no_character_become_replacements,
	    0, 2);
	tcase_add_test(t, an_answer_keeps_its_leading_space);
	tcase_add_test(t, control_tokens_are_shown_only_if_asked_for);
	tcase_add_test(t, too_many_ids_are_counted_and_not_written);
	tcase_add_loop_test(t, text_that_is_not_utf8_is_refused, 0, NKINDS);
	tcase_add_loop_test(t, long_texts_end, 0, NKINDS);
	tcase_add_test(t, threads_may_encode_at_once);
	suite_add_tcase(s, t);
	return s;
}
