/* The end of a process that met a bug of its own. */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

void
must_broken(const char *what, const char *file, int line, const char *func)
{
	fprintf(stderr, "bug: %s:%d: %s: '%s' does not hold\n", file, line,
	    func, what);
	abort();
}
