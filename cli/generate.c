/* chameleon generate: one prompt, answered as text comes. */
#include "cli/generate.h"

#include "base/err.h"
#include "cli/client.h"
#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX (3600 * SECOND)
#define PROMPT_MAX ((size_t)16 << 20)

static struct generate g = {
	.model = "models/demo",
	.adapters = "",
	.dtype = "auto",
	.max_tokens = 64,
	.top_p = 1,
	.repetition = 1,
	.seed = UINT64_MAX,
};

static const struct cmd_option options[] = {
	{ "connect", CMD_TEXT, &g.connect, "HOST:PORT",
	    "ask a running engine (or the path of its unix socket)", 'c' },
	{ "adapter", CMD_TEXT, &g.adapter, "NAME",
	    "adapter to answer with; without an engine a directory, or "
	    "a name below --adapters",
	    'a' },
	{ "model", CMD_TEXT, &g.model, "DIR",
	    "without an engine: the model (default models/demo)", 'm' },
	{ "adapters", CMD_TEXT, &g.adapters, "DIR",
	    "without an engine: where adapters lie (default: MODEL/adapters)",
	    0 },
	{ "dtype", CMD_TEXT, &g.dtype, "auto|f32|bf16",
	    "without an engine: how weights are held", 0 },
	{ "threads", CMD_COUNT, &g.threads, "N",
	    "without an engine: threads that compute (default: one a core)",
	    0 },
	{ "max-tokens", CMD_COUNT, &g.max_tokens, "N",
	    "tokens of the answer at most (default 64)", 'n' },
	{ "temperature", CMD_REAL, &g.temperature, "T",
	    "0: the most probable token (default)", 't' },
	{ "top-k", CMD_COUNT, &g.top_k, "K", "among the K most probable", 0 },
	{ "top-p", CMD_REAL, &g.top_p, "P", "among the most probable of sum P",
	    0 },
	{ "min-p", CMD_REAL, &g.min_p, "P",
	    "among those at least P times the most probable", 0 },
	{ "repetition-penalty", CMD_REAL, &g.repetition, "X", "1: none", 0 },
	{ "seed", CMD_COUNT, &g.seed, "N", "the same seed, the same answer",
	    0 },
	{ "stop", CMD_LIST, &g.stops, "TEXT",
	    "end before this text; may be given more than once", 0 },
	{ "ignore-eos", CMD_FLAG, &g.ignore_eos, NULL,
	    "go on behind the end token", 0 },
	{ "ids", CMD_FLAG, &g.ids, NULL, "PROMPT is a list of token ids: 1,2,3",
	    0 },
	{ "timing", CMD_FLAG, &g.timing, NULL,
	    "print tokens and times on standard error", 0 },
};

const struct cmd_use cmd_generate_use = CMD_USE("chameleon generate [--connect "
						"HOST:PORT] [OPTIONS] PROMPT",
    "Answers one prompt, as text comes.  With --connect a running engine is\n"
    "asked; without, the model is computed here.  PROMPT - is read from\n"
    "standard input.",
    options, 1, 1);

static json_t *
prompt_json(void)
{
	json_t *list;
	char *end;

	if (!g.ids)
		return json_string(g.prompt);
	list = json_array();
	for (const char *at = g.prompt; *at != '\0'; at = end) {
		long id = strtol(at, &end, 10);

		if (end == at)
			break;
		json_array_append_new(list, json_integer(id));
		end += *end == ',';
	}
	return list;
}

static char *
request_line(void)
{
	json_t *r = json_pack("{s:s, s:o, s:I, s:f, s:b}", "id", "1", "prompt",
	    prompt_json(), "max_tokens", (json_int_t)g.max_tokens,
	    "temperature", g.temperature, "stream", 1);
	char *line;

	if (r == NULL)
		return NULL;
	if (g.adapter != NULL)
		json_object_set_new(r, "model", json_string(g.adapter));
	if (g.top_k > 0)
		json_object_set_new(r, "top_k",
		    json_integer((json_int_t)g.top_k));
	if (g.top_p != 1)
		json_object_set_new(r, "top_p", json_real(g.top_p));
	if (g.min_p != 0)
		json_object_set_new(r, "min_p", json_real(g.min_p));
	if (g.repetition != 1)
		json_object_set_new(r, "repetition_penalty",
		    json_real(g.repetition));
	if (g.has_seed)
		json_object_set_new(r, "seed",
		    json_integer((json_int_t)g.seed));
	if (g.ignore_eos)
		json_object_set_new(r, "ignore_eos", json_true());
	if (g.stops.n > 0)
		json_object_set_new(r, "stop", json_array());
	for (int i = 0; i < g.stops.n; i++)
		json_array_append_new(json_object_get(r, "stop"),
		    json_string(g.stops.at[i]));
	line = json_dumps(r, JSON_COMPACT);
	json_decref(r);
	return line;
}

