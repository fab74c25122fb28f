/* Answers a prompt in this process, token by token. */
#include "base/clock.h"
#include "base/err.h"
#include "cli/generate.h"
#include "frontend/stops.h"
#include "gpuexec/solo.h"
#include "model/sample.h"
#include "model/tok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct answer {
	const struct generate *g;
	struct solo *solo;
	int32_t *tokens; /* prompt, then answer; (context) */
	int context;
	struct tok *tok;
	struct tok_stream stream;
	struct stops *stops; /* NULL: none */
	struct sample_scratch *scratch;
	struct sample_params params;
	int nprompt, nout;
};

/* An adapter is a directory, or the name of one below --adapters. */
static const char *
adapter_path(const struct generate *g, char *path, size_t size)
{
	if (g->adapter == NULL)
		return NULL;
	if (strchr(g->adapter, '/') != NULL || access(g->adapter, F_OK) == 0)
		return g->adapter;
	if (g->adapters[0] != '\0')
		snprintf(path, size, "%s/%s", g->adapters, g->adapter);
	else
		snprintf(path, size, "%s/adapters/%s", g->model, g->adapter);
	return path;
}

static int
read_ids(struct answer *a)
{
	int vocab = solo_shape(a->solo)->vocab;
	char *end;

	for (const char *at = a->g->prompt; *at != '\0'; at = end) {
		long id = strtol(at, &end, 10);

		if (end == at || id < 0 || id >= vocab ||
		    (*end != ',' && *end != '\0'))
			return err_set(ERR_USAGE,
			    "ids: want 0..%d, with "
			    "commas between",
			    vocab - 1);
		if (a->nprompt == a->context)
			return err_set(ERR_LIMIT, "over %d ids", a->nprompt);
		a->tokens[a->nprompt++] = (int32_t)id;
		end += *end == ',';
	}
	return 0;
}

static int
read_prompt(struct answer *a)
{
	int e;

	if (a->g->ids)
		e = read_ids(a);
	else
		e = tok_encode(a->tok, a->g->prompt, strlen(a->g->prompt),
		    TOK_ADD_SPECIAL, a->tokens, a->context, &a->nprompt);
	if (e == 0 && a->nprompt == 0)
		e = err_set(ERR_USAGE, "the prompt is empty");
	if (e == 0 && a->nprompt >= a->context)
		e = err_set(ERR_LIMIT,
		    "a prompt of %d tokens fills the "
		    "context of %d",
		    a->nprompt, a->context);
	return e == 0 ? 0 : err_add("prompt");
}

static void
set_params(struct answer *a)
{
	const struct generate *g = a->g;

	a->params = (struct sample_params){
		.temperature = (float)g->temperature,
		.top_p = (float)g->top_p,
		.min_p = (float)g->min_p,
		.top_k = (int32_t)g->top_k,
		.repetition = (float)g->repetition,
		.seed = g->seed,
	};
	if (!g->has_seed)
		a->params.seed = (uint64_t)clock_wall();
}

static int
make(struct answer *a, const struct generate *g)
{
	size_t bytes[STOPS_MAX];
	char path[4096];
	struct solo_options o = { .model = g->model,
		.adapter = adapter_path(g, path, sizeof(path)),
		.kv = TENSOR_F32 };
	int e;

	a->g = g;
	if (g->stops.n > STOPS_MAX)
		return err_set(ERR_USAGE, "at most %d stops", STOPS_MAX);
	for (int i = 0; i < g->stops.n; i++) {
		bytes[i] = strlen(g->stops.at[i]);
		if (bytes[i] == 0 || bytes[i] > STOPS_BYTES_MAX)
			return err_set(ERR_USAGE, "a stop has 1 to %d bytes",
			    STOPS_BYTES_MAX);
	}
	if ((e = tok_open(&a->tok, g->model)) != 0)
		return err_add("model '%s'", g->model);
	if ((e = cmd_dtype(g->dtype, &o.weights)) != 0 ||
	    (e = cmd_threads(g->threads, &o.threads)) != 0 ||
	    (e = solo_open(&a->solo, &o)) != 0)
		return e;
	a->context = solo_context(a->solo);
	a->tokens = calloc((size_t)a->context, sizeof(*a->tokens));
	a->scratch = sample_scratch_new(solo_shape(a->solo)->vocab);
	if (g->stops.n > 0)
		a->stops = fe_stops_new(g->stops.at, bytes, g->stops.n, false);
	if (a->tokens == NULL || a->scratch == NULL ||
	    (g->stops.n > 0 && a->stops == NULL))
		return err_set(ERR_MEMORY, "no memory for the answer");
	set_params(a);
	return read_prompt(a);
}

