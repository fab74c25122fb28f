/*
 * tui_rig.h -- a recorded instance for the console's tests: always the same, at
 * the same moment, with something of everything.
 */
#ifndef TESTS_UNIT_TUI_RIG_H
#define TESTS_UNIT_TUI_RIG_H

#include "snap/snap.h"
#include "tui/ui.h"

#include <stdint.h>

/* Two readings, a second apart. */
extern struct snap rig_before, rig_now;

void rig_make(void);
void rig_drop(void);

/* Makes n adapters of rig_now instead of those it has. */
void rig_adapters(uint32_t n);

/* The page that u shows, as text; good until the next call. */
const char *rig_page(struct ui *u, int cols, int rows, bool ascii);

/* Keys, one after the other; a page of 80x24 is drawn before each. */
void rig_keys(struct ui *u, const char *keys);
void rig_key(struct ui *u, int code);

#endif
