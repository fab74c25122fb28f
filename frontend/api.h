/*
 * api.h -- from a line to a checked request, and from a failure to a line.
 *
 * What a request may hold is a table, fields.tbl; what may go wrong is
 * another, codes.tbl.  A field that is not in the table is refused by name: a
 * dropped field is how an answer silently becomes another.  null is as absent.
 *
 * Memory   The strings of a request live in its JSON tree.
 * Threads  Any.
 */
#ifndef FRONTEND_API_H
#define FRONTEND_API_H

#include "frontend/line_out.h"
#include "frontend/stops.h"
#include "model/sample.h"
#include "model/shape.h"
#include "shm/slot.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum api_code {
#define CODE(name, text, type, meaning) API_##name,
#include "frontend/codes.tbl"
#undef CODE
	API_CODE_COUNT
};

#define API_PARAM_MAX 40
#define API_MESSAGE_MAX 480

/* Why a line is not obeyed. */
struct api_fail {
	enum api_code code;
	char param[API_PARAM_MAX]; /* the field; "": none in particular */
	char message[API_MESSAGE_MAX];
	uint32_t retry_after_ms;	 /* 0: not said */
	uint32_t busy;			 /* requests; 0: not said */
	uint64_t operation;		 /* that ends with it; 0: none */
	const struct record_note *ended; /* the request that it ends, if any */
};

struct api_request {
	const char *model;
	const json_t *prompt;
	int32_t max_tokens; /* 0: not given */
	int32_t min_tokens, top_k, timeout_ms;
	int32_t logprobs; /* -1: not wanted */
	double temperature, top_p, min_p, repetition, presence, frequency;
	uint64_t seed;
	bool has_seed;
	bool stream, return_ids, ignore_eos, include_stop;
	bool skip_special, add_special;
	int nbias, nstop, nstop_ids;
	struct sample_bias bias[SAMPLE_BIAS_MAX];
	const char *stop[STOPS_MAX];
	size_t stop_bytes[STOPS_MAX];
	int32_t stop_ids[SLOT_STOP_IDS_MAX];
	int32_t vocab; /* ids are below it */
};

/* Sets code and message, returns false. */
bool api_refuse(struct api_fail *, enum api_code, const char *param,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The JSON object of a line, and its id as JSON text ("" if it has none).
 * false: fail says why; id is then "" or what could be read of it. */
bool api_parse(json_t **root, const char *line, size_t n, char id[SLOT_ID_MAX],
    struct api_fail *);

/* Every field of a request, with the model's own defaults where it names
 * some.  vocab bounds token ids. */
bool api_read(struct api_request *, const json_t *root, const struct shape *,
    uint32_t vocab, struct api_fail *);

/* The name of a field that is not one of `known`; NULL: there is none. */
const char *api_stranger(const json_t *root, const char *const *known, int n);

/* "a string", "an array" ... as errors say it. */
const char *api_kind(const json_t *);

/* The text of a member that is there and is to be one.  false: it is none, or holds
 * a NUL character; want is what the sentence says is wanted. */
bool api_text_of(const json_t *, const char *field, const char *want,
    const char **out, struct api_fail *);

/* The whole error line, newline included. */
void api_error(struct line_out *, const char *id, const struct api_fail *);

/* ,"timing":{...}: where the time of a request went that has ended. */
void api_timing(struct line_out *, const struct record_note *);

const char *api_code_text(enum api_code);

#endif
