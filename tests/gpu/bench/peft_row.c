/* The same load by transformers + peft on the same card, where they are
 * installed. */
#include "tests/gpu/bench/rows.h"

#include <stdlib.h>
#include <string.h>

#define REQUESTS 32
#define PROMPT 128
#define TOKENS 64

/* The number behind "tokens_per_s" in the script's line; 0: it was skipped,
 * and why is in the note. */
static double
ask(struct row *r)
{
	char line[512] = "", *at;
	FILE *f = popen("python3 tools/peft_baseline.py 2>&1", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "tokens_per_s") != NULL)
			break;
	line[strcspn(line, "\n")] = '\0';
	if (f != NULL)
		(void)pclose(f);
	if ((at = strstr(line, "\"tokens_per_s\": ")) != NULL)
		return atof(at + strlen("\"tokens_per_s\": "));
	at = strstr(line, "No module");
	for (char *c = line; *c != '\0'; c++) /* it goes into JSON */
		*c = *c == '"' || *c == '\\' ? '\'' : *c;
	snprintf(r->note, sizeof(r->note), "%s%.100s",
	    at != NULL ? "" : "tools/peft_baseline.py: ",
	    at != NULL ? "torch, transformers or peft is not installed" : line);
	return 0;
}

static void
peft(struct world *w, struct row *r)
{
	double theirs = w->small ? 0 : ask(r), us;
	uint64_t chunk = w->chunk;
	int of[64], n = w->small ? 8 : REQUESTS;

	if (theirs <= 0) {
		if (w->small)
			snprintf(r->note, sizeof(r->note), "on the stand-in");
		r->skipped = true;
		return;
	}
	for (int i = 0; i < n; i++) {
		world_adapter(w, i, 16);
		of[i] = i;
	}
	/* Prompts, one after the other, and answers at their mean length. */
	us = world_prefill(w, PROMPT, 5) * n +
	    world_decode(w, n, PROMPT + TOKENS / 2, of, 40) * TOKENS;
	w->chunk = chunk;
	r->value = n * TOKENS / (us / 1e6) / theirs;
	snprintf(r->note, sizeof(r->note), "%.0f tokens/s, theirs %.0f",
	    n * TOKENS / (us / 1e6), theirs);
}

struct row peft_rows[] = {
	{ "peft",
	    "tokens/s at 32 requests over 32 adapters, against "
	    "transformers + peft",
	    10, false, peft, 0, "", false },
};
