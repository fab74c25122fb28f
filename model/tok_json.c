/* Reading tokenizer.json. */
#include "model/tok_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static int
read_flags(const json_t *o, struct tok_added_word *w, bool *special,
    bool *normalized)
{
	int e;

	if ((e = tok_get_bool(o, "special", false, special)) == 0 &&
	    (e = tok_get_bool(o, "normalized", !*special, normalized)) == 0 &&
	    (e = tok_get_bool(o, "lstrip", false, &w->lstrip)) == 0 &&
	    (e = tok_get_bool(o, "rstrip", false, &w->rstrip)) == 0)
		e = tok_get_bool(o, "single_word", false, &w->single);
	return e;
}

/* text as the normalisers leave it. */
static int
normalised(const struct tok *t, struct tok_buf *text)
{
	struct tok_buf out;
	int e;

	for (int i = 0; i < t->norm.n; i++) {
		const struct tok_step *s = &t->norm.step[i];

		out = (struct tok_buf){ 0 };
		e = s->what->norm(s, text->p, text->n, &out);
		tok_buf_free(text);
		*text = out;
		if (e != 0)
			return e;
	}
	return 0;
}

/* The library hands its decoder the normalised text of such a token. */
static int
said_as(struct tok *t, int64_t id, const struct tok_buf *text)
{
	if (text->n > TOK_PIECE_MAX - 8)
		return err_set(ERR_LIMIT, "token %lld is too long as text",
		    (long long)id);
	t->id[id].said_at = (uint32_t)t->spelled.n;
	t->id[id].said = (uint32_t)text->n;
	tok_buf_add(&t->spelled, text->p, text->n);
	return t->spelled.failed ? err_set(ERR_MEMORY, "no memory for tokens") :
				   0;
}

int
tok_added_take(struct tok *t, const json_t *o, int64_t id)
{
	struct tok_added_word w = { .id = (int32_t)id };
	struct tok_buf text = { 0 };
	bool special, normalized;
	int32_t known;
	int e;

	if ((e = tok_get_text(o, "content", &text)) != 0 ||
	    (e = read_flags(o, &w, &special, &normalized)) != 0)
		goto out;
	known = tok_words_find(&t->words, text.p, text.n);
	if (known >= 0 && known != id) {
		e = err_set(ERR_FORMAT, "'%.64s' has ids %d and %lld",
		    json_string_value(json_object_get(o, "content")),
		    (int)known, (long long)id);
		goto out;
	}
	e = tok_id_add(t, id, text.p, text.n,
	    TOK_ID_ADDED | (special ? TOK_ID_SPECIAL : 0u));
	if (e == 0 && normalized && (e = normalised(t, &text)) == 0)
		e = said_as(t, id, &text);
	if (e == 0)
		e = tok_added_add(normalized ? &t->normal : &t->raw, text.p,
		    text.n, w);
out:
	tok_buf_free(&text);
	return e;
}

int
tok_added_read(struct tok *t, const json_t *list)
{
	const json_t *v, *id;
	size_t i;

	if (list != NULL && !json_is_null(list) && !json_is_array(list))
		return err_set(ERR_FORMAT, "added_tokens: want a list");
	json_array_foreach(list, i, v)
	{
		id = json_object_get(v, "id");
		if (!json_is_integer(id))
			return err_set(ERR_FORMAT,
			    "added_tokens: entry %zu has no id", i);
		if (tok_added_take(t, v, json_integer_value(id)) != 0)
			return err_add("added_tokens: entry %zu", i);
	}
	tok_added_sort(&t->raw);
	tok_added_sort(&t->normal);
	return 0;
}

static int
read_vocab(struct tok *t, json_t *vocab)
{
	const char *text;
	json_t *v;
	size_t n;
	int e, byte;

	if (!json_is_object(vocab) || json_object_size(vocab) == 0)
		return err_set(ERR_FORMAT, "vocab: want an object");
	json_object_foreach(vocab, text, v)
	{
		n = strlen(text); /* jansson refuses NUL in a key */
		if (!json_is_integer(v))
			return err_set(ERR_FORMAT, "vocab: '%.64s' has no id",
			    text);
		byte = tok_byte_of(text, n);
		if ((e = tok_id_add(t, json_integer_value(v), text, n,
			 byte < 0 ? 0u : TOK_ID_BYTE)) != 0 ||
		    (e = tok_words_add(&t->words, text, n,
			 (int32_t)json_integer_value(v))) != 0)
			return err_add("vocab");
	}
	for (int b = 0; b < 256; b++) {
		char name[8];

		snprintf(name, sizeof(name), "<0x%02X>", (unsigned)b);
		t->byte[b] = tok_words_find(&t->words, name, 6);
	}
	return 0;
}

/* "a b" or ["a", "b"]. */
static int
halves(const json_t *v, const char **a, size_t *na, const char **b, size_t *nb)
{
	const json_t *l = json_array_get(v, 0), *r = json_array_get(v, 1);
	const char *space;

	if (json_array_size(v) == 2 && json_is_string(l) && json_is_string(r)) {
		*a = json_string_value(l);
		*na = json_string_length(l);
		*b = json_string_value(r);
		*nb = json_string_length(r);
		return 0;
	}
	*a = json_string_value(v);
	space = *a ? strchr(*a, ' ') : NULL;
	if (space == NULL || strchr(space + 1, ' ') != NULL)
		return err_set(ERR_FORMAT, "want two texts");
	*na = (size_t)(space - *a);
	*b = space + 1;
	*nb = strlen(space + 1);
	return 0;
}

