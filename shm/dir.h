/*
 * dir.h -- the directory of adapters: catalogue, wishes and facts.
 *
 *	loader      entry[a], dir_info[a]: who it is; have[a]: where it is;
 *	            layers[a]: how much of it has arrived
 *	scheduler   want[a]: where it is to be
 *	frontend    ask[a]: what an operator wants of it
 *
 * An index a names one version of one adapter.  A changed file is another
 * entry; the old one is RETIRED and stays until nobody uses it.  entry[a] =
 * serial:32 | state:32; the serial is new with each use of the index, so an
 * index and its serial name a version for good.
 *
 * While have[a] is LOADING, layers[a] (struct word: gen, low) says under have's
 * generation what has been copied so far: 0 nothing, 1 what lies in front of its
 * layers, 1 + n the first n layers too.  Of another generation it says nothing.
 * Its round counts the loads of that entry that failed, whatever generation: the
 * scheduler calls out what failed at once, so have does not say it for long.
 *
 * Where an adapter lies: place = chunk << 8 | place in the chunk.  A chunk of
 * class c holds 2^c places of chunk_bytes >> c bytes.  An adapter larger than a
 * chunk has class 0 and goes on in next[chunk], chunk after chunk.
 */
#ifndef SHM_DIR_H
#define SHM_DIR_H

#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
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
	DIR_KEPT,    /* another version of the name is chosen; may be asked for
		      * by its number, name@version */
};

enum want_state { WANT_OUT, WANT_HOST, WANT_IN };
enum have_state {
	HAVE_ABSENT,
	HAVE_HOST,
	HAVE_LOADING,
	HAVE_RESIDENT,
	HAVE_FAILED
};
/* RETURNING: nobody's, and its memory goes back to the operating system (cpu):
 * returned[c] of the loader has its generation when that is done. */
enum chunk_owner {
	CHUNK_FREE,
	CHUNK_KV,
	CHUNK_ADAPTER,
	CHUNK_BAD,
	CHUNK_RETURNING
};

/* What the frontend's ask[a] says: serial:32 | count:8 | weight:15 | pinned:1 |
 * command:8; the weight in hundredths, 0 for 1.00.
 * The count tells a command from the same one before.  A flag stays when other
 * commands follow, until its serial is another: whoever starts anew finds in
 * the word which adapters are pinned. */
enum dir_ask {
	ASK_NONE,
	ASK_LOAD,
	ASK_UNLOAD,
	ASK_PIN,    /* bring it and keep it; ASK_PINNED is set */
	ASK_UNPIN,  /* it may go like others; ASK_PINNED is not set */
	ASK_CHOOSE, /* the loader's: this version of its name serves it */
	ASK_WEIGH,  /* its weight is another; what was asked before stays */
	ASK_LOADED, /* it was loaded: a new scheduler need not bring it again */
};
#define ASK_PINNED 0x100u
#define ASK_WEIGHT_SHIFT 9
#define ASK_WEIGHT_MAX 10000u /* hundredths; 0 means 100: 1.00 */

/* Written by the loader before entry[a] = LISTED or BROKEN; digest and reason
 * also before have[a] = RESIDENT or FAILED.  There is one for each entry, so it is
 * kept small: the catalogue may be large. */
struct dir_info {
	char name[DIR_NAME_MAX];
	unsigned char digest[32]; /* zero until loaded once */
	uint8_t asked;	 /* count of the ask that the loader looked at last */
	int16_t rank;	 /* the greatest of its modules */
	uint16_t reason; /* in reasons, + 1; 0: none */
	/* What operators had asked of the name before this entry was, for the
	 * frontend to ask again: pinned << 15 | weight in hundredths; 0: nothing. */
	uint16_t asked_before;
	uint32_t version; /* 1, 2, ... of this name */
	uint32_t room;	/* of the store, + 1, where its packed image lies; 0 */
	uint64_t bytes; /* of its image on the device */
	uint64_t file_bytes;
	uint64_t file_id; /* of its files: inodes, sizes, times */
	uint64_t sum;	  /* checksum of its image; 0: not packed yet */
	nsec listed_ns, loaded_ns;
	/* Of the last load: reading files, or else host memory, and crossing the
	 * link with the wait for it.  In microseconds. */
	uint32_t read_us : 31;
	uint32_t from_disk : 1;
	uint32_t copy_us;
};

/* Why an adapter is BROKEN or FAILED: a sentence.  There is room for some of those
 * that are; of the others DIR_REASON_LOST says where to look. */
#define DIR_REASONS 1024
#define DIR_REASON_LOST                                                        \
	"refused; too many are for the engine to keep each one's reason: "     \
	"'chameleon inspect' of its directory tells it"

struct dir_reason {
	_Atomic uint32_t entry; /* + 1; 0: nobody's */
	char text[DIR_REASON_MAX];
};

/* Copies the reason of an entry, ended; "" if it has none.  Returns out. */
char *dir_reason(const struct dir_info *, const struct dir_reason *reasons,
    uint32_t entry, char out[DIR_REASON_MAX]);

/* A hint from the scheduler to the loader: its want has changed, or it is waited
 * for by now.  early: nobody could start with it yet, others go first. */
static inline uint64_t
dir_hint(uint32_t adapter, bool early)
{
	return (uint64_t)early << 32 | adapter;
}

static inline uint32_t
dir_hint_adapter(uint64_t hint)
{
	return (uint32_t)hint;
}

static inline bool
dir_hint_early(uint64_t hint)
{
	return (hint >> 32 & 1) != 0;
}

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

/* It may be brought for requests that come. */
static inline bool
dir_may_serve(enum dir_state state)
{
	return state == DIR_LISTED || state == DIR_KEPT;
}

static inline uint64_t
dir_ask(uint32_t serial, uint32_t count, bool pinned, uint32_t weight,
    enum dir_ask command)
{
	return (uint64_t)serial << 32 | (uint64_t)(count & 0xffu) << 24 |
	    (weight & 0x3fffu) << ASK_WEIGHT_SHIFT | (pinned ? ASK_PINNED : 0) |
	    (uint32_t)command;
}

static inline uint32_t
dir_ask_count(uint64_t ask)
{
	return (uint32_t)(ask >> 24) & 0xffu;
}

/* In hundredths. */
static inline uint32_t
dir_ask_weight(uint64_t ask)
{
	uint32_t w = (uint32_t)(ask >> ASK_WEIGHT_SHIFT) & 0x3fffu;

	return w == 0 || w > ASK_WEIGHT_MAX ? 100 : w;
}

static inline enum dir_ask
dir_ask_command(uint64_t ask)
{
	return (enum dir_ask)(ask & 255u);
}

static inline bool
dir_ask_pinned(uint64_t ask)
{
	return (ask & ASK_PINNED) != 0;
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
