/* config.json of four families, and of those that are not served. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "model/shape.h"
#include "model/tensors.h"
#include "tests/unit/model_files.h"

#define LLAMA "\"architectures\":[\"LlamaForCausalLM\"]"
#define MISTRAL "\"architectures\":[\"MistralForCausalLM\"]"
#define QWEN2 "\"architectures\":[\"Qwen2ForCausalLM\"]"
#define QWEN3 "\"architectures\":[\"Qwen3ForCausalLM\"]"
#define SIZES                                                                  \
	",\"hidden_size\":4096,\"intermediate_size\":64,"                      \
	"\"num_hidden_layers\":40,\"num_attention_heads\":32,"                 \
	"\"vocab_size\":100"

/* Reads a config.json of this text; generation may be NULL. */
static int
read_text(struct shape *s, const char *config, const char *generation)
{
	files_text("config.json", config);
	unlink(files_path("generation_config.json"));
	if (generation != NULL)
		files_text("generation_config.json", generation);
	return shape_read(s, files_path(""));
}

static struct shape
good(const char *config)
{
	struct shape s;

	ck_assert_msg(read_text(&s, config, NULL) == 0, "%s", err_text());
	return s;
}

static void
refused(const char *config, int code, const char *why)
{
	struct shape s;
	int e = read_text(&s, config, NULL);

	ck_assert_msg(e != 0, "%s was read, want: %s", config, why);
	ck_assert_msg(strstr(err_text(), why) != NULL, "%s, want: %s",
	    err_text(), why);
	ck_assert_msg(e == code, "%s: %s", err_text(), err_name(e));
}

START_TEST(llama_takes_its_defaults)
{
	struct shape s = good("{" LLAMA SIZES "}");

	ck_assert_int_eq(s.family, SHAPE_LLAMA);
	ck_assert_int_eq(s.kv_heads, 32);
	ck_assert_int_eq(s.head_dim, 128);
	ck_assert_int_eq(s.rotary_dim, 128);
	ck_assert_int_eq(s.context, 2048);
	ck_assert(s.rms_eps == 1e-6f && s.rope_theta == 10000);
	ck_assert(!s.qkv_bias && !s.o_bias && !s.mlp_bias && !s.qk_norm);
	ck_assert(!s.tied && s.window == 0 && s.rope == ROPE_DEFAULT);
	ck_assert_int_eq(s.bos, -1);
	ck_assert_int_eq(s.neos, 0);
	s = good("{" LLAMA SIZES ",\"attention_bias\":true,\"mlp_bias\":true,"
		 "\"tie_word_embeddings\":true,\"num_key_value_heads\":8}");
	ck_assert(s.qkv_bias && s.o_bias && s.mlp_bias && s.tied);
	ck_assert_int_eq(s.kv_heads, 8);
}
END_TEST

START_TEST(mistral_takes_its_defaults)
{
	struct shape s = good("{" MISTRAL SIZES ",\"attention_bias\":true}");

	ck_assert_int_eq(s.kv_heads, 8);
	ck_assert_int_eq(s.head_dim, 128);
	ck_assert(!s.qkv_bias && !s.o_bias);
	ck_assert_int_eq(s.window, 4096);
	ck_assert_int_eq(s.windowed[0] + s.windowed[39], 2);
	s = good("{" MISTRAL SIZES ",\"sliding_window\":null,"
		 "\"num_key_value_heads\":null}");
	ck_assert_int_eq(s.window, 0);
	ck_assert_int_eq(s.windowed[0], 0);
	ck_assert_int_eq(s.kv_heads, 32);
	/* A window that is never full is none. */
	s = good("{" MISTRAL SIZES ",\"max_position_embeddings\":4096}");
	ck_assert_int_eq(s.window, 0);
}
END_TEST

START_TEST(qwen2_takes_its_defaults)
{
	struct shape s = good("{" QWEN2 SIZES "}");

	ck_assert_int_eq(s.kv_heads, 32);
	ck_assert(s.qkv_bias && !s.o_bias && !s.qk_norm);
	ck_assert_int_eq(s.window, 0);
	s = good("{" QWEN2 SIZES ",\"sliding_window\":512}");
	ck_assert_int_eq(s.window, 0); /* use_sliding_window is absent */
	s = good("{" QWEN2 SIZES ",\"sliding_window\":512,"
		 "\"use_sliding_window\":true}");
	ck_assert_int_eq(s.window, 512);
	ck_assert_int_eq(s.windowed[27], 0);
	ck_assert_int_eq(s.windowed[28], 1);
	s = good("{" QWEN2 SIZES ",\"sliding_window\":512,"
		 "\"use_sliding_window\":true,\"max_window_layers\":40}");
	ck_assert_int_eq(s.window, 0);
}
END_TEST

