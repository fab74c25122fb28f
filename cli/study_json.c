/* A study as JSON: what every run gave, and all that it depends on. */
#include "cli/study.h"

#include <stdlib.h>
#include <string.h>

/* The stalls stand in every result: nobody should have to look for them. */
static json_t *
cost_json(const struct study *s)
{
	const struct sim_cost *c = &s->setup.cost;
	const struct conf *conf = &s->setup.conf;

	return json_pack("{s:s, s:f, s:f, s:i, s:i}", "name", c->name,
	    "load_stall_ms", c->load_stall_ms, "load_stall_factor",
	    c->load_stall_factor, "link_copies", (int)conf->loader_link_copies,
	    "admit_every_steps", (int)conf->policy_admit_every_steps);
}

static json_t *
bound_json(const struct study_run *r)
{
	return json_pack("{s:f, s:b}", "wait_ms", r->bound_ms, "held",
	    r->sum.worst_wait_ms <= r->bound_ms || r->bound_ms == 0);
}

static json_t *
run_json(const struct study *s, const struct study_run *r)
{
	const struct summary_times *wait = &r->load_wait;
	json_t *j = summary_json(&r->sum);

	if (j == NULL)
		return NULL;
	json_object_set_new(j, "rps", json_real(r->rps));
	json_object_set_new(j, "slo_ms", json_real(s->slo_ms));
	json_object_set_new(j, "load_wait_ms",
	    json_pack("{s:f, s:f, s:f, s:f}", "mean", wait->mean, "p50",
		wait->p50, "p90", wait->p90, "p99", wait->p99));
	json_object_set_new(j, "evictions",
	    json_integer((json_int_t)r->evictions));
	json_object_set_new(j, "miss_bytes",
	    json_integer((json_int_t)r->miss_bytes));
	json_object_set_new(j, "steps", json_integer((json_int_t)r->steps));
	json_object_set_new(j, "bound", bound_json(r));
	json_object_set_new(j, "cost", cost_json(s));
	return j;
}

/* Every setting of the section policy, as text. */
static json_t *
policy_json(const struct conf *conf)
{
	json_t *j = json_object();
	char *text = NULL, *rest;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return j;
	conf_print(conf, f);
	fclose(f);
	rest = text;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		char *value = strstr(line, ": ");

		if (strncmp(line, "policy.", 7) != 0 || value == NULL)
			continue;
		*value = '\0';
		json_object_set_new(j, line + 7, json_string(value + 2));
	}
	free(text);
	return j;
}

static json_t *
max_tokens_json(const struct sim_work_options *o)
{
	if (o->max_is_output)
		return json_string("output");
	return o->max_tokens > 0 ? json_integer(o->max_tokens) :
				   json_string("largest");
}

/* What the work was made from, beside rate and seed. */
static json_t *
work_json(const struct study *s)
{
	static const char *const arrivals[] = { "trace", "poisson", "gamma",
		"bursts" };
	static const char *const lengths[] = { "trace", "lmsys", "uniform" };
	const struct sim_work_options *o = &s->work;
	json_t *j = json_pack("{s:s?, s:s, s:s, s:f, s:I, s:f, s:f, s:f, s:o}",
	    "trace", o->trace, "arrivals", arrivals[o->arrivals], "lengths",
	    lengths[o->lengths], "length_scale", o->length_scale, "requests",
	    (json_int_t)o->requests, "duration_s", o->duration_s, "warm_up_s",
	    s->setup.warm_up_s, "zipf", o->zipf, "max_tokens",
	    max_tokens_json(o));

	if (j == NULL)
		return NULL;
	json_object_set_new(j, "adapters", json_integer(o->adapters));
	json_object_set_new(j, "ranks", json_string(o->ranks));
	json_object_set_new(j, "rank_zipf", json_real(o->rank_zipf));
	json_object_set_new(j, "slots", json_integer(s->setup.slots));
	if (o->arrivals == SIM_GAMMA)
		json_object_set_new(j, "gamma_cv", json_real(o->gamma_cv));
	if (o->arrivals == SIM_BURSTS) {
		json_object_set_new(j, "on_s", json_real(o->on_s));
		json_object_set_new(j, "off_s", json_real(o->off_s));
	}
	return j;
}

static void
add_knee(json_t *j, const struct study *s)
{
	struct study_knee k = study_knee(s);
	bool none = k.under == s->seeds;

	json_object_set_new(j, "throughput_at_slo_rps",
	    none ? json_null() : json_real(k.rps));
	json_object_set_new(j, "throughput_at_slo_ci",
	    none || s->seeds < 2 || k.over == s->seeds ?
		json_null() :
		json_pack("[f, f]", k.low, k.high));
	json_object_set_new(j, "throughput_at_slo_under",
	    json_integer(k.under));
	json_object_set_new(j, "throughput_at_slo_over", json_integer(k.over));
}

static json_t *
several(const struct study *s)
{
	json_t *j = json_object(), *points = json_array();

	for (uint32_t i = 0; i < s->nrun; i++)
		json_array_append_new(points, run_json(s, &s->run[i]));
	json_object_set_new(j, "points", points);
	if (s->sweep)
		add_knee(j, s);
	json_object_set_new(j, "slo_ms", json_real(s->slo_ms));
	json_object_set_new(j, "system", json_string(s->system));
	json_object_set_new(j, "cost", cost_json(s));
	return j;
}

json_t *
study_json(const struct study *s)
{
	json_t *j = s->sweep || s->nrun != 1 ? several(s) :
					       run_json(s, &s->run[0]);

	json_object_set_new(j, "work", work_json(s));
	json_object_set_new(j, "policy", policy_json(&s->setup.conf));
	return j;
}
