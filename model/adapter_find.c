/* Finding the two files of an adapter. */
#include "model/adapter_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "model/beneath.h"

/* What a directory holds of an adapter. */
struct found {
	bool config, tensors;
	char pickle[64];
};

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static int
look(struct found *f, DIR **listing, int dirfd)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	*f = (struct found){ 0 };
	*listing = copy < 0 ? NULL : fdopendir(copy);
	if (*listing == NULL) {
		if (copy >= 0)
			close(copy);
		return err_sys(ERR_IO, "listing");
	}
	while ((entry = readdir(*listing)) != NULL) {
		const char *name = entry->d_name;

		f->config |= strcmp(name, ADAPTER_CONFIG) == 0;
		f->tensors |= strcmp(name, ADAPTER_TENSORS) == 0;
		if (strcmp(name, "adapter_model.bin") == 0 ||
		    (f->pickle[0] == '\0' && ends_in(name, ".pt")))
			snprintf(f->pickle, sizeof(f->pickle), "%.60s", name);
	}
	return 0;
}

static bool
has_pair(int dirfd)
{
	struct found f;
	DIR *listing;

	if (look(&f, &listing, dirfd) != 0)
		return false;
	closedir(listing);
	return f.config && f.tensors;
}

/* Opens the one sub-directory that holds a pair; *sub stays -1 if none does. */
static int
find_below(int *sub, DIR *listing, int dirfd)
{
	struct dirent *entry;
	int fd;

	rewinddir(listing);
	while ((entry = readdir(listing)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    beneath_dir(&fd, dirfd, entry->d_name) != 0)
			continue;
		if (!has_pair(fd)) {
			close(fd);
			continue;
		}
		if (*sub >= 0) {
			close(fd);
			return err_set(ERR_UNSUPPORTED,
			    "several sub-directories hold an adapter, one is "
			    "%.200s; name the one to serve",
			    entry->d_name);
		}
		*sub = fd;
	}
	return 0;
}

/* PEFT saves one that is not named `default` in a directory of its name. */
int
adapter_find(int *dirfd)
{
	struct found f;
	DIR *listing;
	int sub = -1, e = look(&f, &listing, *dirfd);

	if (e != 0)
		return e;
	if (!f.config || !f.tensors)
		e = find_below(&sub, listing, *dirfd);
	closedir(listing);
	if (e == 0 && sub < 0 && !f.tensors && f.pickle[0] != '\0')
		e = err_set(ERR_UNSUPPORTED,
		    "%s is a pickle and is not read; convert it "
		    "to " ADAPTER_TENSORS,
		    f.pickle);
	if (e == 0 && sub < 0 && (!f.config || !f.tensors))
		e = err_set(ERR_NOT_FOUND, "%s: no such file",
		    f.config ? ADAPTER_TENSORS : ADAPTER_CONFIG);
	if (e == 0 && sub >= 0) {
		close(*dirfd);
		*dirfd = sub;
	} else if (sub >= 0) {
		close(sub);
	}
	return e;
}
