/* RoPE: what config.json says of it, in the old and the new spelling, and the
 * frequencies that follow. */
#include "model/shape_config.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "model/fields.h"

#define PI 3.14159265358979323846
#define THETA_MAX 1e15
#define FACTOR_MAX 1e6
#define POSITIONS_MAX 1e9

static const struct {
	const char *name;
	enum shape_rope kind;
} kinds[] = {
	{ "default", ROPE_DEFAULT },
	{ "linear", ROPE_LINEAR },
	{ "llama3", ROPE_LLAMA3 },
	{ "yarn", ROPE_YARN },
};

const char *
shape_rope_name(enum shape_rope kind)
{
	return kinds[kind].name;
}

static int
find_kind(enum shape_rope *kind, const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = kinds[i].kind;
			return 0;
		}
	return err_set(ERR_UNSUPPORTED,
	    "rope_type '%.40s': want default, linear, llama3 or yarn", name);
}

static int
need(const json_t *rope, const char *name, double least, double most,
    double *value)
{
	if (field(rope, name) == NULL)
		return err_set(ERR_FORMAT, "%s: is missing", name);
	return field_number(rope, name, least, most, value);
}

static int
read_llama3(struct shape *s, const json_t *rope)
{
	int e;

	if ((e = need(rope, "factor", 1, FACTOR_MAX, &s->rope_factor)) != 0 ||
	    (e = need(rope, "low_freq_factor", 1e-6, FACTOR_MAX,
		 &s->rope_low)) != 0 ||
	    (e = need(rope, "high_freq_factor", 1e-6, FACTOR_MAX,
		 &s->rope_high)) != 0 ||
	    (e = need(rope, "original_max_position_embeddings", 1,
		 POSITIONS_MAX, &s->rope_original)) != 0)
		return e;
	if (s->rope_high <= s->rope_low)
		return err_set(ERR_FORMAT,
		    "high_freq_factor: %g: want more than low_freq_factor, %g",
		    s->rope_high, s->rope_low);
	return 0;
}

static double
magnitude(double factor, double scale)
{
	return factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1;
}

/* Source: arXiv 2309.00071, section 3. */
static int
read_yarn(struct shape *s, const json_t *rope)
{
	double m = 0, m_all = 0;
	int e;

	s->rope_original = s->context;
	s->rope_beta_fast = 32;
	s->rope_beta_slow = 1;
	s->rope_truncate = true;
	if ((e = field_number(rope, "original_max_position_embeddings", 1,
		 POSITIONS_MAX, &s->rope_original)) != 0)
		return e;
	s->rope_factor = s->context / s->rope_original;
	if ((e = field_number(rope, "factor", 1e-3, FACTOR_MAX,
		 &s->rope_factor)) != 0 ||
	    (e = field_number(rope, "beta_fast", 1e-6, FACTOR_MAX,
		 &s->rope_beta_fast)) != 0 ||
	    (e = field_number(rope, "beta_slow", 1e-6, FACTOR_MAX,
		 &s->rope_beta_slow)) != 0 ||
	    (e = field_number(rope, "mscale", 0, 100, &m)) != 0 ||
	    (e = field_number(rope, "mscale_all_dim", 0, 100, &m_all)) != 0 ||
	    (e = field_bool(rope, "truncate", &s->rope_truncate)) != 0)
		return e;
	s->rope_attention = magnitude(s->rope_factor, 1);
	if (m != 0 && m_all != 0)
		s->rope_attention = magnitude(s->rope_factor, m) /
		    magnitude(s->rope_factor, m_all);
	return field_number(rope, "attention_factor", 1e-6, FACTOR_MAX,
	    &s->rope_attention);
}

/* Of a model whose layers rotate differently, the members are objects. */
static int
check_flat(const json_t *rope)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)rope, key,
	    value) if (json_is_object(value)) return err_set(ERR_UNSUPPORTED,
	    "'%.40s': frequencies of their own for some layers", key);
	return 0;
}