START_TEST(qwen3_takes_its_defaults)
{
	struct shape s = good("{" QWEN3 SIZES "}");

	ck_assert_int_eq(s.kv_heads, 32);
	ck_assert_int_eq(s.head_dim, 128);
	ck_assert(s.qk_norm && !s.qkv_bias && !s.o_bias);
	s = good("{" QWEN3 SIZES ",\"attention_bias\":true,\"head_dim\":80}");
	ck_assert_int_eq(s.head_dim, 80);
	ck_assert(s.qkv_bias && s.o_bias);
}
END_TEST

START_TEST(layer_types_say_which_layers_have_a_window)
{
	struct shape s = good(
	    "{" QWEN3 ",\"hidden_size\":64,\"intermediate_size\":64,"
	    "\"num_hidden_layers\":2,\"num_attention_heads\":32,"
	    "\"vocab_size\":9,\"use_sliding_window\":true,"
	    "\"sliding_window\":16,\"layer_types\":"
	    "[\"sliding_attention\",\"full_attention\"]}");

	ck_assert_int_eq(s.head_dim, 128);
	ck_assert(s.qk_norm && !s.qkv_bias);
	ck_assert_int_eq(s.window, 16);
	ck_assert_int_eq(s.windowed[0], 1);
	ck_assert_int_eq(s.windowed[1], 0);
}
END_TEST

static const struct {
	const char *config;
	int code;
	const char *why;
} wrong[] = {
	{ "{}", ERR_UNSUPPORTED, "architectures: none named: want Llama" },
	{ "{\"architectures\":[\"GPT2LMHeadModel\"]" SIZES "}", ERR_UNSUPPORTED,
	    "architectures: GPT2LMHeadModel: want Llama" },
	{ "[]", ERR_FORMAT, "config.json: is not a JSON object" },
	{ "{" LLAMA LLAMA "}", ERR_FORMAT, "config.json: line 1" },
	{ "{\"a\":1,\"a\":2}", ERR_FORMAT, "duplicate object key" },
	{ "{" LLAMA SIZES ",\"quantization_config\":"
	  "{\"quant_method\":\"gptq\"}}",
	    ERR_UNSUPPORTED, "quantization_config: quant_method gptq" },
	{ "{" LLAMA SIZES ",\"hidden_act\":\"gelu\"}", ERR_UNSUPPORTED,
	    "hidden_act: gelu: want silu" },
	{ "{" LLAMA ",\"hidden_size\":8}", ERR_FORMAT,
	    "intermediate_size: is missing" },
	{ "{" LLAMA ",\"hidden_size\":0}", ERR_FORMAT, "hidden_size: want" },
	{ "{" LLAMA ",\"hidden_size\":1e3}", ERR_FORMAT,
	    "hidden_size: want an integer" },
	{ "{" LLAMA ",\"hidden_size\":99999999999}", ERR_FORMAT,
	    "hidden_size: want an integer, 1 to" },
	{ "{" LLAMA SIZES ",\"num_key_value_heads\":5}", ERR_FORMAT,
	    "num_key_value_heads: 5 does not divide" },
	{ "{" LLAMA SIZES ",\"rms_norm_eps\":\"x\"}", ERR_FORMAT,
	    "rms_norm_eps: want a number" },
	{ "{" LLAMA SIZES ",\"tie_word_embeddings\":1}", ERR_FORMAT,
	    "tie_word_embeddings: want true or false" },
	{ "{" LLAMA SIZES ",\"rope_scaling\":{\"type\":\"dynamic\"}}",
	    ERR_UNSUPPORTED, "rope_type 'dynamic': want default" },
	{ "{" LLAMA SIZES ",\"rope_parameters\":{\"rope_type\":"
	  "\"longrope\"}}",
	    ERR_UNSUPPORTED, "rope_type 'longrope'" },
	{ "{" LLAMA SIZES ",\"rope_scaling\":{\"type\":\"linear\"}}",
	    ERR_FORMAT, "rope_scaling: factor: is missing" },
	{ "{" LLAMA SIZES ",\"rope_parameters\":{\"full_attention\":{}}}",
	    ERR_UNSUPPORTED, "'full_attention': frequencies of their own" },
	{ "{" LLAMA SIZES ",\"rope_scaling\":{\"rope_type\":\"llama3\","
	  "\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4,"
	  "\"original_max_position_embeddings\":8192}}",
	    ERR_FORMAT, "high_freq_factor: 4: want more" },
	{ "{" LLAMA SIZES ",\"partial_rotary_factor\":0.01}", ERR_UNSUPPORTED,
	    "1 of 128 dimensions rotate" },
	{ "{" LLAMA SIZES ",\"layer_types\":[]}", ERR_FORMAT,
	    "layer_types: want a list of 40" },
	{ "{" LLAMA ",\"hidden_size\":64,\"intermediate_size\":64,"
	  "\"num_hidden_layers\":1,\"num_attention_heads\":2,"
	  "\"vocab_size\":9,\"sliding_window\":4,"
	  "\"layer_types\":[\"sliding_attention\"]}",
	    ERR_UNSUPPORTED, "layer_types: sliding_attention, but no" },
	{ "{" QWEN2 ",\"hidden_size\":64,\"intermediate_size\":64,"
	  "\"num_hidden_layers\":1,\"num_attention_heads\":2,"
	  "\"num_key_value_heads\":2,\"vocab_size\":9,"
	  "\"layer_types\":[\"linear_attention\"]}",
	    ERR_UNSUPPORTED, "layer 0: linear_attention: want" },
	{ "{" LLAMA SIZES ",\"eos_token_id\":-1}", ERR_FORMAT,
	    "eos_token_id: want token ids" },
};

