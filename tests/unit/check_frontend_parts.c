/* frontend/: lines, stop strings, names, fields; each by itself. */
#include "base/rng.h"
#include "frontend/api.h"
#include "frontend/line_in.h"
#include "frontend/names.h"
#include "frontend/stops.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
feed(struct line_in *in, const char *bytes, size_t n)
{
	size_t room;
	char *to = line_room(in, &room);

	ck_assert_ptr_nonnull(to);
	ck_assert_uint_ge(room, n);
	memcpy(to, bytes, n);
	line_filled(in, n);
}

/* Everything that comes out, one character a line kind. */
static void
drain(struct line_in *in, size_t max, char *out)
{
	char *line;
	size_t n;
	enum line_got got;

	while ((got = line_take(in, max, &line, &n)) != LINE_NONE)
		if (got == LINE_TOO_LONG)
			strcat(out, "<long>");
		else
			sprintf(out + strlen(out), "<%.*s>", (int)n, line);
	line_settle(in);
}

START_TEST(lines_do_not_depend_on_where_the_bytes_are_cut)
{
	static const char text[] =
	    "one\ntwo\r\n\nthis one is over\nfour4\ntoolong\nsix";
	size_t n = sizeof(text) - 1;

	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++) {
			struct line_in in = { 0 };
			char out[256] = "";
			char *line;
			size_t len;

			feed(&in, text, a);
			drain(&in, 5, out);
			feed(&in, text + a, b - a);
			drain(&in, 5, out);
			feed(&in, text + b, n - b);
			drain(&in, 5, out);
			ck_assert_str_eq(out,
			    "<one><two><><long><four4><long>");
			ck_assert_int_eq(line_last(&in, 5, &line, &len),
			    LINE_READY);
			ck_assert_uint_eq(len, 3);
			line_in_free(&in);
		}
}
END_TEST

START_TEST(nothing_is_held_between_whole_lines)
{
	struct line_in in = { 0 };
	char out[64] = "";

	feed(&in, "a\nb\n", 4);
	drain(&in, 100, out);
	ck_assert_ptr_null(in.at);
	ck_assert_str_eq(out, "<a><b>");
}
END_TEST

START_TEST(text_is_escaped_as_json_reads_it_back)
{
	struct line_out o = { 0 };
	char every[160];
	json_t *v;

	for (int i = 0; i < 128; i++)
		every[i] = (char)(i == 0 ? 1 : i);
	memcpy(every + 128, "\xc3\xa4\xf0\x9f\x98\x80\"\\", 8);
	line_text(&o, every, 136);
	v = json_loadb(o.at, o.used, JSON_DECODE_ANY, NULL);
	ck_assert_ptr_nonnull(v);
	ck_assert_uint_eq(json_string_length(v), 136);
	ck_assert_mem_eq(json_string_value(v), every, 136);
	json_decref(v);
	line_clear(&o);
	line_int(&o, INT64_MIN);
	line_int(&o, 0);
	line_raw(&o, "", 1);
	ck_assert_str_eq(o.at, "-92233720368547758080");
	line_out_free(&o);
}
END_TEST

/* What is shown of text with these stops, cut into pieces of `cut` bytes. */
static int
stop_at(const char *text, const char *const *stops, int n, size_t cut,
    bool include, char *shown)
{
	size_t bytes[STOPS_MAX], len = strlen(text), out = 0;
	struct stops *s;
	int hit;

	for (int i = 0; i < n; i++)
		bytes[i] = strlen(stops[i]);
	s = fe_stops_new(stops, bytes, n, include);
	for (size_t at = 0; at < len; at += cut)
		out += fe_stops_put(s, text + at,
		    len - at < cut ? len - at : cut, shown + out);
	if (s->hit < 0)
		out += fe_stops_end(s, shown + out);
	shown[out] = '\0';
	hit = s->hit;
	free(s);
	return hit;
}

