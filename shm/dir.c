/* Arithmetic of the adapter directory: classes, chunks, names. */
#include "shm/dir.h"

#include <string.h>

uint32_t
dir_class(uint64_t bytes, uint64_t chunk_bytes)
{
	uint32_t c = 0;

	while (c < DIR_CLASS_MAX && bytes <= chunk_bytes >> (c + 1))
		c++;
	return c;
}

uint32_t
dir_chunks(uint64_t bytes, uint64_t chunk_bytes)
{
	uint64_t n = bytes / chunk_bytes + (bytes % chunk_bytes != 0);

	return n == 0 ? 1 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static int
letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

void
dir_base_name(const char *model_dir, char *out)
{
	size_t n = strlen(model_dir), from, len;

	while (n > 1 && model_dir[n - 1] == '/')
		n--;
	for (from = n; from > 0 && model_dir[from - 1] != '/';)
		from--;
	len = n - from < DIR_NAME_MAX ? n - from : DIR_NAME_MAX - 1;
	memcpy(out, model_dir + from, len);
	out[len] = '\0';
}

int
dir_name_legal(const char *name)
{
	size_t n = strnlen(name, DIR_NAME_MAX);

	if (n == 0 || n == DIR_NAME_MAX || name[0] == '.')
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!letter(name[i]))
			return 0;
	return 1;
}

char *
dir_reason(const struct dir_info *info, const struct dir_reason *reasons,
    uint32_t entry, char out[DIR_REASON_MAX])
{
	uint32_t i = info->reason;
	const struct dir_reason *r = &reasons[i - 1];

	out[0] = '\0';
	if (i == 0)
		return out;
	if (i > DIR_REASONS)
		return strcpy(out, DIR_REASON_LOST);
	memcpy(out, r->text, DIR_REASON_MAX);
	out[DIR_REASON_MAX - 1] = '\0';
	atomic_thread_fence(memory_order_acquire);
	/* It was given to another meanwhile: there is none any more. */
	if (atomic_load_explicit(&r->entry, memory_order_relaxed) != entry + 1)
		out[0] = '\0';
	return out;
}