static int
read_kind(struct shape *s, const json_t *rope)
{
	const char *kind = "default";
	int e;

	if (!json_is_object(rope))
		return err_set(ERR_FORMAT, "want an object");
	if ((e = check_flat(rope)) != 0 ||
	    (e = field_text(rope, "type", &kind)) != 0 ||
	    (e = field_text(rope, "rope_type", &kind)) != 0 ||
	    (e = find_kind(&s->rope, kind)) != 0 ||
	    (e = field_number(rope, "rope_theta", 1.001, THETA_MAX,
		 &s->rope_theta)) != 0)
		return e;
	if (s->rope == ROPE_LINEAR)
		return need(rope, "factor", 1e-3, FACTOR_MAX, &s->rope_factor);
	if (s->rope == ROPE_LLAMA3)
		return read_llama3(s, rope);
	if (s->rope == ROPE_YARN)
		return read_yarn(s, rope);
	return 0;
}

static int
read_rotary_dim(struct shape *s, const json_t *config, const json_t *rope)
{
	double part = 1;
	int e;

	if ((e = field_number(config, "partial_rotary_factor", 1e-3, 1,
		 &part)) != 0 ||
	    (e = field_number(rope, "partial_rotary_factor", 1e-3, 1, &part)) !=
		0)
		return e;
	s->rotary_dim = (int)(s->head_dim * part);
	if (s->rotary_dim < 2 || s->rotary_dim % 2 != 0)
		return err_set(ERR_UNSUPPORTED,
		    "%d of %d dimensions rotate: want an even number",
		    s->rotary_dim, s->head_dim);
	return 0;
}

int
shape_rope_read(struct shape *s, const json_t *config)
{
	const json_t *older = field(config, "rope_scaling");
	const json_t *newer = field(config, "rope_parameters");
	int e;

	s->rope = ROPE_DEFAULT;
	s->rope_theta = 10000;
	s->rope_factor = 1;
	s->rope_attention = 1;
	if ((e = field_number(config, "rope_theta", 1.001, THETA_MAX,
		 &s->rope_theta)) != 0 ||
	    (e = field_number(newer, "rope_theta", 1.001, THETA_MAX,
		 &s->rope_theta)) != 0 ||
	    (e = read_rotary_dim(s, config, newer)) != 0)
		return e;
	/* Whoever wrote both meant the older as an override. */
	if (older != NULL && !field_is_empty(older))
		return read_kind(s, older) == 0 ? 0 : err_add("rope_scaling");
	if (newer != NULL)
		return read_kind(s, newer) == 0 ? 0 :
						  err_add("rope_parameters");
	return 0;
}

static double
llama3(const struct shape *s, double f)
{
	double length = 2 * PI / f, original = s->rope_original;
	double t = (original / length - s->rope_low) /
	    (s->rope_high - s->rope_low);

	if (length < original / s->rope_high)
		return f;
	if (length > original / s->rope_low)
		return f / s->rope_factor;
	return (1 - t) * f / s->rope_factor + t * f;
}

/* The dimension that turns n times over the original context. */
static double
yarn_dimension(const struct shape *s, double n)
{
	return s->rotary_dim * log(s->rope_original / (n * 2 * PI)) /
	    (2 * log(s->rope_theta));
}

static double
yarn(const struct shape *s, double f, int i)
{
	double lo = yarn_dimension(s, s->rope_beta_fast);
	double hi = yarn_dimension(s, s->rope_beta_slow), g;

	lo = fmax(s->rope_truncate ? floor(lo) : lo, 0);
	hi = fmin(s->rope_truncate ? ceil(hi) : hi, s->rotary_dim - 1);
	if (lo == hi)
		hi += 0.001;
	g = fmin(fmax((i - lo) / (hi - lo), 0), 1);
	return f * (1 - g) + f / s->rope_factor * g;
}

void
shape_rope_frequencies(const struct shape *s, double *f)
{
	for (int i = 0; i < s->rotary_dim / 2; i++) {
		f[i] = pow(s->rope_theta, -2.0 * i / s->rotary_dim);
		if (s->rope == ROPE_LINEAR)
			f[i] /= s->rope_factor;
		else if (s->rope == ROPE_LLAMA3)
			f[i] = llama3(s, f[i]);
		else if (s->rope == ROPE_YARN)
			f[i] = yarn(s, f[i], i);
	}
}
