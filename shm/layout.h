/*
 * layout.h -- what lies where in a segment; shm/seg.c's own.
 */
#ifndef SHM_LAYOUT_H
#define SHM_LAYOUT_H

#include "shm/seg.h"

#define SEG_MAGIC 0x32656c656d616843u /* "Chamele2" */

/* Bytes of a segment under a plan; points the fields of g into base[id] where
 * that is not NULL. */
uint64_t layout_walk(struct segs *g, const struct plan *, enum seg_id id);

/* "loader", "bells", ...: the last part of the object's name. */
const char *layout_seg_name(enum seg_id id);

#endif
