/*
 * tok_in.h -- what the files of the tokenizer share, and nobody else sees.
 *
 * Text goes through stages, and each has a file:
 *
 *	added tokens are cut out      tok_added.c
 *	the rest is normalised        tok_norm.c, tok_sp_norm.c
 *	and cut into words            tok_pre.c, tok_regex.c
 *	words become ids              tok_bpe.c with the tables of tok_words.c
 *	ids become text               tok_dec.c (prepares), tok_stream.c
 *
 * tok_json.c, tok_post.c and tok_sp.c read the files and fill struct tok;
 * tok.c opens and drives.
 *
 * Memory   struct tok owns all that is below; a job owns its scratch.
 * Threads  struct tok never changes after tok_open.
 */
#ifndef MODEL_TOK_IN_H
#define MODEL_TOK_IN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <pcre2.h>

#include "model/tok.h"

#define TOK_IDS_MAX (1 << 21)	      /* ids a tokenizer may have */
#define TOK_FILE_MAX (64u << 20)      /* bytes of one tokenizer file */
#define TOK_STEPS_MAX 32	      /* steps of one stage */
#define TOK_DEPTH_MAX 8		      /* a Sequence in a Sequence in ... */
#define TOK_AROUND_MAX 64	      /* ids put before or after a text */
#define TOK_TEXT_MAX (256u << 20)     /* bytes of one text */
#define TOK_SPACE_MARK "\xe2\x96\x81" /* U+2581, SentencePiece's space */

/* Bytes that grow.  Once memory is out, failed stays set and nothing more is
 * added: look at it once, at the end of a stage. */
struct tok_buf {
	char *p;
	size_t n, max;
	bool failed;
};

void tok_buf_add(struct tok_buf *, const void *bytes, size_t n);
void tok_buf_code(struct tok_buf *, uint32_t code); /* as UTF-8 */
void tok_buf_free(struct tok_buf *);

/* Makes room for one more of an array that holds n: false without memory. */
bool tok_room(void **array, size_t *max, size_t n, size_t size);

/* Characters as Unicode sorts them. */
bool tok_is_space(uint32_t code);
bool tok_is_word(uint32_t code);
bool tok_is_number(uint32_t code);
bool tok_is_punctuation(uint32_t code);

/* From text to id: a hash table with open addressing. */
struct tok_word {
	uint32_t at, n; /* in bytes */
	int32_t id;	/* -1: an empty slot */
};

struct tok_words {
	struct tok_word *slot;
	size_t nslots, count; /* nslots is a power of two, or 0 */
	struct tok_buf bytes;
	size_t longest;
};

/* The id, or -1. */
int32_t tok_words_find(const struct tok_words *, const char *text, size_t n);
/* 0, ERR_MEMORY, or ERR_FORMAT: it is there with another id. */
int tok_words_add(struct tok_words *, const char *text, size_t n, int32_t id);
void tok_words_free(struct tok_words *);

enum tok_id_flags {
	TOK_ID_USED = 1,
	TOK_ID_SPECIAL = 2, /* not shown */
	TOK_ID_ADDED = 4,   /* from added_tokens: no part of the model */
	TOK_ID_BYTE = 8,    /* "<0x41>" stands for a byte */
	TOK_ID_FROZEN = 16, /* user-defined: merged with nothing */
	TOK_ID_UNUSED = 32, /* SentencePiece's: made, then taken apart */
};

/* From id to text: as spelled in the file, and as decoded. */
struct tok_id {
	uint32_t at, n;		/* spelled, in tok.spelled */
	uint32_t said_at, said; /* what the decoder is given, there too */
	uint32_t text_at, text; /* decoded, in tok.decoded */
	uint32_t rank;		/* by score, 0 first (SentencePiece) */
	uint8_t flags;
};

/* Notes that id is spelled so; an id has one spelling. */
int tok_id_add(struct tok *, int64_t id, const char *text, size_t n,
    unsigned flags);

/* Merges, keyed by the pair of ids. */
struct tok_pair {
	uint64_t key; /* left << 32 | right; all ones: an empty slot */
	uint32_t rank;
	int32_t id;
};

