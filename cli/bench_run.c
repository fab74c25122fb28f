/* Sends the load over some connections and notes when answers come. */
#include "base/err.h"
#include "base/must.h"
#include "base/rng.h"
#include "cli/bench.h"
#include "cli/client.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_NS (5 * SECOND)

struct flight {
	nsec sent, first, last; /* lines of the answer; 0: none yet */
	int client;		/* -1: not sent, or over */
};

struct bench {
	const struct bench_options *o;
	const struct sim_names *names;
	const struct bench_ask *asks;
	uint64_t nasks, next, flying, over;
	nsec warm_up;
	struct flight *flights;
	struct client *clients;
	struct pollfd *polls;
	int nclients;
	nsec start, shown; /* shown: when progress was printed last */
	struct bench_result *r;
	FILE *csv; /* or NULL */
};

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static char *
request_line(const struct bench *b, uint64_t i)
{
	const struct bench_ask *a = &b->asks[i];
	json_t *r, *ids = json_array();
	struct rng rng;
	char id[24], *line;

	rng_seed(&rng, b->o->seed * 0x9e3779b97f4a7c15u + i);
	for (uint32_t k = 0; k < a->prompt; k++)
		json_array_append_new(ids,
		    json_integer((json_int_t)rng_below(&rng, b->o->vocab)));
	snprintf(id, sizeof(id), "%ju", (uintmax_t)i);
	r = json_pack("{s:s, s:o, s:I, s:f, s:b, s:b, s:b}", "id", id, "prompt",
	    ids, "max_tokens", (json_int_t)a->output, "temperature",
	    b->o->temperature, "stream", 1, "ignore_eos", 1, "return_token_ids",
	    1);
	must(r != NULL);
	if (a->adapter >= 0)
		json_object_set_new(r, "model",
		    json_string(b->names->at[a->adapter].name));
	line = json_dumps(r, JSON_COMPACT);
	must(line != NULL);
	json_decref(r);
	return line;
}

/* Whether a request counts: it is due after the warm-up. */
static bool
counts(const struct bench *b, uint64_t i)
{
	return b->asks[i].at >= b->warm_up;
}

static void
end_flight(struct bench *b, uint64_t i)
{
	b->flights[i].client = -1;
	b->flying--;
	b->over++;
}

static void
fail(struct bench *b, uint64_t i, const char *code)
{
	end_flight(b, i);
	if (counts(b, i))
		bench_failure(b->r, code);
}

/* A connection has ended: so have its requests. */
static void
lost(struct bench *b, int client)
{
	client_close(&b->clients[client]);
	for (uint64_t i = 0; i < b->next; i++)
		if (b->flights[i].client == client)
			fail(b, i, "connection_lost");
}

static void
send_next(struct bench *b, nsec now)
{
	uint64_t i = b->next++;
	int k = (int)(i % (uint64_t)b->nclients);
	struct client *c = &b->clients[k];
	char *line;

	b->r->requests += counts(b, i);
	b->flying++;
	b->flights[i].client = k;
	b->flights[i].sent = now;
	if (c->fd < 0 && client_open(c, b->o->connect, CONNECT_NS) != 0) {
		fail(b, i, "cannot_connect");
		clock_sleep(100 * MILLISECOND);
		return;
	}
	line = request_line(b, i);
	b->flights[i].sent = clock_mono();
	if (client_send(c, line) != 0)
		lost(b, k);
	free(line);
}

static bool
may_send(const struct bench *b, nsec now)
{
	if (b->next == b->nasks)
		return false;
	if (b->o->concurrency > 0 && b->flying >= b->o->concurrency)
		return false;
	return now - b->start >= b->asks[b->next].at;
}