static const struct {
	const char *text, *stops[3];
	int n, hit;
	const char *shown, *with;
} cases[] = {
	{ "hello world", { "wor" }, 1, 0, "hello ", "hello wor" },
	{ "hello world", { "xyz" }, 1, -1, "hello world", "hello world" },
	{ "aaaaab", { "aab" }, 1, 0, "aaa", "aaaaab" },
	{ "ababac!", { "abac" }, 1, 0, "ab", "ababac" },
	/* The one complete first counts, though another began before. */
	{ "xabcdx", { "abcd", "bc" }, 2, 1, "xa", "xabc" },
	/* Complete at the same byte: the longest. */
	{ "xabcx", { "bc", "abc", "c" }, 3, 1, "x", "xabc" },
	/* A beginning that comes to nothing is shown. */
	{ "one tw", { "two" }, 1, -1, "one tw", "one tw" },
	{ "one twtwo", { "two" }, 1, 0, "one tw", "one twtwo" },
	{ "\n\n", { "\n" }, 1, 0, "", "\n" },
	{ "a\xc3\xa9", { "\xc3\xa8" }, 1, -1, "a\xc3\xa9", "a\xc3\xa9" },
};

START_TEST(stops_do_not_depend_on_where_the_text_is_cut)
{
	char shown[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t cut = 1; cut <= strlen(cases[i].text); cut++) {
			ck_assert_int_eq(stop_at(cases[i].text, cases[i].stops,
					     cases[i].n, cut, false, shown),
			    cases[i].hit);
			ck_assert_str_eq(shown, cases[i].shown);
			stop_at(cases[i].text, cases[i].stops, cases[i].n, cut,
			    true, shown);
			ck_assert_str_eq(shown, cases[i].with);
		}
}
END_TEST

START_TEST(nothing_is_shown_that_could_still_be_a_stop)
{
	const char *stop = "</end>";
	size_t bytes = 6;
	struct stops *s = fe_stops_new(&stop, &bytes, 1, false);
	char out[300];

	ck_assert_uint_eq(fe_stops_put(s, "x</en", 5, out), 1);
	ck_assert_uint_eq(fe_stops_put(s, "<", 1, out), 4);
	ck_assert_uint_eq(fe_stops_put(s, "/end>y", 6, out), 0);
	ck_assert_int_eq(s->hit, 0);
	ck_assert_uint_eq(fe_stops_put(s, "more", 4, out), 0);
	free(s);
}
END_TEST

START_TEST(a_slip_of_the_hand_costs_one)
{
	ck_assert_int_eq(fe_names_distance("roman", "roman", 3), 0);
	ck_assert_int_eq(fe_names_distance("roman", "rmoan", 3), 1);
	ck_assert_int_eq(fe_names_distance("roman", "romn", 3), 1);
	ck_assert_int_eq(fe_names_distance("roman", "romann", 3), 1);
	ck_assert_int_eq(fe_names_distance("roman", "rowan", 3), 1);
	ck_assert_int_eq(fe_names_distance("", "abc", 3), 3);
	ck_assert_int_eq(fe_names_distance("abcdef", "uvwxyz", 3), 4);
	ck_assert_int_eq(fe_names_distance("a", "abcdefgh", 3), 4);
}
END_TEST

static bool
read_request(const char *text, struct api_request *r, struct api_fail *fail)
{
	static const struct shape shape = { .has_temperature = true,
		.temperature = 0.25f,
		.has_top_k = true,
		.top_k = 40 };
	static json_t *root;
	char id[SLOT_ID_MAX];

	json_decref(root);
	return api_parse(&root, text, strlen(text), id, fail) &&
	    api_read(r, root, &shape, 1000, fail);
}

START_TEST(what_is_absent_or_null_has_the_models_default)
{
	struct api_request r;
	struct api_fail fail;

	ck_assert(read_request("{\"prompt\":\"x\",\"temperature\":null,"
			       "\"logprobs\":null,\"stop\":null}",
	    &r, &fail));
	ck_assert_double_eq(r.temperature, 0.25);
	ck_assert_double_eq(r.top_p, 1);
	ck_assert_double_eq(r.repetition, 1);
	ck_assert_int_eq(r.top_k, 40);
	ck_assert_int_eq(r.logprobs, -1);
	ck_assert_int_eq(r.max_tokens, 0);
	ck_assert(r.skip_special && r.add_special && !r.stream && !r.has_seed);
}
END_TEST

