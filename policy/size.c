/* How large a request is: the forms by name. */
#include "policy/size.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static double
ratio(double part, double most)
{
	return fmin(part / most, 1);
}

/* Of the base model, whose adapter has no bytes, that of the smallest adapter;
 * where nobody has an adapter it tells nobody apart. */
static double
adapter_ratio(const struct size_view *v, const struct size_scale *per)
{
	if (per->adapter_max <= 0)
		return 1;
	return ratio(fmax((double)v->adapter_bytes, per->adapter_min),
	    per->adapter_max);
}

static double
tokens(const struct size_view *v, const struct size_scale *per)
{
	return per->a * ratio(v->prompt, per->prompt_max) +
	    per->b * ratio(v->predicted, per->answer_max);
}

static double
size_wrs(const struct size_view *v, const struct size_scale *per)
{
	return tokens(v, per) * adapter_ratio(v, per);
}

static double
size_linear(const struct size_view *v, const struct size_scale *per)
{
	double all = per->a + per->b + per->c;

	if (all <= 0)
		return 0;
	return (tokens(v, per) + per->c * adapter_ratio(v, per)) / all;
}

static double
size_output(const struct size_view *v, const struct size_scale *per)
{
	return ratio(v->predicted, per->answer_max);
}

static double
size_cost(const struct size_view *v, const struct size_scale *per)
{
	(void)per;
	return v->seconds;
}

static const struct size_policy policies[] = {
	{ "wrs", size_wrs },
	{ "linear", size_linear },
	{ "output", size_output },
	{ "cost", size_cost },
};

const struct size_policy *
size_find(const char *name)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strcmp(policies[i].name, name) == 0)
			return &policies[i];
	return NULL;
}