/* The columns are named as those of `chameleon sim --csv`. */
static void
write_row(const struct bench *b, uint64_t i, double wait_ms, bool hit, nsec now)
{
	const struct bench_ask *a = &b->asks[i];
	const struct flight *f = &b->flights[i];

	if (b->csv == NULL)
		return;
	fprintf(b->csv, "%ju,%.9f,%s,%u,%u,%.9g,%.9g,%.9g,%d\n", (uintmax_t)i,
	    (double)a->at / 1e9,
	    a->adapter < 0 ? "" : b->names->at[a->adapter].name, a->prompt,
	    a->output, wait_ms, clock_ms(f->first - f->sent),
	    clock_ms(now - f->sent), hit);
}

static void
on_done(struct bench *b, uint64_t i, json_t *line, nsec now)
{
	json_t *usage = json_object_get(line, "usage");
	json_t *adapter = json_object_get(line, "adapter");
	json_t *n = json_object_get(usage, "completion_tokens");
	const char *source = json_string_value(
	    json_object_get(adapter, "source"));
	bool hit = source != NULL && strcmp(source, "resident") == 0;
	struct flight *f = &b->flights[i];
	double wait_ms;

	end_flight(b, i);
	if (!counts(b, i))
		return;
	if (f->first == 0)
		f->first = now;
	b->r->completed++;
	b->r->tokens += (uint64_t)json_integer_value(n);
	wait_ms = bench_wait(b->r, json_object_get(line, "timing"));
	bench_add(&b->r->ttft, clock_ms(f->first - f->sent));
	bench_add(&b->r->e2e, clock_ms(now - f->sent));
	b->r->with_adapter += b->asks[i].adapter >= 0;
	b->r->hits += b->asks[i].adapter >= 0 && hit;
	write_row(b, i, wait_ms, hit, now);
}

static void
on_part(struct bench *b, uint64_t i, json_t *line, nsec now)
{
	size_t n = json_array_size(json_object_get(line, "token_ids"));
	struct flight *f = &b->flights[i];

	n = n == 0 ? 1 : n;
	if (f->first == 0)
		f->first = now;
	else
		for (size_t k = 0; k < n && counts(b, i); k++)
			bench_add(&b->r->tbt,
			    clock_ms(now - f->last) / (double)n);
	f->last = now;
}

static void
on_line(struct bench *b, const char *text, nsec now)
{
	json_t *line = json_loads(text, 0, NULL);
	json_t *error = json_object_get(line, "error");
	const char *id = json_string_value(json_object_get(line, "id"));
	const char *code = json_string_value(json_object_get(error, "code"));
	uint64_t i = id == NULL ? UINT64_MAX : strtoull(id, NULL, 10);

	if (i >= b->next || b->flights[i].client < 0)
		; /* of the connection as a whole, or of none of ours */
	else if (error != NULL)
		fail(b, i, code != NULL ? code : "error");
	else if (json_is_true(json_object_get(line, "done")))
		on_done(b, i, line, now);
	else
		on_part(b, i, line, now);
	json_decref(line);
}

static void
receive(struct bench *b, int k)
{
	struct client *c = &b->clients[k];
	int e = client_pump(c);
	nsec now = clock_mono();

	for (char *line; (line = client_line(c)) != NULL;)
		if (line[0] != '\0')
			on_line(b, line, now);
	if (e != 0 || c->ended)
		lost(b, k);
}

/* Time until the next request is due, in ms, at most a fifth of a second. */
static int
patience(const struct bench *b, nsec now)
{
	nsec wait = 200 * MILLISECOND;

	if (b->next < b->nasks &&
	    (b->o->concurrency == 0 || b->flying < b->o->concurrency)) {
		nsec due = b->start + b->asks[b->next].at - now;

		wait = due < wait ? due : wait;
	}
	return wait < 0 ? 0 : (int)(wait / MILLISECOND);
}

static void
turn(struct bench *b)
{
	for (int k = 0; k < b->nclients; k++)
		b->polls[k] = (struct pollfd){ b->clients[k].fd,
			client_events(&b->clients[k]), 0 };
	if (poll(b->polls, (nfds_t)b->nclients, patience(b, clock_mono())) <= 0)
		return;
	for (int k = 0; k < b->nclients; k++)
		if (b->polls[k].revents != 0)
			receive(b, k);
}

