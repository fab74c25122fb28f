/* Designed loads: what the steps of a cost model are fitted from.
 *
 * Requests of a phase end one after the other, since their lengths differ, so
 * that each phase has steps of every size up to its own.  Contexts are short
 * and long, prompts come alone and among answers, without adapters, with one
 * and with many; adapters are sent away before, so that steps and loads meet. */
#include "cli/measure.h"

#include "base/err.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "supervisor/house.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64 /* adapters that a profile uses */
#define LONE 25	     /* requests one after the other */
#define ASK_NS (30 * SECOND)
#define SECONDS 40 /* that rounds may begin in, if nothing is said */

/* Lengths in 1/64 of the context; requests: so many times those in flight. */
struct phase {
	int flight; /* in flight: the batch, shifted right by so much, and at
		     * least two; ALONE: one */
	int requests;
	struct bench_range prompt, output;
	int adapters; /* of the list; -1: all of it */
};

#define ALONE 6

static const struct phase phases[] = {
	/* answers over short contexts */
	{ ALONE, 8, { 1, 4 }, { 4, 16 }, 0 },
	{ 4, 4, { 1, 4 }, { 2, 16 }, 0 },
	{ 2, 3, { 1, 8 }, { 2, 16 }, 0 },
	{ 0, 2, { 1, 8 }, { 2, 16 }, 0 },
	{ 4, 4, { 1, 4 }, { 2, 16 }, 1 },
	{ 0, 1, { 1, 4 }, { 2, 16 }, 1 },
	{ ALONE, 12, { 1, 4 }, { 2, 8 }, -1 },
	{ 4, 6, { 1, 4 }, { 2, 16 }, -1 },
	{ 2, 3, { 1, 8 }, { 2, 16 }, -1 },
	{ 0, 2, { 1, 8 }, { 2, 16 }, -1 },
	/* over long ones */
	{ ALONE, 4, { 40, 52 }, { 4, 8 }, 0 },
	{ 3, 2, { 24, 48 }, { 2, 8 }, 0 },
	{ 3, 2, { 24, 48 }, { 2, 8 }, -1 },
	{ 0, 1, { 16, 40 }, { 2, 16 }, 0 },
	/* as requests come: contexts of every length under every batch */
	{ ALONE, 12, { 1, 30 }, { 1, 30 }, -1 },
	{ 2, 8, { 1, 30 }, { 1, 30 }, -1 },
	{ 1, 6, { 1, 30 }, { 1, 30 }, -1 },
	{ 0, 6, { 1, 30 }, { 1, 30 }, -1 },
	/* prompts */
	{ ALONE, 24, { 1, 60 }, { 1, 1 }, 0 },
	{ ALONE, 24, { 1, 60 }, { 1, 1 }, -1 },
	{ 2, 2, { 1, 24 }, { 1, 1 }, 0 },
	{ 2, 2, { 1, 24 }, { 1, 1 }, -1 },
};

#define NPHASES ((int)(sizeof(phases) / sizeof(phases[0])))

struct profile {
	const struct measure_options *how;
	struct bench_options load; /* as the user gave it, and the address */
	struct watch *watch;
	char address[HOUSE_PATH_MAX + 16];
	struct sim_names names;
	uint64_t lone_us, beside_us;
	bool interrupted;
};

static const struct segs *
segs_of(const struct profile *p)
{
	return watch_segs(p->watch);
}

/* The first of the catalogue. */
static int
take_names(struct profile *p)
{
	const struct segs *g = segs_of(p);
	int e = 0;

	for (uint32_t a = 0;
	     e == 0 && a < g->plan->adapters && p->names.n < NAMES_MAX; a++) {
		struct sim_named named = { .rank = g->info[a].rank,
			.bytes = g->info[a].bytes };

		if (dir_entry_state(atomic_load_explicit(&g->entry[a],
			memory_order_acquire)) != DIR_LISTED)
			continue;
		snprintf(named.name, sizeof(named.name), "%.*s",
		    DIR_NAME_MAX - 1, g->info[a].name);
		e = sim_names_add(&p->names, &named);
	}
	return e;
}

/* By the admin socket, for adapters can be sent away there. */
static void
take_address(struct profile *p)
{
	struct conf conf;

	if (p->load.connect != NULL)
		return;
	watch_settings(p->watch, &conf);
	(void)house_dir(p->address, &conf);
	strcat(p->address, "/admin.sock");
	p->load.connect = p->address;
}

/* ---- adapters to and fro ---- */

/* One operation on an adapter; its failure is not ours: it may be in use. */
static int
ask(struct client *c, const char *op, const char *name)
{
	char line[256], *reply;
	int e;

	snprintf(line, sizeof(line), "{\"op\":\"%s\",\"name\":\"%s\",\"id\":1}",
	    op, name);
	if ((e = client_send(c, line)) != 0)
		return e;
	do
		e = client_wait(c, &reply, clock_mono() + ASK_NS);
	while (e == 0 && reply[0] == '\0');
	if (e == 0 && strstr(reply, "\"code\":\"permission\"") != NULL)
		return err_set(ERR_USAGE,
		    "--profile sends adapters away, which the admin socket "
		    "alone allows: leave out --connect");
	return e;
}

/* Sends all adapters off the device; with back, brings each in again while
 * nothing else runs. */
static int
send_away(struct profile *p, bool back)
{
	struct client c;
	int e = client_open(&c, p->load.connect, ASK_NS);

	for (uint32_t i = 0; e == 0 && i < p->names.n; i++) {
		e = ask(&c, "unload", p->names.at[i].name);
		if (e == 0 && back)
			e = ask(&c, "load", p->names.at[i].name);
	}
	client_close(&c);
	return e;
}

/* ---- loads ---- */

