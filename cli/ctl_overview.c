/* chameleon ctl overview, status: an instance on a page, and in a line. */
#include "cli/ctl.h"

#include "base/units.h"

#include <stdio.h>
#include <string.h>

/* The process that keeps it from serving; -1: none. */
static int
culprit(const struct snap *s, char why[128])
{
	for (int i = 0; i < PROC_COUNT; i++) {
		const struct snap_process *p = &s->process[i];
		nsec most = seg_proc_silence((enum proc_id)i);

		if (p->absent)
			continue;
		if (strcmp(p->state, "run") != 0) {
			snprintf(why, 128, "%s is in state '%s'", p->name,
			    p->state);
			return i;
		}
		if (most > 0 && p->silent_ns > most) {
			snprintf(why, 128, "%s has been silent for %.1f s",
			    p->name, (double)p->silent_ns / SECOND);
			return i;
		}
	}
	return -1;
}

/* Its state in a word, and in a sentence why; "" if it serves. */
static const char *
state_of(const struct snap *s, char why[128])
{
	int i;

	why[0] = '\0';
	if (!s->alive) {
		snprintf(why, 128, "its supervisor is gone");
		return "dead";
	}
	if (s->draining) {
		snprintf(why, 128, "it finishes what it accepted, then ends");
		return "draining";
	}
	if ((i = culprit(s, why)) < 0)
		return "serving";
	return s->process[i].epoch <= 1 &&
		(strcmp(s->process[i].state, "none") == 0 ||
		    strcmp(s->process[i].state, "boot") == 0) ?
	    "starting" :
	    "disturbed";
}

static json_t *
status_json(const struct snap *s)
{
	char why[128];
	const char *state = state_of(s, why);

	return json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:I, s:I}", "instance",
	    s->instance, "version", s->version, "state", state, "why", why,
	    "up_s", (double)s->up_ns / SECOND, "waiting",
	    (json_int_t)s->scheduler.waiting, "running",
	    (json_int_t)s->scheduler.running, "failed",
	    (json_int_t)s->frontend.failed);
}

int
ctl_status(char **operands)
{
	struct ctl_look l;
	const char *state;
	char why[128];
	int status = ctl_open(&l, SNAP_PROCESSES);

	(void)operands;
	if (status != CMD_GO_ON)
		return status;
	state = state_of(&l.snap, why);
	status = strcmp(state, "serving") == 0 ? CMD_OK :
	    l.snap.alive		       ? CTL_REFUSED :
						 CTL_NO_INSTANCE;
	if (ctl.json)
		(void)ctl_object(status_json(&l.snap));
	else
		printf("%s: %s%s%s, %ju waiting, %ju running\n",
		    l.snap.instance, state, why[0] != '\0' ? ": " : "", why,
		    (uintmax_t)l.snap.scheduler.waiting,
		    (uintmax_t)l.snap.scheduler.running);
	ctl_close(&l);
	return status;
}

/* ---- overview ---- */

/* Times that the page shows, of the whole life of the instance. */
static const struct {
	const char *name;
	enum histogram_id id;
} times[] = { { "ttft", HISTOGRAM_FRONTEND_ttft },
	{ "tbt", HISTOGRAM_GPUEXEC_tbt }, { "e2e", HISTOGRAM_FRONTEND_e2e },
	{ "queue", HISTOGRAM_FRONTEND_queue_wait },
	{ "adapter", HISTOGRAM_FRONTEND_adapter_wait } };

#define TIMES (sizeof(times) / sizeof(times[0]))

static double
quantile(const struct snap *s, size_t i, double q)
{
	return histogram_quantile(&s->histogram[times[i].id], HISTOGRAM_TIME,
		   q) /
	    MILLISECOND;
}

static void
count_states(const struct snap *s, uint32_t count[SNAP_STATES])
{
	memset(count, 0, SNAP_STATES * sizeof(*count));
	for (uint32_t i = 0; i < s->nadapters; i++)
		count[s->adapter[i].state]++;
}

static double
hit_rate(const struct snap *s)
{
	uint64_t all = s->scheduler.hits + s->scheduler.misses;

	return all == 0 ? 0 : (double)s->scheduler.hits / (double)all;
}

static json_t *
times_json(const struct snap *s)
{
	json_t *o = json_object();

	for (size_t i = 0; i < TIMES; i++)
		json_object_set_new(o, times[i].name,
		    json_pack("{s:I, s:f, s:f, s:f}", "count",
			(json_int_t)s->histogram[times[i].id].total, "p50",
			quantile(s, i, 0.5), "p90", quantile(s, i, 0.9), "p99",
			quantile(s, i, 0.99)));
	return o;
}

static json_t *
meters_json(const struct snap *s)
{
	json_t *all = json_object(), *o;

#define METER(name, what)                                                      \
	json_object_set_new(o, #name, json_integer((json_int_t)of->name));
#define METERS(by)                                                             \
	o = json_object();                                                     \
	json_object_set_new(all, #by, o);                                      \
	for (const __typeof__(s->by) *of = &s->by; of != NULL; of = NULL)
	METERS(frontend){
#include "shm/frontend_meters.tbl"
	} METERS(scheduler){
#include "shm/scheduler_meters.tbl"
	} METERS(gpuexec){
#include "shm/gpuexec_meters.tbl"
	} METERS(loader)
	{
#include "shm/loader_meters.tbl"
	}
#undef METERS
#undef METER
	return all;
}

static json_t *
memory_json(const struct snap_memory *m)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "weights",
	    (json_int_t)m->weights, "kv", (json_int_t)m->kv, "kv_used",
	    (json_int_t)m->kv_used, "adapters", (json_int_t)m->adapters, "idle",
	    (json_int_t)m->idle, "total", (json_int_t)m->total, "host",
	    (json_int_t)m->host, "shared", (json_int_t)m->shared);
}