START_TEST(every_field_arrives_where_it_belongs)
{
	struct api_request r;
	struct api_fail fail;

	ck_assert(read_request(
	    "{\"id\":\"i\",\"model\":\"m\",\"prompt\":[1,2],\"max_tokens\":7.0,"
	    "\"min_tokens\":2,\"temperature\":0,\"top_p\":0.5,\"top_k\":-1,"
	    "\"min_p\":0.1,\"repetition_penalty\":1.5,\"presence_penalty\":-1,"
	    "\"frequency_penalty\":2,\"logit_bias\":{\"5\":-100,\"6\":1.5},"
	    "\"seed\":-1,\"stop\":[\"a\",\"bc\"],\"stop_token_ids\":[9],"
	    "\"include_stop_str_in_output\":true,\"ignore_eos\":true,"
	    "\"logprobs\":0,\"stream\":true,\"return_token_ids\":true,"
	    "\"skip_special_tokens\":false,\"add_special_tokens\":false,"
	    "\"timeout_ms\":5,\"n\":1,\"echo\":false,\"best_of\":1,"
	    "\"suffix\":null,\"user\":\"u\",\"metadata\":{\"a\":[]},"
	    "\"stream_options\":{\"include_usage\":true},\"priority\":0,"
	    "\"prompt_logprobs\":0}",
	    &r, &fail));
	ck_assert_str_eq(r.model, "m");
	ck_assert_int_eq(r.max_tokens, 7);
	ck_assert_int_eq(r.min_tokens, 2);
	ck_assert_double_eq(r.temperature, 0);
	ck_assert_int_eq(r.top_k, 0);
	ck_assert_int_eq(r.nbias, 2);
	ck_assert_int_eq(r.bias[0].id, 5);
	ck_assert(r.bias[1].add == 1.5f);
	ck_assert(r.has_seed && r.seed == UINT64_MAX);
	ck_assert_int_eq(r.nstop, 2);
	ck_assert_uint_eq(r.stop_bytes[1], 2);
	ck_assert_int_eq(r.stop_ids[0], 9);
	ck_assert_int_eq(r.logprobs, 0);
	ck_assert_int_eq(r.timeout_ms, 5);
	ck_assert(r.include_stop && r.ignore_eos && r.stream && r.return_ids);
	ck_assert(!r.skip_special && !r.add_special);
}
END_TEST

/* Each with {"prompt":"x", in front. */
static const struct {
	const char *rest, *code, *param;
} refused[] = {
	{ "\"model\":3}", "wrong_type", "model" },
	{ "\"model\":\"a\\u0000b\"}", "out_of_range", "model" },
	{ "\"max_tokens\":1.5}", "wrong_type", "max_tokens" },
	{ "\"max_tokens\":-1}", "out_of_range", "max_tokens" },
	{ "\"max_tokens\":3,\"min_tokens\":4}", "out_of_range", "min_tokens" },
	{ "\"temperature\":\"hot\"}", "wrong_type", "temperature" },
	{ "\"temperature\":101}", "out_of_range", "temperature" },
	{ "\"top_p\":1.01}", "out_of_range", "top_p" },
	{ "\"top_p\":1e-60}", "out_of_range", "top_p" },
	{ "\"top_k\":-2}", "out_of_range", "top_k" },
	{ "\"top_k\":3000000000}", "out_of_range", "top_k" },
	{ "\"min_p\":-0.1}", "out_of_range", "min_p" },
	{ "\"repetition_penalty\":0}", "out_of_range", "repetition_penalty" },
	{ "\"presence_penalty\":2.5}", "out_of_range", "presence_penalty" },
	{ "\"frequency_penalty\":[]}", "wrong_type", "frequency_penalty" },
	{ "\"logit_bias\":[]}", "wrong_type", "logit_bias" },
	{ "\"logit_bias\":{\"1000\":1}}", "out_of_range", "logit_bias" },
	{ "\"logit_bias\":{\"-1\":1}}", "out_of_range", "logit_bias" },
	{ "\"logit_bias\":{\"1\":101}}", "out_of_range", "logit_bias" },
	{ "\"logit_bias\":{\"1\":\"a\"}}", "wrong_type", "logit_bias" },
	{ "\"seed\":\"a\"}", "wrong_type", "seed" },
	{ "\"seed\":1.5}", "wrong_type", "seed" },
	{ "\"seed\":1e300}", "out_of_range", "seed" },
	{ "\"seed\":99999999999999999999}", "not_json", "" },
	{ "\"stop\":3}", "wrong_type", "stop" },
	{ "\"stop\":[3]}", "wrong_type", "stop" },
	{ "\"stop\":\"\"}", "out_of_range", "stop" },
	{ "\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\","
	  "\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\"]}",
	    "out_of_range", "stop" },
	{ "\"stop_token_ids\":3}", "wrong_type", "stop_token_ids" },
	{ "\"stop_token_ids\":[-1]}", "out_of_range", "stop_token_ids" },
	{ "\"stop_token_ids\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}",
	    "out_of_range", "stop_token_ids" },
	{ "\"stream\":1}", "wrong_type", "stream" },
	{ "\"ignore_eos\":\"no\"}", "wrong_type", "ignore_eos" },
	{ "\"logprobs\":true}", "wrong_type", "logprobs" },
	{ "\"logprobs\":21}", "out_of_range", "logprobs" },
	{ "\"timeout_ms\":0}", "out_of_range", "timeout_ms" },
	{ "\"n\":2}", "not_supported", "n" },
	{ "\"best_of\":3}", "not_supported", "best_of" },
	{ "\"echo\":true}", "not_supported", "echo" },
	{ "\"suffix\":\"s\"}", "not_supported", "suffix" },
	{ "\"tools\":[]}", "unknown_field", "tools" },
	{ "\"Prompt\":\"x\"}", "unknown_field", "Prompt" },
};