/* As the phase has it, in tokens. */
static struct bench_range
tokens(const struct profile *p, struct bench_range part)
{
	uint64_t context = segs_of(p)->plan->context;

	if (p->load.context > 0 && p->load.context < context)
		context = p->load.context;
	part.least = (uint32_t)(part.least * context / 64);
	part.most = (uint32_t)(part.most * context / 64);
	part.least += part.least == 0;
	part.most += part.most == 0;
	return part;
}

/* With the first nnames adapters; the first answer's time goes to ttft_ms if
 * that is not NULL. */
static int
run(struct profile *p, const struct bench_options *o, uint32_t nnames,
    double *ttft_ms)
{
	struct sim_names names = { p->names.at, nnames, nnames };
	struct bench_ask *asks = NULL;
	struct bench_result r = { 0 };
	uint64_t n;
	int e = bench_load(o, &names, &asks, &n);

	if (e == 0)
		e = bench_run(o, &names, asks, n, &r);
	if (e == 0 && r.completed == 0 && !r.interrupted)
		e = err_set(ERR_GONE,
		    "no request of a profile was answered: "
		    "%s",
		    r.ncodes > 0 ? r.codes[0].code : "none was sent");
	p->interrupted |= r.interrupted;
	if (ttft_ms != NULL && r.ttft.n > 0)
		*ttft_ms = r.ttft.at[0];
	bench_result_free(&r);
	free(asks);
	return e;
}

static uint32_t
flight_of(const struct profile *p, const struct phase *f)
{
	uint32_t batch = segs_of(p)->plan->batch_max, n = batch >> f->flight;

	if (f->flight == ALONE || batch == 1)
		return 1;
	return n < 2 ? 2 : n;
}

static int
run_phase(struct profile *p, const struct phase *f, uint64_t seed)
{
	struct bench_options o = p->load;
	uint32_t flight = flight_of(p, f);
	uint32_t nnames = f->adapters < 0 ? p->names.n : (uint32_t)f->adapters;
	int e = 0;

	if (f->adapters != 0 && p->names.n == 0)
		return 0;
	o.concurrency = flight;
	o.requests = (uint64_t)flight * (uint64_t)f->requests;
	o.spread = nnames > 0 ? BENCH_UNIFORM : BENCH_NONE;
	o.prompt = tokens(p, f->prompt);
	o.output = tokens(p, f->output);
	o.seed = seed;
	if (f->adapters < 0)
		e = send_away(p, false);
	return e != 0 ? e : run(p, &o, nnames, NULL);
}

static int
ascending(const void *a, const void *b)
{
	nsec x = *(const nsec *)a, y = *(const nsec *)b;

	return (x > y) - (x < y);
}

/* Of the request that came last. */
static uint32_t
newest(const struct segs *g)
{
	uint32_t s = 0;

	for (uint32_t i = 1; i < g->plan->slots; i++)
		if (g->request[i].arrived_ns > g->request[s].arrived_ns)
			s = i;
	return s;
}

/* One request alone: from its line until it was computed, and what its client
 * waited beside what the engine knows of. */
static int
run_one(struct profile *p, const struct bench_options *o, nsec *lone,
    nsec *beside)
{
	const struct segs *g = segs_of(p);
	double ms = 0;
	int e = run(p, o, 0, &ms);
	uint32_t s = newest(g);

	*lone = g->result[s].started_ns - g->request[s].arrived_ns;
	*beside = (nsec)(ms * 1e6) -
	    (g->result[s].first_ns - g->request[s].arrived_ns);
	return e;
}

/* How long scheduler and frontend take when there is nothing else: medians. */
static int
run_lone(struct profile *p)
{
	nsec lone[LONE], beside[LONE];
	struct bench_options o = p->load;

	o.requests = o.concurrency = o.connections = 1;
	o.prompt = tokens(p, (struct bench_range){ 16, 16 });
	o.output = (struct bench_range){ 2, 2 };
	for (int i = 0; i < LONE; i++) {
		int e = run_one(p, &o, &lone[i], &beside[i]);

		if (e != 0 || p->interrupted)
			return e;
	}
	qsort(lone, LONE, sizeof(lone[0]), ascending);
	qsort(beside, LONE, sizeof(beside[0]), ascending);
	p->lone_us = (uint64_t)(lone[LONE / 2] / MICROSECOND);
	if (beside[LONE / 2] > 0)
		p->beside_us = (uint64_t)(beside[LONE / 2] / MICROSECOND);
	return 0;
}

/* At least one round; then as many as begin in time. */
static int
run_all(struct profile *p)
{
	double seconds = p->how->seconds > 0 ? p->how->seconds : SECONDS;
	nsec until = clock_mono() + (nsec)(seconds * 1e9);
	uint64_t seed = p->load.seed;
	int e = run_lone(p);

	do {
		if (e == 0)
			e = send_away(p, true);
		for (int i = 0; e == 0 && !p->interrupted && i < NPHASES; i++)
			e = run_phase(p, &phases[i], seed++);
	} while (e == 0 && !p->interrupted && clock_mono() < until);
	return e;
}

int
measure_profile(const struct measure_options *how,
    const struct bench_options *load)
{
	static struct profile p;
	struct measure m = { 0 };
	int e, ended;

	p = (struct profile){ .how = how, .load = *load };
	if ((e = watch_open(&p.watch, how->instance)) != 0)
		return e;
	take_address(&p);
	if ((e = take_names(&p)) == 0)
		e = run_all(&p);
	sim_names_free(&p.names);
	ended = watch_close(p.watch, &m);
	if (e == 0 && (e = ended) == 0) {
		m.head.lone_us = p.lone_us;
		m.head.beside_us = p.beside_us;
		e = measure_write(&m, how->profile);
	}
	measure_free(&m);
	return e;
}