static json_t *
overview_json(const struct snap *s)
{
	json_t *o = status_json(s), *states = json_object();
	uint32_t count[SNAP_STATES];
	char device[32];

	count_states(s, count);
	for (int i = 0; i < SNAP_STATES; i++)
		json_object_set_new(states, snap_state_name((enum snap_state)i),
		    json_integer(count[i]));
	json_object_set_new(o, "model", json_string(s->model));
	json_object_set_new(o, "device",
	    json_string(plan_device_text(&s->plan, device, sizeof(device))));
	json_object_set_new(o, "device_name", ctl_text(s->plan.device_name));
	json_object_set_new(o, "listen", json_string(s->listen));
	json_object_set_new(o, "metrics", json_string(s->metrics));
	json_object_set_new(o, "admin", json_string(s->admin_path));
	json_object_set_new(o, "hit_rate", json_real(hit_rate(s)));
	json_object_set_new(o, "adapters", states);
	json_object_set_new(o, "times_ms", times_json(s));
	json_object_set_new(o, "memory_bytes", memory_json(&s->memory));
	json_object_set_new(o, "meters", meters_json(s));
	return o;
}

static void
print_names(const struct snap *s)
{
	char why[128], device[32];
	const char *state = state_of(s, why);

	printf("instance   %s, chameleon %s, up %.0f s\n", s->instance,
	    s->version, (double)s->up_ns / SECOND);
	printf("state      %s%s%s\n", state, why[0] != '\0' ? ": " : "", why);
	printf("model      %s\n", s->model);
	printf("device     %s%s%s\n",
	    plan_device_text(&s->plan, device, sizeof(device)),
	    s->plan.device_name[0] != '\0' ? ", " : "", s->plan.device_name);
	printf("listen     %s  metrics %s\nadmin      %s\n", s->listen,
	    s->metrics[0] != '\0' ? s->metrics : "-", s->admin_path);
}

static void
print_counts(const struct snap *s)
{
	uint32_t count[SNAP_STATES];

	printf("requests   %ju waiting, %ju running; accepted %ju, finished "
	       "%ju, cancelled %ju, failed %ju, refused %ju\n",
	    (uintmax_t)s->scheduler.waiting, (uintmax_t)s->scheduler.running,
	    (uintmax_t)s->frontend.accepted, (uintmax_t)s->frontend.finished,
	    (uintmax_t)s->frontend.cancelled, (uintmax_t)s->frontend.failed,
	    (uintmax_t)s->frontend.refused);
	count_states(s, count);
	printf("adapters  ");
	for (int i = SNAP_STATES - 1; i >= 0; i--)
		if (count[i] > 0)
			printf(" %u %s,", count[i],
			    snap_state_name((enum snap_state)i));
	printf(" hit rate %.1f %%, %ju loads, %ju evictions\n",
	    100 * hit_rate(s), (uintmax_t)s->scheduler.loads,
	    (uintmax_t)s->scheduler.evictions);
}

static void
print_memory(const struct snap_memory *m)
{
	const struct {
		const char *form;
		uint64_t bytes;
	} parts[] = { { "weights %s", m->weights }, { ", KV %s", m->kv },
		{ " (%s used)", m->kv_used }, { ", adapters %s", m->adapters },
		{ ", free %s", m->idle }, { "; on host %s", m->host },
		{ ", shared %s", m->shared } };
	char text[32];

	printf("memory     ");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		printf(parts[i].form,
		    units_bytes(text, sizeof(text), parts[i].bytes));
	printf("\n");
}

static void
print_times(const struct snap *s)
{
	printf("times      %-8s %10s %10s %10s %10s\n", "ms", "count", "p50",
	    "p90", "p99");
	for (size_t i = 0; i < TIMES; i++)
		printf("           %-8s %10ju %10.2f %10.2f %10.2f\n",
		    times[i].name, (uintmax_t)s->histogram[times[i].id].total,
		    quantile(s, i, 0.5), quantile(s, i, 0.9),
		    quantile(s, i, 0.99));
}

static void
print_processes(const struct snap *s)
{
	printf("processes ");
	for (uint32_t i = 0; i < snap_process_count(s); i++) {
		const struct snap_process *p = snap_process_at(s, i);

		printf("%s %s %s", i > 0 ? "," : "", p->name, p->state);
		if (p->restarts > 0)
			printf(" (restarted %u times)", p->restarts);
	}
	printf("\n");
}

int
ctl_overview(char **operands)
{
	struct ctl_look l;
	int status = ctl_open(&l, SNAP_PROCESSES | SNAP_ADAPTERS);

	(void)operands;
	if (status != CMD_GO_ON)
		return status;
	if (ctl.json) {
		status = ctl_object(overview_json(&l.snap));
	} else {
		print_names(&l.snap);
		print_counts(&l.snap);
		print_memory(&l.snap.memory);
		print_times(&l.snap);
		print_processes(&l.snap);
		status = CMD_OK;
	}
	ctl_close(&l);
	return status;
}