START_TEST(every_wrong_field_is_refused_by_name)
{
	struct api_request r;
	struct api_fail fail;
	char text[512];

	snprintf(text, sizeof(text), "{\"prompt\":\"x\",%s", refused[_i].rest);
	ck_assert_msg(!read_request(text, &r, &fail), "%s", text);
	ck_assert_str_eq(api_code_text(fail.code), refused[_i].code);
	ck_assert_str_eq(fail.param, refused[_i].param);
}
END_TEST

START_TEST(an_id_of_any_legal_kind_comes_back_as_it_was)
{
	static const char *const ids[] = { "\"r1\"", "17", "-3", "1.5",
		"\"\xc3\xa4\\\"\\n\"" };
	char text[128], id[SLOT_ID_MAX];
	struct api_fail fail;
	json_t *root;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		snprintf(text, sizeof(text), "{\"id\":%s}", ids[i]);
		ck_assert(api_parse(&root, text, strlen(text), id, &fail));
		ck_assert_str_eq(id, ids[i]);
		json_decref(root);
	}
}
END_TEST

START_TEST(an_id_that_is_too_long_is_refused)
{
	char text[600], id[SLOT_ID_MAX];
	struct api_fail fail;
	json_t *root;

	snprintf(text, sizeof(text), "{\"id\":\"%0300d\"}", 0);
	ck_assert(!api_parse(&root, text, strlen(text), id, &fail));
	ck_assert_int_eq(fail.code, API_OUT_OF_RANGE);
	json_decref(root);
}
END_TEST

START_TEST(a_message_is_cut_between_characters)
{
	struct api_fail fail;
	char wide[2 * API_MESSAGE_MAX + 2] = "";

	for (int i = 0; i < API_MESSAGE_MAX; i++)
		strcat(wide, "\xc3\xa4");
	api_refuse(&fail, API_INTERNAL, "", "x%s", wide);
	ck_assert_uint_eq(strlen(fail.message) % 2, 1);
	api_refuse(&fail, API_INTERNAL, "", "%s", wide);
	ck_assert_uint_eq(strlen(fail.message) % 2, 0);
}
END_TEST

