/* Numbers as a row of cells. */
#include "tui/curve.h"

#include <math.h>

#define CELLS_MAX 400

static const char *const levels[] = { " ", "\u2581", "\u2582", "\u2583",
	"\u2584", "\u2585", "\u2586", "\u2587", "\u2588" };
static const char *const shades[] = { "\u2588", "\u2593", "\u2592", "\u2591" };

#define NLEVELS (int)(sizeof(levels) / sizeof(*levels) - 1)
#define NSHADES (int)(sizeof(shades) / sizeof(*shades))

struct mean {
	double sum, greatest;
	int n;
};

/* Cells begin at multiples of their length, so that what was drawn moves but
 * does not change. */
static void
gather(struct mean *mean, int wide, const struct snap *s, curve_value_f *value)
{
	nsec last = s->now / CURVE_CELL_NS;

	for (int i = 0; i < wide; i++)
		mean[i] = (struct mean){ 0 };
	for (uint32_t i = 0; i < s->nhistory; i++) {
		const struct history_point *h = &s->history[i];
		nsec ago = last - h->at_ns / CURVE_CELL_NS;
		double v = value(h);
		struct mean *c;

		if (ago < 0 || ago >= wide || !isfinite(v) || v < 0)
			continue;
		c = &mean[wide - 1 - (int)ago];
		c->sum += v;
		c->n++;
		if (v > c->greatest)
			c->greatest = v;
	}
}

double
curve_draw(struct page *p, int x, int y, int wide, const struct snap *s,
    curve_value_f *value, bool of_mean)
{
	struct mean mean[CELLS_MAX];
	double greatest = 0;

	if (wide > CELLS_MAX)
		wide = CELLS_MAX;
	gather(mean, wide, s, value);
	for (int i = 0; i < wide; i++) {
		if (of_mean && mean[i].n > 0)
			mean[i].greatest = mean[i].sum / mean[i].n;
		greatest = fmax(greatest, mean[i].greatest);
	}
	for (int i = 0; i < wide; i++) {
		int level = 0;

		if (mean[i].n > 0)
			level = greatest > 0 ?
			    (int)ceil(mean[i].greatest / greatest * NLEVELS) :
			    1;
		if (mean[i].n > 0 && level == 0)
			level = 1;
		page_put(p, x + i, y, LOOK_GOOD, levels[level]);
	}
	return greatest;
}

const char *
bar_shade(int i)
{
	return shades[i % NSHADES];
}

void
bar_draw(struct page *p, int x, int y, int wide, const double *part, int n,
    double whole)
{
	double sum = 0;
	int at = 0;

	for (int i = 0; i < n; i++) {
		int end;

		sum += part[i];
		end = whole > 0 ? (int)lround(sum / whole * wide) : 0;
		for (; at < end && at < wide; at++)
			page_put(p, x + at, y, LOOK_PLAIN, bar_shade(i));
	}
}
