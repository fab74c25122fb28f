/* What a pick looks at, in lists. */
#include "gpuexec/cuda/picks.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/must.h"

#define ALIGN 16

struct picks {
	int vocab;
	int32_t *place; /* [vocab] in the list of those seen, + 1; 0: not yet */
};

int
picks_open(struct picks **out, int vocab)
{
	struct picks *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->place = calloc((size_t)vocab, sizeof(*p->place));
	if (p == NULL || p->place == NULL) {
		free(p);
		return err_set(ERR_MEMORY, "no memory to sample");
	}
	p->vocab = vocab;
	*out = p;
	return 0;
}

void
picks_close(struct picks *p)
{
	if (p == NULL)
		return;
	free(p->place);
	free(p);
}

static size_t
round_up(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

size_t
picks_bytes(int n, int context, int vocab)
{
	size_t seen = (size_t)(context < vocab ? context : vocab);

	return (size_t)n *
	    (round_up(SAMPLE_BIAS_MAX * sizeof(struct sample_bias)) +
		round_up(SAMPLE_STOP_IDS_MAX * sizeof(int32_t)) +
		round_up(seen * sizeof(struct cuda_seen)));
}

static void *
take(struct picks_arena *a, size_t bytes, const void **there)
{
	size_t at = a->used;

	a->used += round_up(bytes);
	must(a->used <= a->room);
	*there = a->device + at;
	return a->host + at;
}

static bool
known(const struct picks *p, int32_t id)
{
	return id >= 0 && id < p->vocab;
}

static void
fill_bias(struct picks *p, struct cuda_pick *to, const struct sample_params *s,
    struct picks_arena *a)
{
	int n = s->nbias < SAMPLE_BIAS_MAX ? s->nbias : SAMPLE_BIAS_MAX;
	const void *there;
	struct sample_bias *list = take(a, (size_t)n * sizeof(*list), &there);

	to->bias = there;
	for (int i = 0; i < n; i++)
		if (known(p, s->bias[i].id))
			list[to->nbias++] = s->bias[i];
}

static void
fill_banned(struct picks *p, struct cuda_pick *to, const struct forward_pick *f,
    struct picks_arena *a)
{
	const void *there;
	int32_t *list = take(a, (size_t)f->nbanned * sizeof(*list), &there);

	to->banned = there;
	for (int i = 0; i < f->nbanned; i++)
		if (known(p, f->banned[i]))
			list[to->nbanned++] = f->banned[i];
}

static void
see(struct picks *p, struct cuda_pick *to, struct cuda_seen *list,
    const int32_t *ids, int n, int in_answer)
{
	for (int i = 0; i < n; i++) {
		int32_t id = ids[i];

		if (!known(p, id))
			continue;
		if (p->place[id] == 0) {
			list[to->nseen++] = (struct cuda_seen){ .id = id };
			p->place[id] = to->nseen;
		}
		list[p->place[id] - 1].in_answer += in_answer;
	}
}

static void
fill_seen(struct picks *p, struct cuda_pick *to, const struct forward_pick *f,
    struct picks_arena *a)
{
	size_t most = (size_t)f->nprompt + (size_t)f->nout;
	const void *there;
	struct cuda_seen *list;

	if (most > (size_t)p->vocab)
		most = (size_t)p->vocab;
	list = take(a, most * sizeof(*list), &there);
	to->seen = there;
	see(p, to, list, f->prompt, f->nprompt, 0);
	see(p, to, list, f->out, f->nout, 1);
	for (int i = 0; i < to->nseen; i++)
		p->place[list[i].id] = 0;
}

void
picks_fill(struct picks *p, struct cuda_pick *to, const struct forward_pick *f,
    struct picks_arena *a)
{
	const struct sample_params *s = f->params;
	bool repeats = s->repetition != 1 && s->repetition > 0;

	*to = (struct cuda_pick){
		.logits = f->logits,
		.temperature = s->temperature,
		.top_p = s->top_p,
		.min_p = s->min_p,
		.top_k = s->top_k,
		.repetition = repeats ? s->repetition : 1,
		.presence = s->presence,
		.frequency = s->frequency,
		.seed = s->seed,
		.position = f->position,
		.want_logprob = f->want_logprob,
		.ntop = f->ntop < SAMPLE_TOP_MAX ? f->ntop : SAMPLE_TOP_MAX,
	};
	if (s->nbias > 0)
		fill_bias(p, to, s, a);
	if (f->nbanned > 0)
		fill_banned(p, to, f, a);
	if (repeats || s->presence != 0 || s->frequency != 0)
		fill_seen(p, to, f, a);
}