START_TEST(what_would_be_computed_wrongly_is_refused)
{
	refused(wrong[_i].config, wrong[_i].code, wrong[_i].why);
}
END_TEST

START_TEST(generation_config_wins_over_config)
{
	struct shape s;

	ck_assert_int_eq(read_text(&s,
			     "{" LLAMA SIZES
			     ",\"eos_token_id\":2,\"bos_token_id\":1}",
			     "{\"eos_token_id\":[7,8],\"temperature\":0.5,"
			     "\"top_k\":20,\"top_p\":0.75}"),
	    0);
	ck_assert_int_eq(s.bos, 1);
	ck_assert_int_eq(s.neos, 2);
	ck_assert_int_eq(s.eos[1], 8);
	ck_assert(s.has_temperature && s.temperature == 0.5f);
	ck_assert(s.has_top_p && s.top_p == 0.75f);
	ck_assert(s.has_top_k && s.top_k == 20 && !s.has_repetition);
	ck_assert_int_eq(read_text(&s,
			     "{" LLAMA SIZES ",\"eos_token_id\":[2,3]}",
			     "{\"do_sample\":true}"),
	    0);
	ck_assert_int_eq(s.neos, 2);
	ck_assert_int_ne(read_text(&s, "{" LLAMA SIZES "}",
			     "{\"temperature\":-1}"),
	    0);
	ck_assert_ptr_nonnull(
	    strstr(err_text(), "generation_config.json: temperature"));
}
END_TEST

static void
near_to(double have, double want)
{
	ck_assert_msg(fabs(have - want) <= 5e-9 * fabs(want),
	    "%.12g, want %.12g", have, want);
}

/* f_0, f_16, f_32, f_48, f_63 of 128 dimensions. */
static void
rope_is(const struct shape *s, const double *want)
{
	static const int at[] = { 0, 16, 32, 48, 63 };
	double f[64];

	ck_assert_int_eq(s->rotary_dim, 128);
	shape_rope_frequencies(s, f);
	for (int i = 0; i < 5; i++)
		near_to(f[at[i]], want[i]);
}

#define LLAMA3_NUMBERS                                                         \
	"\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"     \
	"\"original_max_position_embeddings\":8192"

