/* A trace, line by line; whatever is no request is refused with its place. */
#include "sim/trace.h"

#include "base/err.h"
#include "sim/when.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS "time,prompt tokens,answer tokens"
#define NCOLUMNS 4 /* the last may be left out */
#define ADAPTER "# adapter NAME rank=1..1024 bytes=N"
#define RANK_MAX 1024

struct reader {
	const char *path;
	FILE *f;
	char *line;
	size_t size;
	int row;	  /* the line's number, from 1 */
	bool begun;	  /* a line was read that is no comment */
	bool binary;	  /* the line has a NUL byte */
	nsec first, last; /* times of the first and of the newest row */
};

static int
refuse(const struct reader *r, const char *got, const char *want)
{
	return err_set(ERR_FORMAT, "%s:%d: '%.40s': want %s", r->path, r->row,
	    got, want);
}

static bool
parse_tokens(const char *text, uint32_t *tokens)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long n = strtoul(text, NULL, 10);

	*tokens = (uint32_t)n;
	return digits > 0 && digits < 10 && text[digits] == '\0' && n >= 1 &&
	    n <= SIM_TOKENS_MAX;
}

/* Cuts the line at its commas; blanks around a column are no part of it. */
static int
split(char *line, char *columns[NCOLUMNS])
{
	int n = 0;

	for (char *at = line; at != NULL && n <= NCOLUMNS; n++) {
		char *column = strsep(&at, ",");
		size_t len;

		column += strspn(column, " \t");
		len = strlen(column);
		while (len > 0 && strchr(" \t\r\n", column[len - 1]) != NULL)
			column[--len] = '\0';
		if (n < NCOLUMNS)
			columns[n] = column;
	}
	return n;
}

/* The last column is empty if it is not there. */
static int
columns_of(struct reader *r, char *columns[NCOLUMNS])
{
	static char none[1];
	int n = split(r->line, columns);

	if (n < NCOLUMNS)
		columns[NCOLUMNS - 1] = none;
	return n >= 3 && n <= NCOLUMNS ?
	    0 :
	    err_set(ERR_FORMAT,
		"%s:%d: %s columns: want " COLUMNS ", and adapter or not",
		r->path, r->row, n < 3 ? "too few" : "too many");
}

static int
parse_adapter(struct reader *r, const char *name, const struct sim_trace *t,
    struct sim_row *row)
{
	row->adapter = -1;
	if (name[0] == '\0')
		return 0;
	row->adapter = sim_names_find(&t->adapters, name);
	return row->adapter >= 0 ?
	    0 :
	    refuse(r, name, "an adapter of a line '" ADAPTER "' above");
}

static int
parse_when(struct reader *r, const char *text, bool first, struct sim_row *row)
{
	nsec t;

	if (!sim_when(text, &t))
		return refuse(r, text,
		    "a time as 2023-11-16 18:15:46.68 or in seconds");
	if (t < 0)
		return refuse(r, text, "a time of 0 or more");
	if (!first && t < r->last)
		return refuse(r, text,
		    "rows in order of time; the row above is later");
	r->first = first ? t : r->first;
	r->last = t;
	row->at = t - r->first;
	return 0;
}

static int
parse_row(struct reader *r, const struct sim_trace *t, struct sim_row *row)
{
	char *columns[NCOLUMNS];
	int e = columns_of(r, columns);

	if (e == 0)
		e = parse_when(r, columns[0], t->n == 0, row);
	if (e != 0)
		return e;
	if (!parse_tokens(columns[1], &row->prompt))
		return refuse(r, columns[1], "1..16777216 prompt tokens");
	if (!parse_tokens(columns[2], &row->output))
		return refuse(r, columns[2], "1..16777216 answer tokens");
	return parse_adapter(r, columns[3], t, row);
}

/* A comment; one that names an adapter is taken. */
static int
parse_comment(struct reader *r, struct sim_trace *t)
{
	struct sim_named a = { 0 };
	const char *what = r->line + 1 + strspn(r->line + 1, " \t");
	char more;

	if (strncmp(what, "adapter ", 8) != 0)
		return 0;
	r->line[strcspn(r->line, "\r\n")] = '\0';
	if (t->n > 0)
		return refuse(r, r->line, "adapters above the first row");
	if (sscanf(what,
		"adapter %64s rank=%9" SCNd32 " bytes=%19" SCNu64 " %c", a.name,
		&a.rank, &a.bytes, &more) != 3 ||
	    a.rank < 1 || a.rank > RANK_MAX || a.bytes < 1 ||
	    strstr(what, "bytes=-") != NULL)
		return refuse(r, r->line, ADAPTER);
	return sim_names_add(&t->adapters, &a) == 0 ?
	    0 :
	    err_add("%s:%d", r->path, r->row);
}

