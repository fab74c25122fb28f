/* keys.tbl as arrays. */
#include "tui/keys.h"

#include <stddef.h>

const struct key_row key_rows[ACTIONS] = {
	{ "", "", NOT_SHOWN, "" },
#define ACTION(name, keys, brief, where, help) { keys, brief, where, help },
#define KEY(code, name)
#include "tui/keys.tbl"
#undef ACTION
#undef KEY
};

static const struct {
	int code;
	enum key_action action;
} keys[] = {
#define ACTION(name, keys, brief, where, help)
#define KEY(code, name) { code, ACTION_##name },
#include "tui/keys.tbl"
#undef ACTION
#undef KEY
};

enum key_action
key_action(int code)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].code == code)
			return keys[i].action;
	return ACTION_none;
}
