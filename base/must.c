/* The end of a process that met a bug of its own. */
#include "base/must.h"

#include "base/log.h"

#include <stdlib.h>

void
must_broken(const char *what, const char *file, int line, const char *func)
{
	log_error("bug: what must hold does not file=%s line=%d function=%s "
		  "what=%s",
	    file, line, func, what);
	abort();
}
