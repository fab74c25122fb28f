/*
 * curve.h -- numbers as a row of cells: curves over time, and bars.
 */
#ifndef TUI_CURVE_H
#define TUI_CURVE_H

#include "snap/snap.h"
#include "tui/page.h"

#define CURVE_CELL_NS (5 * SECOND) /* of history in one cell of a curve */

/* A value of a point of history; NaN: it has none. */
typedef double curve_value_f(const struct history_point *);

/* The last minutes, the newest at the right, scaled to the greatest, which is
 * returned (0: nothing but zeros).  mean: cells show the mean of their points, else
 * the greatest. */
double curve_draw(struct page *, int x, int y, int wide, const struct snap *,
    curve_value_f *, bool mean);

/* n parts of a whole as runs of shades. */
void bar_draw(struct page *, int x, int y, int wide, const double *part, int n,
    double whole);

/* The shade of part i. */
const char *bar_shade(int i);

#endif
