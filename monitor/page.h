/*
 * page.h -- a page of metrics in Prometheus' text format, line by line.
 *
 *	page_family, then for each sample:
 *	page_begin, page_label ..., page_end
 *
 * Memory   A page grows as needed; one that could not says so (broken) and takes
 *          no more.  page_free gives it back.
 * Threads  One a page.
 * Waiting  Never.
 */
#ifndef MONITOR_PAGE_H
#define MONITOR_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct page {
	char *at;
	size_t used, size;
	bool broken; /* there was no memory for more */
	bool open;   /* the line has a label */
};

void page_free(struct page *);

/* "# HELP" and "# TYPE" of a family. */
void page_family(struct page *, const char *name, const char *type,
    const char *help);

/* A sample's name: name and suffix, such as "_bucket" or "". */
void page_begin(struct page *, const char *name, const char *suffix);

/* A label; its value may hold anything and is escaped. */
void page_label(struct page *, const char *key, const char *value);

/* Labels as tables have them: "reason=kv,tier=host", or "". */
void page_labels(struct page *, const char *list);

/* Its value, and the end of its line. */
void page_end(struct page *, double value);

/* Text as it is. */
void page_text(struct page *, const char *text);

/* "0.25", "12", "+Inf"; as page_end writes it.  Returns out. */
#define PAGE_NUMBER_MAX 32
char *page_number(char out[PAGE_NUMBER_MAX], double value);

#endif
