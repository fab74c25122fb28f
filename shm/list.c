/* Which instances there are. */
#include "shm/seg.h"

#include "base/pidstat.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
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

static bool
read_at(int fd, void *to, size_t n, size_t at)
{
	return pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

#define READ(fd, field, to)                                                    \
	read_at(fd, to, sizeof(*(to)), offsetof(struct supervisor_seg, field))

bool
segs_is_dead(const char *instance)
{
	char path[SEG_INSTANCE_MAX + 64];
	struct seg_header header;
	struct pidstat stat;
	uint64_t start_time;
	uint32_t pid;
	bool known;
	int fd;

	snprintf(path, sizeof(path), SHM_DIR "/" PREFIX "%s" SUFFIX, instance);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	known = READ(fd, header, &header) && READ(fd, pid, &pid) &&
	    READ(fd, start_time, &start_time);
	close(fd);
	if (!known || header.fingerprint != seg_fingerprint() || pid == 0)
		return false;
	return !pidstat_read((pid_t)pid, &stat) ||
	    stat.start_time != start_time;
}
