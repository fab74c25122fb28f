/* Answers, and the clocks of those who wait for them. */
#include "monitor/web.h"

#include "base/err.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT "text/plain; charset=utf-8"
#define EXPOSITION "text/plain; version=0.0.4; charset=utf-8"

struct client {
	struct MHD_Connection *who; /* NULL: nobody */
	nsec since_ns;		    /* it came, or had its last answer */
};

struct web {
	struct MHD_Daemon *daemon;
	struct web_source source;
	struct client client[WEB_CLIENTS_MAX];
	struct MHD_Response *page; /* the last one; NULL: none */
	nsec page_ns, now;
};

/* -------------------------------------------------------------- answers */

/* The text is copied. */
static enum MHD_Result
say(struct MHD_Connection *to, unsigned status, const char *text)
{
	char line[WEB_WHY_MAX + 2];
	size_t n = strnlen(text, WEB_WHY_MAX);
	struct MHD_Response *r;
	enum MHD_Result done;

	memcpy(line, text, n);
	line[n++] = '\n';
	r = MHD_create_response_from_buffer(n, line, MHD_RESPMEM_MUST_COPY);
	if (r == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, TEXT);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW,
		    "GET, HEAD");
	done = MHD_queue_response(to, status, r);
	MHD_destroy_response(r);
	return done;
}

static bool
renew(struct web *w, char why[WEB_WHY_MAX])
{
	struct page p = { 0 };

	if (w->page != NULL && w->now - w->page_ns < WEB_FRESH_NS)
		return true;
	if (w->page != NULL)
		MHD_destroy_response(w->page);
	w->page = NULL;
	if (!w->source.metrics(w->source.arg, &p, why)) {
		page_free(&p);
		return false;
	}
	w->page = MHD_create_response_from_buffer(p.used, p.at,
	    MHD_RESPMEM_MUST_FREE);
	if (w->page == NULL) {
		page_free(&p);
		strcpy(why, "no memory for an answer");
		return false;
	}
	(void)MHD_add_response_header(w->page, MHD_HTTP_HEADER_CONTENT_TYPE,
	    EXPOSITION);
	w->page_ns = w->now;
	return true;
}

static enum MHD_Result
give_metrics(struct web *w, struct MHD_Connection *to)
{
	char why[WEB_WHY_MAX] = "";

	if (!renew(w, why))
		return say(to, MHD_HTTP_SERVICE_UNAVAILABLE, why);
	return MHD_queue_response(to, MHD_HTTP_OK, w->page);
}

static enum MHD_Result
give_health(struct web *w, struct MHD_Connection *to)
{
	char why[WEB_WHY_MAX] = "ok";
	bool well = w->source.health(w->source.arg, why);

	return say(to, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, why);
}

static const struct {
	const char *path;
	enum MHD_Result (*give)(struct web *, struct MHD_Connection *);
} pages[] = {
	{ "/metrics", give_metrics },
	{ "/health", give_health },
};

/* libmicrohttpd's: a request's head has come. */
static enum MHD_Result
asked(void *arg, struct MHD_Connection *from, const char *path,
    const char *method, const char *version, const char *body, size_t *nbody,
    void **request)
{
	size_t n = sizeof(pages) / sizeof(pages[0]);

	(void)version, (void)body, (void)nbody, (void)request;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
			return say(from, MHD_HTTP_METHOD_NOT_ALLOWED,
			    "only GET and HEAD");
		return pages[i].give(arg, from);
	}
	return say(from, MHD_HTTP_NOT_FOUND,
	    "there are /metrics and /health here");
}

/* -------------------------------------------------------------- clients */

static struct client *
find(struct web *w, const struct MHD_Connection *who)
{
	for (int i = 0; i < WEB_CLIENTS_MAX; i++)
		if (w->client[i].who == who)
			return &w->client[i];
	return NULL;
}

static void
came_or_went(void *arg, struct MHD_Connection *who, void **unused,
    enum MHD_ConnectionNotificationCode what)
{
	struct web *w = arg;
	bool came = what == MHD_CONNECTION_NOTIFY_STARTED;
	struct client *c = find(w, came ? NULL : who);

	(void)unused;
	if (c != NULL)
		*c = (struct client){ came ? who : NULL, w->now };
}

static void
answered(void *arg, struct MHD_Connection *who, void **request,
    enum MHD_RequestTerminationCode how)
{
	struct web *w = arg;
	struct client *c = find(w, who);

	(void)request, (void)how;
	if (c != NULL)
		c->since_ns = w->now;
}

/* libmicrohttpd notices the end by itself. */
static void
end_late(struct web *w)
{
	nsec limit = find(w, NULL) == NULL ? WEB_CROWDED_NS : WEB_ANSWER_NS;

	for (int i = 0; i < WEB_CLIENTS_MAX; i++) {
		struct client *c = &w->client[i];
		const union MHD_ConnectionInfo *info;

		if (c->who == NULL || w->now - c->since_ns < limit)
			continue;
		info = MHD_get_connection_info(c->who,
		    MHD_CONNECTION_INFO_CONNECTION_FD);
		if (info != NULL)
			(void)shutdown(info->connect_fd, SHUT_RDWR);
		c->since_ns = w->now;
	}
}

/* ------------------------------------------------------------- the whole */

int
web_open(struct web **out, int listener, const struct web_source *source)
{
	struct web *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		close(listener);
		return err_set(ERR_MEMORY, "no memory for the metrics' server");
	}
	w->source = *source;
	w->now = clock_mono();
	w->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, asked, w,
	    MHD_OPTION_LISTEN_SOCKET, (MHD_socket)listener,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)WEB_CLIENTS_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_CLIENT_BYTES,
	    MHD_OPTION_NOTIFY_CONNECTION, came_or_went, w,
	    MHD_OPTION_NOTIFY_COMPLETED, answered, w, MHD_OPTION_END);
	if (w->daemon == NULL) {
		free(w);
		close(listener);
		return err_set(ERR_IO, "the metrics' server cannot be started");
	}
	*out = w;
	return 0;
}

/* The listener is the supervisor's as well: it is closed here, not shut down. */
void
web_close(struct web *w)
{
	if (w == NULL)
		return;
	int listener = MHD_quiesce_daemon(w->daemon);

	MHD_stop_daemon(w->daemon);
	if (listener != MHD_INVALID_SOCKET)
		close(listener);
	if (w->page != NULL)
		MHD_destroy_response(w->page);
	free(w);
}

int
web_fd(const struct web *w)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon,
	    MHD_DAEMON_INFO_EPOLL_FD);

	return info == NULL ? -1 : info->epoll_fd;
}

nsec
web_rest(const struct web *w, nsec most)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(w->daemon, &ms) != MHD_YES ||
	    ms >= (unsigned long long)(most / MILLISECOND))
		return most;
	return (nsec)ms * MILLISECOND;
}

void
web_turn(struct web *w, nsec now)
{
	w->now = now;
	end_late(w);
	(void)MHD_run(w->daemon);
}