static int
read_merge(struct tok *t, const json_t *v, uint32_t rank)
{
	char both[2 * TOK_PIECE_MAX];
	const char *a = "", *b = "";
	size_t na = 0, nb = 0;
	int32_t l, r, id;
	int e;

	if ((e = halves(v, &a, &na, &b, &nb)) != 0)
		return e;
	l = tok_words_find(&t->words, a, na);
	r = tok_words_find(&t->words, b, nb);
	if (l < 0 || r < 0)
		return err_set(ERR_FORMAT, "'%.64s' is not in the vocabulary",
		    l < 0 ? a : b);
	memcpy(both, a, na); /* tokens are below TOK_PIECE_MAX */
	memcpy(both + na, b, nb);
	if ((id = tok_words_find(&t->words, both, na + nb)) < 0)
		return err_set(ERR_FORMAT,
		    "'%.64s' + '%.64s' is not in the vocabulary", a, b);
	tok_pairs_add(&t->pairs, l, r, rank, id);
	return 0;
}

static int
read_merges(struct tok *t, const json_t *list)
{
	const json_t *v;
	const char *line;
	uint32_t rank = 0;
	size_t i;
	int e;

	if (!json_is_array(list))
		return err_set(ERR_FORMAT, "merges: want a list");
	if ((e = tok_pairs_new(&t->pairs, json_array_size(list))) != 0)
		return e;
	json_array_foreach(list, i, v)
	{
		line = json_string_value(v);
		if (line != NULL && strncmp(line, "#version", 8) == 0)
			continue;
		if (read_merge(t, v, rank++) != 0)
			return err_add("merges: entry %zu", i);
	}
	return 0;
}

/* Members that would change the result, and must be off. */
static int
check_off(const json_t *model)
{
	static const char *const keys[] = { "dropout",
		"continuing_subword_prefix", "end_of_word_suffix" };
	const json_t *v;

	for (unsigned i = 0; i < 3; i++) {
		v = json_object_get(model, keys[i]);
		if (v == NULL || json_is_null(v) ||
		    (json_is_string(v) && json_string_length(v) == 0) ||
		    (json_is_number(v) && json_number_value(v) == 0.0))
			continue;
		return err_set(ERR_UNSUPPORTED, "%s: not supported", keys[i]);
	}
	return 0;
}

static int
read_model(struct tok *t, const json_t *model)
{
	const json_t *unk = json_object_get(model, "unk_token");
	const json_t *type = json_object_get(model, "type");
	int e;

	/* Files of old libraries have no type, but only BPE has merges. */
	if (!json_is_object(model) ||
	    (type == NULL && json_object_get(model, "merges") == NULL))
		return err_set(ERR_FORMAT, "want an object with a type");
	if (type != NULL &&
	    (json_string_value(type) == NULL ||
		strcmp(json_string_value(type), "BPE") != 0))
		return err_set(ERR_UNSUPPORTED,
		    "type '%.64s': only BPE is "
		    "read",
		    json_is_string(type) ? json_string_value(type) : "");
	if ((e = check_off(model)) != 0 ||
	    (e = tok_get_bool(model, "byte_fallback", false,
		 &t->byte_fallback)) != 0 ||
	    (e = tok_get_bool(model, "fuse_unk", false, &t->fuse_unk)) != 0 ||
	    (e = tok_get_bool(model, "ignore_merges", false,
		 &t->ignore_merges)) != 0 ||
	    (e = read_vocab(t, json_object_get(model, "vocab"))) != 0 ||
	    (e = read_merges(t, json_object_get(model, "merges"))) != 0)
		return e;
	t->unk = -1;
	if (json_is_string(unk) && json_string_length(unk) > 0) {
		t->unk = tok_words_find(&t->words, json_string_value(unk),
		    json_string_length(unk));
		if (t->unk < 0)
			return err_set(ERR_FORMAT,
			    "unk_token: '%.64s' is not "
			    "in the vocabulary",
			    json_string_value(unk));
	}
	return 0;
}

int
tok_json_open(struct tok *t, const char *path)
{
	json_t *file = NULL;
	int e;

	if ((e = tok_file_json(path, &file)) != 0)
		return e;
	if ((e = tok_steps_read(&t->norm, tok_norm_table, "normalizer",
		 "normalizers", json_object_get(file, "normalizer"))) == 0 &&
	    (e = tok_steps_read(&t->pre, tok_pre_table, "pre_tokenizer",
		 "pretokenizers", json_object_get(file, "pre_tokenizer"))) ==
		0) {
		e = read_model(t, json_object_get(file, "model"));
		if (e != 0)
			err_add("model");
	}
	if (e == 0 &&
	    (e = tok_added_read(t, json_object_get(file, "added_tokens"))) ==
		0 &&
	    (e = tok_post_read(t, json_object_get(file, "post_processor"))) ==
		0)
		e = tok_dec_read(t, json_object_get(file, "decoder"));
	json_decref(file);
	return e ? err_add("%s", path) : 0;
}
