/* A trace, line by line; whatever is no request is refused with its place. */
#include "sim/trace.h"

#include "base/err.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_MAX 5e9 /* of a time: fits a nsec */
#define COLUMNS "time,prompt tokens,answer tokens"

struct reader {
	const char *path;
	FILE *f;
	char *line;
	size_t size;
	int row;	  /* the line's number, from 1 */
	nsec first, last; /* times of the first and of the newest row */
};

static int
refuse(const struct reader *r, const char *got, const char *want)
{
	return err_set(ERR_FORMAT, "%s:%d: '%.40s': want %s", r->path, r->row,
	    got, want);
}

/* Digits behind the point, as nanoseconds; what is finer is dropped. */
static nsec
fraction(const char **at)
{
	nsec unit = SECOND / 10, sum = 0;

	if (**at != '.')
		return 0;
	for (++*at; isdigit((unsigned char)**at); ++*at, unit /= 10)
		sum += (**at - '0') * unit;
	return sum;
}

/* "Z", "+02:00", "-0730" or nothing, as nanoseconds east of Greenwich. */
static nsec
zone(const char **at)
{
	int hours = 0, minutes = 0, n = 0;
	char sign = **at;

	if (sign == 'Z')
		++*at;
	if ((sign != '+' && sign != '-') ||
	    sscanf(*at + 1, "%2d%n", &hours, &n) != 1)
		return 0;
	*at += 1 + n + ((*at)[1 + n] == ':');
	if (sscanf(*at, "%2d%n", &minutes, &n) == 1)
		*at += n;
	return (sign == '-' ? -60 : 60) * (hours * 60 + minutes) * SECOND;
}

/* The whole of text, which is a column, as a time. */
static bool
parse_time(const char *text, nsec *t)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	char *end;

	if (rest != NULL && (*rest == ' ' || *rest == 'T') &&
	    (rest = strptime(rest + 1, "%H:%M:%S", &tm)) != NULL) {
		time_t whole = timegm(&tm);

		*t = fabs((double)whole) < SECONDS_MAX ? whole * SECOND : -1;
		*t += fraction(&rest);
		*t -= zone(&rest);
		return *rest == '\0';
	}
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(fabs(seconds) < SECONDS_MAX))
		return false;
	*t = (nsec)llround(seconds * 1e9);
	return true;
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
split(char *line, char *columns[3])
{
	int n = 0;

	for (char *at = line; at != NULL && n <= 3; n++) {
		char *column = strsep(&at, ",");
		size_t len;

		column += strspn(column, " \t");
		len = strlen(column);
		while (len > 0 && strchr(" \t\r\n", column[len - 1]) != NULL)
			column[--len] = '\0';
		if (n < 3)
			columns[n] = column;
	}
	return n;
}

static int
columns_of(struct reader *r, char *columns[3])
{
	int n = split(r->line, columns);

	return n == 3 ? 0 :
			err_set(ERR_FORMAT, "%s:%d: %s columns: want " COLUMNS,
			    r->path, r->row, n < 3 ? "too few" : "too many");
}

static int
parse_row(struct reader *r, bool first, struct sim_row *row)
{
	char *columns[3];
	int e = columns_of(r, columns);
	nsec t;

	if (e != 0)
		return e;
	if (!parse_time(columns[0], &t))
		return refuse(r, columns[0],
		    "a time as 2023-11-16 18:15:46.68 or in seconds");
	if (t < 0)
		return refuse(r, columns[0], "a time of 0 or more");
	if (!first && t < r->last)
		return refuse(r, columns[0],
		    "rows in order of time; the row above is later");
	for (int i = 1; i < 3; i++)
		if (!parse_tokens(columns[i],
			i == 1 ? &row->prompt : &row->output))
			return refuse(r, columns[i],
			    i == 1 ? "1..16777216 prompt tokens" :
				     "1..16777216 answer tokens");
	r->first = first ? t : r->first;
	r->last = t;
	row->at = t - r->first;
	return 0;
}

/* Names, not numbers, in the first two columns. */
static bool
is_header(const char *line)
{
	const char *second = line + strcspn(line, ",");

	line += strspn(line, " \t\"#_");
	second += strspn(second, ", \t\"#_");
	return isalpha((unsigned char)*line) &&
	    !isdigit((unsigned char)*second);
}

/* The next line that is not empty, without a byte order mark.  false: end. */
static bool
next_line(struct reader *r)
{
	while (getline(&r->line, &r->size, r->f) > 0) {
		r->row++;
		if (r->row == 1 && strncmp(r->line, "\xef\xbb\xbf", 3) == 0)
			memmove(r->line, r->line + 3, strlen(r->line) - 2);
		if (r->line[strspn(r->line, " \t\r\n")] != '\0')
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
read_rows(struct reader *r, struct sim_trace *t, uint64_t max)
{
	char *columns[3];
	uint64_t size = 0;
	int e = 0;

	while (e == 0 && (max == 0 || t->n < max) && next_line(r)) {
		if (r->row == 1 && is_header(r->line))
			e = columns_of(r, columns);
		else if ((e = grow(t, &size)) == 0 &&
		    (e = parse_row(r, t->n == 0, &t->rows[t->n])) == 0)
			t->n++;
	}
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
	memset(t, 0, sizeof(*t));
}

uint32_t
sim_scaled(uint32_t tokens, double scale)
{
	double n = round(tokens * scale);

	return n < 1 ? 1 : n > SIM_TOKENS_MAX ? SIM_TOKENS_MAX : (uint32_t)n;
}
