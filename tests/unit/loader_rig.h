/*
 * loader_rig.h -- a loader in the hands of a test, with real files and a pool
 * in memory; the test plays the scheduler.
 */
#ifndef TESTS_UNIT_LOADER_RIG_H
#define TESTS_UNIT_LOADER_RIG_H

#include <check.h>
#include <ftw.h>

#include "loader/loader.h"
#include "shm/word.h"

#define ADAPTERS 6
#define CHUNKS 24
#define CHUNK_BYTES 16384u
#define SLOTS 4
#define PATIENCE (20 * SECOND) /* far beyond what any of this takes */

struct loader_rig {
	char dir[64], model[80], adapters[80];
	struct ld *ld;
	struct ld_world w;
	struct plan plan;
	struct shape shape;
	struct device *device;
	int pool_fd, store_fd;
	_Atomic uint64_t entry[ADAPTERS], have[ADAPTERS], want[ADAPTERS];
	_Atomic uint64_t layers[ADAPTERS], returned[CHUNKS];
	struct dir_info info[ADAPTERS];
	struct dir_reason reasons[DIR_REASONS];
	_Atomic uint64_t pool_number, catalogue, chunk[CHUNKS], f[SLOTS];
	_Atomic uint32_t rescan_done, rescan_asked, next[CHUNKS];
	struct slot_request request[SLOTS];
	struct loader_meters meters;
	struct load_sample samples[SAMPLE_LOADS];
	struct event_log events;
	struct histogram load_disk, load_host;
	/* Reads of files by their place until one fails, as of a disk that does;
	 * 0: none will. */
	_Atomic uint32_t reads_left;
};

extern struct loader_rig lrig;

/* A model and no adapter; settings may be changed in lrig.w before a start. */
void lrig_setup(void);
void lrig_teardown(void);
void lrig_start(void);

/* The path of an adapter's file, or of its directory for "". */
const char *lrig_path_of(const char *name, const char *file);
void lrig_make(const char *name, int rank, uint64_t seed);
int lrig_erase(const char *path, const struct stat *, int flag, struct FTW *);

/* One turn; yields, for others do the work. */
void lrig_turn(void);

/* The entry that a name means; ADAPTERS: none. */
uint32_t lrig_entry_of(const char *name);
const char *lrig_reason(uint32_t adapter);
bool lrig_is(const char *name, enum dir_state);
struct place_word lrig_have_of(uint32_t adapter);

/* What have says, for the present want. */
bool lrig_has(uint32_t adapter, enum have_state);

/* The scheduler's part: to a chain of chunks from first on; out again. */
void lrig_bring(uint32_t adapter, uint32_t first);
void lrig_call_out(uint32_t adapter);
/* The same without anybody who waits; and then somebody does. */
void lrig_bring_early(uint32_t adapter, uint32_t first);
void lrig_hasten(uint32_t adapter);

/* The image in the pool is legal, and the digest that of its entry. */
void lrig_image_is_whole(uint32_t adapter);

#define WAIT_FOR(what)                                                         \
	do {                                                                   \
		nsec until = clock_mono() + PATIENCE;                          \
		while (!(what)) {                                              \
			ck_assert_msg(clock_mono() < until, "%s", #what);      \
			lrig_turn();                                           \
		}                                                              \
	} while (0)

#endif