START_TEST(llama3_frequencies_are_those_of_the_formula)
{
	static const double want[] = { 1, 3.76060309e-2, 5.24846161e-4,
		6.64786987e-6, 3.06892599e-7 };
	struct shape s = good(
	    "{" LLAMA SIZES ",\"rope_theta\":500000,"
	    "\"rope_scaling\":{\"type\":\"llama3\"," LLAMA3_NUMBERS "}}");

	rope_is(&s, want);
	s = good("{" LLAMA SIZES ",\"rope_parameters\":{\"rope_theta\":5e5,"
		 "\"rope_type\":\"llama3\"," LLAMA3_NUMBERS "}}");
	rope_is(&s, want);
	ck_assert(s.rope_attention == 1);
}
END_TEST

START_TEST(yarn_frequencies_are_those_of_the_formula)
{
	static const double want[] = { 1, 3.16227766e-2, 6.02941176e-4,
		7.90569415e-6, 3.10234440e-7 };
	struct shape s = good("{" QWEN3 SIZES ",\"rope_theta\":1000000,"
			      "\"max_position_embeddings\":131072,"
			      "\"rope_scaling\":{\"rope_type\":\"yarn\","
			      "\"factor\":4.0,"
			      "\"original_max_position_embeddings\":32768}}");

	rope_is(&s, want);
	near_to(s.rope_attention, 1.13862944);
	/* The factor from the two contexts. */
	s = good("{" QWEN3 SIZES ",\"max_position_embeddings\":131072,"
		 "\"rope_parameters\":{\"rope_theta\":1e6,"
		 "\"rope_type\":\"yarn\",\"factor\":null,"
		 "\"original_max_position_embeddings\":32768}}");
	rope_is(&s, want);
	s = good("{" QWEN3 SIZES ",\"rope_scaling\":{\"type\":\"yarn\","
		 "\"factor\":40,\"mscale\":0.5,\"mscale_all_dim\":1,"
		 "\"truncate\":false}}");
	near_to(s.rope_attention, (0.05 * log(40) + 1) / (0.1 * log(40) + 1));
	ck_assert(!s.rope_truncate && s.rope_original == s.context);
	s = good("{" QWEN3 SIZES ",\"rope_scaling\":{\"type\":\"yarn\","
		 "\"factor\":40,\"attention_factor\":0.5}}");
	ck_assert(s.rope_attention == 0.5);
}
END_TEST

START_TEST(linear_and_partial_rope)
{
	struct shape s = good("{" LLAMA SIZES ",\"partial_rotary_factor\":0.5,"
			      "\"rope_scaling\":{\"type\":\"linear\","
			      "\"factor\":2}}");
	double f[32];

	ck_assert_int_eq(s.rotary_dim, 64);
	shape_rope_frequencies(&s, f);
	near_to(f[0], 0.5);
	near_to(f[16], 0.5 * pow(10000, -0.5));
}
END_TEST

static const char *const kept[] = {
	"{" LLAMA SIZES ",\"attention_bias\":true,\"bos_token_id\":3,"
	"\"eos_token_id\":[4,5],\"partial_rotary_factor\":0.5}",
	"{" LLAMA SIZES ",\"rope_theta\":5e5,\"mlp_bias\":true,"
	"\"rope_scaling\":{\"type\":\"llama3\"," LLAMA3_NUMBERS "}}",
	"{" MISTRAL SIZES ",\"head_dim\":64,\"tie_word_embeddings\":true}",
	"{" QWEN2 SIZES ",\"use_sliding_window\":true,\"sliding_window\":100}",
	"{" QWEN3 SIZES ",\"rope_scaling\":{\"type\":\"yarn\",\"factor\":3,"
	"\"truncate\":false}}",
	"{" QWEN3 SIZES ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":3}}",
};

START_TEST(shape_that_is_written_is_read_back)
{
	struct shape s = good(kept[_i]), back;

	s.has_top_k = true;
	s.top_k = 17;
	s.has_temperature = true;
	s.temperature = 0.25f;
	ck_assert_msg(shape_write(&s, files_path("")) == 0, "%s", err_text());
	ck_assert_msg(shape_read(&back, files_path("")) == 0, "%s", err_text());
	ck_assert_mem_eq(&s, &back, sizeof(s));
}
END_TEST