struct tok_pairs {
	struct tok_pair *slot;
	size_t nslots; /* a power of two */
};

int tok_pairs_new(struct tok_pairs *, size_t count);
/* The later of two equal pairs wins, as it does in the library. */
void tok_pairs_add(struct tok_pairs *, int32_t left, int32_t right,
    uint32_t rank, int32_t id);
const struct tok_pair *tok_pairs_find(const struct tok_pairs *, int32_t left,
    int32_t right);

/* Words of a text: cut after cut, with nothing between them. */
struct tok_cut {
	size_t n;
	bool first; /* begins where the whole text begins */
};

struct tok_cuts {
	struct tok_buf text;
	struct tok_cut *cut;
	size_t n, max;
};

void tok_cuts_add(struct tok_cuts *, const char *text, size_t n, bool first);

struct tok_regex {
	pcre2_code *code;
	pcre2_match_context *limits;
};

/* Compiles a pattern of Oniguruma's dialect. */
int tok_regex_open(struct tok_regex *, const char *pattern, size_t n);
void tok_regex_close(struct tok_regex *);
/* Next match at or after from: 1 and its ends, 0 none, < 0 an error (set). */
int tok_regex_find(const struct tok_regex *, pcre2_match_data *,
    const char *text, size_t n, size_t from, size_t *begin, size_t *end);

enum tok_behaviour {
	TOK_ISOLATED,
	TOK_REMOVED,
	TOK_WITH_PREVIOUS,
	TOK_WITH_NEXT,
	TOK_CONTIGUOUS,
};

enum tok_prepend { TOK_ALWAYS, TOK_FIRST, TOK_NEVER };

struct tok_step;

/* A component by its name in the file.  read fills the step from the object;
 * a normaliser has norm, a pre-tokeniser has pre. */
struct tok_component {
	const char *name;
	int (*read)(struct tok_step *, const json_t *);
	int (*norm)(const struct tok_step *, const char *, size_t,
	    struct tok_buf *out);
	int (*pre)(const struct tok_step *, const char *, size_t, bool first,
	    struct tok_cuts *out);
};

struct tok_step {
	const struct tok_component *what;
	struct tok_regex regex;	 /* code NULL: none */
	struct tok_buf from, to; /* texts */
	enum tok_behaviour behaviour;
	enum tok_prepend prepend;
	bool invert;
	bool left, right; /* Strip: which ends */
	bool prefix;	  /* ByteLevel: add_prefix_space */
	bool split;	  /* Metaspace: split, Digits: each alone */
	int form;	  /* which normal form, an index */
};

struct tok_steps {
	struct tok_step step[TOK_STEPS_MAX];
	int n;
};

/* Reads a component, or a Sequence of such under `list`, by a table that ends
 * in a NULL name.  json null: no step. */
int tok_steps_read(struct tok_steps *, const struct tok_component *table,
    const char *stage, const char *list, const json_t *);
void tok_steps_free(struct tok_steps *);

/* {"String": ...} or {"Regex": ...} into from or regex. */
int tok_pattern_read(struct tok_step *, const json_t *);

/* A member that must be a text, or a truth value (absent, null: otherwise). */
int tok_get_text(const json_t *, const char *key, struct tok_buf *);
int tok_get_bool(const json_t *, const char *key, bool otherwise, bool *);

extern const struct tok_component tok_norm_table[], tok_pre_table[];

/* All bytes of text as GPT-2's visible alphabet, and back: the byte, or -1. */
void tok_bytes_show(struct tok_buf *, const char *text, size_t n);
int tok_bytes_of(uint32_t code);

/* Added tokens of one kind (found before or after normalising), sorted. */
struct tok_added_word {
	uint32_t at, n;
	int32_t id;
	bool lstrip, rstrip, single;
};

struct tok_added {
	struct tok_added_word *word;
	size_t n, max;
	struct tok_buf bytes;
	bool starts[256]; /* whether a word starts so */
};

int tok_added_add(struct tok_added *, const char *text, size_t n,
    struct tok_added_word);
void tok_added_sort(struct tok_added *);
/* Length of the longest word that text begins with; 0: none. */
size_t tok_added_at(const struct tok_added *, const char *text, size_t n);
void tok_added_free(struct tok_added *);

