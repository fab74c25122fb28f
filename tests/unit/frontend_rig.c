/* Plays everybody around the frontend. */
#include "tests/unit/frontend_rig.h"

#include "base/err.h"
#include "proc/door.h"
#include "shm/word.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS_MAX 200000

void
rig_prepare(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	conf_defaults(&r->proc.conf);
	strcpy(r->proc.conf.model, "models/demo");
	r->proc.conf.frontend_connections_max = 16;
	r->plan = (struct plan){ .slots = 8,
		.context = 512,
		.vocab = 260,
		.adapters = 64,
		.connections = 16,
		.batch_max = 8,
		.step_tokens = 64,
		.block_tokens = 16,
		.blocks_per_slot = 32,
		.blocks_per_chunk = 4,
		.chunks = 16,
		.threads = 1,
		.chunk_bytes = 65536,
		.kv_block_bytes = 16384 };
	r->engine = true;
	r->finish = FINISH_LENGTH;
	for (int i = 0; i < RIG_PARKED_MAX; i++)
		r->parked[i] = -1;
}

static void
listen_tcp(struct rig *r)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->listener = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(r->listener, (void *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(r->listener, 128), 0);
	ck_assert_int_eq(getsockname(r->listener, (void *)&a, &n), 0);
	r->port = ntohs(a.sin_port);
}

