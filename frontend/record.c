/* What is known of a request at its end: one note, from which its answer's
 * timing, the record that is kept, the distributions and the log are made. */
#include "base/hash.h"
#include "base/utf8.h"
#include "frontend/frontend.h"
#include "shm/word.h"

#include <string.h>

/* Longer than any load: what a process says of one may not be nonsense. */
#define LOAD_MAX_NS (3600 * SECOND)

/* What of others' segments is of this request; zeros where nothing is. */
struct found {
	bool seen;   /* the scheduler has written its ticket */
	bool placed; /* it was placed, not denied at once */
	bool ran;    /* it has a token */
	struct slot_ticket ticket;
	struct slot_result result;
};

static nsec
whole(nsec length)
{
	return length - length % MICROSECOND;
}

/* A moment of another process's, as a time since the arrival.  In whole
 * microseconds, as all times of a note: so its parts add up as they are printed. */
static nsec
since(const struct record_note *n, nsec at, nsec least, nsec most)
{
	if (at <= n->arrived_ns + least)
		return least;
	return at >= n->arrived_ns + most ? most : whole(at - n->arrived_ns);
}

/* As much of what is left as another process claims. */
static nsec
take(nsec *left, nsec claim)
{
	nsec part = claim <= 0 ? 0 : claim >= *left ? *left : whole(claim);

	*left -= part;
	return part;
}

/* What holds one that the scheduler has not placed yet. */
static uint32_t
why_now(const struct frontend *fe, const struct record_note *n)
{
	const struct segs *g = fe->g;
	uint32_t why;

	if (n->adapter >= 0) {
		struct place_word want = word_load_place(&g->want[n->adapter]);
		struct place_word have = word_load_place(&g->have[n->adapter]);

		if (want.state == WANT_IN &&
		    (have.gen != want.gen || have.state != HAVE_RESIDENT))
			return WHY_ADAPTER;
	}
	why = atomic_load_explicit(&g->queues[n->queue].why,
	    memory_order_relaxed);
	return why < WHY_COUNT ? why : WHY_NONE;
}

static uint8_t
queue_of(uint32_t queue)
{
	return queue < SEG_QUEUES ? (uint8_t)queue : 0;
}

/* Queue, prediction and where the waiting went, from the ticket; from what
 * consoles are shown while there is none. */
static void
put_wait(const struct frontend *fe, struct record_note *n,
    const struct found *f)
{
	const struct slot_wait *w = &fe->g->waits[n->slot];
	/* U2: who sees the generation sees what lies beside it. */
	uint32_t gen = atomic_load_explicit(&w->gen, memory_order_acquire);

	if (f->seen) {
		n->queue = queue_of(f->ticket.queue);
		n->predicted = f->ticket.predicted;
		n->squashes = f->ticket.squashes;
		n->deaths = f->ticket.deaths;
		n->source = f->ticket.source <= SLOT_DISK ?
		    (uint8_t)f->ticket.source :
		    SLOT_DISK;
		n->wait = f->ticket.wait;
	} else if (gen == n->gen) {
		n->queue = queue_of(
		    atomic_load_explicit(&w->queue, memory_order_relaxed));
		n->predicted = atomic_load_explicit(&w->predicted,
		    memory_order_relaxed);
		n->wait.by_ns[why_now(fe, n)] = INT64_MAX;
	}
}

/* Makes of what was claimed parts that add up to n->queue_ns. */
static void
split_wait(struct record_note *n)
{
	nsec left = n->queue_ns, load = LOAD_MAX_NS;

	for (int i = WHY_NONE + 1; i < WHY_COUNT; i++)
		n->wait.by_ns[i] = take(&left, n->wait.by_ns[i]);
	n->wait.by_ns[WHY_NONE] = left;
	n->wait.loading_ns = n->adapter_ns;
	n->wait.disk_ns = take(&load, n->wait.disk_ns);
	n->wait.host_ns = take(&load, n->wait.host_ns);
	n->wait.copy_ns = take(&load, n->wait.copy_ns);
}

