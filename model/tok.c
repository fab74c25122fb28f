/* Opening a tokenizer, and driving a text through its stages. */
#include "model/tok.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/utf8.h"
#include "model/tok_in.h"

static int
read_all(int fd, const char *path, char *bytes, size_t n)
{
	size_t at = 0;
	ssize_t got;

	while (at < n) {
		got = pread(fd, bytes + at, n - at, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(ERR_IO, "%s", path);
		if (got == 0)
			return err_set(ERR_IO, "%s: shorter than it was", path);
		at += (size_t)got;
	}
	return 0;
}

int
tok_file_read(const char *path, char **bytes, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), e = 0;
	struct stat st;

	*bytes = NULL;
	if (fd < 0)
		return err_sys(errno == ENOENT || errno == ENOTDIR ?
			ERR_NOT_FOUND :
			ERR_IO,
		    "%s", path);
	if (fstat(fd, &st) != 0)
		e = err_sys(ERR_IO, "%s", path);
	else if (!S_ISREG(st.st_mode))
		e = err_set(ERR_FORMAT, "%s: not a file", path);
	else if (st.st_size > (off_t)TOK_FILE_MAX)
		e = err_set(ERR_LIMIT, "%s: more than %u bytes", path,
		    TOK_FILE_MAX);
	else if ((*bytes = malloc((size_t)st.st_size + 1)) == NULL)
		e = err_set(ERR_MEMORY, "%s: no memory to read it", path);
	else
		e = read_all(fd, path, *bytes, *n = (size_t)st.st_size);
	close(fd);
	if (e != 0) {
		free(*bytes);
		*bytes = NULL;
	}
	return e;
}

int
tok_file_json(const char *path, json_t **file)
{
	json_error_t why;
	char *bytes;
	size_t n;
	int e;

	if ((e = tok_file_read(path, &bytes, &n)) != 0)
		return e;
	*file = json_loadb(bytes, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
	    &why);
	free(bytes);
	if (*file == NULL)
		return err_set(ERR_FORMAT, "%s: line %d: %s", path, why.line,
		    why.text);
	return 0;
}

