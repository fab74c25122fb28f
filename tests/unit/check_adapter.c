/* Which adapters are served, and with which sentence the others are not. */
#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/model_files.h"
#include "tests/unit/model_lora.h"

static const struct adapter_rules strict;
static const struct adapter_rules partial = { .allow_partial = true };

/* Fields that are refused, and the sentence. */
static const struct {
	const char *fields, *why;
} refusals[] = {
	{ "\"r\":2", "peft_type: missing: only LORA is served" },
	{ "\"peft_type\":\"IA3\"", "peft_type: 'IA3': only LORA is served" },
	{ LORA_GOOD ",\"use_dora\":true", "use_dora: true: not supported" },
	{ LORA_GOOD ",\"bias\":\"all\"", "bias: 'all': not supported" },
	{ LORA_GOOD ",\"lora_bias\":true", "lora_bias: true: not supported" },
	{ LORA_GOOD ",\"modules_to_save\":[\"lm_head\"]",
	    "modules_to_save: [\"lm_head\"]: not supported" },
	{ LORA_GOOD ",\"trainable_token_indices\":[1]",
	    "trainable_token_indices: [1]: not supported" },
	{ LORA_GOOD ",\"alora_invocation_tokens\":[3]",
	    "alora_invocation_tokens: [3]: not supported" },
	{ LORA_GOOD ",\"layer_replication\":[[0,1]]",
	    "layer_replication: [[0, 1]]: not supported" },
	{ LORA_GOOD ",\"target_parameters\":[\"x\"]",
	    "target_parameters: [\"x\"]: not supported" },
	{ LORA_GOOD ",\"use_qalora\":true", "use_qalora: true: not" },
	{ LORA_GOOD ",\"use_bdlora\":{\"a\":1}", "use_bdlora: {\"a\": 1}" },
	{ LORA_GOOD ",\"arrow_config\":{\"a\":1}", "arrow_config: " },
	{ LORA_GOOD ",\"kasa_config\":{\"a\":1}", "kasa_config: " },
	{ LORA_GOOD ",\"monteclora_config\":{\"a\":1}", "monteclora_config" },
	{ LORA_GOOD ",\"init_lora_weights\":\"pissa\"",
	    "init_lora_weights: 'pissa': trained against a changed base; "
	    "convert it to a plain LoRA first" },
	{ LORA_GOOD ",\"init_lora_weights\":\"PiSSA_niter_4\"",
	    "init_lora_weights: 'PiSSA_niter_4': trained against" },
	{ LORA_GOOD ",\"init_lora_weights\":\"olora\"", "'olora': trained" },
	{ LORA_GOOD ",\"init_lora_weights\":\"corda\"", "'corda': trained" },
	{ LORA_GOOD ",\"init_lora_weights\":\"loftq\"", "'loftq': trained" },
	{ LORA_GOOD ",\"init_lora_weights\":\"lora_ga\"", "'lora_ga': trai" },
	{ LORA_GOOD ",\"init_lora_weights\":\"new\"", "'new': not supported" },
	{ LORA_GOOD ",\"task_type\":\"SEQ_CLS\"",
	    "task_type: 'SEQ_CLS': not supported" },
	{ "\"peft_type\":\"LORA\",\"r\":0", "r: want an integer, 1 to 512" },
	{ "\"peft_type\":\"LORA\",\"r\":513", "r: want an integer, 1 to 512" },
	{ "\"peft_type\":\"LORA\",\"r\":2,\"r\":2", "duplicate object key" },
	{ "\"peft_type\":\"LORA\",\"lora_alpha\":\"x\"", "lora_alpha: want" },
	{ LORA_GOOD ",\"rank_pattern\":[1]", "rank_pattern: want an object" },
	{ LORA_GOOD ",\"rank_pattern\":{\"q_proj\":600}",
	    "rank_pattern: 'q_proj': want an integer, 1 to 512" },
	{ LORA_GOOD ",\"rank_pattern\":{\"(\":2}",
	    "rank_pattern: '(' cannot be read: missing closing" },
	{ LORA_GOOD ",\"alpha_pattern\":{\"(([a-z.]+)*)*[!?]\":2}",
	    "alpha_pattern: '(([a-z.]+)*)*[!?]' takes too long to match" },
	{ "\"peft_type\":\"LORA\",\"target_modules\":\"(a*)*(a|b\"",
	    "target_modules: '(a*)*(a|b' cannot be read" },
	{ "\"peft_type\":\"LORA\",\"target_modules\":7",
	    "target_modules: want a text or a list" },
	{ "\"peft_type\":\"LORA\",\"target_modules\":[7]",
	    "target_modules: want texts" },
	{ "\"peft_type\":\"LORA\",\"target_modules\":\"all-linear\","
	  "\"layers_to_transform\":[0]",
	    "layers_to_transform: only with a list of target_modules" },
	{ LORA_GOOD ",\"layers_to_transform\":\"0\"",
	    "layers_to_transform: want" },
};

