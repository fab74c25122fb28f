/* The report of a load, from the files. */
#include "cli/report.h"

#include "base/err.h"
#include "model/fingerprint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 6 /* bytes of a fingerprint */

/* Adds a line at the end. */
static int
add_fingerprint(const struct tensors *base, const char *what, char *out)
{
	unsigned char print[FINGERPRINT_BYTES];
	size_t used = strlen(out);
	int e = model_fingerprint(base, print);

	if (e != 0)
		return e;
	used += (size_t)snprintf(out + used, REPORT_BYTES - used, "  %s ",
	    what);
	for (int i = 0; i < SHOWN && used < REPORT_BYTES; i++)
		used += (size_t)snprintf(out + used, REPORT_BYTES - used,
		    "%02x", print[i]);
	if (used < REPORT_BYTES)
		(void)snprintf(out + used, REPORT_BYTES - used, "\n");
	return 0;
}

int
report_model(const char *dir, char out[REPORT_BYTES])
{
	struct tensors tensors = { 0 };
	struct shape shape;
	int e = shape_read(&shape, dir);

	if (e == 0)
		e = tensors_open_model(&tensors, dir);
	if (e == 0) {
		shape_report(&shape, &tensors, out, REPORT_BYTES);
		e = add_fingerprint(&tensors, "fingerprint", out);
	}
	if (e == 0)
		e = shape_check_weights(&shape, &tensors);
	tensors_close(&tensors);
	return e == 0 ? 0 : err_add("model '%s'", dir);
}

static int
pack(const struct adapter *a, const struct shape *shape,
    struct adapter_rules rules, const char *name, char *out)
{
	uint64_t bytes = adapter_image_bytes(a, shape, TENSOR_F32, 0);
	struct adapter_image *image = malloc(bytes);
	int e;

	if (image == NULL)
		return err_set(ERR_MEMORY, "no memory for %ju bytes",
		    (uintmax_t)bytes);
	e = adapter_pack(a, shape, TENSOR_F32, 0, rules, image, NULL, NULL);
	adapter_report(a, name, e == 0 ? image->digest : NULL, out,
	    REPORT_BYTES);
	free(image);
	return e;
}

static int
report_on(const struct tensors *base, const struct shape *shape,
    const char *dir, struct adapter_rules rules, struct report_held held,
    char *out)
{
	const char *slash = strrchr(dir, '/');
	struct adapter a;
	int e = adapter_open(&a, AT_FDCWD, dir, shape, rules);

	if (e != 0)
		return e;
	a.host_bytes = held.host_bytes;
	a.device_bytes = held.device_bytes;
	a.device_chunks = held.device_chunks;
	e = pack(&a, shape, rules, slash != NULL ? slash + 1 : dir, out);
	adapter_close(&a);
	return e != 0 ? e : add_fingerprint(base, "base fingerprint", out);
}

int
report_adapter(const char *model, const char *dir, struct adapter_rules rules,
    struct report_held held, char out[REPORT_BYTES])
{
	struct tensors base = { 0 };
	struct shape shape;
	int e = shape_read(&shape, model);

	if (e == 0)
		e = tensors_open_model(&base, model);
	if (e != 0)
		return err_add("model '%s'", model);
	rules.base = &base;
	e = report_on(&base, &shape, dir, rules, held, out);
	tensors_close(&base);
	return e == 0 ? 0 : err_add("adapter '%s' on model '%s'", dir, model);
}