static int
in_dir(char path[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	return n >= 0 && n < PATH_MAX ?
	    0 :
	    err_set(ERR_LIMIT, "a path is too long");
}

static int
open_files(struct tok *t, const char *dir)
{
	char path[PATH_MAX];
	json_t *config = NULL;
	int e;

	if ((e = in_dir(path, dir, "tokenizer_config.json")) != 0)
		return e;
	e = tok_file_json(path, &config);
	if (e != 0 && e != ERR_NOT_FOUND)
		return e;
	if ((e = in_dir(path, dir, "tokenizer.json")) == 0)
		e = tok_json_open(t, path);
	if (e == 0 && tok_config_read(t, config, -1, -1) != 0)
		e = err_add("tokenizer_config.json");
	if (e == ERR_NOT_FOUND && access(path, F_OK) != 0 &&
	    (e = in_dir(path, dir, "tokenizer.model")) == 0) {
		e = tok_sp_open(t, path, config);
		if (e == ERR_NOT_FOUND)
			e = err_set(ERR_NOT_FOUND,
			    "%s: neither tokenizer.json "
			    "nor tokenizer.model",
			    dir);
	}
	json_decref(config);
	return e;
}

int
tok_open(struct tok **out, const char *model_dir)
{
	struct tok *t = calloc(1, sizeof(*t));
	int e;

	*out = NULL;
	if (t == NULL)
		return err_set(ERR_MEMORY, "no memory for a tokenizer");
	t->unk = -1;
	if ((e = open_files(t, model_dir)) != 0) {
		tok_close(t);
		return e;
	}
	*out = t;
	return 0;
}

void
tok_close(struct tok *t)
{
	if (t == NULL)
		return;
	tok_words_free(&t->words);
	free(t->pairs.slot);
	free(t->id);
	tok_buf_free(&t->spelled);
	tok_buf_free(&t->decoded);
	tok_added_free(&t->raw);
	tok_added_free(&t->normal);
	tok_steps_free(&t->norm);
	tok_steps_free(&t->pre);
	tok_sp_close(&t->sp);
	free(t);
}

/* Plain text, normalised: cut into words, each word into ids. */
static int
encode_words(struct tok_job *j, const char *text, size_t n, bool first)
{
	const struct tok_steps *pre = &j->tok->pre;
	struct tok_cuts *in = &j->cuts[0], *out = &j->cuts[1], *swap;
	size_t at;
	int e = 0;

	if (pre->n == 0)
		return tok_bpe(j, text, n);
	in->n = in->text.n = 0;
	tok_cuts_add(in, text, n, first);
	for (int i = 0; i < pre->n && e == 0; i++) {
		const struct tok_step *s = &pre->step[i];

		out->n = out->text.n = at = 0;
		for (size_t c = 0; c < in->n && e == 0; at += in->cut[c++].n)
			e = s->what->pre(s, in->text.p + at, in->cut[c].n,
			    in->cut[c].first, out);
		swap = in;
		in = out;
		out = swap;
	}
	if (e == 0 && in->text.failed)
		e = err_set(ERR_MEMORY, "no memory for a text");
	at = 0;
	for (size_t c = 0; c < in->n && e == 0; at += in->cut[c++].n)
		e = tok_bpe(j, in->text.p + at, in->cut[c].n);
	return e;
}

static int
normalise(struct tok_job *j, const char **text, size_t *n)
{
	const struct tok_steps *norm = &j->tok->norm;
	struct tok_buf *out;
	int e;

	if (j->tok->sp.on) {
		out = &j->text[0];
		out->n = 0;
		tok_sp_normalise(&j->tok->sp, *text, *n, out);
		*text = out->p;
		*n = out->n;
		return out->failed ? err_set(ERR_MEMORY,
					 "no memory for a "
					 "text") :
				     0;
	}
	for (int i = 0; i < norm->n; i++) {
		const struct tok_step *s = &norm->step[i];

		out = &j->text[i & 1];
		out->n = 0;
		if ((e = s->what->norm(s, *text, *n, out)) != 0)
			return e;
		*text = out->p;
		*n = out->n;
	}
	return 0;
}

/* Text between added tokens: normalised, then the added tokens that are
 * looked for only now are cut out. */
static int
encode_section(struct tok_job *j, const char *text, size_t n, bool first)
{
	struct tok_walk walk;
	struct tok_part part;
	int e;

	if ((e = normalise(j, &text, &n)) != 0)
		return e;
	tok_walk_start(&walk, &j->tok->normal, text, n);
	while (e == 0 && tok_walk_next(&walk, &part)) {
		if (part.id >= 0)
			tok_emit(j, part.id);
		else
			e = encode_words(j, text + part.at, part.n,
			    first && part.at == 0);
	}
	return e;
}

static int
encode_all(struct tok_job *j, const char *text, size_t n, bool special)
{
	const struct tok *t = j->tok;
	struct tok_walk walk;
	struct tok_part part;
	int e = 0;

	for (int i = 0; special && i < t->nbefore; i++)
		tok_emit(j, t->before[i]);
	tok_walk_start(&walk, &t->raw, text, n);
	while (e == 0 && tok_walk_next(&walk, &part)) {
		if (part.id >= 0)
			tok_emit(j, part.id);
		else
			e = encode_section(j, text + part.at, part.n,
			    part.at == 0);
	}
	for (int i = 0; special && i < t->nafter; i++)
		tok_emit(j, t->after[i]);
	return e;
}

static void
job_free(struct tok_job *j)
{
	for (int i = 0; i < 2; i++) {
		tok_buf_free(&j->text[i]);
		tok_buf_free(&j->cuts[i].text);
		free(j->cuts[i].cut);
	}
	free(j->symbol);
	free(j->heap);
	free(j->left);
}

int
tok_encode(const struct tok *t, const char *text, size_t n, unsigned flags,
    int32_t *ids, int max, int *count)
{
	struct tok_job j = { .tok = t, .ids = ids, .max = max };
	size_t valid;
	int e;

	*count = 0;
	if (n > TOK_TEXT_MAX)
		return err_set(ERR_LIMIT, "text of %zu bytes: want at most %u",
		    n, TOK_TEXT_MAX);
	if ((valid = utf8_valid(text, n)) != n)
		return err_set(ERR_FORMAT, "text is not UTF-8 at byte %zu",
		    valid);
	e = encode_all(&j, text, n, (flags & TOK_ADD_SPECIAL) != 0);
	job_free(&j);
	if (e != 0)
		return e;
	*count = j.count > INT_MAX ? INT_MAX : (int)j.count;
	if (*count > max)
		return err_set(ERR_LIMIT, "%d tokens: want at most %d", *count,
		    max);
	return 0;
}
