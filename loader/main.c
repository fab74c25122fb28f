/* chameleon-loader: the loader in its process. */
#include "proc/proc.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "loader/loader.h"
#include "proc/pool.h"
#include "proc/settings.h"
#include "shm/word.h"

/* docs/RECOVERY.md, section 4. */
#define QUARANTINE_NS SECOND

static struct {
	struct ld *loader;
	struct shape shape;
	struct tensors base; /* names and sizes; its numbers only where an
				adapter carries a copy of them */
	bool has_base;
	struct device *device;
	uint64_t pool; /* its number; 0 on the cpu */
	uint64_t sent;
	char state_file[PATH_MAX];
	struct settings_stamp seen; /* of the settings looked at last */
} me;

static struct ld_rules
rules(const struct conf *c)
{
	return (struct ld_rules){
		.policy = evict_find(c->policy_eviction),
		.window_ns = c->policy_window_ms * MILLISECOND,
		.weight = { c->policy_evict_frequency, c->policy_evict_recency,
		    c->policy_evict_size },
	};
}

static void
world(struct ld_world *w, const struct proc *p)
{
	const struct segs *g = &p->segs;

	*w = (struct ld_world){ .plan = p->plan,
		.shape = &me.shape,
		.device = me.device,
		.directory = p->conf.adapters,
		.model = p->conf.model,
		.state_file = me.state_file,
		.rules = { strcmp(p->conf.loader_allow_partial, "yes") == 0,
		    strcmp(p->conf.loader_allow_noop, "yes") == 0,
		    me.has_base ? &me.base : NULL },
		.host_bytes = p->conf.loader_host_bytes,
		.store_fd = g->store_fd,
		.reasons = g->reasons,
		.uses = g->uses,
		.eviction = rules(&p->conf),
		.threads = p->conf.loader_threads,
		.nice = p->conf.loader_nice,
		.rescan_ns = p->conf.loader_rescan_ms * MILLISECOND,
		.delay_ns = p->conf.loader_delay_ms * MILLISECOND,
		.deadline_ns = p->conf.loader_deadline_ms * MILLISECOND,
		.link_bytes_per_s = p->conf.loader_link_bytes_per_s,
		.link_copies = p->conf.loader_link_copies,
		.pool = me.pool,
		.quarantine = QUARANTINE_NS,
		.pool_number = g->pool_number,
		.entry = g->entry,
		.have = g->have,
		.layers = g->layers,
		.info = g->info,
		.catalogue = g->catalogue,
		.returned = g->returned,
		.rescan_done = g->rescan_done,
		.meters = g->loader_meters,
		.samples = g->load_samples,
		.events = g->events[PROC_LOADER],
		.load_disk = g->histogram[HISTOGRAM_LOADER_load_disk],
		.load_host = g->histogram[HISTOGRAM_LOADER_load_host],
		.want = g->want,
		.chunk = g->chunk,
		.next = g->next,
		.f = g->f,
		.request = g->request,
		.rescan_asked = g->rescan_asked,
		.ask = g->ask,
		.versions_kept = p->conf.loader_versions_kept,
		.bell = &g->bell[PROC_LOADER],
		.scheduler = &g->bell[PROC_SCHEDULER],
		.gpuexec = &g->bell[PROC_GPUEXEC] };
	segs_rx(g, RING_SC_LD, &w->from_scheduler);
	segs_tx(g, RING_LD_SC, &w->to_scheduler);
}

/* Beside the admin socket, unless a place is given. */
static void
name_state(const struct proc *p)
{
	const char *admin = p->segs.supervisor->admin_path;
	const char *slash = memrchr(admin, '/', strnlen(admin, SEG_PATH_MAX));

	if (p->conf.state_dir[0] != '\0')
		snprintf(me.state_file, sizeof(me.state_file),
		    "%s/%s.state.json", p->conf.state_dir, p->conf.instance);
	else if (slash != NULL)
		snprintf(me.state_file, sizeof(me.state_file),
		    "%.*s/%s.state.json", (int)(slash - admin), admin,
		    p->conf.instance);
}

static int
start(struct proc *p)
{
	struct ld_world w;
	int e;

	if ((e = shape_read(&me.shape, p->conf.model)) != 0)
		return err_add("model '%s'", p->conf.model);
	me.has_base = tensors_open_model(&me.base, p->conf.model) == 0;
	if ((e = proc_pool_open(p, &me.device, &me.pool)) != 0)
		return e;
	if ((e = device_pin(me.device, p->segs.staging, p->plan->staging_bytes,
		 true)) != 0)
		return err_add("staging");
	me.seen = settings_read(&p->segs, &p->conf);
	name_state(p);
	world(&w, p);
	return ld_open(&me.loader, &w, clock_mono());
}

static void
wake(struct proc *p)
{
	uint64_t sent = ld_sent(me.loader);

	if (sent != me.sent)
		proc_wake(p, PROC_SCHEDULER);
	me.sent = sent;
}

static int
step(struct proc *p, nsec now)
{
	int n = ld_step(me.loader, now);

	wake(p);
	return n;
}

/* Whatever operators set was looked at before it came here. */
static void
look_settings(struct proc *p)
{
	struct settings_stamp stamp = settings_stamp(&p->segs);
	struct ld_rules now;

	if (stamp.version == me.seen.version &&
	    stamp.sequence == me.seen.sequence)
		return;
	me.seen = settings_read(&p->segs, &p->conf);
	now = rules(&p->conf);
	if (now.policy != NULL)
		ld_rules_set(me.loader, &now);
}

static void
tick(struct proc *p, nsec now)
{
	look_settings(p);
	ld_tick(me.loader, now);
	wake(p);
}

/* Whoever is still to be answered may need an adapter for it. */
static bool
drained(struct proc *p)
{
	for (uint32_t i = 0; i < p->plan->slots; i++)
		if (word_load(&p->segs.f[i]).state == F_SUB)
			return false;
	return ld_idle(me.loader);
}

static void
leave(struct proc *p)
{
	(void)p;
	ld_close(me.loader);
	device_close(me.device);
	if (me.has_base)
		tensors_close(&me.base);
}

static bool
busy(struct proc *p)
{
	(void)p;
	return ld_busy(me.loader);
}

static const struct proc_ops life = { .id = PROC_LOADER,
	.open = start,
	.step = step,
	.tick = tick,
	.drained = drained,
	.close = leave,
	.busy = busy };

int
main(int argc, char **argv)
{
	return proc_main(argc, argv, &life);
}
