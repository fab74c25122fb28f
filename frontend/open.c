/* The frontend's start and end: what it opens, and in which order. */
#include "base/err.h"
#include "base/log.h"
#include "frontend/frontend.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

static int
listen_to(struct frontend *fe, int fd, uint64_t data, uint32_t events, int how)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	if (epoll_ctl(fe->epoll, how, fd, &e) != 0)
		return err_sys(ERR_IO, "frontend: epoll");
	return 0;
}

/* A listener stays in epoll and is made silent, since it is level-triggered. */
void
fe_listen(struct frontend *fe, bool on)
{
	bool ears = on && fe->begun && !fe->proc->draining;

	for (int i = 0; i < FE_LISTENERS; i++)
		if (fe->listener[i] >= 0)
			(void)listen_to(fe, fe->listener[i],
			    FE_DATA_LISTENER - (uint64_t)i, ears ? EPOLLIN : 0,
			    EPOLL_CTL_MOD);
	fe->deaf = !ears;
}

void
fe_listener(struct frontend *fe, int which, int fd)
{
	if (fd < 0)
		return;
	if (fe->listener[which] >= 0)
		close(fe->listener[which]);
	fe->listener[which] = fd;
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (listen_to(fe, fd, FE_DATA_LISTENER - (uint64_t)which,
		fe->begun && !fe->proc->draining ? EPOLLIN : 0,
		EPOLL_CTL_ADD) != 0)
		log_error("a listener cannot be watched reason=%s", err_text());
}

/* One descriptor a connection, and a few more. */
static void
raise_files(const struct conf *conf)
{
	rlim_t want = (rlim_t)conf->frontend_connections_max + 64;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_max < want)
		log_warn("frontend.connections_max is more than open files "
			 "allow (see 'ulimit -n') connections_max=%u "
			 "open_files=%ju",
		    conf->frontend_connections_max, (uintmax_t)r.rlim_max);
}

static int
open_model(struct frontend *fe, const char *dir)
{
	int e;

	if ((e = shape_read(&fe->shape, dir)) != 0 ||
	    (e = tok_open(&fe->tok, dir)) != 0)
		return err_add("model '%s'", dir);
	return 0;
}

static int
open_tables(struct frontend *fe)
{
	const struct conf *conf = &fe->proc->conf;
	struct conn_limits limits = { conf->frontend_connections_max,
		conf->frontend_line_bytes_max,
		conf->frontend_output_bytes_max };
	uint64_t seed;
	int e;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)clock_wall() ^ (uint64_t)clock_mono();
	rng_seed(&fe->rng, seed);
	if ((e = fe_names_open(&fe->names, fe->g, conf->model)) == 0 &&
	    (e = fe_slots_open(fe)) == 0 && (e = fe_left_open(fe)) == 0)
		e = conns_open(&fe->conns, limits, fe->epoll, fe->control,
		    fe->proc->epoch, &fe_conn_ops, fe);
	if (e == 0)
		fe_operations_resume(fe);
	return e;
}

static int
open_hints(struct frontend *fe)
{
	struct waker_ring rings[WAKER_RINGS] = {
		{ fe->g->ring_out[RING_GX_FE], fe->g->ring_in[RING_GX_FE] },
		{ fe->g->ring_out[RING_SC_FE], fe->g->ring_in[RING_SC_FE] },
	};
	int e;

	segs_tx(fe->g, RING_FE_SC, &fe->to_scheduler);
	segs_tx(fe->g, RING_FE_GX, &fe->to_gpuexec);
	segs_rx(fe->g, RING_GX_FE, &fe->from_gpuexec);
	segs_rx(fe->g, RING_SC_FE, &fe->from_scheduler);
	if ((e = waker_start(&fe->waker, &fe->g->bell[PROC_FRONTEND], rings)) !=
	    0)
		return e;
	return listen_to(fe, fe->waker.fd, FE_DATA_WAKER, EPOLLIN,
	    EPOLL_CTL_ADD);
}

int
fe_open(struct frontend *fe, struct proc *p, int control)
{
	int e;

	*fe = (struct frontend){ .proc = p,
		.g = &p->segs,
		.plan = p->plan,
		.control = control,
		.waker.fd = -1,
		.listener = { -1, -1 } };
	raise_files(&p->conf);
	fe->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (fe->epoll < 0)
		return err_sys(ERR_IO, "frontend: epoll");
	if ((e = open_model(fe, p->conf.model)) != 0 ||
	    (e = open_tables(fe)) != 0 || (e = open_hints(fe)) != 0)
		return e;
	return listen_to(fe, control, FE_DATA_CONTROL, EPOLLIN, EPOLL_CTL_ADD);
}

void
fe_close(struct frontend *fe)
{
	/* The words are a successor's if there is one. */
	if (fe->begun && proc_epoch(fe->proc, PROC_FRONTEND) == fe->proc->epoch)
		fe_end_all(fe);
	conns_turn(&fe->conns, fe->now);
	conns_close(&fe->conns);
	waker_stop(&fe->waker);
	fe_left_close(fe);
	fe_slots_close(fe);
	fe_names_close(&fe->names);
	tok_close(fe->tok);
	line_out_free(&fe->text);
	fe_probs_free(&fe->probs);
	for (int i = 0; i < FE_LISTENERS; i++)
		if (fe->listener[i] >= 0)
			close(fe->listener[i]);
	close(fe->epoll);
}
