/* The terminal. */
#include "tui/screen.h"

#include "base/err.h"
#include "tui/keys.h"

#include <curses.h>
#include <poll.h>
#include <stdlib.h>
#include <term.h>
#include <unistd.h>

static SCREEN *screen;
static bool colours;
static bool opened;

static const struct {
	attr_t attributes;
	short colour; /* 0: the terminal's own */
} looks[LOOK_COUNT] = {
	[LOOK_PLAIN] = { A_NORMAL, 0 },
	[LOOK_BOLD] = { A_BOLD, 0 },
	[LOOK_DIM] = { A_DIM, 0 },
	[LOOK_CHOSEN] = { A_REVERSE, 0 },
	[LOOK_GOOD] = { A_NORMAL, COLOR_GREEN },
	[LOOK_WARN] = { A_BOLD, COLOR_YELLOW },
	[LOOK_BAD] = { A_BOLD, COLOR_RED },
};

static const struct {
	int curses, code;
} keys[] = {
	{ KEY_UP, PRESS_UP },
	{ KEY_DOWN, PRESS_DOWN },
	{ KEY_LEFT, PRESS_LEFT },
	{ KEY_RIGHT, PRESS_RIGHT },
	{ KEY_PPAGE, PRESS_PAGE_UP },
	{ KEY_NPAGE, PRESS_PAGE_DOWN },
	{ KEY_HOME, PRESS_HOME },
	{ KEY_END, PRESS_END },
	{ KEY_BTAB, PRESS_BACK_TAB },
	{ KEY_F(1), PRESS_HELP },
	{ KEY_RESIZE, PRESS_RESIZE },
	{ KEY_BACKSPACE, PRESS_BACKSPACE },
	{ '\b', PRESS_BACKSPACE },
	{ KEY_ENTER, '\n' },
	{ '\r', '\n' },
};

/* Whether it is one that a page can be drawn on. */
static int
check(void)
{
	const char *term = getenv("TERM");
	const char *move;
	bool moves;
	int known;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(ERR_USAGE,
		    "top: needs a terminal; --once prints one page as text");
	if (term == NULL || *term == '\0')
		return err_set(ERR_USAGE,
		    "top: TERM is not set, so the terminal is not known; "
		    "--once prints one page as text");
	if (setupterm(NULL, STDOUT_FILENO, &known) != OK)
		return err_set(ERR_USAGE,
		    "top: terminal '%.32s' (TERM) is not known on this "
		    "machine; --once prints one page as text",
		    term);
	move = tigetstr("cup");
	moves = move != NULL && move != (char *)-1;
	(void)del_curterm(cur_term);
	if (!moves)
		return err_set(ERR_USAGE,
		    "top: terminal '%.32s' (TERM) cannot move its cursor; "
		    "--once prints one page as text",
		    term);
	return 0;
}

int
screen_open(bool colour)
{
	int e = check();

	if (e != 0)
		return e;
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return err_set(ERR_USAGE,
		    "top: the terminal does not start; "
		    "--once prints one page as text");
	set_term(screen);
	opened = true;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	colours = colour && has_colors() && start_color() == OK;
	if (colours) {
		use_default_colors();
		for (short i = COLOR_RED; i <= COLOR_WHITE; i++)
			init_pair(i, i, -1);
	}
	return 0;
}

void
screen_close(void)
{
	if (!opened)
		return;
	opened = false;
	endwin();
	delscreen(screen);
}

void
screen_size(int *cols, int *rows)
{
	getmaxyx(stdscr, *rows, *cols);
}

void
screen_draw(const struct page *p, bool anew)
{
	for (int y = 0; y < p->rows; y++)
		for (int x = 0; x < p->cols; x++) {
			const struct page_cell *c = &p->cell[y * p->cols + x];
			short colour = looks[c->look].colour;

			if (c->text[0] == '\0')
				continue;
			attr_set(looks[c->look].attributes,
			    colours ? colour : 0, NULL);
			mvaddstr(y, x, c->text);
		}
	if (anew)
		clearok(curscr, TRUE);
	refresh();
}

/* What is to be read from the terminal, as poll() has it. */
static short
to_read(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, 0) == 1 ? in.revents : 0;
}

bool
screen_typed(void)
{
	return (to_read() & POLLIN) != 0;
}

int
screen_key(int timeout_ms)
{
	int code;

	timeout(timeout_ms);
	if ((code = getch()) == ERR)
		/* Curses does not tell the end from a key that has not come,
		 * and returns at once. */
		return (to_read() & (POLLHUP | POLLERR | POLLNVAL)) != 0 ?
		    PRESS_GONE :
		    PRESS_NONE;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].curses == code)
			return keys[i].code;
	/* No key of curses' own is a key of the console. */
	return code < KEY_MIN ? code : PRESS_NONE;
}