START_TEST(field_that_changes_the_arithmetic_is_refused)
{
	struct lora_files f;
	char config[1024];

	lora_good(&f);
	snprintf(config, sizeof(config), "{%s}", refusals[_i].fields);
	lora_write("refused", config, &f);
	lora_refused("refused", strict, refusals[_i].why);
	lora_free(&f);
}
END_TEST

/* Fields that are no reason to refuse. */
static const char *const harmless[] = {
	LORA_GOOD,
	LORA_GOOD ",\"task_type\":null,\"bias\":\"none\"",
	LORA_GOOD ",\"task_type\":\"CAUSAL_LM\",\"use_dora\":false,"
		  "\"modules_to_save\":[],\"arrow_config\":{},"
		  "\"layer_replication\":null",
	LORA_GOOD ",\"init_lora_weights\":\"gaussian\"",
	LORA_GOOD ",\"init_lora_weights\":false",
	LORA_GOOD ",\"init_lora_weights\":\"eva\",\"velora_config\":{\"a\":1}",
	LORA_GOOD ",\"layers_to_transform\":[]",
	LORA_GOOD ",\"layers_to_transform\":[0,1],\"layers_pattern\":"
		  "\"layers\"",
	LORA_GOOD ",\"rank_pattern\":{},\"alpha_pattern\":null",
	"\"peft_type\":\"LORA\",\"r\":2", /* q and v by default */
	"\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":[]",
	"\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":"
	"\".*self_attn.(q|v)_proj\"",
	"\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":"
	"\".*_proj\",\"exclude_modules\":\".*mlp.*|.*(k|o)_proj\"",
	"\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":\"All-Linear\","
	"\"exclude_modules\":[\"k_proj\",\"o_proj\",\"gate_proj\",\"up_proj\","
	"\"mlp.down_proj\"]",
	"\"peft_type\":\"LORA\",\"rank_pattern\":{\"self_attn\\\\.._proj\":2}",
};

START_TEST(harmless_fields_are_served)
{
	struct lora_files f;
	struct adapter a;
	char config[1024];

	lora_good(&f);
	snprintf(config, sizeof(config), "{%s}", harmless[_i]);
	lora_write("harmless", config, &f);
	ck_assert_msg(lora_open(&a, "harmless", strict) == 0, "%s: %s",
	    harmless[_i], err_text());
	ck_assert_int_eq(a.nmodules, 4);
	ck_assert_int_eq(a.nmatched, 8);
	ck_assert_int_eq(a.nabsent, 0);
	adapter_close(&a);
	lora_free(&f);
}
END_TEST

START_TEST(fields_passed_over_are_named)
{
	struct lora_files f;
	struct adapter a;

	lora_good(&f);
	lora_write("named",
	    "{" LORA_GOOD ",\"peft_version\":\"0.18\",\"novel\":1,"
	    "\"novel_off\":false,\"fan_in_fan_out\":true,"
	    "\"inference_mode\":true,\"lora_dropout\":0.1,"
	    "\"base_model_name_or_path\":\"some/base\"}",
	    &f);
	ck_assert_int_eq(lora_open(&a, "named", strict), 0);
	ck_assert_str_eq(a.ignored,
	    "peft_version, novel (unknown), fan_in_fan_out");
	ck_assert_str_eq(a.base_name, "some/base");
	adapter_close(&a);
	lora_free(&f);
}
END_TEST

static void
refused_with(struct lora_files *f, const char *config, const char *why)
{
	lora_write("tensors", config, f);
	lora_refused("tensors", strict, why);
	lora_free(f);
}