static void
listen_admin(struct rig *r)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(r->dir, "/tmp/chameleon-rig.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->dir));
	snprintf(r->admin_path, sizeof(r->admin_path), "%s/admin", r->dir);
	strcpy(a.sun_path, r->admin_path);
	r->admin = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(r->admin, (void *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(r->admin, 16), 0);
}

static void
say_door(struct rig *r, enum door_kind kind, uint64_t tag, int fd)
{
	struct door_message m = { kind, 0, tag };

	ck_assert_int_eq(door_send(r->control, m, fd), 0);
}

/* What the supervisor does before each life of the frontend. */
static void
begin_life(struct rig *r)
{
	struct order *order = &r->made.supervisor->order[PROC_FRONTEND];
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	r->control = pair[0];
	r->proc.id = PROC_FRONTEND;
	r->proc.plan = r->as[PROC_FRONTEND].plan;
	r->proc.segs = r->as[PROC_FRONTEND];
	r->proc.cell = r->as[PROC_FRONTEND].cell[PROC_FRONTEND];
	r->proc.order = order;
	r->proc.epoch = atomic_fetch_add(&order->epoch, 1) + 1;
	r->proc.draining = false;
	say_door(r, DOOR_LISTENER, 0, r->listener);
	say_door(r, DOOR_ADMIN, 0, r->admin);
	for (int i = 0; i < RIG_PARKED_MAX; i++)
		if (r->parked[i] >= 0)
			say_door(r, DOOR_PARKED, r->tag[i], r->parked[i]);
	say_door(r, DOOR_BEGIN, 0, -1);
	if (fe_open(&r->fe, &r->proc, pair[1]) != 0)
		ck_abort_msg("%s", err_text());
}

void
rig_start(struct rig *r)
{
	char instance[32];

	snprintf(instance, sizeof(instance), "rig-%d", (int)getpid());
	plan_segments(&r->plan);
	if (segs_create(&r->made, instance, &r->plan, &r->proc.conf,
		sizeof(r->proc.conf)) != 0)
		ck_abort_msg("%s", err_text());
	for (int i = 0; i < PROC_COUNT; i++) {
		bell_format(&r->made.bell[i]);
		if (segs_open(&r->as[i], instance, (enum proc_id)i) != 0)
			ck_abort_msg("%s", err_text());
	}
	listen_tcp(r);
	listen_admin(r);
	begin_life(r);
}

static void
end_life(struct rig *r)
{
	int theirs = r->fe.control;

	fe_close(&r->fe);
	close(theirs);
	close(r->control);
}

void
rig_end(struct rig *r)
{
	end_life(r);
	for (int i = 0; i < RIG_PARKED_MAX; i++)
		if (r->parked[i] >= 0)
			close(r->parked[i]);
	close(r->listener);
	close(r->admin);
	unlink(r->admin_path);
	rmdir(r->dir);
	for (int i = 0; i < PROC_COUNT; i++)
		segs_close(&r->as[i]);
	segs_unlink(r->made.instance);
	segs_close(&r->made);
}

void
rig_crash(struct rig *r)
{
	/* A dead process stores nothing: its words are as they were.  Its
	 * descriptors are closed, the supervisor's duplicates are not. */
	for (uint32_t i = 0; i < r->fe.conns.count; i++)
		if (r->fe.conns.list[i].state == CONN_OPEN)
			close(r->fe.conns.list[i].fd);
	r->fe.conns.count = 0;
	r->fe.begun = false;
	end_life(r);
	begin_life(r);
}

void
rig_script(struct rig *r, const char *text, enum slot_finish finish)
{
	int e = tok_encode(r->fe.tok, text, strlen(text), 0, r->script,
	    RIG_SCRIPT_MAX, &r->nscript);

	ck_assert_int_eq(e, 0);
	r->finish = finish;
	r->stop_id = -1;
}

static void
play_door(struct rig *r)
{
	struct door_message m;
	int fd, i;

	while (door_receive(r->control, &m, &fd) == 0) {
		for (i = 0; i < RIG_PARKED_MAX; i++)
			if (m.kind == DOOR_PARK ?
				r->parked[i] < 0 :
				r->parked[i] >= 0 && r->tag[i] == m.tag)
				break;
		if (m.kind == DOOR_PARK) {
			ck_assert_int_lt(i, RIG_PARKED_MAX);
			r->parked[i] = fd;
			r->tag[i] = m.tag;
			say_door(r, DOOR_KEPT, m.tag, -1);
		} else if (i < RIG_PARKED_MAX) {
			close(r->parked[i]);
			r->parked[i] = -1;
		}
	}
}

/* So long after the arrival; 0: now. */
static nsec
moment(const struct rig *r, uint32_t slot, nsec after)
{
	return after == 0 ? clock_mono() :
			    r->made.request[slot].arrived_ns + after;
}

/* A token, or the end. */
static void
run(struct rig *r, uint32_t slot, struct word x)
{
	struct segs *g = &r->as[PROC_GPUEXEC];
	struct slot_result *result = &g->result[slot];
	uint32_t n = x.low;
	bool full = (int)n == g->request[slot].max_tokens;

	if ((int)n < r->nscript && !full) {
		struct slot_logprobs *p = segs_logprobs(g, slot, n);

		*p = (struct slot_logprobs){ .logprob = -0.5f };
		p->ntop = g->request[slot].ntop;
		for (int i = 0; i < p->ntop; i++) {
			p->top_id[i] = r->script[n] + i;
			p->top_logprob[i] = -0.5f - (float)i;
		}
		segs_tok(g, slot)[n] = r->script[n];
		if (n == 0)
			result->first_ns = moment(r, slot, r->first_ns);
		result->last_ns = moment(r, slot, r->last_ns);
		result->longest_ns = r->longest_ns;
		x.low++;
	} else {
		result->finish = full ? FINISH_LENGTH : r->finish;
		result->stop_id = full ? -1 : r->stop_id;
		memset(result->digest, 0xab, sizeof(result->digest));
		result->adapter_gen = 7;
		x.state = X_FIN;
	}
	word_store(&g->x[slot], x);
}

static void
play_slot(struct rig *r, uint32_t slot)
{
	struct segs *sc = &r->as[PROC_SCHEDULER], *gx = &r->as[PROC_GPUEXEC];
	struct word f = word_load(&sc->f[slot]), s = word_load(&sc->s[slot]);
	struct word x = word_load(&gx->x[slot]);

	if (f.state == F_CLOSED) {
		if (s.gen == f.gen && s.state == S_REL)
			return;
		word_store(&gx->x[slot], (struct word){ f.gen, X_FIN, 1, 0 });
		word_store(&sc->s[slot], (struct word){ f.gen, S_REL, 0, 0 });
	} else if (f.state == F_SUB && s.gen != f.gen) {
		sc->ticket[slot] = (struct slot_ticket){
			.adapter = sc->request[slot].adapter,
			.source = SLOT_HOST,
			.seen_ns = clock_mono(),
			.wait = r->wait,
			.queue = r->queue,
		};
		sc->ticket[slot].adapter_ns = sc->ticket[slot].seen_ns;
		sc->ticket[slot].placed_ns = moment(r, slot, r->placed_ns);
		word_store(&sc->s[slot],
		    (struct word){ f.gen, r->deny != 0 ? S_DENIED : S_PLACED,
			r->deny == 0, r->deny });
		if (r->deny == 0)
			word_store(&gx->x[slot],
			    (struct word){ f.gen, X_RUN, 1, 0 });
	} else if (f.state == F_SUB && x.gen == f.gen && x.state == X_RUN) {
		run(r, slot, x);
	}
}

void
rig_failures(struct rig *r, uint32_t a, uint32_t more)
{
	_Atomic uint64_t *at = &r->as[PROC_LOADER].layers[a];
	struct word layers = word_load(at);

	layers.round += more;
	word_store(at, layers);
}

void
rig_turn(struct rig *r)
{
	play_door(r);
	for (int i = 0; i < PROC_COUNT && !r->stands; i++)
		if (i == PROC_SCHEDULER || i == PROC_LOADER)
			atomic_fetch_add(&r->as[i].cell[i]->turns, 1);
	for (uint32_t i = 0; i < r->plan.slots && r->engine; i++)
		play_slot(r, i);
	fe_tick(&r->fe, clock_mono() + r->later);
	fe_step(&r->fe, clock_mono() + r->later);
}

static int
reach(int fd, const void *address, socklen_t n)
{
	ck_assert_int_eq(connect(fd, address, n), 0);
	return fd;
}

int
rig_connect(struct rig *r)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)r->port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return reach(socket(AF_INET, SOCK_STREAM, 0), &a, sizeof(a));
}

