/* What became of a load, as people read it. */
#include "model/adapter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define LEFT_CELL 28 /* columns of the left values */
#define CELL_BYTES 640
#define DIGEST_SHOWN 6 /* bytes: what tells adapters apart at a glance */

struct text {
	char *out;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void
say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->out + t->used, t->size - t->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n < t->size - t->used ?
		    (size_t)n :
		    t->size - t->used - 1;
}

static void
say_row(struct text *t, const char *left, const char *left_value,
    const char *right, const char *right_value)
{
	say(t, "  %-10s%-*s%-10s%s\n", left, LEFT_CELL - 1, left_value, right,
	    right_value);
}

/* The dtype of all tensors, or that they differ. */
static const char *
dtype_of(const struct adapter *a)
{
	for (int i = 1; i < a->nmodules; i++)
		if (a->modules[i].a->dtype != a->modules[0].a->dtype)
			return "mixed dtypes";
	return a->nmodules > 0 ? a->modules[0].a->dtype_name : "no dtype";
}

static void
say_head(struct text *t, const struct adapter *a, const char *name,
    const unsigned char *digest)
{
	say(t, "%s  digest ", name);
	for (int i = 0; digest != NULL && i < DIGEST_SHOWN; i++)
		say(t, "%02x", digest[i]);
	say(t, "%s  base %s  %s  %s\n", digest == NULL ? "-" : "",
	    a->base_name[0] == '\0' ? "not named" : a->base_name, dtype_of(a),
	    digest == NULL ? "REFUSED" : "OK");
}

static void
say_modules(struct text *t, const struct adapter *a)
{
	char tensors[CELL_BYTES], modules[CELL_BYTES], absent[32] = "none";

	if (a->nabsent > 0)
		snprintf(absent, sizeof(absent), "%d", a->nabsent);
	snprintf(tensors, sizeof(tensors), "%d of %d matched", a->nmatched,
	    a->tensors.count);
	snprintf(modules, sizeof(modules), "%d of %d expected, %s absent",
	    a->nexpected - a->nabsent, a->nexpected, absent);
	say_row(t, "tensors", tensors, "modules", modules);
}

static void
say_scale(struct text *t, const struct adapter *a)
{
	char rank[CELL_BYTES], scale[CELL_BYTES];
	float least = a->modules[0].scale, most = least;
	int n;

	for (int i = 1; i < a->nmodules; i++) {
		float s = a->modules[i].scale;

		least = s < least ? s : least;
		most = s > most ? s : most;
	}
	if (a->rank_min == a->rank_max)
		snprintf(rank, sizeof(rank), "%d in all", a->rank_min);
	else
		snprintf(rank, sizeof(rank), "%d to %d", a->rank_min,
		    a->rank_max);
	n = snprintf(scale, sizeof(scale), "%g", (double)least);
	if (most > least)
		n += snprintf(scale + n, sizeof(scale) - (size_t)n, " to %g",
		    (double)most);
	snprintf(scale + n, sizeof(scale) - (size_t)n, " (alpha %g, rsLoRA %s)",
	    (double)a->alpha, a->rslora ? "on" : "off");
	say_row(t, "rank", rank, "scale", scale);
}

static void
say_bytes(struct text *t, const struct adapter *a)
{
	const struct tensor *last = &a->tensors.list[a->tensors.count - 1];
	char count[32], host[CELL_BYTES], device[CELL_BYTES] = "not there";

	if (a->host_bytes > 0)
		snprintf(host, sizeof(host), "host %s",
		    units_count(count, sizeof(count), a->host_bytes));
	else
		snprintf(host, sizeof(host), "file %s",
		    units_count(count, sizeof(count),
			last->offset + last->bytes));
	if (a->device_bytes > 0)
		snprintf(device, sizeof(device), "%s in %d chunk%s",
		    units_count(count, sizeof(count), a->device_bytes),
		    a->device_chunks, a->device_chunks == 1 ? "" : "s");
	say_row(t, "bytes", host, "device", device);
}

void
adapter_report(const struct adapter *a, const char *name,
    const unsigned char digest[ADAPTER_DIGEST_BYTES], char *out, size_t size)
{
	struct text t = { .out = out, .size = size };

	if (size == 0)
		return;
	out[0] = '\0';
	say_head(&t, a, name, digest);
	say_modules(&t, a);
	if (a->nmodules > 0)
		say_scale(&t, a);
	if (a->tensors.count > 0)
		say_bytes(&t, a);
	say_row(&t, "ignored", a->ignored[0] == '\0' ? "nothing" : a->ignored,
	    "warnings", a->warnings[0] == '\0' ? "none" : a->warnings);
}
