/* A tokenizer that knows bytes, for models that know nothing. */
#include "model/synth_fill.h"

#include <stdio.h>

#include "base/must.h"
#include "base/utf8.h"

#define END_TEXT "<|end|>"

/* GPT-2's alphabet: a printable character stands for itself, the others for
 * those from U+0100 on, in order. */
static void
byte_symbol(char out[8], int byte)
{
	uint32_t code = (uint32_t)byte, spare = 0x100;

	for (int b = 0; b < byte; b++)
		spare += b < 0x21 || (b > 0x7e && b < 0xa1) || b == 0xad;
	if (byte < 0x21 || (byte > 0x7e && byte < 0xa1) || byte == 0xad)
		code = spare;
	out[utf8_encode(code, out)] = '\0';
}

/* Every id has a text; those above the bytes are words that no merge makes. */
static json_t *
vocabulary(int vocab)
{
	json_t *object = json_object();
	char text[32];

	for (int b = 0; b < 256; b++) {
		byte_symbol(text, b);
		json_object_set_new(object, text, json_integer(b));
	}
	for (int id = SYNTH_END + 1; id < vocab; id++) {
		/* U+0120 is the symbol of a space. */
		snprintf(text, sizeof(text), "\xc4\xa0t%d", id);
		json_object_set_new(object, text, json_integer(id));
	}
	return object;
}

static json_t *
byte_level(void)
{
	return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel",
	    "add_prefix_space", 0, "trim_offsets", 1, "use_regex", 0);
}

static json_t *
end_token(void)
{
	return json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", SYNTH_END,
	    "content", END_TEXT, "single_word", 0, "lstrip", 0, "rstrip", 0,
	    "normalized", 0, "special", 1);
}

int
synth_tokenizer(const char *dir, int vocab)
{
	json_t *model =
	    json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:[]}",
		"type", "BPE", "dropout", "unk_token",
		"continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
		0, "byte_fallback", 0, "ignore_merges", 0, "vocab",
		vocabulary(vocab), "merges");
	json_t *tokenizer =
	    json_pack("{s:s, s:n, s:n, s:[o], s:n, s:o, s:n, s:o, s:o}",
		"version", "1.0", "truncation", "padding", "added_tokens",
		end_token(), "normalizer", "pre_tokenizer", byte_level(),
		"post_processor", "decoder", byte_level(), "model", model);
	json_t *settings = json_pack("{s:n, s:s, s:b, s:s}", "bos_token",
	    "eos_token", END_TEXT, "clean_up_tokenization_spaces", 0,
	    "tokenizer_class", "PreTrainedTokenizerFast");
	int e;

	must(vocab > SYNTH_END);
	e = synth_json(tokenizer, dir, "tokenizer.json");
	if (e != 0) {
		json_decref(settings);
		return e;
	}
	return synth_json(settings, dir, "tokenizer_config.json");
}
