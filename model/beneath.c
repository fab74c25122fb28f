/* Opening and reading the files of a directory that nobody vouches for. */
#include "model/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

/* pread takes no more at once; also keeps a signal's delay short. */
#define READ_BYTES_MAX (1u << 28)

static bool
is_plain(const char *name)
{
	return name[0] != '\0' && strchr(name, '/') == NULL &&
	    strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Old kernels and some containers have no openat2; for a plain name
 * O_NOFOLLOW says the same. */
static int
open_strict(int dirfd, const char *name, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		return openat(dirfd, name, flags | O_NOFOLLOW);
	return (int)fd;
}

static int
open_any(int *fd, int dirfd, const char *name, int flags, bool follow_links)
{
	flags |= O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	if (!is_plain(name))
		return err_set(ERR_FORMAT, "'%s' is not a plain file name",
		    name);
	*fd = follow_links ? openat(dirfd, name, flags) :
			     open_strict(dirfd, name, flags);
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT)
		return err_set(ERR_NOT_FOUND, "%s: no such file", name);
	if (errno == ELOOP && !follow_links)
		return err_set(ERR_UNSUPPORTED,
		    "%s is a link (a hub cache?); copy the file itself", name);
	return err_sys(errno == ENOTDIR ? ERR_FORMAT : ERR_IO, "%s", name);
}

int
beneath_dir(int *fd, int dirfd, const char *name)
{
	if (dirfd != AT_FDCWD)
		return open_any(fd, dirfd, name, O_DIRECTORY, false);
	*fd = open(name, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (*fd >= 0)
		return 0;
	return err_sys(errno == ENOENT ? ERR_NOT_FOUND :
		errno == ENOTDIR       ? ERR_FORMAT :
					 ERR_IO,
	    "%s", name);
}

int
beneath_file(int *fd, uint64_t *bytes, int dirfd, const char *name,
    bool follow_links)
{
	struct stat st;
	int e = open_any(fd, dirfd, name, 0, follow_links);

	if (e != 0)
		return e;
	if (fstat(*fd, &st) != 0)
		e = err_sys(ERR_IO, "%s", name);
	else if (!S_ISREG(st.st_mode))
		e = err_set(ERR_FORMAT, "%s is not a regular file", name);
	else
		*bytes = (uint64_t)st.st_size;
	if (e != 0) {
		close(*fd);
		*fd = -1;
	}
	return e;
}

int
beneath_read(int fd, void *out, uint64_t n, uint64_t offset)
{
	char *to = out;

	while (n > 0) {
		size_t want = n < READ_BYTES_MAX ? n : READ_BYTES_MAX;
		ssize_t got = pread(fd, to, want, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(ERR_IO, "reading");
		if (got == 0)
			return err_set(ERR_IO,
			    "the file ends at byte %ju, %ju more were there "
			    "when it was opened",
			    (uintmax_t)offset, (uintmax_t)n);
		to += got;
		n -= (uint64_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

static int
parse_object(json_t **object, const char *text, size_t n)
{
	json_error_t why;

	*object = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	if (*object == NULL)
		return err_set(ERR_FORMAT, "line %d: %s", why.line, why.text);
	if (json_is_object(*object))
		return 0;
	json_decref(*object);
	*object = NULL;
	return err_set(ERR_FORMAT, "is not a JSON object");
}

int
beneath_json(json_t **object, int dirfd, const char *name, uint64_t max,
    bool follow_links)
{
	uint64_t bytes;
	char *text;
	int fd, e;

	*object = NULL;
	if ((e = beneath_file(&fd, &bytes, dirfd, name, follow_links)) != 0)
		return e;
	if (bytes > max) {
		close(fd);
		return err_set(ERR_LIMIT, "%s has %ju bytes, the limit is %ju",
		    name, (uintmax_t)bytes, (uintmax_t)max);
	}
	text = malloc(bytes + 1);
	if (text == NULL)
		e = err_set(ERR_MEMORY, "no memory for %ju bytes",
		    (uintmax_t)bytes);
	else if ((e = beneath_read(fd, text, bytes, 0)) == 0)
		e = parse_object(object, text, bytes);
	free(text);
	close(fd);
	return e == 0 ? 0 : err_add("%s", name);
}
