/* Sizes of adapters, and the packing of chunks. */
#include "cli/fits.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "model/adapter.h"
#include "shm/dir.h"

static int
add(struct fits *f, int32_t rank, uint64_t bytes, const struct plan *p)
{
	uint32_t kind = dir_class(bytes, p->chunk_bytes);
	struct fit *more;

	f->adapters++;
	for (uint32_t i = 0; i < f->n; i++)
		if (f->at[i].rank == rank && f->at[i].bytes == bytes) {
			f->at[i].count++;
			return 0;
		}
	more = realloc(f->at, (f->n + 1) * sizeof(*f->at));
	if (more == NULL)
		return err_set(ERR_MEMORY, "no memory for a list");
	f->at = more;
	f->at[f->n++] = (struct fit){ .rank = rank,
		.bytes = bytes,
		.place = kind > 0 ?
		    p->chunk_bytes >> kind :
		    dir_chunks(bytes, p->chunk_bytes) * p->chunk_bytes,
		.count = 1 };
	return 0;
}

static int
smaller(const void *va, const void *vb)
{
	const struct fit *a = va, *b = vb;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

static int
read_one(struct fits *f, int dirfd, const char *name, const struct shape *s,
    const struct plan *p)
{
	struct adapter_rules rules = { .allow_partial = true,
		.allow_noop = true };
	struct adapter a;
	int e;

	if (!dir_name_legal(name))
		return 0;
	if (adapter_open(&a, dirfd, name, s, rules) != 0) {
		f->refused++;
		return 0;
	}
	e = add(f, a.rank_max,
	    adapter_image_bytes(&a, s, (enum tensor_dtype)p->weight_dtype,
		(uint32_t)p->chunk_bytes),
	    p);
	adapter_close(&a);
	return e;
}

int
fits_read(struct fits *f, const char *directory, const struct shape *s,
    const struct plan *p)
{
	DIR *d = opendir(directory);
	struct dirent *entry;
	int e = 0;

	*f = (struct fits){ .n = 0 };
	if (d == NULL)
		return err_sys(ERR_IO, "%s", directory);
	while (e == 0 && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && entry->d_type != DT_REG)
			e = read_one(f, dirfd(d), entry->d_name, s, p);
	closedir(d);
	if (e == 0 && f->adapters == 0)
		e = err_set(ERR_USAGE,
		    "%s: no adapter in it that this model could serve (%u "
		    "refused); give another directory by --set adapters=DIR, "
		    "or a law by --adapters and --ranks",
		    directory, f->refused);
	if (e == 0)
		qsort(f->at, f->n, sizeof(*f->at), smaller);
	return e;
}

/* As PEFT makes them with all linear layers. */
static uint64_t
bytes_of_rank(int rank, const struct shape *s, const struct plan *p)
{
	struct adapter a = { .nmodules = s->layers * LINEAR_LAYER_COUNT };
	uint64_t bytes;

	a.modules = calloc((size_t)a.nmodules, sizeof(*a.modules));
	if (a.modules == NULL)
		return 0;
	for (int i = 0; i < a.nmodules; i++)
		a.modules[i] = (struct adapter_module){ .layer = i /
			    LINEAR_LAYER_COUNT,
			.linear = (enum shape_linear)(i % LINEAR_LAYER_COUNT),
			.rank = rank };
	bytes = adapter_image_bytes(&a, s, (enum tensor_dtype)p->weight_dtype,
	    (uint32_t)p->chunk_bytes);
	free(a.modules);
	return bytes;
}

int
fits_law(struct fits *f, uint32_t n, const char *ranks, const struct shape *s,
    const struct plan *p)
{
	int list[64], nranks = 0, e = 0;
	const char *at = ranks;

	*f = (struct fits){ .n = 0 };
	while (*at != '\0' && nranks < 64) {
		char *end;
		long rank = strtol(at, &end, 10);

		if (end == at || rank < 1 || rank > ADAPTER_RANK_MAX ||
		    (*end != ',' && *end != '\0'))
			return err_set(ERR_USAGE,
			    "--ranks %s: want numbers from 1 to %d, with "
			    "commas between",
			    ranks, ADAPTER_RANK_MAX);
		list[nranks++] = (int)rank;
		at = *end == ',' ? end + 1 : end;
	}
	if (nranks == 0 || n == 0)
		return err_set(ERR_USAGE,
		    "want at least one adapter and one rank");
	for (uint32_t i = 0; e == 0 && i < n; i++) {
		int rank = list[i % (uint32_t)nranks];
		uint64_t bytes = bytes_of_rank(rank, s, p);

		e = bytes == 0 ? err_set(ERR_USAGE,
				     "rank %d: a row of it is longer than "
				     "memory.chunk_bytes",
				     rank) :
				 add(f, rank, bytes, p);
	}
	if (e == 0)
		qsort(f->at, f->n, sizeof(*f->at), smaller);
	return e;
}

void
fits_free(struct fits *f)
{
	free(f->at);
	*f = (struct fits){ .n = 0 };
}

/* Each comes as often as its count, spread evenly over the row. */
const struct fit *
fits_pick(const struct fits *f, uint32_t i)
{
	uint64_t at = (uint64_t)i * 7919 % f->adapters;

	for (uint32_t k = 0; k < f->n; k++) {
		if (at < f->at[k].count)
			return &f->at[k];
		at -= f->at[k].count;
	}
	return &f->at[f->n - 1];
}

uint32_t
fits_in(const struct fits *f, const struct plan *p, uint32_t chunks)
{
	uint32_t room[DIR_CLASS_MAX + 1] = { 0 }, n = 0;

	for (;; n++) {
		const struct fit *a = fits_pick(f, n);
		uint32_t kind = dir_class(a->bytes, p->chunk_bytes);
		uint32_t need = dir_chunks(a->bytes, p->chunk_bytes);

		if (kind > 0 && room[kind] > 0) {
			room[kind]--;
			continue;
		}
		if (need > chunks || n == UINT32_MAX - 1)
			return n;
		chunks -= need;
		if (kind > 0)
			room[kind] = (1u << kind) - 1;
	}
}

uint32_t
fits_kv_chunks(const struct plan *p, uint32_t running, uint32_t tokens)
{
	uint64_t each = (tokens + p->block_tokens - 1) / p->block_tokens;
	uint64_t blocks = running * each;

	return (
	    uint32_t)((blocks + p->blocks_per_chunk - 1) / p->blocks_per_chunk);
}