START_TEST(names_and_sizes_of_weights)
{
	struct shape s = good(
	    "{" LLAMA ",\"hidden_size\":8,\"intermediate_size\":12,"
	    "\"num_hidden_layers\":3,"
	    "\"num_attention_heads\":2,\"head_dim\":6,"
	    "\"num_key_value_heads\":1,\"vocab_size\":10}");
	char name[SHAPE_NAME_MAX];

	ck_assert_str_eq(shape_weight_name(name, WEIGHT_POST_NORM, 511),
	    "model.layers.511.post_attention_layernorm.weight");
	ck_assert_str_eq(shape_weight_name(name, WEIGHT_NORM, 7),
	    "model.norm.weight");
	ck_assert_str_eq(shape_module_name(name, LINEAR_DOWN, 2),
	    "model.layers.2.mlp.down_proj");
	ck_assert_str_eq(shape_module_name(name, LINEAR_HEAD, -1), "lm_head");
	ck_assert_int_eq(shape_out(&s, LINEAR_Q), 12);
	ck_assert_int_eq(shape_out(&s, LINEAR_K), 6);
	ck_assert_int_eq(shape_in(&s, LINEAR_O), 12);
	ck_assert_int_eq(shape_in(&s, LINEAR_DOWN), 12);
	ck_assert_int_eq(shape_in(&s, LINEAR_EMBED), 10);
	ck_assert_int_eq(shape_out(&s, LINEAR_EMBED), 8);
	ck_assert_int_eq(shape_out(&s, LINEAR_HEAD), 10);
	ck_assert_uint_eq(shape_kv_floats(&s), 2 * 3 * 6);
	ck_assert_uint_eq(shape_parameters(&s),
	    80 + 80 + 8 + 3 * (96 + 48 + 48 + 96 + 3 * 96 + 16));
}
END_TEST

/* A model of one layer: every tensor that it has, then some that it has not. */
static int
check_with(struct shape *s, enum shape_weight left_out, const char *extra,
    bool wrong_shape)
{
	static float zeros[4096];
	struct tensor_out out[32];
	char names[32][SHAPE_NAME_MAX];
	struct tensors ts;
	int n = 0, e;

	for (int i = 0; i < WEIGHT_COUNT; i++) {
		enum shape_weight w = (enum shape_weight)i;
		int cols = shape_cols(s, w);

		if (!shape_has(s, w) || w == left_out)
			continue;
		out[n] = (struct tensor_out){ shape_weight_name(names[n], w, 0),
			TENSOR_F32, cols == 1 ? 1 : 2,
			{ (uint64_t)shape_rows(s, w), (uint64_t)cols }, zeros };
		if (wrong_shape && w == WEIGHT_K)
			out[n].shape[0]++;
		n++;
	}
	if (extra != NULL)
		out[n++] = (struct tensor_out){ extra, TENSOR_F32, 1, { 4 },
			zeros };
	ck_assert_int_eq(tensors_write(files_path("model.safetensors"), out, n,
			     NULL, NULL),
	    0);
	ck_assert_int_eq(tensors_open_model(&ts, files_path("")), 0);
	e = shape_check_weights(s, &ts);
	tensors_close(&ts);
	return e;
}

START_TEST(every_weight_is_there_with_its_shape_and_no_other)
{
	struct shape s = good(
	    "{" LLAMA ",\"hidden_size\":8,\"intermediate_size\":12,"
	    "\"num_hidden_layers\":1,"
	    "\"num_attention_heads\":2,\"vocab_size\":10}");
	enum shape_weight none = WEIGHT_COUNT;

	ck_assert_msg(check_with(&s, none, NULL, false) == 0, "%s", err_text());
	ck_assert_int_eq(check_with(&s, none,
			     "model.layers.0.self_attn.rotary_emb.inv_freq",
			     false),
	    0);
	ck_assert_int_ne(check_with(&s, WEIGHT_UP, NULL, false), 0);
	ck_assert_ptr_nonnull(strstr(err_text(),
	    "model.layers.0.mlp.up_proj.weight: is missing"));
	ck_assert_int_ne(check_with(&s, none, NULL, true), 0);
	ck_assert_ptr_nonnull(strstr(err_text(),
	    "model.layers.0.self_attn.k_proj.weight: want shape [8, 8]"));
	ck_assert_int_ne(check_with(&s, none,
			     "model.layers.1.input_layernorm.weight", false),
	    0);
	ck_assert_ptr_nonnull(strstr(err_text(), "is no tensor of a llama"));
}
END_TEST

