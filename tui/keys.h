/*
 * keys.h -- key codes, and what each does: keys.tbl as arrays.
 *
 * The codes are the console's own, so that tests need neither a terminal nor
 * curses.
 */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include <stdbool.h>

enum key_code {
	PRESS_NONE = 0,
	PRESS_CTRL_L = 0x0c,
	PRESS_ESCAPE = 0x1b,
	PRESS_BACKSPACE = 0x7f,
	PRESS_UP = 0x200000, /* beyond any character */
	PRESS_DOWN,
	PRESS_LEFT,
	PRESS_RIGHT,
	PRESS_PAGE_UP,
	PRESS_PAGE_DOWN,
	PRESS_HOME,
	PRESS_END,
	PRESS_BACK_TAB,
	PRESS_HELP,
	PRESS_RESIZE,
	PRESS_GONE /* no key: the terminal has gone */
};

enum key_where {
	ANYWHERE,
	NOT_SHOWN, /* anywhere; the help tells of it elsewhere */
	ON_LISTS,
	ON_DETAILS,
	ON_ADAPTERS,
	ON_REQUESTS,
	ON_POLICIES,
	ON_ENGINE
};

enum key_action {
	ACTION_none,
#define ACTION(name, keys, brief, where, help) ACTION_##name,
#define KEY(code, name)
#include "tui/keys.tbl"
#undef ACTION
#undef KEY
	ACTIONS
};

struct key_row {
	const char *keys, *brief;
	enum key_where where;
	const char *help;
};

extern const struct key_row key_rows[ACTIONS]; /* [ACTION_none]: empty */

/* ACTION_none: the key does nothing. */
enum key_action key_action(int code);

#endif