struct tok_walk {
	const struct tok_added *set;
	const char *text;
	size_t n, look, done;
	size_t hit_at, hit_n;
	int32_t hit; /* found, not yet handed out; -1 none */
};

struct tok_part {
	size_t at, n;
	int32_t id; /* -1: plain text */
};

void tok_walk_start(struct tok_walk *, const struct tok_added *, const char *,
    size_t);
bool tok_walk_next(struct tok_walk *, struct tok_part *);

/* What SentencePiece does before merging. */
struct tok_sp {
	bool on; /* the tokenizer is a tokenizer.model */
	bool dummy_prefix, collapse, escape;
	uint32_t *trie; /* of the precompiled map; NULL: none */
	size_t ntrie;
	char *into; /* texts that it maps to, each ended */
	size_t ninto;
	struct tok_added user; /* passed through as they are */
};

int tok_sp_map_open(struct tok_sp *, const char *blob, size_t n);
void tok_sp_normalise(const struct tok_sp *, const char *text, size_t n,
    struct tok_buf *out);
void tok_sp_close(struct tok_sp *);

struct tok {
	struct tok_words words; /* the model's vocabulary */
	struct tok_pairs pairs;
	struct tok_id *id;
	size_t nids, ids_max;
	struct tok_buf spelled, decoded;
	struct tok_added raw, normal; /* added tokens */
	struct tok_steps norm, pre;
	struct tok_sp sp;

	int32_t unk;	   /* -1: none */
	int32_t byte[256]; /* ids of "<0x00>" ..; -1: none */
	bool byte_fallback, fuse_unk, ignore_merges;

	int32_t before[TOK_AROUND_MAX], after[TOK_AROUND_MAX];
	int nbefore, nafter;
	bool around_known; /* the post-processor said */

	bool each_bad_byte;  /* one U+FFFD a byte, not one a sequence */
	uint32_t strip;	     /* spaces that decoding takes off the start */
	bool strip_pieces;   /* SentencePiece: one of each until text comes */
	bool strip_once;     /* ... of the first alone */
	uint32_t first_drop; /* Metaspace: not in the first token; 0 none */
};

/* Fill an empty struct tok from the files of a directory. */
int tok_json_open(struct tok *, const char *path);
int tok_sp_open(struct tok *, const char *path, const json_t *config);
/* The post-processor; what tokenizer_config.json (NULL: absent) says where it
 * does not.  bos, eos: ids from tokenizer.model, -1 unknown. */
int tok_post_read(struct tok *, const json_t *);
int tok_config_read(struct tok *, const json_t *, int32_t bos, int32_t eos);
int tok_dec_read(struct tok *, const json_t *);
/* Texts of all ids for a SentencePiece model. */
int tok_dec_sp(struct tok *);
int tok_added_read(struct tok *, const json_t *);
int tok_added_take(struct tok *, const json_t *, int64_t id);

/* Reads a whole file into malloced memory; ERR_NOT_FOUND, ERR_LIMIT ... */
int tok_file_read(const char *path, char **bytes, size_t *n);
int tok_file_json(const char *path, json_t **);
/* "<0x41>" as 0x41, else -1. */
int tok_byte_of(const char *text, size_t n);

/* One encoding's scratch and result. */
struct tok_symbol {
	int32_t id; /* -1: a character without one */
	int32_t prev, next;
	uint32_t at, n; /* in the word; n 0: merged away */
};

struct tok_merge {
	uint32_t rank;
	int32_t pos, id;
	uint32_t n;
};

struct tok_job {
	const struct tok *tok;
	int32_t *ids;
	int max;
	int64_t count;
	struct tok_buf text[2];
	struct tok_cuts cuts[2];
	struct tok_symbol *symbol;
	size_t nsymbols, symbols_max;
	struct tok_merge *heap;
	size_t nheap, heap_max;
	uint32_t *left; /* by id, bytes; NULL: no unused piece was met */
};

void tok_emit(struct tok_job *, int32_t id);
/* Ids of one word, emitted; 0 or ERR_MEMORY. */
int tok_bpe(struct tok_job *, const char *word, size_t n);

#endif