START_TEST(every_model_of_the_fixtures_is_read)
{
	static const char *const names[] = { "llama-gqa", "llama-tied",
		"llama-bias", "llama-linear", "llama-llama3",
		"llama-llama3-new", "llama-yarn", "llama-bf16", "llama-f16",
		"llama-sharded", "mistral", "mistral-window", "qwen2",
		"qwen2-tied", "qwen3", "qwen3-tied" };
	char path[256], report[2048];
	struct tensors ts;
	struct shape s;

	snprintf(path, sizeof(path), "tests/fixtures/hf/%s/model", names[_i]);
	ck_assert_msg(shape_read(&s, path) == 0, "%s", err_text());
	ck_assert_int_eq(s.window, strstr(path, "window") != NULL ? 8 : 0);
	ck_assert_msg(tensors_open_model(&ts, path) == 0, "%s", err_text());
	ck_assert_msg(shape_check_weights(&s, &ts) == 0, "%s", err_text());
	shape_report(&s, &ts, report, sizeof(report));
	ck_assert_ptr_nonnull(strstr(report, "  vocabulary  96 tokens"));
	tensors_close(&ts);
}
END_TEST

/* Laid out one by one as a loader might, it all lies inside. */
START_TEST(the_region_of_the_weights_holds_any_layout)
{
	struct shape s = { .hidden = 60,
		.inter = 100,
		.layers = 3,
		.vocab = 77,
		.heads = 4,
		.kv_heads = 2,
		.head_dim = 15,
		.qkv_bias = true,
		.qk_norm = true };
	uint64_t region = shape_region_bytes(&s, 2), used = 0;

	for (int i = 0; i < WEIGHT_COUNT; i++) {
		enum shape_weight w = (enum shape_weight)i;
		uint64_t n = (uint64_t)shape_rows(&s, w) *
		    (uint64_t)shape_cols(&s, w);

		for (int l = 0; l < (shape_weight_layered(w) ? 3 : 1); l++)
			if (shape_has(&s, w))
				used = (used + 255) / 256 * 256 +
				    n * (shape_cols(&s, w) == 1 ? 4 : 2);
	}
	ck_assert_uint_ge(region, used + SHAPE_REGION_SPARE - 256);
	ck_assert_uint_eq(region % (2u << 20), 0);
	ck_assert_uint_lt(region, used + (4u << 20));
	/* Tied, the head takes nothing; wider numbers take more. */
	s.vocab = 1 << 20;
	region = shape_region_bytes(&s, 2);
	ck_assert_uint_gt(shape_region_bytes(&s, 4), region + (100u << 20));
	s.tied = true;
	ck_assert_uint_lt(shape_region_bytes(&s, 2), region - (100u << 20));
}
END_TEST

Suite *suite_shape(void);

Suite *
suite_shape(void)
{
	Suite *s = suite_create("shape");
	TCase *t = tcase_create("shape");

	tcase_add_unchecked_fixture(t, files_begin, files_end);
	tcase_add_test(t, llama_takes_its_defaults);
	tcase_add_test(t, mistral_takes_its_defaults);
	tcase_add_test(t, qwen2_takes_its_defaults);
	tcase_add_test(t, qwen3_takes_its_defaults);
	tcase_add_test(t, layer_types_say_which_layers_have_a_window);
	tcase_add_loop_test(t, what_would_be_computed_wrongly_is_refused, 0,
	    (int)(sizeof(wrong) / sizeof(wrong[0])));
	tcase_add_test(t, generation_config_wins_over_config);
	tcase_add_test(t, llama3_frequencies_are_those_of_the_formula);
	tcase_add_test(t, yarn_frequencies_are_those_of_the_formula);
	tcase_add_test(t, linear_and_partial_rope);
	tcase_add_loop_test(t, shape_that_is_written_is_read_back, 0,
	    (int)(sizeof(kept) / sizeof(kept[0])));
	tcase_add_test(t, names_and_sizes_of_weights);
	tcase_add_test(t, every_weight_is_there_with_its_shape_and_no_other);
	tcase_add_test(t, the_region_of_the_weights_holds_any_layout);
	tcase_add_loop_test(t, every_model_of_the_fixtures_is_read, 0, 16);
	suite_add_tcase(s, t);
	return s;
}
