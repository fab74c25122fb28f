/*
 * when.h -- a moment as text: a date with or without fraction and zone, as
 * 2023-11-16 18:15:46.6805900+01:00, or seconds as a number.
 */
#ifndef SIM_WHEN_H
#define SIM_WHEN_H

#include "base/clock.h"

#include <stdbool.h>

/* All of the text; false: it is none.  What is finer than a nanosecond is
 * dropped; a date counts from 1970. */
bool sim_when(const char *text, nsec *t);

#endif