START_TEST(tensor_that_does_not_fit_is_refused)
{
	struct lora_files f;

	lora_good(&f);
	refused_with(&f,
	    "{\"peft_type\":\"LORA\",\"r\":2,\"rank_pattern\":"
	    "{\"1.self_attn.q_proj\":8}}",
	    "model.layers.1.self_attn.q_proj: lora_A has 2 rows, r is 8 here");
	lora_good(&f);
	f.list[1].shape[0] = 2;
	f.list[1].shape[1] = 8;
	refused_with(&f, "{" LORA_GOOD "}",
	    "model.layers.0.self_attn.q_proj: lora_B has 8 columns, r is 2");
	lora_good(&f);
	lora_tensor(&f, LORA_FRONT "0.self_attn.k_proj.lora_A.weight", 2, 9);
	lora_tensor(&f, LORA_FRONT "0.self_attn.k_proj.lora_B.weight", 4, 2);
	refused_with(&f, "{" LORA_GOOD "}",
	    LORA_FRONT "0.self_attn.k_proj.lora_A.weight: shape [2, 9]: want "
		       "[2, 8] for this base model");
	lora_good(&f);
	f.list[0].ndim = 1;
	f.list[0].shape[0] = 16;
	refused_with(&f, "{" LORA_GOOD "}",
	    "1 dimensions: want [2, 8] for this base model");
	lora_good(&f);
	f.n--;
	refused_with(&f, "{" LORA_GOOD "}",
	    "model.layers.1.self_attn.v_proj: lora_B is missing");
	lora_good(&f);
	lora_tensor(&f, LORA_FRONT "0.self_attn.q_proj.lora_A.default.weight",
	    2, 8);
	refused_with(&f, "{" LORA_GOOD "}", "are for the same module");
}
END_TEST

START_TEST(tensor_of_another_kind_is_refused)
{
	struct lora_files none = { .n = 0 };

	files_make_dir("kind");
	files_text("kind/adapter_config.json", "{" LORA_GOOD "}");
	files_tensors("kind/adapter_model.safetensors",
	    "{\"" LORA_FRONT "0.self_attn.q_proj.lora_A.weight\":"
	    "{\"dtype\":\"I8\",\"shape\":[2,8],\"data_offsets\":[0,16]}}",
	    16);
	lora_refused("kind", partial,
	    LORA_FRONT "0.self_attn.q_proj.lora_A.weight: dtype I8: want F16, "
		       "BF16 or F32");
	files_tensors("kind/adapter_model.safetensors", "{}", 1);
	lora_refused("kind", strict, "adapter_model.safetensors: 1 bytes of");
	lora_write("kind", NULL, &none);
	lora_refused("kind", partial,
	    "no tensor matches the base model: every request would be "
	    "answered by the base");
}
END_TEST

/* Tensors that stand for more than a plain LoRA: refused even if others may
 * be left over. */
static const struct {
	const char *name, *why;
} more[] = {
	{ LORA_FRONT "0.self_attn.q_proj.lora_magnitude_vector", "use_dora" },
	{ LORA_FRONT "0.self_attn.q_proj.lora_B.bias", "lora_bias" },
	{ "base_model.model.model.embed_tokens.token_adapter."
	  "trainable_tokens_delta",
	    "trainable_token_indices" },
	{ "base_model.model.lm_head.weight", "modules_to_save" },
	{ "base_model.model.lm_head.modules_to_save.weight",
	    "modules_to_save" },
	{ "base_model.model.model.embed_tokens.weight", "modules_to_save" },
	{ "base_model.model.model.embed_tokens.base_layer.weight",
	    "modules_to_save" },
};

START_TEST(tensor_that_means_more_is_never_dropped)
{
	struct lora_files f;
	char why[256];

	lora_good(&f);
	lora_tensor(&f, more[_i].name, 10, 8);
	lora_write("more", "{" LORA_GOOD "}", &f);
	snprintf(why, sizeof(why), "%s: %s: not supported", more[_i].name,
	    more[_i].why);
	lora_refused("more", partial, why);
	lora_free(&f);
}
END_TEST

START_TEST(copy_of_the_base_is_passed_over_if_equal)
{
	struct lora_files f, base = { .n = 0 };
	struct tensors ts;
	struct adapter_rules rules = { .base = &ts };
	struct adapter a;
	float *copy, *ours;

	ours = lora_tensor(&base, "model.embed_tokens.weight", 10, 8);
	ck_assert_int_eq(tensors_write(files_path("model.safetensors"),
			     base.list, base.n, NULL, NULL),
	    0);
	ck_assert_int_eq(tensors_open_model(&ts, files_path("")), 0);
	lora_good(&f);
	copy = lora_tensor(&f,
	    "base_model.model.model.embed_tokens.base_layer.weight", 10, 8);
	memcpy(copy, ours, 80 * sizeof(*copy));
	lora_write("copy", "{" LORA_GOOD "}", &f);
	ck_assert_msg(lora_open(&a, "copy", rules) == 0, "%s", err_text());
	ck_assert_ptr_nonnull(strstr(a.warnings, "equals the base's"));
	ck_assert_int_eq(a.nmatched, 8);
	adapter_close(&a);
	copy[79] += 1;
	lora_write("copy", "{" LORA_GOOD "}", &f);
	lora_refused("copy", rules, "modules_to_save: not supported");
	tensors_close(&ts);
	lora_free(&f);
	lora_free(&base);
}
END_TEST