/* Names, not numbers, in the first two columns. */
static bool
is_header(const char *line)
{
	const char *second = line + strcspn(line, ",");

	line += strspn(line, " \t\"_");
	second += strspn(second, ", \t\"#_");
	return isalpha((unsigned char)*line) &&
	    !isdigit((unsigned char)*second);
}

static bool
speaks_of(const char *name, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcasestr(name, *words) != NULL)
			return true;
	return false;
}

/* Names are anyone's, but not in another order. */
static int
parse_header(struct reader *r)
{
	static const char *const prompts[] = { "context", "prompt", "input",
		"prefill", NULL };
	static const char *const answers[] = { "generated", "answer", "output",
		"decode", "completion", NULL };
	char *columns[NCOLUMNS];
	int e = columns_of(r, columns);

	if (e != 0)
		return e;
	if (speaks_of(columns[1], answers) || speaks_of(columns[2], prompts))
		return refuse(r, columns[1], "columns in the order " COLUMNS);
	return 0;
}

/* The next line that is not empty, without a byte order mark.  false: end. */
static bool
next_line(struct reader *r)
{
	for (ssize_t n; (n = getline(&r->line, &r->size, r->f)) > 0;) {
		r->row++;
		r->binary = strlen(r->line) != (size_t)n;
		if (r->row == 1 && strncmp(r->line, "\xef\xbb\xbf", 3) == 0)
			memmove(r->line, r->line + 3, strlen(r->line) - 2);
		if (r->binary || r->line[strspn(r->line, " \t\r\n")] != '\0')
			return true;
	}
	return false;
}

static int
grow(struct sim_trace *t, uint64_t *size)
{
	struct sim_row *more;

	if (t->n < *size)
		return 0;
	*size = *size == 0 ? 1024 : *size * 2;
	if ((more = realloc(t->rows, *size * sizeof(*more))) == NULL)
		return err_set(ERR_MEMORY, "no memory for %ju requests",
		    (uintmax_t)*size);
	t->rows = more;
	return 0;
}

static int
take_line(struct reader *r, struct sim_trace *t, uint64_t *size)
{
	bool first = !r->begun;
	int e;

	if (r->binary)
		return refuse(r, r->line,
		    "text; there is a NUL byte behind this");
	if (r->line[0] == '#')
		return parse_comment(r, t);
	r->begun = true;
	if (first && is_header(r->line))
		return parse_header(r);
	if ((e = grow(t, size)) == 0 &&
	    (e = parse_row(r, t, &t->rows[t->n])) == 0)
		t->n++;
	return e;
}

static int
read_rows(struct reader *r, struct sim_trace *t, uint64_t max)
{
	uint64_t size = 0;
	int e = 0;

	while (e == 0 && (max == 0 || t->n < max) && next_line(r))
		e = take_line(r, t, &size);
	if (e == 0 && ferror(r->f))
		return err_sys(ERR_IO, "%s", r->path);
	if (e == 0 && t->n == 0)
		return err_set(ERR_FORMAT,
		    "%s:%d: no requests: want lines of " COLUMNS, r->path,
		    r->row > 0 ? r->row : 1);
	return e;
}

int
sim_trace_read(struct sim_trace *t, const char *path, uint64_t max)
{
	struct reader r = { .path = path, .f = fopen(path, "re") };
	int e;

	memset(t, 0, sizeof(*t));
	if (r.f == NULL)
		return err_sys(ERR_NOT_FOUND, "%s", path);
	e = read_rows(&r, t, max);
	fclose(r.f);
	free(r.line);
	if (e != 0)
		sim_trace_free(t);
	return e;
}

void
sim_trace_free(struct sim_trace *t)
{
	free(t->rows);
	sim_names_free(&t->adapters);
	memset(t, 0, sizeof(*t));
}

void
sim_trace_write(const struct sim_trace *t, FILE *f)
{
	for (uint32_t i = 0; i < t->adapters.n; i++)
		fprintf(f, "# adapter %s rank=%d bytes=%ju\n",
		    t->adapters.at[i].name, t->adapters.at[i].rank,
		    (uintmax_t)t->adapters.at[i].bytes);
	fprintf(f, "TIMESTAMP,ContextTokens,GeneratedTokens,Adapter\n");
	for (uint64_t i = 0; i < t->n; i++)
		fprintf(f, "%jd.%09jd,%u,%u,%s\n",
		    (intmax_t)(t->rows[i].at / SECOND),
		    (intmax_t)(t->rows[i].at % SECOND), t->rows[i].prompt,
		    t->rows[i].output,
		    t->rows[i].adapter < 0 ?
			"" :
			t->adapters.at[t->rows[i].adapter].name);
}

uint32_t
sim_scaled(uint32_t tokens, double scale)
{
	double n = round(tokens * scale);

	return n < 1 ? 1 : n > SIM_TOKENS_MAX ? SIM_TOKENS_MAX : (uint32_t)n;
}