/* A request that is almost one: bytes changed, cut out, doubled. */
static size_t
spoil(struct rng *rng, char *text, size_t n, size_t room)
{
	static const char tasty[] = "{}[]\",:\\0123456789-+.eutfn\xc3\xff";

	for (uint64_t k = rng_below(rng, 6); k > 0 && n > 1; k--) {
		size_t at = rng_below(rng, n);

		switch (rng_below(rng, 3)) {
		case 0:
			text[at] = tasty[rng_below(rng, sizeof(tasty) - 1)];
			break;
		case 1:
			memmove(text + at, text + at + 1, n - at - 1);
			n--;
			break;
		default:
			if (n == room)
				break;
			memmove(text + at + 1, text + at, n - at);
			n++;
		}
	}
	return n;
}

START_TEST(whatever_comes_is_read_or_refused_with_a_sentence)
{
	static const char good[] =
	    "{\"id\":\"a\",\"prompt\":[1,2,999],\"max_tokens\":7,\"top_p\":"
	    "0.5,\"logit_bias\":{\"5\":-1},\"seed\":-1,\"stop\":[\"a\"],"
	    "\"stop_token_ids\":[9],\"stream\":true,\"n\":1,\"user\":null}";
	struct shape shape = { 0 };
	struct rng rng;

	rng_seed(&rng, 7);
	for (int i = 0; i < 20000; i++) {
		char text[sizeof(good) + 16], id[SLOT_ID_MAX];
		struct api_request r;
		struct api_fail fail = { 0 };
		json_t *root;
		size_t n;

		memcpy(text, good, sizeof(good));
		n = spoil(&rng, text, sizeof(good) - 1, sizeof(text));
		if (!api_parse(&root, text, n, id, &fail) ||
		    !api_read(&r, root, &shape, 1000, &fail))
			ck_assert_uint_gt(strlen(fail.message), 5);
		json_decref(root);
	}
}
END_TEST

static char *
page(void)
{
	FILE *f = fopen("docs/PROTOCOL.md", "r");
	static char text[1 << 16];

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

START_TEST(the_protocols_page_names_every_field_code_and_counter)
{
	static const char *const words[] = {
#define FIELD(name, take, member, least, most, want) "`" #name "`",
#include "frontend/fields.tbl"
#undef FIELD
#define CODE(name, text, type, meaning) "`" text "`",
#include "frontend/codes.tbl"
#undef CODE
#define METER(name, what) "`" #name "`",
#include "shm/frontend_meters.tbl"
#include "shm/gpuexec_meters.tbl"
#include "shm/loader_meters.tbl"
#include "shm/scheduler_meters.tbl"
#undef METER
#define HISTOGRAM(by, name, kind, what) HISTOGRAM_##kind##_WORD(name),
#define HISTOGRAM_TIME_WORD(name) "`" #name "_ms`"
#define HISTOGRAM_COUNT_WORD(name) "`" #name "`"
#include "shm/histograms.tbl"
#undef HISTOGRAM
	};
	const char *text = page();

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ck_assert_msg(strstr(text, words[i]) != NULL,
		    "docs/PROTOCOL.md does not name %s", words[i]);
}
END_TEST

Suite *suite_frontend_parts(void);

Suite *
suite_frontend_parts(void)
{
	Suite *s = suite_create("frontend parts");
	TCase *t = tcase_create("parts");

	tcase_add_test(t, lines_do_not_depend_on_where_the_bytes_are_cut);
	tcase_add_test(t, nothing_is_held_between_whole_lines);
	tcase_add_test(t, text_is_escaped_as_json_reads_it_back);
	tcase_add_test(t, stops_do_not_depend_on_where_the_text_is_cut);
	tcase_add_test(t, nothing_is_shown_that_could_still_be_a_stop);
	tcase_add_test(t, a_slip_of_the_hand_costs_one);
	tcase_add_test(t, what_is_absent_or_null_has_the_models_default);
	tcase_add_test(t, every_field_arrives_where_it_belongs);
	tcase_add_loop_test(t, every_wrong_field_is_refused_by_name, 0,
	    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(t, an_id_of_any_legal_kind_comes_back_as_it_was);
	tcase_add_test(t, an_id_that_is_too_long_is_refused);
	tcase_add_test(t, a_message_is_cut_between_characters);
	tcase_add_test(t, whatever_comes_is_read_or_refused_with_a_sentence);
	tcase_add_test(t,
	    the_protocols_page_names_every_field_code_and_counter);
	suite_add_tcase(s, t);
	return s;
}