START_TEST(what_is_left_over_is_refused_unless_allowed)
{
	static const char *const strange[] = { "q_proj.lora_A.weight",
		"base_model.model.vision_tower.layers.0.self_attn.q_proj."
		"lora_A.weight",
		LORA_FRONT "2.self_attn.q_proj.lora_A.weight",
		LORA_FRONT "00.self_attn.q_proj.lora_A.weight",
		LORA_FRONT "0.self_attn.qkv_proj.lora_A.weight",
		LORA_FRONT "0.self_attn.q_proj.weight" };
	struct lora_files f;
	struct adapter a;

	for (int i = 0; i < 6; i++) {
		char why[256];

		lora_good(&f);
		lora_tensor(&f, strange[i], 2, 8);
		lora_write("left", "{" LORA_GOOD "}", &f);
		snprintf(why, sizeof(why),
		    "1 of 9 tensors match no module of the base model, the "
		    "first is %s",
		    strange[i]);
		lora_refused("left", strict, why);
		ck_assert_msg(lora_open(&a, "left", partial) == 0, "%s",
		    err_text());
		ck_assert_str_eq(a.warnings, "1 of 9 tensors match no module");
		adapter_close(&a);
		lora_free(&f);
	}
}
END_TEST

START_TEST(what_is_absent_is_refused_unless_allowed)
{
	struct lora_files f;
	struct adapter a;
	const char *config = "{\"peft_type\":\"LORA\",\"r\":2,"
			     "\"target_modules\":[\"q_proj\",\"k_proj\","
			     "\"v_proj\"]}";

	lora_good(&f);
	lora_write("absent", config, &f);
	lora_refused("absent", strict,
	    "target_modules: k_proj: no tensors in 2 of 2 layers");
	ck_assert_int_eq(lora_open(&a, "absent", partial), 0);
	ck_assert_int_eq(a.nexpected, 6);
	ck_assert_int_eq(a.nabsent, 2);
	ck_assert_str_eq(a.warnings, "k_proj absent 2 times");
	adapter_close(&a);
	lora_write("absent",
	    "{\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":[\"q_proj\","
	    "\"v_proj\",\"lm_head\"]}",
	    &f);
	lora_refused("absent", strict, "target_modules: lm_head: no tensors");
	/* Where layers are chosen, the others are not expected. */
	f.n = 4;
	lora_write("absent", "{" LORA_GOOD ",\"layers_to_transform\":0}", &f);
	ck_assert_msg(lora_open(&a, "absent", strict) == 0, "%s", err_text());
	ck_assert_int_eq(a.nexpected, 2);
	adapter_close(&a);
	lora_free(&f);
}
END_TEST

START_TEST(other_spellings_of_names_match)
{
	static const char *const fronts[] = { "base_model.model.model.layers.",
		"model.layers.", "layers.",
		"base_model.model.model.language_model.layers.",
		"base_model.model.language_model.model.layers." };
	static const char *const ends[] = { ".weight", ".default.weight" };
	char a_name[LORA_NAME_BYTES], b_name[LORA_NAME_BYTES];
	struct adapter a;

	for (int i = 0; i < 10; i++) {
		struct lora_files f = { .n = 0 };

		snprintf(a_name, sizeof(a_name), "%s1.mlp.up_proj.lora_A%s",
		    fronts[i / 2], ends[i % 2]);
		snprintf(b_name, sizeof(b_name), "%s1.mlp.up_proj.lora_B%s",
		    fronts[i / 2], ends[i % 2]);
		lora_tensor(&f, a_name, 2, 8);
		lora_tensor(&f, b_name, 12, 2);
		lora_write("spelling",
		    "{\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":"
		    "[\"model.layers.1.mlp.up_proj\"]}",
		    &f);
		ck_assert_msg(lora_open(&a, "spelling", strict) == 0, "%s: %s",
		    a_name, err_text());
		ck_assert_int_eq(a.modules[0].layer, 1);
		ck_assert_int_eq(a.modules[0].linear, LINEAR_UP);
		adapter_close(&a);
		lora_free(&f);
	}
}
END_TEST

static float
scale_of(const char *config)
{
	struct lora_files f;
	struct adapter a;
	float scale;

	lora_good(&f);
	lora_write("scale", config, &f);
	ck_assert_msg(lora_open(&a, "scale", strict) == 0, "%s", err_text());
	ck_assert_int_eq(a.modules[2].layer, 1);
	ck_assert_int_eq(a.modules[2].linear, LINEAR_Q);
	scale = a.modules[2].scale;
	adapter_close(&a);
	lora_free(&f);
	return scale;
}

START_TEST(scale_is_alpha_over_rank_or_its_root)
{
#define R "{\"peft_type\":\"LORA\",\"r\":2"
	ck_assert(scale_of(R "}") == 4); /* alpha is 8 by default */
	ck_assert(scale_of(R ",\"lora_alpha\":5.0}") == 2.5f);
	ck_assert(scale_of(R ",\"lora_alpha\":5,\"use_rslora\":true}") ==
	    (float)(5 / sqrt(2)));
	/* The module's own rank, and its own alpha; the first match counts,
	 * and matches whole words of the name. */
	ck_assert(scale_of("{\"peft_type\":\"LORA\",\"r\":99,\"lora_alpha\":6,"
			   "\"rank_pattern\":{\"proj\":7,\"._proj\":2}}") == 3);
	ck_assert(scale_of(R ",\"alpha_pattern\":{\"0.self_attn.q_proj\":1,"
			     "\"1.self_attn.q_proj\":10,\"q_proj\":20}}") == 5);
	ck_assert(scale_of(R ",\"alpha_pattern\":{\"q_proj\":20,"
			     "\"1.self_attn.q_proj\":10}}") == 10);
	ck_assert(scale_of(R ",\"alpha_pattern\":{"
			     "\"layers\\\\.\\\\d+.*q_proj\":3}}") == 1.5f);
#undef R
}
END_TEST

START_TEST(pair_of_files_is_looked_for_one_level_down)
{
	struct lora_files f;
	struct adapter a;

	lora_good(&f);
	files_make_dir("outer");
	lora_refused("outer", strict, "adapter_config.json: no such file");
	lora_write("outer/sql", "{" LORA_GOOD "}", &f);
	files_make_dir("outer/other");
	ck_assert_msg(lora_open(&a, "outer", strict) == 0, "%s", err_text());
	adapter_close(&a);
	lora_write("outer/second", "{" LORA_GOOD "}", &f);
	lora_refused("outer", strict, "several sub-directories hold an");
	lora_write("outer", "{" LORA_GOOD "}", &f);
	ck_assert_int_eq(lora_open(&a, "outer", strict), 0);
	adapter_close(&a);
	lora_free(&f);
	lora_refused("nowhere", strict, "nowhere: no such file");
	lora_write("half", "{" LORA_GOOD "}", NULL);
	lora_refused("half", strict, "adapter_model.safetensors: no such file");
	files_text("half/adapter_model.bin", "x");
	lora_refused("half", strict,
	    "adapter_model.bin is a pickle and is not read; convert it to "
	    "adapter_model.safetensors");
	files_make_dir("torch");
	files_text("torch/lora.pt", "x");
	lora_refused("torch", strict, "lora.pt is a pickle and is not read");
}
END_TEST

START_TEST(links_are_not_followed)
{
	struct lora_files f;

	lora_good(&f);
	lora_write("blobs", "{" LORA_GOOD "}", &f);
	lora_free(&f);
	lora_write("hub", "{" LORA_GOOD "}", NULL);
	ck_assert_int_eq(symlink("../blobs/adapter_model.safetensors",
			     files_path("hub/adapter_model.safetensors")),
	    0);
	lora_refused("hub", strict,
	    "adapter_model.safetensors is a link (a hub cache?); copy the "
	    "file itself");
	ck_assert_int_eq(symlink("blobs", files_path("linked")), 0);
	lora_refused("linked", strict, "linked is a link");
	lora_refused("../blobs", strict, "is not a plain file name");
}
END_TEST

/* Opens every adapter that a pattern of paths finds. */
static int
open_each(const char *model, const char *pattern)
{
	struct shape s;
	glob_t found;
	int n;

	ck_assert_msg(shape_read(&s, model) == 0, "%s", err_text());
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	n = (int)found.gl_pathc;
	for (int i = 0; i < n; i++) {
		struct adapter a;

		ck_assert_msg(adapter_open(&a, AT_FDCWD, found.gl_pathv[i], &s,
				  strict) == 0,
		    "%s: %s", found.gl_pathv[i], err_text());
		adapter_close(&a);
	}
	globfree(&found);
	return n;
}

START_TEST(what_peft_wrote_is_served)
{
	static const char *const cases[] = { "llama-gqa", "llama-tied",
		"llama-bias", "llama-bf16", "llama-f16", "llama-llama3",
		"mistral", "qwen2", "qwen2-tied", "qwen3", "qwen3-tied" };
	char model[256], adapters[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(model, sizeof(model), "tests/fixtures/hf/%s/model",
		    cases[i]);
		snprintf(adapters, sizeof(adapters),
		    "tests/fixtures/hf/%s/adapters/*", cases[i]);
		ck_assert_int_gt(open_each(model, adapters), 0);
	}
	if (access("../shared/data", F_OK) != 0)
		printf("skipped: ../shared/data is absent\n");
	else
		ck_assert_int_eq(open_each("../shared/data/models/stories260k",
				     "../shared/data/adapters/synthetic-*"),
		    2);
}
END_TEST

START_TEST(report_says_what_was_loaded)
{
	static const unsigned char digest[ADAPTER_DIGEST_BYTES] = { 0x3f, 0x9c,
		0x07, 0xd1, 0xa2, 0xb4 };
	struct lora_files f;
	struct adapter a;
	char out[1024];

	lora_good(&f);
	lora_write("report",
	    "{" LORA_GOOD ",\"base_model_name_or_path\":\"llama-3.2-1b\","
	    "\"peft_version\":\"1\"}",
	    &f);
	ck_assert_int_eq(lora_open(&a, "report", strict), 0);
	a.host_bytes = a.device_bytes = 22544384;
	a.device_chunks = 1;
	adapter_report(&a, "sql-r16", digest, out, sizeof(out));
	ck_assert_str_eq(out,
	    "sql-r16  digest 3f9c07d1a2b4  base llama-3.2-1b  F32  OK\n"
	    "  tensors   8 of 8 matched             "
	    "modules   4 of 4 expected, none absent\n"
	    "  rank      2 in all                   "
	    "scale     2 (alpha 4, rsLoRA off)\n"
	    "  bytes     host 22,544,384            "
	    "device    22,544,384 in 1 chunk\n"
	    "  ignored   peft_version               "
	    "warnings  none\n");
	for (size_t n = 0; n < 300; n++) { /* cut, but never past the end */
		memset(out, 'x', sizeof(out));
		adapter_report(&a, "sql-r16", NULL, out, n);
		ck_assert(n == 0 ? out[0] == 'x' : strlen(out) < n);
		ck_assert_int_eq(out[n], 'x');
	}
	adapter_close(&a);
	lora_free(&f);
}
END_TEST

Suite *suite_adapter(void);

Suite *
suite_adapter(void)
{
	Suite *s = suite_create("adapter");
	TCase *t = tcase_create("adapter");

	tcase_add_unchecked_fixture(t, files_begin, files_end);
	tcase_add_loop_test(t, field_that_changes_the_arithmetic_is_refused, 0,
	    (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_loop_test(t, harmless_fields_are_served, 0,
	    (int)(sizeof(harmless) / sizeof(harmless[0])));
	tcase_add_test(t, fields_passed_over_are_named);
	tcase_add_test(t, tensor_that_does_not_fit_is_refused);
	tcase_add_test(t, tensor_of_another_kind_is_refused);
	tcase_add_loop_test(t, tensor_that_means_more_is_never_dropped, 0,
	    (int)(sizeof(more) / sizeof(more[0])));
	tcase_add_test(t, copy_of_the_base_is_passed_over_if_equal);
	tcase_add_test(t, what_is_left_over_is_refused_unless_allowed);
	tcase_add_test(t, what_is_absent_is_refused_unless_allowed);
	tcase_add_test(t, other_spellings_of_names_match);
	tcase_add_test(t, scale_is_alpha_over_rank_or_its_root);
	tcase_add_test(t, pair_of_files_is_looked_for_one_level_down);
	tcase_add_test(t, links_are_not_followed);
	tcase_add_test(t, what_peft_wrote_is_served);
	tcase_add_test(t, report_says_what_was_loaded);
	suite_add_tcase(s, t);
	return s;
}