int
rig_connect_admin(struct rig *r)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, r->admin_path);
	return reach(socket(AF_UNIX, SOCK_STREAM, 0), &a, sizeof(a));
}

void
rig_say(int fd, const char *text)
{
	size_t n = strlen(text);

	ck_assert_int_eq(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* What is there up to a newline, however long it takes; 0: the end, or a
 * reset. */
static size_t
some(struct rig *r, int fd, char *bytes, size_t size)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT | MSG_PEEK);

		if (n > 0) {
			char *end = memchr(bytes, '\n', (size_t)n);

			n = end == NULL ? n : end + 1 - bytes;
			ck_assert_int_eq(recv(fd, bytes, (size_t)n, 0), n);
			return (size_t)n;
		}
		if (n == 0 || errno != EAGAIN)
			return 0;
		rig_turn(r);
		sched_yield();
	}
	ck_abort_msg("nothing came in %d turns", TURNS_MAX);
}

json_t *
rig_hear(struct rig *r, int fd)
{
	struct line_out line = { 0 };
	char bytes[16384];
	json_error_t e;
	json_t *root = NULL;
	size_t n;

	while ((n = some(r, fd, bytes, sizeof(bytes))) > 0) {
		line_raw(&line, bytes, n);
		if (bytes[n - 1] != '\n')
			continue;
		root = line.used > 1 ? json_loadb(line.at, line.used, 0, &e) :
				       json_null();
		if (root == NULL)
			ck_abort_msg("%s: %.*s", e.text, (int)line.used,
			    line.at);
		break;
	}
	line_out_free(&line);
	return root;
}

const char *
rig_text(const json_t *root, const char *key)
{
	const json_t *error = json_object_get(root, "error");
	const json_t *v = json_object_get(error != NULL ? error : root, key);

	if (!json_is_string(v))
		ck_abort_msg("no text '%s' in %s", key,
		    json_dumps(root, JSON_ENCODE_ANY));
	return json_string_value(v);
}

void
rig_error(struct rig *r, int fd, const char *line, const char *code,
    const char *in_message)
{
	json_t *root;

	rig_say(fd, line);
	rig_say(fd, "\n");
	root = rig_hear(r, fd);
	ck_assert_ptr_nonnull(root);
	ck_assert_msg(json_object_get(root, "error") != NULL, "%s: %s", line,
	    json_dumps(root, 0));
	ck_assert_str_eq(rig_text(root, "code"), code);
	ck_assert_msg(strstr(rig_text(root, "message"), in_message) != NULL,
	    "%s: '%s'", line, rig_text(root, "message"));
	json_decref(root);
}

void
rig_adapter(struct rig *r, uint32_t a, const char *name, enum dir_state state)
{
	struct segs *g = &r->as[PROC_LOADER];

	snprintf(g->info[a].name, sizeof(g->info[a].name), "%s", name);
	g->info[a].rank = 8;
	g->info[a].bytes = 1000;
	g->info[a].version = 1;
	if (a < DIR_REASONS) {
		g->info[a].reason = (uint16_t)(a + 1);
		strcpy(g->reasons[a].text, "lora_B is missing");
		atomic_store(&g->reasons[a].entry, a + 1);
	}
	atomic_store(&g->entry[a], dir_entry(a + 1, state));
	atomic_fetch_add(g->catalogue, 1);
}

uint32_t
rig_open_slots(struct rig *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->plan.slots; i++)
		n += word_load(&r->made.f[i]).state == F_SUB;
	return n;
}
