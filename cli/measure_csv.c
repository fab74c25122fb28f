/* What was seen, as a file: first what was measured, then a row a sample. */
#include "cli/measure.h"

#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 1024

static const char *const kinds[MEASURE_KINDS] = { "step", "load", "adapter" };

struct field {
	const char *name;
	size_t at, bytes; /* of an unsigned number; bytes 0: text */
};

#define TEXT(name)                                                             \
	{                                                                      \
#name, offsetof(struct measure_head, name), 0                  \
	}
#define HEAD(name)                                                             \
	{                                                                      \
#name, offsetof(struct measure_head, name), 8                  \
	}
#define CELL(part, name)                                                       \
	{                                                                      \
#name, offsetof(struct measure_row, part.name),                \
		    sizeof(((struct measure_row *)NULL)->part.name)            \
	}

static const struct field head[] = {
	TEXT(model),
	TEXT(backend),
	TEXT(weights),
	HEAD(cores),
	HEAD(threads),
	HEAD(load_threads),
	HEAD(batch_max),
	HEAD(step_tokens),
	HEAD(block_tokens),
	HEAD(pool_bytes),
	HEAD(chunk_bytes),
	HEAD(kv_token_bytes),
	HEAD(link_emulated_bytes_per_s),
	HEAD(link_copies),
	HEAD(lost),
	HEAD(lone_us),
	HEAD(beside_us),
};

/* Those of a step, then those of a load; an adapter has the last three. */
static const struct field cells[] = {
	CELL(step, started_ns),
	CELL(step, took_ns),
	CELL(step, gap_ns),
	CELL(step, decode_rows),
	CELL(step, prompt_tokens),
	CELL(step, decode_context),
	CELL(step, prompt_pairs),
	CELL(step, lora_rows),
	CELL(step, adapters),
	CELL(step, decode_ranks),
	CELL(step, prompt_ranks),
	CELL(load, asked_ns),
	CELL(load, queue_ns),
	CELL(load, read_ns),
	CELL(load, wait_ns),
	CELL(load, copy_ns),
	CELL(load, tell_ns),
	CELL(load, from_disk),
	CELL(load, adapter),
	CELL(load, rank),
	CELL(load, bytes),
};

#define COUNT(list) (sizeof(list) / sizeof(list[0]))

static const size_t first[MEASURE_KINDS] = { 0, 11, COUNT(cells) - 3 };
static const size_t behind[MEASURE_KINDS] = { 11, COUNT(cells), COUNT(cells) };

static uint64_t
get(const void *from, const struct field *f)
{
	const char *at = (const char *)from + f->at;
	uint64_t v = 0;

	/* As on every machine that this runs on, the low byte comes first. */
	memcpy(&v, at, f->bytes);
	return v;
}

static void
put(void *to, const struct field *f, uint64_t v)
{
	memcpy((char *)to + f->at, &v, f->bytes);
}

int
measure_add(struct measure *m, const struct measure_row *row)
{
	if (m->n == m->size) {
		size_t size = m->size == 0 ? 1024 : 2 * m->size;
		struct measure_row *rows = realloc(m->rows,
		    size * sizeof(*rows));

		if (rows == NULL)
			return err_set(ERR_MEMORY, "no memory for %zu samples",
			    size);
		m->rows = rows;
		m->size = size;
	}
	m->rows[m->n++] = *row;
	return 0;
}

void
measure_free(struct measure *m)
{
	free(m->rows);
	memset(m, 0, sizeof(*m));
}

static void
write_head(const struct measure_head *h, FILE *f)
{
	fprintf(f, "# chameleon samples of steps and loads\n");
	for (size_t i = 0; i < COUNT(head); i++)
		if (head[i].bytes == 0)
			fprintf(f, "# %s: %s\n", head[i].name,
			    (const char *)h + head[i].at);
		else
			fprintf(f, "# %s: %ju\n", head[i].name,
			    (uintmax_t)get(h, &head[i]));
	fprintf(f, "kind,number");
	for (size_t i = 0; i < COUNT(cells); i++)
		fprintf(f, ",%s", cells[i].name);
	fprintf(f, "\n");
}

