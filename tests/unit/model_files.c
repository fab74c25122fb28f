/* Files that tests of model/ make. */
#include "tests/unit/model_files.h"

#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[PATH_MAX];

void
files_begin(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/chameleon-model-XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		abort();
	}
}

static int
take_away(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(path);
}

void
files_end(void)
{
	nftw(dir, take_away, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
files_path(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	ck_assert_int_lt(snprintf(path, PATH_MAX, "%.3000s%s%s", dir,
			     name[0] == '\0' ? "" : "/", name),
	    PATH_MAX);
	return path;
}

void
files_put(const char *name, const void *bytes, size_t n)
{
	FILE *f = fopen(files_path(name), "w");

	ck_assert_ptr_nonnull(f);
	if (n > 0)
		ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

void
files_text(const char *name, const char *text)
{
	files_put(name, text, strlen(text));
}

void
files_make_dir(const char *name)
{
	if (mkdir(files_path(name), 0755) != 0)
		ck_assert_int_eq(access(files_path(name), F_OK), 0);
}

void
files_tensors(const char *name, const char *header, size_t n)
{
	size_t length = strlen(header);
	unsigned char *all = malloc(8 + length + n);

	ck_assert_ptr_nonnull(all);
	for (int i = 0; i < 8; i++)
		all[i] = (unsigned char)(length >> 8 * i);
	memcpy(all + 8, header, length);
	for (size_t i = 0; i < n; i++)
		all[8 + length + i] = (unsigned char)i;
	files_put(name, all, 8 + length + n);
	free(all);
}