static void
print_timing(json_t *r)
{
	json_t *usage = json_object_get(r, "usage");
	json_t *timing = json_object_get(r, "timing");
	json_t *adapter = json_object_get(r, "adapter");
	char *u = json_dumps(usage, JSON_COMPACT | JSON_ENCODE_ANY);
	char *t = json_dumps(timing, JSON_COMPACT | JSON_ENCODE_ANY);
	char *a = json_dumps(adapter, JSON_COMPACT | JSON_ENCODE_ANY);

	fprintf(stderr, "usage %s\ntiming %s\nadapter %s\n",
	    u != NULL ? u : "none", t != NULL ? t : "none",
	    a != NULL ? a : "none");
	free(u);
	free(t);
	free(a);
}

/* One line of the answer.  CMD_GO_ON: more will come. */
static int
on_line(const char *line, int *e)
{
	json_t *r = json_loads(line, 0, NULL), *error;
	const char *text;
	int status = CMD_GO_ON;

	if (r == NULL) {
		*e = err_set(ERR_FORMAT,
		    "the engine's answer is no JSON: "
		    "%.200s",
		    line);
		return CMD_FAILED;
	}
	if ((error = json_object_get(r, "error")) != NULL) {
		text = json_string_value(json_object_get(error, "message"));
		*e = err_set(ERR_IO, "%s", text != NULL ? text : line);
		status = CMD_FAILED;
	} else {
		text = json_string_value(json_object_get(r, "text"));
		if (text != NULL)
			fputs(text, stdout);
		fflush(stdout);
		if (json_is_true(json_object_get(r, "done"))) {
			printf("\n");
			if (g.timing)
				print_timing(r);
			status = CMD_OK;
		}
	}
	json_decref(r);
	return status;
}

static int
ask(void)
{
	struct client c;
	char *line, *request = request_line();
	int status = CMD_GO_ON, e;

	if (request == NULL)
		return cmd_misused("the prompt is not UTF-8");
	if ((e = client_open(&c, g.connect, 10 * SECOND)) == 0)
		e = client_send(&c, request);
	while (e == 0 && status == CMD_GO_ON) {
		e = client_wait(&c, &line, clock_mono() + ANSWER_MAX);
		if (e == 0 && line[0] != '\0')
			status = on_line(line, &e);
	}
	client_close(&c);
	free(request);
	return e != 0 ? cmd_failed() : status;
}

/* All of standard input; NULL: too long, or no memory. */
static char *
read_prompt(void)
{
	char *text = malloc(PROMPT_MAX + 1);
	size_t n;

	if (text == NULL)
		return NULL;
	n = fread(text, 1, PROMPT_MAX + 1, stdin);
	if (n > PROMPT_MAX) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

int
cmd_generate(int argc, char **argv)
{
	char *from_stdin = NULL;
	int status;

	if ((status = cmd_parse(&cmd_generate_use, argc, argv, NULL)) !=
	    CMD_GO_ON)
		return status;
	g.has_seed = g.seed != UINT64_MAX;
	g.prompt = argv[1];
	if (strcmp(argv[1], "-") == 0) {
		if ((from_stdin = read_prompt()) == NULL)
			return cmd_misused("the prompt has over %zu bytes",
			    PROMPT_MAX);
		g.prompt = from_stdin;
	}
	if (g.connect != NULL)
		status = ask();
	else
		status = generate_here(&g) == 0 ? CMD_OK : cmd_failed();
	free(from_stdin);
	return status;
}
