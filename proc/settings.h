/*
 * settings.h -- the settings in force, which may change while they are used.
 *
 *	supervisor   the settings; a reload writes them anew: another version
 *	frontend     what operators set, over one version: another sequence
 *	scheduler    takes both up, and says which it has taken
 *
 * What operators set goes over the settings only while they have the version
 * that it was said of; so a reload replaces it.  Both are sheets, whole at any
 * moment, and stay when their writers die: whoever starts anew reads the same.
 *
 * Threads  Any.
 * Waiting  Never.
 */
#ifndef PROC_SETTINGS_H
#define PROC_SETTINGS_H

#include "conf/conf.h"
#include "shm/seg.h"

/* Which settings: compared for equality, to see whether there are others. */
struct settings_stamp {
	uint64_t version;  /* of the supervisor's sheet */
	uint64_t sequence; /* of the frontend's */
};

struct settings_stamp settings_stamp(const struct segs *);

/* The supervisor's alone; returns their version.  The caller has seen that
 * settings_bytes is that of this build's struct conf. */
uint64_t settings_started(const struct segs *, struct conf *);

/* Those in force: what operators set is over them. */
struct settings_stamp settings_read(const struct segs *, struct conf *);

#endif