/* Each moment lies between the one before and the end, whatever the others'
 * segments hold.  Without a token, the stages add up to the total. */
static void
put_times(struct record_note *n, const struct found *f, nsec now)
{
	const struct slot_result *r = &f->result;
	nsec end, placed, first, last;

	end = now > n->arrived_ns ? whole(now - n->arrived_ns) : 0;
	placed = f->placed ? since(n, f->ticket.placed_ns, 0, end) : end;
	first = f->ran ? since(n, r->first_ns, placed, end) : end;
	last = f->ran ? since(n, r->last_ns, first, end) : end;
	n->queue_ns = placed;
	n->adapter_ns = take(&n->queue_ns, n->wait.loading_ns);
	n->prefill_ns = first - placed;
	n->ttft_ns = f->ran ? first : 0;
	n->decode_ns = last - first;
	n->total_ns = end;
	end = n->decode_ns;
	n->longest_ns = take(&end, r->longest_ns);
	split_wait(n);
}

/* Tokens that were given to the client; of one that is told at its end alone,
 * those that there are. */
static uint32_t
tokens_of(const struct frontend *fe, uint32_t slot, struct word x)
{
	const struct answer *a = &fe->answers[slot];
	uint32_t most = (uint32_t)fe->g->request[slot].max_tokens;

	if (a->told > 0 || a->stops != NULL || x.gen != a->gen ||
	    x.state == X_NONE)
		return a->told;
	return x.low < most ? x.low : most;
}

static void
find(const struct frontend *fe, const struct record_note *n, struct found *f)
{
	struct word s = word_load(&fe->g->s[n->slot]);
	struct word x = word_load(&fe->g->x[n->slot]);

	*f = (struct found){ .seen = s.gen == n->gen };
	f->placed = f->seen && (s.state != S_DENIED || s.round != 0);
	if (f->seen)
		f->ticket = fe->g->ticket[n->slot];
	if (x.gen != n->gen)
		return;
	f->ran = f->placed && n->tokens > 0;
	f->result = fe->g->result[n->slot];
}

static void
put_names(const struct frontend *fe, struct record_note *n)
{
	const struct slot_request *q = &fe->g->request[n->slot];
	size_t bytes = strnlen(q->id, SLOT_ID_MAX);

	n->id_hash = hash_bytes(HASH_START, q->id, bytes);
	if (bytes >= RECORD_ID_MAX)
		bytes = utf8_valid(q->id, RECORD_ID_MAX - 1);
	memcpy(n->id, q->id, bytes);
	n->adapter = SLOT_BASE;
	/* The last life may have left nonsense. */
	if (q->adapter < 0 || q->adapter >= (int32_t)fe->plan->adapters)
		return;
	n->adapter = q->adapter;
	n->version = fe->g->info[q->adapter].version;
	fe_names_copy(fe->g, q->adapter, n->name);
}

void
fe_note(struct frontend *fe, uint32_t slot, enum record_end end,
    const char *code, struct record_note *n)
{
	const struct slot_request *q = &fe->g->request[slot];
	const struct answer *a = &fe->answers[slot];
	nsec now = clock_mono();
	struct found f;

	*n = (struct record_note){ .slot = slot,
		.gen = a->gen,
		.end = (uint8_t)end,
		.streamed = (a->flags & ANSWER_STREAM) != 0,
		.prompt = (uint32_t)q->nprompt,
		.tokens = tokens_of(fe, slot, word_load(&fe->g->x[slot])),
		.max_tokens = (uint32_t)q->max_tokens,
		.arrived_ns = q->arrived_ns };
	memcpy(n->code, code, strnlen(code, RECORD_CODE_MAX - 1));
	put_names(fe, n);
	find(fe, n, &f);
	n->placed = f.placed;
	n->ran = f.ran;
	if (f.ran)
		memcpy(n->digest, f.result.digest, sizeof(n->digest));
	put_wait(fe, n, &f);
	/* Tokens have come since the turn began. */
	put_times(n, &f, now > fe->now ? now : fe->now);
}