static void
progress(struct bench *b, nsec now, bool last)
{
	bool tty = isatty(STDERR_FILENO);
	nsec every = tty ? SECOND / 2 : 10 * SECOND;

	if (!last && now - b->shown < every)
		return;
	if (last && !tty)
		return;
	b->shown = now;
	fprintf(stderr,
	    "%s%ju of %ju over, %ju failed, %ju in flight, %.0f s%s",
	    tty ? "\r\033[K" : "", (uintmax_t)b->over, (uintmax_t)b->nasks,
	    (uintmax_t)b->r->failed, (uintmax_t)b->flying,
	    clock_ms(now - b->start) / 1000, tty && !last ? "" : "\n");
}

static int
open_all(struct bench *b)
{
	uint64_t n = b->o->connections;

	if (n > b->nasks)
		n = b->nasks;
	b->flights = calloc(b->nasks, sizeof(*b->flights));
	b->clients = calloc(n, sizeof(*b->clients));
	b->polls = calloc(n, sizeof(*b->polls));
	if (b->flights == NULL || b->clients == NULL || b->polls == NULL)
		return err_set(ERR_MEMORY, "no memory for the run");
	for (uint64_t k = 0; k < n; k++) {
		int e = client_open(&b->clients[k], b->o->connect, CONNECT_NS);

		if (e != 0)
			return e;
		b->nclients++;
	}
	return 0;
}

static int
open_csv(struct bench *b)
{
	if (b->o->csv == NULL)
		return 0;
	if ((b->csv = fopen(b->o->csv, "we")) == NULL)
		return err_sys(ERR_IO, "%s", b->o->csv);
	fprintf(b->csv,
	    "request,at_s,adapter,prompt_tokens,output_tokens,wait_ms,"
	    "ttft_ms,e2e_ms,hit\n");
	return 0;
}

static int
close_csv(struct bench *b)
{
	if (b->csv == NULL || (ferror(b->csv) | fclose(b->csv)) == 0)
		return 0;
	return err_sys(ERR_IO, "%s", b->o->csv);
}

static void
count_since(struct bench *b, const struct bench_counts *before)
{
	struct bench_counts *c = &b->r->counts;

	b->r->counted = b->r->counted && bench_counts(b->o->connect, c) == 0;
	if (!b->r->counted)
		return;
	c->loads -= before->loads;
	c->load_bytes -= before->load_bytes;
	c->squashed -= before->squashed;
}

int
bench_run(const struct bench_options *o, const struct sim_names *names,
    const struct bench_ask *asks, uint64_t n, struct bench_result *r)
{
	struct bench b = { .o = o, .names = names, .asks = asks, .nasks = n };
	struct sigaction act = { .sa_handler = on_interrupt }, old;
	struct bench_counts before = { 0 };
	int e;

	memset(r, 0, sizeof(*r));
	b.warm_up = (nsec)(o->warm_up_s * 1e9);
	r->seed = o->seed;
	r->system = o->system;
	b.r = r;
	if ((e = open_all(&b)) != 0 || (e = open_csv(&b)) != 0)
		goto out;
	r->counted = bench_counts(o->connect, &before) == 0;
	sigaction(SIGINT, &act, &old);
	b.start = b.shown = clock_mono();
	while (b.over < n && !interrupted) {
		while (may_send(&b, clock_mono()) && !interrupted)
			send_next(&b, clock_mono());
		turn(&b);
		progress(&b, clock_mono(), false);
	}
	r->duration_s = clock_ms(clock_mono() - b.start - b.warm_up) / 1000;
	r->interrupted = interrupted != 0;
	progress(&b, clock_mono(), true);
	sigaction(SIGINT, &old, NULL);
	count_since(&b, &before);
	e = close_csv(&b);
out:
	for (int k = 0; k < b.nclients; k++)
		client_close(&b.clients[k]);
	free(b.clients);
	free(b.polls);
	free(b.flights);
	return e;
}
