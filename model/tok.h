/*
 * tok.h -- text to token ids and back, as the model's own tokenizer does it.
 *
 * Reads tokenizer.json (byte-level BPE, SentencePiece-style BPE with byte
 * fallback) or tokenizer.model, with tokenizer_config.json for what they do
 * not say.  A component that it does not know is a refusal that names it.
 *
 * Memory   tok_open allocates, tok_close frees.  Encoding allocates scratch.
 * Threads  After opening, any number may encode and decode.
 */
#ifndef MODEL_TOK_H
#define MODEL_TOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tok;

/* ERR_NOT_FOUND, ERR_FORMAT, ERR_UNSUPPORTED, ERR_LIMIT, ERR_MEMORY. */
int tok_open(struct tok **, const char *model_dir);
void tok_close(struct tok *);

/* Ids are 0 .. tok_vocab - 1. */
int tok_vocab(const struct tok *);

enum tok_flags {
	TOK_ADD_SPECIAL = 1, /* BOS and EOS as the post-processor says */
};

/* Encodes n bytes of valid UTF-8 into ids.  Special tokens written in the text
 * are recognised.  *count is how many there are; ERR_LIMIT if more than max
 * (then *count says how many, as far as known, at least max + 1). */
int tok_encode(const struct tok *, const char *text, size_t n, unsigned flags,
    int32_t *ids, int max, int *count);

/* Whether id is a control token (BOS, EOS ...) that is not shown as text. */
bool tok_is_special(const struct tok *, int32_t id);

/* The bytes of one id alone, for logprobs and inspection; returns how many
 * were written to out (at most size). */
size_t tok_piece(const struct tok *, int32_t id, char *out, size_t size);

/* The text of one answer, token by token.  Never half a character: what a
 * token begins waits for the next.  Zero-initialised is ready to use. */
struct tok_stream {
	char held[8]; /* bytes of an unfinished character */
	unsigned nheld;
	bool begun;	   /* a token has been decoded */
	bool keep_special; /* set by the caller: show control tokens too */
};

#define TOK_PIECE_MAX 1024 /* no token is longer than this in bytes */

/* Text that token id makes certain, out of size >= TOK_PIECE_MAX + 8 bytes;
 * returns its length (0 is common).  Bytes that can be no character become
 * U+FFFD.  An answer continues a prompt, so a leading space is text: kept. */
size_t tok_stream_put(const struct tok *, struct tok_stream *, int32_t id,
    char *out, size_t size);

/* What is held back at the end, as U+FFFD; returns its length. */
size_t tok_stream_end(const struct tok *, struct tok_stream *, char *out,
    size_t size);

/* All of ids as a whole text would be decoded by the tokenizer's own library
 * (leading space stripped where it strips it); returns a malloced, ended text,
 * or NULL without memory. */
char *tok_decode(const struct tok *, const int32_t *ids, int n,
    bool keep_special, size_t *bytes);

#endif
