/* chameleon top: the console of a running engine. */
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "tui/keys.h"
#include "tui/tui.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SIDE_MAX 1000 /* of a page, columns or rows */

/* Exit statuses beside those of cmd.h, as those of ctl and trace. */
#define TOP_NO_INSTANCE 3
#define TOP_OTHER_VERSION 4

static const char *instance = "default", *view_name = "overview", *size, *sort,
		  *filter;
static bool once, ascii, no_color;
static uint64_t interval_ms = 1000;

static const struct cmd_option options[] = {
	{ "instance", CMD_TEXT, &instance, "INSTANCE",
	    "which engine (default 'default')", 'i' },
	{ "view", CMD_TEXT, &view_name,
	    "overview|queues|adapters|requests|processes|events|help",
	    "what to show first (default 'overview')", 0 },
	{ "sort", CMD_TEXT, &sort, "COLUMN",
	    "order of a list; the view help names the columns", 0 },
	{ "filter", CMD_TEXT, &filter, "TEXT",
	    "rows that have this text in them alone", 0 },
	{ "interval-ms", CMD_COUNT, &interval_ms, "N",
	    "time between two readings, 100 to 60000 (default 1000)", 0 },
	{ "once", CMD_FLAG, &once, NULL,
	    "print one page as plain text, and end; needs no terminal", 0 },
	{ "size", CMD_TEXT, &size, "COLSxROWS",
	    "of that page (default the terminal's, or 80x24)", 0 },
	{ "ascii", CMD_FLAG, &ascii, NULL,
	    "no character beyond ASCII (default as the locale has it)", 0 },
	{ "no-color", CMD_FLAG, &no_color, NULL,
	    "no colours; likewise when NO_COLOR is set", 0 },
};

static const struct cmd_term keys[] = {
#define ACTION(name, keys, brief, where, help)                                 \
	{ keys, (where) == NOT_SHOWN ? NULL : (help) },
#define KEY(code, name)
#include "tui/keys.tbl"
#undef ACTION
#undef KEY
};

static const struct cmd_section sections[] = { { "KEYS", CMD_ENTRIES(keys) } };

static const struct cmd_exit exits[] = {
	{ CMD_OK, "done" },
	{ CMD_FAILED, "failed: no terminal, or it went" },
	{ CMD_MISUSED, "misused" },
	{ TOP_NO_INSTANCE,
	    "no such instance; the sentence lists those that run" },
	{ TOP_OTHER_VERSION, "the engine is of another version" },
};

const struct cmd_use cmd_top_use = {
	.usage = "chameleon top [OPTIONS]",
	.about =
	    "Shows what a running engine does, and lets its operator pin, load "
	    "and\ncancel.  Reads shared memory, so it works while any process "
	    "hangs or is\ndead, and costs the engine nothing.  ? lists its "
	    "keys, and what the columns\nmean.  It is for the engine's user "
	    "and root.",
	.options = options,
	.noptions = sizeof(options) / sizeof(options[0]),
	.exits = exits,
	.nexits = sizeof(exits) / sizeof(exits[0]),
	.sections = sections,
	.nsections = 1,
};

static bool
parse_size(const char *text, int *cols, int *rows)
{
	char *end;
	long c = strtol(text, &end, 10), r;

	if (end == text || *end != 'x')
		return false;
	text = end + 1;
	r = strtol(text, &end, 10);
	if (end == text || *end != '\0' || c < 1 || r < 1 || c > SIDE_MAX ||
	    r > SIDE_MAX)
		return false;
	*cols = (int)c;
	*rows = (int)r;
	return true;
}

/* What the terminal has, if there is one. */
static void
terminal_size(int *cols, int *rows)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0 ||
	    w.ws_row == 0)
		return;
	*cols = w.ws_col;
	*rows = w.ws_row;
}

static bool
has_no_color(void)
{
	const char *set = getenv("NO_COLOR");

	return no_color || (set != NULL && *set != '\0');
}

int
cmd_top(int argc, char **argv)
{
	int status = cmd_parse(&cmd_top_use, argc, argv, NULL), e;
	struct tui_options o = { 0 };

	if (status != CMD_GO_ON)
		return status;
	o.instance = instance;
	o.sort = sort;
	o.filter = filter;
	o.view = view_find(view_name);
	if (o.view == VIEWS)
		return cmd_misused("--view %.32s: want overview, queues, "
				   "adapters, requests, processes, events or "
				   "help",
		    view_name);
	if (interval_ms < 100 || interval_ms > 60000)
		return cmd_misused("--interval-ms: want 100..60000");
	o.interval_ms = (int)interval_ms;
	if (size == NULL)
		terminal_size(&o.cols, &o.rows);
	else if (!parse_size(size, &o.cols, &o.rows))
		return cmd_misused("--size %.32s: want COLSxROWS, as in 80x24",
		    size);
	setlocale(LC_CTYPE, "");
	o.ascii = ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	o.colour = !has_no_color();
	e = once ? tui_once(&o, stdout) : tui_run(&o);
	if (e == ERR_USAGE && sort != NULL)
		return cmd_misused("%s", err_text());
	if (e == 0)
		return CMD_OK;
	(void)cmd_failed();
	return e == ERR_NOT_FOUND ? TOP_NO_INSTANCE :
	    e == ERR_LAYOUT	  ? TOP_OTHER_VERSION :
				    CMD_FAILED;
}
