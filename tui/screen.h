/*
 * screen.h -- the terminal; the only file that knows curses.
 *
 * Memory   One terminal a process.
 * Threads  The main one.
 * Waiting  screen_key, at most as long as it is told to.
 */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include "tui/page.h"

#include <stdbool.h>

/* ERR_USAGE: no terminal, or one that cannot put its cursor somewhere. */
int screen_open(bool colour);

/* As it was before; harmless if it is not open. */
void screen_close(void);

void screen_size(int *cols, int *rows);

/* Shows the page; anew: whatever is on the screen. */
void screen_draw(const struct page *, bool anew);

/* Whether something has been typed that screen_key has not told yet. */
bool screen_typed(void);

/* A key (keys.h), or PRESS_NONE when none came in time; PRESS_GONE when none will
 * ever come. */
int screen_key(int timeout_ms);

#endif
