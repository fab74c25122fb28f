/* Tokenizer files as they should not be: refused with a sentence that names
 * what is wrong, and never more than that. */
#include "model/tok.h"

#include <check.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/rng.h"

Suite *suite_tok_files(void);

#define FIXTURES "tests/fixtures/tokenizers/"

static const char good[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"special\":true}],"
    "\"normalizer\":null,\"pre_tokenizer\":null,"
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<s>\","
    "\"vocab\":{\"<s>\":0,\"a\":1,\"b\":2,\"ab\":3,\" \":4},"
    "\"merges\":[\"a b\"]},"
    "\"post_processor\":null,\"decoder\":{\"type\":\"Fuse\"}}";

static char dir[PATH_MAX];

static void
make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/check-tok-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
path_of(char path[PATH_MAX + 32], const char *name)
{
	snprintf(path, PATH_MAX + 32, "%s/%s", dir, name);
}

static void
drop_dir(void)
{
	static const char *const names[] = { "tokenizer.json",
		"tokenizer.model", "tokenizer_config.json" };
	char path[PATH_MAX + 32];

	for (int i = 0; i < 3; i++) {
		path_of(path, names[i]);
		unlink(path);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
write_file(const char *name, const void *bytes, size_t n)
{
	char path[PATH_MAX + 32];
	FILE *f;

	path_of(path, name);
	ck_assert_ptr_nonnull(f = fopen(path, "w"));
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

static char *
read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	char *bytes;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
	*n = (size_t)ftell(f);
	rewind(f);
	ck_assert_ptr_nonnull(bytes = malloc(*n + 1));
	ck_assert_uint_eq(fread(bytes, 1, *n, f), *n);
	fclose(f);
	return bytes;
}

static int
open_and_close(void)
{
	struct tok *t;
	int e = tok_open(&t, dir);

	if (e != 0)
		ck_assert_ptr_null(t);
	tok_close(t);
	return e;
}

/* The good file, with one member replaced; "model.x" is a member of model. */
static void
write_changed(const char *member, const char *value)
{
	json_t *file = json_loads(good, 0, NULL);
	json_t *into = file;
	json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
	char *text;

	ck_assert_ptr_nonnull(v);
	if (strncmp(member, "model.", 6) == 0) {
		into = json_object_get(file, "model");
		member += 6;
	}
	ck_assert_int_eq(json_object_set_new(into, member, v), 0);
	text = json_dumps(file, 0);
	write_file("tokenizer.json", text, strlen(text));
	free(text);
	json_decref(file);
}

static const struct {
	const char *member, *value;
	int code;
	const char *says[2];
} bad[] = {
#define SEQUENCE(list, x) "{\"type\":\"Sequence\",\"" list "\":[" x "]}"
#define REPLACE(x) "{\"type\":\"Replace\",\"content\":\"\",\"pattern\":" x "}"
#define SPLIT(x)                                                               \
	"{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" x                      \
	"\"},\"behavior\":\"Isolated\"}"
	{ "normalizer", "{\"type\":\"Lowercase\"}", ERR_UNSUPPORTED,
	    { "normalizer", "'Lowercase'" } },
	{ "normalizer", SEQUENCE("normalizers", "{\"type\":\"Precompiled\"}"),
	    ERR_UNSUPPORTED, { "normalizer", "'Precompiled'" } },
	{ "normalizer", "{\"type\":\"Prepend\"}", ERR_FORMAT,
	    { "Prepend", "prepend" } },
	{ "normalizer", "[]", ERR_FORMAT, { "normalizer", "type" } },
	{ "normalizer", REPLACE("{\"String\":\"\"}"), ERR_UNSUPPORTED,
	    { "Replace", "empty" } },
	{ "normalizer", REPLACE("{\"Glob\":\"*\"}"), ERR_FORMAT,
	    { "pattern", "String or Regex" } },
	{ "normalizer", REPLACE("{\"Regex\":\"(\"}"), ERR_UNSUPPORTED,
	    { "'('", "parenthesis" } },
	{ "pre_tokenizer", "{\"type\":\"BertPreTokenizer\"}", ERR_UNSUPPORTED,
	    { "pre_tokenizer", "'BertPreTokenizer'" } },
	{ "pre_tokenizer", "{\"type\":\"Sequence\"}", ERR_FORMAT,
	    { "Sequence", "pretokenizers" } },
	{ "pre_tokenizer",
	    "{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},"
	    "\"behavior\":\"Sideways\"}",
	    ERR_UNSUPPORTED, { "Split", "'Sideways'" } },
	{ "pre_tokenizer", SPLIT("a(?#x)"), ERR_UNSUPPORTED,
	    { "Split", "group" } },
	{ "pre_tokenizer", SPLIT("(?<n>a)"), ERR_UNSUPPORTED,
	    { "Split", "group" } },
	{ "pre_tokenizer", SPLIT("(*LIMIT_MATCH=1)a"), ERR_UNSUPPORTED,
	    { "Split", "group" } },
	{ "pre_tokenizer", SPLIT("(a)\\\\1"), ERR_UNSUPPORTED,
	    { "Split", "back reference" } },
	{ "pre_tokenizer", SPLIT("[a&&b]"), ERR_UNSUPPORTED,
	    { "Split", "intersection" } },
	{ "pre_tokenizer", SPLIT("[a[b]]"), ERR_UNSUPPORTED,
	    { "Split", "class in a class" } },
	{ "pre_tokenizer", SPLIT("\\\\h"), ERR_UNSUPPORTED,
	    { "Split", "escape" } },
	{ "pre_tokenizer",
	    "{\"type\":\"Metaspace\",\"replacement\":\"_\","
	    "\"prepend_scheme\":\"last\"}",
	    ERR_UNSUPPORTED, { "Metaspace", "'last'" } },
	{ "model", "null", ERR_FORMAT, { "model", "type" } },
	{ "model.type", "\"Unigram\"", ERR_UNSUPPORTED,
	    { "model", "'Unigram'" } },
	{ "model.dropout", "0.1", ERR_UNSUPPORTED, { "model", "dropout" } },
	{ "model.continuing_subword_prefix", "\"##\"", ERR_UNSUPPORTED,
	    { "model", "continuing_subword_prefix" } },
	{ "model.end_of_word_suffix", "\"</w>\"", ERR_UNSUPPORTED,
	    { "model", "end_of_word_suffix" } },
	{ "model.unk_token", "\"<unk>\"", ERR_FORMAT,
	    { "unk_token", "'<unk>'" } },
	{ "model.byte_fallback", "1", ERR_FORMAT, { "byte_fallback", "" } },
	{ "model.vocab", "[]", ERR_FORMAT, { "model", "vocab" } },
	{ "model.vocab", "{\"<s>\":0,\"a\":-1}", ERR_LIMIT,
	    { "'a'", "id -1" } },
	{ "model.vocab", "{\"<s>\":0,\"a\":2000000000}", ERR_LIMIT,
	    { "'a'", "2000000000" } },
	{ "model.vocab", "{\"<s>\":0,\"a\":1,\"b\":1}", ERR_FORMAT,
	    { "'a'", "'b'" } },
	{ "model.vocab", "{\"<s>\":0,\"a\":1.5}", ERR_FORMAT, { "'a'", "" } },
	{ "model.merges", "null", ERR_FORMAT, { "model", "merges" } },
	{ "model.merges", "[\"ab\"]", ERR_FORMAT, { "merges", "entry 0" } },
	{ "model.merges", "[\"a b\",\"a b c\"]", ERR_FORMAT,
	    { "merges", "entry 1" } },
	{ "model.merges", "[[\"a\",\"zz\"]]", ERR_FORMAT,
	    { "merges", "'zz'" } },
	{ "model.merges", "[[\"b\",\"a\"]]", ERR_FORMAT,
	    { "merges", "not in the vocabulary" } },
	{ "added_tokens", "{}", ERR_FORMAT, { "added_tokens", "list" } },
	{ "added_tokens", "[{\"content\":\"x\"}]", ERR_FORMAT,
	    { "added_tokens", "no id" } },
	{ "added_tokens", "[{\"id\":9,\"content\":7}]", ERR_FORMAT,
	    { "added_tokens", "content" } },
	{ "added_tokens", "[{\"id\":9,\"content\":\"a\"}]", ERR_FORMAT,
	    { "'a'", "1 and 9" } },
	{ "added_tokens", "[{\"id\":1,\"content\":\"x\"}]", ERR_FORMAT,
	    { "'a'", "'x'" } },
	{ "post_processor", "{\"type\":\"BertProcessing\"}", ERR_UNSUPPORTED,
	    { "post_processor", "'BertProcessing'" } },
	{ "post_processor",
	    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
	    "{\"id\":\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}],"
	    "\"special_tokens\":{\"<s>\":{\"ids\":[77]}}}",
	    ERR_FORMAT, { "TemplateProcessing", "'<s>'" } },
	{ "post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[]}",
	    ERR_FORMAT, { "TemplateProcessing", "Sequence" } },
	{ "decoder", "null", ERR_UNSUPPORTED, { "decoder", "none" } },
	{ "decoder", "{\"type\":\"WordPiece\"}", ERR_UNSUPPORTED,
	    { "decoder", "'WordPiece'" } },
	{ "decoder",
	    "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}",
	    ERR_UNSUPPORTED, { "Strip", "Fuse" } },
	{ "decoder",
	    SEQUENCE("decoders",
		"{\"type\":\"Fuse\"}," REPLACE("{\"String\":\"ab\"}")),
	    ERR_UNSUPPORTED, { "Replace", "over tokens" } },
};

START_TEST(what_is_not_known_is_refused_by_name)
{
	char show[400];
	int e;

	make_dir();
	write_changed(bad[_i].member, bad[_i].value);
	e = open_and_close();
	snprintf(show, sizeof(show), "%s: %s: %s", bad[_i].member,
	    bad[_i].value, e ? err_text() : "accepted");
	ck_assert_msg(e == bad[_i].code, "%s", show);
	ck_assert_msg(strstr(err_text(), "tokenizer.json") != NULL, "%s", show);
	for (int w = 0; w < 2; w++)
		ck_assert_msg(strstr(err_text(), bad[_i].says[w]) != NULL, "%s",
		    show);
	drop_dir();
}
END_TEST

START_TEST(no_tokenizer_is_not_found)
{
	make_dir();
	ck_assert_int_eq(open_and_close(), ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err_text(), "tokenizer.model"));
	drop_dir();
	ck_assert_int_eq(open_and_close(), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_token_that_is_too_long_is_refused)
{
	char value[2 * TOK_PIECE_MAX] = "{\"<s>\":0,\"a\":1,\"b\":2,\"ab\":3,";
	size_t n = strlen(value);

	value[n++] = '"';
	memset(value + n, 'x', TOK_PIECE_MAX);
	strcpy(value + n + TOK_PIECE_MAX, "\":5}");
	make_dir();
	write_changed("model.vocab", value);
	ck_assert_int_eq(open_and_close(), ERR_LIMIT);
	drop_dir();
}
END_TEST

/* Ids of "ab" with and without what is put around it. */
static void
around(const char *config, int32_t first, int32_t last)
{
	struct tok *t;
	int32_t ids[8];
	int n;

	write_file("tokenizer_config.json", config, strlen(config));
	ck_assert_msg(tok_open(&t, dir) == 0, "%s", err_text());
	ck_assert_int_eq(tok_encode(t, "ab", 2, 0, ids, 8, &n), 0);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(tok_encode(t, "ab", 2, TOK_ADD_SPECIAL, ids, 8, &n),
	    0);
	ck_assert_int_eq(n, 1 + (first >= 0) + (last >= 0));
	if (first >= 0)
		ck_assert_int_eq(ids[0], first);
	if (last >= 0)
		ck_assert_int_eq(ids[n - 1], last);
	tok_close(t);
}

START_TEST(the_config_says_what_the_post_processor_does_not)
{
	make_dir();
	write_file("tokenizer.json", good, strlen(good));
	around("{}", -1, -1);
	around("{\"bos_token\":\"<s>\"}", -1, -1);
	around("{\"add_bos_token\":true,\"bos_token\":\"<s>\"}", 0, -1);
	around("{\"add_bos_token\":true,\"add_eos_token\":true,\"bos_token\":"
	       "{\"content\":\"<s>\"},\"eos_token\":\"b\"}",
	    0, 2);
	write_changed("post_processor",
	    "{\"type\":\"TemplateProcessing\",\"single\":"
	    "[{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"e\"}}],"
	    "\"special_tokens\":{\"e\":{\"ids\":[0]}}}");
	around("{\"add_bos_token\":true,\"bos_token\":\"<s>\"}", -1, 0);
	drop_dir();
}
END_TEST

START_TEST(a_config_that_names_no_token_is_refused)
{
	static const char config[] =
	    "{\"add_bos_token\":true,\"bos_token\":\"<none>\"}";

	make_dir();
	write_file("tokenizer.json", good, strlen(good));
	write_file("tokenizer_config.json", config, strlen(config));
	ck_assert_int_eq(open_and_close(), ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err_text(), "bos_token"));
	write_file("tokenizer_config.json", "{", 1);
	ck_assert_int_eq(open_and_close(), ERR_FORMAT);
	drop_dir();
}
END_TEST

START_TEST(a_pattern_without_end_gives_up)
{
	char text[300];
	struct tok *t;
	int32_t ids[8];
	int n;

	make_dir();
	write_changed("pre_tokenizer", SPLIT("(a+)+[cd]"));
	ck_assert_msg(tok_open(&t, dir) == 0, "%s", err_text());
	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(tok_encode(t, text, sizeof(text), 0, ids, 8, &n),
	    ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(err_text(), "pattern"));
	ck_assert_int_eq(n, 0);
	tok_close(t);
	drop_dir();
}
END_TEST

/* What is left of a tokenizer after damage may still open; then it works, or
 * says why not. */
static void
try_out(const void *bytes, size_t n, const char *name)
{
	static const char text[] =
	    "It's 12:30 \xc3\xa9\xcc\x81 <s> \xf0\x9f\xa6"
	    "\x99  end\n";
	static int32_t ids[4096];
	struct tok_stream s = { 0 };
	char out[TOK_PIECE_MAX + 8];
	struct tok *t;
	int count;

	write_file(name, bytes, n);
	if (tok_open(&t, dir) != 0) {
		ck_assert_ptr_null(t);
		ck_assert_uint_gt(strlen(err_text()), 0);
		return;
	}
	if (tok_encode(t, text, strlen(text), TOK_ADD_SPECIAL, ids, 4096,
		&count) == 0)
		for (int i = 0; i < count; i++)
			ck_assert_uint_le(tok_stream_put(t, &s, ids[i], out,
					      sizeof(out)),
			    sizeof(out));
	tok_close(t);
}

/* One of the kinds of damage, at a place of its own. */
static size_t
damage(struct rng *r, char *bytes, size_t n)
{
	size_t at = (size_t)rng_below(r, n);
	size_t some = 1 + (size_t)rng_below(r, 16);

	switch (rng_below(r, 4)) {
	case 0:
		return at; /* cut short */
	case 1:
		bytes[at] = (char)rng_next(r);
		return n;
	case 2: /* a piece is missing */
		if (some > n - at)
			some = n - at;
		memmove(bytes + at, bytes + at + some, n - at - some);
		return n - some;
	default: /* a digit or a flag elsewhere */
		bytes[at] = "0919{}[]\",:tfn\x7f\xff"[rng_below(r, 16)];
		return n;
	}
}

START_TEST(damaged_files_do_no_harm)
{
	static const char *const files[][2] = { { "gpt2", "tokenizer.json" },
		{ "llama2", "tokenizer.json" },
		{ "metaspace-first", "tokenizer.json" },
		{ "sentencepiece", "tokenizer.model" } };
	char path[PATH_MAX], *whole, *bytes;
	size_t n, left;
	struct rng r;

	snprintf(path, sizeof(path), FIXTURES "%s/%s", files[_i][0],
	    files[_i][1]);
	whole = read_file(path, &n);
	bytes = malloc(n);
	make_dir();
	rng_seed(&r, 11 + (uint64_t)_i);
	for (int round = 0; round < 600; round++) {
		memcpy(bytes, whole, n);
		left = n;
		for (uint64_t k = 1 + rng_below(&r, 3); k > 0 && left > 0; k--)
			left = damage(&r, bytes, left);
		try_out(bytes, left, files[_i][1]);
	}
	drop_dir();
	free(whole);
	free(bytes);
}
END_TEST

/* A field of a protobuf message: its key, its length, its bytes. */
static size_t
field(char *out, int number, const char *bytes, size_t n)
{
	out[0] = (char)(number << 3 | 2);
	out[1] = (char)(n | 0x80);
	out[2] = (char)(n >> 7);
	memcpy(out + 3, bytes, n);
	return n + 3;
}

static size_t
sp_piece(char *out, const char *text, int type)
{
	char piece[64];
	size_t n = field(piece, 1, text, strlen(text));

	memcpy(piece + n, "\x15\0\0\0\0\x18", 6); /* score 0, type */
	piece[n + 6] = (char)type;
	return field(out, 1, piece, n + 7);
}

static const struct {
	int type;	  /* of the second piece */
	const char *spec; /* trainer_spec */
	const char *norm; /* normalizer_spec */
	size_t nnorm;
	const char *says; /* NULL: accepted */
} models[] = {
	{ 1, "\x18\x02", "", 0, NULL },
	{ 4, "\x18\x02", "", 0, NULL },
	{ 1, "\x18\x01", "", 0, "model_type 1" },
	{ 1, "\x18\x02\xc0\x01\x01", "", 0, "treat_whitespace_as_suffix" },
	{ 1, "\x18\x02\x98\x02\x01", "", 0, "byte_fallback" },
	{ 2, "\x18\x02", "", 0, "two unknown" },
	{ 5, "\x18\x02", "", 0, NULL },
	{ 6, "\x18\x02", "", 0, "byte piece" },
	{ 7, "\x18\x02", "", 0, "type 7" },
	{ 1, "\x18", "", 0, "trainer_spec" },
	{ 1, "\x18\x02", "\x18", 1, "normalizer_spec" },
	/* Maps: longer than they are, no text, a text that does not end. */
	{ 1, "\x18\x02", "\x12\x05\xff\xff\xff\xff\0", 7, "charsmap" },
	{ 1, "\x18\x02", "\x12\x08\4\0\0\0\1\0\0\0", 10, "charsmap" },
	{ 1, "\x18\x02", "\x12\x09\4\0\0\0\1\0\0\0x", 11, "charsmap" },
	{ 1, "\x18\x02", "\x12\x0a\4\0\0\0\1\0\0\0x", 12, NULL },
	/* Its only unit points far beyond the array. */
	{ 1, "\x18\x02", "\x12\x0a\4\0\0\0\xff\xff\xff\x7fx", 12, NULL },
};

START_TEST(sentencepiece_files_are_checked)
{
	char bytes[512];
	size_t n = sp_piece(bytes, "<unk>", 2);
	int e;

	n += sp_piece(bytes + n, "a", models[_i].type);
	n += field(bytes + n, 2, models[_i].spec, strlen(models[_i].spec));
	n += field(bytes + n, 3, models[_i].norm, models[_i].nnorm);
	make_dir();
	try_out(bytes, n, "tokenizer.model");
	e = open_and_close();
	if (models[_i].says == NULL)
		ck_assert_msg(e == 0, "%s", err_text());
	else
		ck_assert_msg(e != 0 &&
			strstr(err_text(), models[_i].says) != NULL,
		    "want '%s': %s", models[_i].says,
		    e ? err_text() : "accepted");
	drop_dir();
}
END_TEST

/* Pieces <unk>, a, b and ab, which is of the type given; spaces as they are;
 * texts by a map, if there is one. */
static struct tok *
small_model(int type, const char *map, size_t nmap)
{
	char bytes[1024], spec[512] = "\x18\0\x20\0";
	size_t n = sp_piece(bytes, "<unk>", 2);
	struct tok *t;

	n += sp_piece(bytes + n, "a", 1);
	n += sp_piece(bytes + n, "b", 1);
	n += sp_piece(bytes + n, "ab", type);
	n += field(bytes + n, 2, "\x18\x02", 2);
	n += field(bytes + n, 3, spec, 4 + field(spec + 4, 2, map, nmap));
	write_file("tokenizer.model", bytes, n);
	ck_assert_msg(tok_open(&t, dir) == 0, "%s", err_text());
	return t;
}

static void
gives(const struct tok *t, const char *text, const char *want)
{
	char got[64] = "";
	int32_t ids[16];
	int n;

	ck_assert_int_eq(tok_encode(t, text, strlen(text), 0, ids, 16, &n), 0);
	for (int i = 0; i < n; i++)
		sprintf(got + strlen(got), "%d ", (int)ids[i]);
	ck_assert_str_eq(got, want);
}

START_TEST(an_unused_piece_is_taken_apart)
{
	struct tok *t;

	make_dir();
	t = small_model(1, "", 0);
	gives(t, "aab", "1 3 ");
	tok_close(t);
	t = small_model(5, "", 0);
	gives(t, "aab", "1 1 2 ");
	gives(t, "xya", "0 1 "); /* unknown ones in a row are one */
	tok_close(t);
	drop_dir();
}
END_TEST

START_TEST(a_precompiled_map_is_applied)
{
	enum { UNITS = 'A' + 1 };
	char map[4 + 4 * UNITS + 2] = { (char)(4 * UNITS & 0xff),
		4 * UNITS >> 8 };
	char *unit = map + 4;
	struct tok *t;

	/* From the root by 'A' to a node with a leaf, which is beside it and
	 * says where the text is. */
	memcpy(unit + 4 * 'A', "A\x05\0\0", 4);
	memcpy(unit + 4 * ('A' ^ 1), "\0\0\0\x80", 4);
	memcpy(unit + 4 * UNITS, "a", 2);
	make_dir();
	t = small_model(1, map, sizeof(map));
	gives(t, "AbAA", "3 1 1 ");
	tok_close(t);
	drop_dir();
}
END_TEST

Suite *
suite_tok_files(void)
{
	Suite *s = suite_create("tok_files");
	TCase *t = tcase_create("tok_files");

	tcase_add_loop_test(t, what_is_not_known_is_refused_by_name, 0,
	    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, no_tokenizer_is_not_found);
	tcase_add_test(t, a_token_that_is_too_long_is_refused);
	tcase_add_test(t, the_config_says_what_the_post_processor_does_not);
	tcase_add_test(t, a_config_that_names_no_token_is_refused);
	tcase_add_test(t, a_pattern_without_end_gives_up);
	tcase_add_loop_test(t, damaged_files_do_no_harm, 0, 4);
	tcase_add_loop_test(t, sentencepiece_files_are_checked, 0,
	    (int)(sizeof(models) / sizeof(models[0])));
	tcase_add_test(t, an_unused_piece_is_taken_apart);
	tcase_add_test(t, a_precompiled_map_is_applied);
	suite_add_tcase(s, t);
	return s;
}