static bool
is_end(const struct shape *s, int32_t id)
{
	for (int i = 0; i < s->neos; i++)
		if (s->eos[i] == id)
			return true;
	return false;
}

/* Shows what is certain; true: a stop was met. */
static bool
show(struct answer *a, const char *text, size_t n)
{
	char out[TOK_PIECE_MAX + 8 + STOPS_BYTES_MAX];

	if (a->stops != NULL) {
		n = fe_stops_put(a->stops, text, n, out);
		text = out;
	}
	fwrite(text, 1, n, stdout);
	fflush(stdout);
	return a->stops != NULL && a->stops->hit >= 0;
}

/* One token of the answer.  *more: there may be another. */
static int
one_token(struct answer *a, bool *more)
{
	const struct shape *s = solo_shape(a->solo);
	const int32_t *tokens = a->tokens;
	struct sample_pick pick;
	char text[TOK_PIECE_MAX + 8];
	size_t n;

	if (!sample_pick(&pick, a->scratch, solo_last(a->solo), s->vocab,
		&a->params, tokens, a->nprompt, tokens + a->nprompt, a->nout,
		NULL, 0, false, 0, (uint64_t)solo_count(a->solo)))
		return err_set(ERR_FORMAT, "the logits are not finite");
	*more = false;
	if (!a->g->ignore_eos && is_end(s, pick.id))
		return 0;
	a->tokens[a->nprompt + a->nout++] = pick.id;
	n = tok_stream_put(a->tok, &a->stream, pick.id, text, sizeof(text));
	*more = !show(a, text, n) && (uint64_t)a->nout < a->g->max_tokens &&
	    a->nprompt + a->nout < a->context;
	return *more ? solo_feed(a->solo, &pick.id, 1, NULL) : 0;
}

static int
answer(struct answer *a)
{
	char rest[TOK_PIECE_MAX + 8 + STOPS_BYTES_MAX];
	bool more = a->g->max_tokens > 0;
	int e = solo_feed(a->solo, a->tokens, a->nprompt, NULL);

	while (e == 0 && more)
		e = one_token(a, &more);
	if (a->stops == NULL || a->stops->hit < 0) {
		size_t n = tok_stream_end(a->tok, &a->stream, rest,
		    sizeof(rest));

		show(a, rest, n);
		if (a->stops != NULL)
			fwrite(rest, 1, fe_stops_end(a->stops, rest), stdout);
	}
	printf("\n");
	return e;
}

static void
print_timing(const struct answer *a, nsec first, nsec begun)
{
	nsec now = clock_mono();

	fprintf(stderr,
	    "prompt %d tokens, answer %d tokens, %.1f ms to begin, "
	    "%.1f ms in all\n",
	    a->nprompt, a->nout, clock_ms(begun - first),
	    clock_ms(now - first));
}

int
generate_here(const struct generate *g)
{
	struct answer a = { 0 };
	nsec first = clock_mono(), begun;
	int e = make(&a, g);

	begun = clock_mono();
	if (e == 0)
		e = answer(&a);
	if (e == 0 && g->timing)
		print_timing(&a, first, begun);
	if (a.tok != NULL)
		tok_close(a.tok);
	if (a.scratch != NULL)
		sample_scratch_free(a.scratch);
	free(a.stops);
	free(a.tokens);
	if (a.solo != NULL)
		solo_close(a.solo);
	return e;
}
