/* Writing safetensors files. */
#include "model/tensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/must.h"
#include "model/tensors_file.h"

#define DATA_ALIGN 8 /* the header is padded with spaces to this */

static int
write_all(int fd, const void *bytes, uint64_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t done = write(fd, at, n < 1u << 28 ? n : 1u << 28);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(ERR_IO, "writing");
		at += done;
		n -= (uint64_t)done;
	}
	return 0;
}

static uint64_t
bytes_of(const struct tensor_out *t)
{
	struct tensor measure = { .ndim = t->ndim };

	must(t->ndim <= TENSOR_DIMS_MAX && t->dtype < TENSOR_OTHER);
	memcpy(measure.shape, t->shape, sizeof(t->shape));
	must(tensor_measure(&measure,
	    8 * (unsigned)tensor_dtype_bytes(t->dtype)));
	return measure.bytes;
}

static json_t *
describe(const struct tensor_out *t, uint64_t begin)
{
	json_t *shape = json_array();

	for (int i = 0; i < t->ndim; i++)
		json_array_append_new(shape,
		    json_integer((json_int_t)t->shape[i]));
	return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_name(t->dtype),
	    "shape", shape, "data_offsets", (json_int_t)begin,
	    (json_int_t)(begin + bytes_of(t)));
}

/* The header as text, malloced; NULL: no memory, or a name is no UTF-8. */
static char *
header_text(const struct tensor_out *list, int count)
{
	json_t *header = json_object();
	uint64_t at = 0;
	char *text = NULL;
	int bad = json_object_set_new(header, "__metadata__",
	    json_pack("{s:s}", "format", "pt"));

	for (int i = 0; i < count; i++) {
		bad |= json_object_set_new(header, list[i].name,
		    describe(&list[i], at));
		at += bytes_of(&list[i]);
	}
	if (bad == 0)
		text = json_dumps(header, JSON_COMPACT);
	json_decref(header);
	return text;
}

static int
write_header(int fd, const struct tensor_out *list, int count)
{
	char *text = header_text(list, count);
	char pad[DATA_ALIGN] = "       ";
	unsigned char length[8];
	uint64_t n, padding;
	int e;

	if (text == NULL)
		return err_set(ERR_MEMORY, "no header for %d tensors", count);
	n = strlen(text);
	padding = (DATA_ALIGN - n % DATA_ALIGN) % DATA_ALIGN;
	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)((n + padding) >> 8 * i);
	if ((e = write_all(fd, length, sizeof(length))) == 0 &&
	    (e = write_all(fd, text, n)) == 0)
		e = write_all(fd, pad, padding);
	free(text);
	return e;
}

static int
write_data(int fd, const struct tensor_out *t,
    int (*fill)(int fd, const struct tensor_out *, void *arg), void *arg)
{
	off_t begin = lseek(fd, 0, SEEK_CUR);
	int e;

	if (t->data != NULL)
		return write_all(fd, t->data, bytes_of(t));
	must(fill != NULL);
	if ((e = fill(fd, t, arg)) != 0)
		return e;
	must((uint64_t)(lseek(fd, 0, SEEK_CUR) - begin) == bytes_of(t));
	return 0;
}

int
tensors_write(const char *path, const struct tensor_out *list, int count,
    int (*fill)(int fd, const struct tensor_out *, void *arg), void *arg)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int e;

	if (fd < 0)
		return err_sys(ERR_IO, "%s", path);
	e = write_header(fd, list, count);
	for (int i = 0; i < count && e == 0; i++)
		e = write_data(fd, &list[i], fill, arg);
	if (close(fd) != 0 && e == 0)
		e = err_sys(ERR_IO, "closing");
	if (e == 0)
		return 0;
	unlink(path);
	return err_add("%s", path);
}
