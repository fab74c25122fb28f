/*
 * web.h -- GET /metrics and GET /health, to whoever may connect.
 *
 * HTTP is libmicrohttpd's.  It runs in the caller's thread: web_turn does what
 * can be done now, web_fd is readable when there is more.  Clients are foreign:
 * how many, how much they may send and how long they may take are bounded, and
 * none of them is waited for.
 *
 *	WEB_CLIENTS_MAX  connections at once; others wait in the kernel
 *	WEB_ANSWER_NS    without a whole answer in that time a connection ends,
 *	                 however busy it looks
 *	WEB_CROWDED_NS   the same while all places are taken
 *	WEB_FRESH_NS     a page that is no older is given again, so that many
 *	                 scrapes cost no more than a few
 *
 * Memory   A page is the web's from then on.
 * Threads  One.
 * Waiting  Never.
 */
#ifndef MONITOR_WEB_H
#define MONITOR_WEB_H

#include "base/clock.h"
#include "monitor/page.h"

#include <stdbool.h>

#define WEB_CLIENTS_MAX 32
#define WEB_ANSWER_NS (10 * SECOND)
#define WEB_CROWDED_NS SECOND
#define WEB_CLIENT_BYTES 16384 /* of a request's head, and room to answer */
#define WEB_FRESH_NS (20 * MILLISECOND)
#define WEB_WHY_MAX 256

/* What answers; why is a sentence when they return false. */
struct web_source {
	bool (*metrics)(void *arg, struct page *, char why[WEB_WHY_MAX]);
	bool (*health)(void *arg, char why[WEB_WHY_MAX]);
	void *arg;
};

struct web;

/* Takes over a listening socket.  ERR_IO, ERR_MEMORY. */
int web_open(struct web **, int listener, const struct web_source *);
void web_close(struct web *);

int web_fd(const struct web *);

/* How long web_turn may be left alone if nothing comes; at most `most`. */
nsec web_rest(const struct web *, nsec most);

void web_turn(struct web *, nsec now);

#endif