static void
write_row(const struct measure_row *r, FILE *f)
{
	fprintf(f, "%s,%ju", kinds[r->kind], (uintmax_t)r->number);
	for (size_t i = 0; i < COUNT(cells); i++)
		if (i >= first[r->kind] && i < behind[r->kind])
			fprintf(f, ",%ju", (uintmax_t)get(r, &cells[i]));
		else
			fprintf(f, ",");
	fprintf(f, "\n");
}

int
measure_write(const struct measure *m, const char *path)
{
	FILE *f = fopen(path, "we");
	bool bad;

	if (f == NULL)
		return err_sys(ERR_IO, "%s", path);
	write_head(&m->head, f);
	for (size_t i = 0; i < m->n; i++)
		write_row(&m->rows[i], f);
	bad = ferror(f) != 0;
	if (fclose(f) != 0 || bad)
		return err_sys(ERR_IO, "%s", path);
	return 0;
}

/* A cell that ends in a comma or with the line; false: no such number. */
static bool
number(char **at, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = strtoull(*at, &end, 10);
	if (end == *at || **at == '-' || errno != 0 ||
	    (*end != ',' && *end != '\0'))
		return false;
	*at = end;
	return true;
}

/* "# key: value"; other remarks are passed over. */
static bool
take_head(struct measure_head *h, char *line)
{
	char *colon = strstr(line, ": ");
	size_t i = 0;
	uint64_t v;

	if (colon == NULL || strncmp(line, "# ", 2) != 0)
		return true;
	*colon = '\0';
	colon += 2;
	while (i < COUNT(head) && strcmp(head[i].name, line + 2) != 0)
		i++;
	if (i == COUNT(head))
		return true;
	if (head[i].bytes == 0) {
		snprintf((char *)h + head[i].at, MEASURE_TEXT_MAX, "%s", colon);
		return true;
	}
	if (!number(&colon, &v))
		return false;
	put(h, &head[i], v);
	return true;
}

static bool
take_row(struct measure_row *r, char *line)
{
	size_t k = 0, n = strcspn(line, ",");
	uint64_t v;

	memset(r, 0, sizeof(*r));
	while (k < MEASURE_KINDS &&
	    (strlen(kinds[k]) != n || strncmp(kinds[k], line, n) != 0))
		k++;
	line += n;
	if (k == MEASURE_KINDS || *line++ != ',' || !number(&line, &r->number))
		return false;
	r->kind = (enum measure_kind)k;
	for (size_t i = 0; i < COUNT(cells); i++) {
		if (*line++ != ',')
			return false;
		if (i < first[k] || i >= behind[k])
			continue;
		if (!number(&line, &v))
			return false;
		put(r, &cells[i], v);
	}
	return *line == '\0';
}

/* The line without its end. */
static bool
next_line(FILE *f, char *line)
{
	if (fgets(line, LINE_BYTES, f) == NULL)
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return true;
}

int
measure_read(struct measure *m, const char *path)
{
	FILE *f = fopen(path, "re");
	struct measure_row row;
	char line[LINE_BYTES];
	int e = 0;

	memset(m, 0, sizeof(*m));
	if (f == NULL)
		return err_sys(ERR_NOT_FOUND, "%s", path);
	for (int n = 1; e == 0 && next_line(f, line); n++) {
		if (line[0] == '#' ? take_head(&m->head, line) :
				     strncmp(line, "kind,", 5) == 0)
			continue;
		if (line[0] == '#' || !take_row(&row, line))
			e = err_set(ERR_FORMAT,
			    "%s:%d: want what 'bench --profile' writes", path,
			    n);
		else
			e = measure_add(m, &row);
	}
	fclose(f);
	if (e != 0)
		measure_free(m);
	return e;
}
