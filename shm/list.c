/* Which instances there are. */
#include "shm/seg.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHM_DIR "/dev/shm"
#define PREFIX "chameleon."
#define SUFFIX ".supervisor"

/* "chameleon.NAME.supervisor" becomes NAME. */
static int
name_of(const char *file, char *name)
{
	size_t n = strlen(file);
	size_t around = strlen(PREFIX) + strlen(SUFFIX);

	if (n <= around || n - around >= SEG_INSTANCE_MAX ||
	    strncmp(file, PREFIX, strlen(PREFIX)) != 0 ||
	    strcmp(file + n - strlen(SUFFIX), SUFFIX) != 0)
		return 0;
	memcpy(name, file + strlen(PREFIX), n - around);
	name[n - around] = '\0';
	return 1;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
segs_list(char names[][SEG_INSTANCE_MAX], int max)
{
	DIR *dir = opendir(SHM_DIR);
	struct dirent *e;
	int n = 0;

	while (dir != NULL && n < max && (e = readdir(dir)) != NULL)
		if (name_of(e->d_name, names[n]) &&
		    faccessat(dirfd(dir), e->d_name, R_OK, AT_EACCESS) == 0)
			n++;
	if (dir != NULL)
		closedir(dir);
	qsort(names, (size_t)n, SEG_INSTANCE_MAX, by_name);
	return n;
}
