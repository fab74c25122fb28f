/*
 * plan.h -- how large everything is, worked out once before anything starts.
 *
 * The supervisor makes it from settings and model (supervisor/plan.h) and puts
 * it into its segment; whoever maps a segment finds its parts by it.
 */
#ifndef SHM_PLAN_H
#define SHM_PLAN_H

#include <stddef.h>
#include <stdint.h>

enum seg_id {
	SEG_SUPERVISOR,
	SEG_MONITOR, /* as in topo.tbl from here on */
	SEG_HOLDER,
	SEG_LOADER,
	SEG_GPUEXEC,
	SEG_SCHEDULER,
	SEG_FRONTEND,
	SEG_BELLS,
	SEG_POOL,
	SEG_STORE, /* of packed adapters in host memory */
	SEG_COUNT
};

enum plan_backend { BACKEND_CPU, BACKEND_CUDA };

#define PLAN_DEVICE_NAME 64

/* Where the chunks are is the backend's: on the cpu they are the pool object,
 * on a GPU its memory, and there is no such object. */
struct plan {
	uint32_t slots;	   /* requests held at once */
	uint32_t context;  /* tokens of prompt and answer together */
	uint32_t vocab;	   /* ids are 0 .. vocab - 1 */
	uint32_t adapters; /* entries of the catalogue */
	uint32_t connections;
	uint32_t told_rows;    /* adapters of which metrics remember series */
	uint32_t batch_max;    /* requests running at once */
	uint32_t step_tokens;  /* rows of one step */
	uint32_t block_tokens; /* tokens of a KV block */
	uint32_t blocks_per_slot; /* ceil(context / block_tokens) */
	uint32_t blocks_per_chunk;
	uint32_t chunks;  /* of the pool */
	uint32_t threads; /* that compute */
	uint64_t chunk_bytes;
	uint64_t kv_block_bytes; /* all layers, K and V */
	uint32_t weight_dtype;	 /* enum tensor_dtype: F32 or BF16 */
	uint32_t kv_dtype;	 /* likewise */
	uint64_t seg_bytes[SEG_COUNT];
	uint64_t weights_bytes; /* private memory of gpuexec, for the report */
	uint64_t work_bytes;	/* likewise: activations */
	uint32_t backend;	/* enum plan_backend */
	/* cuda; on the cpu -1, 0, 0 and "". */
	int32_t device_ordinal;
	uint64_t weights_region_bytes; /* of the pool, in front of its chunks */
	uint64_t staging_bytes;	       /* of the loader, for copies */
	char device_name[PLAN_DEVICE_NAME];
	/* The store of packed adapters: equal rooms of a sparse object, of which
	 * loader.host_bytes may be in use. */
	uint32_t store_rooms;
	uint64_t store_room_bytes;
};

/* Of all chunks, wherever they are. */
static inline uint64_t
plan_chunks_bytes(const struct plan *p)
{
	return p->chunks * p->chunk_bytes;
}

/* "cpu", or "cuda:0"; returns out. */
char *plan_device_text(const struct plan *, char *out, size_t size);

/* Fills seg_bytes from the rest. */
void plan_segments(struct plan *);

#endif
