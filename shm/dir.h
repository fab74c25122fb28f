/*
 * dir.h -- the directory of adapters: catalogue, wishes and facts.
 *
 *	loader      entry[a], dir_info[a]: who it is; have[a]: where it is
 *	scheduler   want[a]: where it is to be
 *	frontend    ask[a]: what an operator wants of it
 *
 * An index a names one version of one adapter.  A changed file is another
 * entry; the old one is RETIRED and stays until nobody uses it.  entry[a] =
 * serial:32 | state:32; the serial is new with each use of the index, so an
 * index and its serial name a version for good.
 *
 * Where an adapter lies: place = chunk << 8 | place in the chunk.  A chunk of
 * class c holds 2^c places of chunk_bytes >> c bytes.  An adapter larger than a
 * chunk has class 0 and goes on in next[chunk], chunk after chunk.
 */
#ifndef SHM_DIR_H
#define SHM_DIR_H

#include "base/clock.h"

#include <stdatomic.h>
#include <stdint.h>

#define DIR_NAME_MAX 65 /* [A-Za-z0-9._-]{1,64}, ended */
#define DIR_BASE "base" /* the base model's second name */
#define DIR_REASON_MAX 256
#define DIR_CLASS_MAX 8 /* 256 places a chunk */

enum dir_state {
	DIR_FREE,
	DIR_LISTED,  /* may be asked for */
	DIR_BROKEN,  /* refused; reason says why.  May be asked for, in vain */
	DIR_RETIRED, /* replaced or removed; requests in flight finish */
};

enum want_state { WANT_OUT, WANT_HOST, WANT_IN };
enum have_state {
	HAVE_ABSENT,
	HAVE_HOST,
	HAVE_LOADING,
	HAVE_RESIDENT,
	HAVE_FAILED
};
enum chunk_owner { CHUNK_FREE, CHUNK_KV, CHUNK_ADAPTER, CHUNK_BAD };

/* What the frontend's ask[a] says: serial:32 | count:16 | command:16. */
enum dir_ask { ASK_NONE, ASK_LOAD, ASK_UNLOAD };

/* Written by the loader before entry[a] = LISTED or BROKEN; digest and reason
 * also before have[a] = RESIDENT or FAILED. */
struct dir_info {
	char name[DIR_NAME_MAX];
	unsigned char digest[32]; /* zero until loaded once */
	uint32_t version;	  /* 1, 2, ... of this name */
	int32_t rank;		  /* the greatest of its modules */
	uint64_t bytes;		  /* of its image on the device */
	uint64_t file_bytes;
	uint64_t file_id; /* of its files: inodes, sizes, times */
	nsec listed_ns, loaded_ns;
	char reason[DIR_REASON_MAX]; /* a sentence, when BROKEN or FAILED */
};

static inline uint32_t
dir_place_chunk(uint32_t place)
{
	return place >> 8;
}

static inline uint32_t
dir_place_sub(uint32_t place)
{
	return place & 255u;
}

/* entry and ask words. */
static inline uint64_t
dir_entry(uint32_t serial, enum dir_state state)
{
	return (uint64_t)serial << 32 | (uint32_t)state;
}

static inline uint32_t
dir_serial(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static inline enum dir_state
dir_entry_state(uint64_t entry)
{
	return (enum dir_state)(entry & 15u);
}

/* Greatest class whose places hold bytes; 0 if only whole chunks do. */
uint32_t dir_class(uint64_t bytes, uint64_t chunk_bytes);

/* Chunks that an adapter of so many bytes takes: 1 for class > 0. */
uint32_t dir_chunks(uint64_t bytes, uint64_t chunk_bytes);

/* Whether a name may be an adapter's: [A-Za-z0-9._-]{1,64}, no leading dot. */
int dir_name_legal(const char *name);

/* The name of the base model, the last part of its directory as far as it could
 * be a name: DIR_NAME_MAX bytes.  DIR_BASE is another. */
void dir_base_name(const char *model_dir, char *out);

#endif
