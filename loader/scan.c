/* The scanner: a thread that looks at the adapters' directory and says what has
 * changed.
 *
 * An adapter that is being copied changes from look to look: what differs from
 * the last report is read once two looks SETTLE_NS apart find it the same, or
 * at once when somebody asks.  inotify only makes looks earlier. */
#include "loader/ld.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

#define SETTLE_NS (100 * MILLISECOND)
#define QUIET_NS (20 * MILLISECOND) /* after an event, for its followers */
#define JUDGES_MAX 8		    /* threads beside the scanner */
#define JUDGE_ALONE 64		    /* so few are judged without them */
#define COST_SHARE 200		    /* looks take at most 1/200 of the time */
#define EVENTS                                                                 \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |                 \
	    IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR)

struct record {
	char name[DIR_NAME_MAX];
	uint64_t told; /* file_id of the last report; 0: none */
	uint64_t seen; /* file_id of the last look */
	nsec seen_ns;  /* first look that saw it */
	bool watched;
};

struct ld_scan {
	const struct ld_world *w;
	struct record *record; /* by name */
	uint32_t count, most;
	int inotify, wake; /* -1: none */
	uint32_t odd; /* names that no adapter may have, of the last look */
	bool unsettled, lost, crowded;
	bool begun; /* a look has told all that was there */
	pthread_t thread;
	bool started;
	atomic_bool stop;
	_Atomic uint32_t rescan;
	pthread_mutex_t lock;
	struct ld_found *head, **tail;
};

static void
tell(struct ld_scan *sc, const struct ld_found *what)
{
	struct ld_found *f = malloc(sizeof(*f));

	if (f == NULL)
		return; /* found again at the next restart */
	*f = *what;
	f->next = NULL;
	pthread_mutex_lock(&sc->lock);
	*sc->tail = f;
	sc->tail = &f->next;
	pthread_mutex_unlock(&sc->lock);
}

/* A request that names it would be answered by the base model. */
static int
is_free(const struct ld_scan *sc, const char *name)
{
	char base[DIR_NAME_MAX];

	dir_base_name(sc->w->model, base);
	if (strcmp(name, base) != 0 && strcmp(name, DIR_BASE) != 0)
		return 0;
	return err_set(ERR_CONFIG,
	    "'%s' is the base model's name; rename the adapter's directory",
	    name);
}

static void
judge(const struct ld_scan *sc, int dirfd, struct ld_found *f)
{
	const struct plan *plan = sc->w->plan;
	struct adapter ad;

	if (is_free(sc, f->name) != 0 ||
	    adapter_open(&ad, dirfd, f->name, sc->w->shape, sc->w->rules) !=
		0) {
		f->kind = FOUND_BROKEN;
		snprintf(f->reason, sizeof(f->reason), "%s", err_text());
		return;
	}
	f->kind = FOUND_GOOD;
	f->rank = ad.rank_max;
	f->bytes = adapter_image_bytes(&ad, sc->w->shape,
	    (enum tensor_dtype)plan->weight_dtype, (uint32_t)plan->chunk_bytes);
	if (ad.warnings[0] != '\0')
		log_info("adapter may be served, but look at it adapter=%s "
			 "warnings=%s",
		    f->name, ad.warnings);
	adapter_close(&ad);
}

static void
watch(struct ld_scan *sc, struct record *r)
{
	char path[PATH_MAX];

	if (r->watched || sc->inotify < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", sc->w->directory, r->name);
	r->watched = inotify_add_watch(sc->inotify, path, EVENTS) >= 0;
}

/* Whether one name, at one look, is to be judged anew. */
static bool
look_at(struct ld_scan *sc, int dirfd, struct record *r, bool now_all, nsec now,
    struct ld_found *f)
{
	uint64_t id;

	watch(sc, r);
	id = ld_file_id(dirfd, r->name, &f->file_bytes);
	if (id != r->seen) {
		r->seen = id;
		r->seen_ns = now;
	}
	if (id == r->told)
		return false;
	if (!now_all && now - r->seen_ns < SETTLE_NS) {
		sc->unsettled = true;
		return false;
	}
	memcpy(f->name, r->name, sizeof(f->name));
	f->file_id = id;
	return true;
}

/* Those of one look, judged by several threads. */
struct judging {
	struct ld_scan *sc;
	int dirfd;
	struct ld_found *found; /* [n] */
	uint32_t *record;	/* [n] numbers of their records */
	uint32_t n;
	_Atomic uint32_t next;
};

static void *
judge_some(void *arg)
{
	struct judging *all = arg;
	uint32_t i;

	while ((i = atomic_fetch_add(&all->next, 1)) < all->n &&
	    !atomic_load(&all->sc->stop))
		judge(all->sc, all->dirfd, &all->found[i]);
	return NULL;
}

/* One thread a core, where there are many: reading them is parsing, mostly. */
static void
judge_all(struct judging *all)
{
	pthread_t thread[JUDGES_MAX];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int n = 0;

	while (n < JUDGES_MAX && n + 1 < cores && all->n >= JUDGE_ALONE &&
	    pthread_create(&thread[n], NULL, judge_some, all) == 0)
		n++;
	(void)judge_some(all);
	while (n > 0)
		pthread_join(thread[--n], NULL);
}

/* Changed while it was read: the next look reads it again. */
static void
tell_judged(struct ld_scan *sc, int dirfd, struct record *r,
    const struct ld_found *f)
{
	uint64_t bytes;

	if (f->kind == FOUND_BROKEN &&
	    ld_file_id(dirfd, r->name, &bytes) != f->file_id) {
		sc->unsettled = true;
		return;
	}
	r->told = f->file_id;
	tell(sc, f);
}

static int
look_at_all(struct ld_scan *sc, int dirfd, bool now_all)
{
	struct judging all = { .sc = sc, .dirfd = dirfd };
	int e = 0;

	all.found = calloc((size_t)sc->count + 1, sizeof(*all.found));
	all.record = calloc((size_t)sc->count + 1, sizeof(*all.record));
	if (all.found == NULL || all.record == NULL)
		e = err_set(ERR_MEMORY, "no memory for %u names", sc->count);
	for (uint32_t i = 0; e == 0 && i < sc->count; i++) {
		all.found[all.n] = (struct ld_found){ .kind = FOUND_GONE };
		all.record[all.n] = i;
		all.n += look_at(sc, dirfd, &sc->record[i], now_all,
		    clock_mono(), &all.found[all.n]);
	}
	judge_all(&all);
	for (uint32_t i = 0; i < all.n && !atomic_load(&sc->stop); i++)
		tell_judged(sc, dirfd, &sc->record[all.record[i]],
		    &all.found[i]);
	free(all.found);
	free(all.record);
	return e;
}

static int
is_candidate(const struct dirent *d)
{
	return d->d_name[0] != '.' &&
	    (d->d_type == DT_DIR || d->d_type == DT_UNKNOWN ||
		d->d_type == DT_LNK);
}

static bool
is_directory(int dirfd, const struct dirent *d)
{
	struct stat st;

	/* A link is shown, to be refused with its reason. */
	return d->d_type != DT_UNKNOWN ||
	    (fstatat(dirfd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(st.st_mode));
}

static void
gone(struct ld_scan *sc, const struct record *r)
{
	struct ld_found f = { .kind = FOUND_GONE };

	if (r->told == 0)
		return;
	memcpy(f.name, r->name, sizeof(f.name));
	tell(sc, &f);
}

/* Those that cannot be served under their names are told, when there are more
 * of them than before. */
static int
drop_odd(struct ld_scan *sc, struct dirent **list, int n)
{
	const char *first = NULL;
	uint32_t odd = 0;
	int kept = 0;

	for (int i = 0; i < n; i++) {
		struct dirent *d = list[i];

		if (dir_name_legal(d->d_name)) {
			list[i] = list[kept];
			list[kept++] = d;
		} else if (odd++ == 0) {
			first = d->d_name;
		}
	}
	if (odd > sc->odd)
		log_warn("names in the adapters directory are not served: want "
			 "1 to %d letters, digits, '.', '_' and '-' names=%u "
			 "first=%s",
		    DIR_NAME_MAX - 1, odd, first);
	sc->odd = odd;
	return kept;
}

/* The names that are there now, those known before with what is known; what is
 * no more there is told.  Both lists are in the order of names. */
static int
merge(struct ld_scan *sc, int dirfd, struct dirent **list, int n)
{
	struct record *fresh = calloc((size_t)n + 1, sizeof(*fresh));
	uint32_t old = 0, count = 0;

	if (fresh == NULL)
		return err_set(ERR_MEMORY, "no memory for %d names", n);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		struct record *r = &fresh[count];

		if (!is_directory(dirfd, list[i]))
			continue;
		if (count == sc->most) {
			if (!sc->crowded)
				log_warn("only the first in the adapters "
					 "directory are looked at adapters=%u",
				    sc->most);
			sc->crowded = true;
			break;
		}
		while (
		    old < sc->count && strcmp(sc->record[old].name, name) < 0)
			gone(sc, &sc->record[old++]);
		if (old < sc->count && strcmp(sc->record[old].name, name) == 0)
			*r = sc->record[old++];
		else
			snprintf(r->name, sizeof(r->name), "%.*s",
			    DIR_NAME_MAX - 1, name);
		count++;
	}
	while (old < sc->count)
		gone(sc, &sc->record[old++]);
	free(sc->record);
	sc->record = fresh;
	sc->count = count;
	return 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
look_into(struct ld_scan *sc, int dirfd, bool now_all)
{
	struct dirent **list = NULL;
	int n = scandirat(dirfd, ".", &list, is_candidate, by_name), e;

	if (n < 0)
		return err_sys(ERR_IO, "%s", sc->w->directory);
	e = merge(sc, dirfd, list, drop_odd(sc, list, n));
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return e == 0 ? look_at_all(sc, dirfd, now_all) : e;
}

/* A directory that cannot be read says nothing about its adapters: what was
 * there stays. */
static void
look(struct ld_scan *sc, bool now_all)
{
	int fd = open(sc->w->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int e = fd < 0 ? err_sys(ERR_IO, "%s", sc->w->directory) :
			 look_into(sc, fd, now_all);

	if (e != 0 && !sc->lost)
		log_warn("adapters directory cannot be read reason=%s",
		    err_text());
	sc->lost = e != 0;
	if (fd >= 0)
		close(fd);
}

/* One whole look; rescan is told when it is over. */
static void
look_once(struct ld_scan *sc, bool now_all, uint32_t rescan)
{
	struct ld_found f = { .kind = FOUND_ALL, .rescan = rescan };

	sc->unsettled = false;
	look(sc, now_all || !sc->begun);
	f.lost = sc->lost;
	sc->begun |= !sc->lost;
	tell(sc, &f);
	if (sc->w->bell != NULL)
		bell_ring(sc->w->bell);
}

static void
swallow(int fd)
{
	char buf[4096];

	while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Sleeps until a look is due, or asked for, or something has happened there. */
static void
wait_until(struct ld_scan *sc, nsec due)
{
	struct pollfd p[2] = { { .fd = sc->wake, .events = POLLIN },
		{ .fd = sc->inotify, .events = POLLIN } };
	nsec left = due - clock_mono();

	if (left <= 0)
		return;
	if (poll(p, 2, (int)(left / MILLISECOND) + 1) > 0 &&
	    p[0].revents == 0 && !atomic_load(&sc->stop))
		clock_sleep(QUIET_NS);
	swallow(sc->wake);
	swallow(sc->inotify);
}

static void *
live(void *arg)
{
	struct ld_scan *sc = arg;
	uint32_t answered = 0; /* by the look in ld_scan_open */
	nsec cost = 0;

	while (!atomic_load(&sc->stop)) {
		nsec now = clock_mono(), due = now + sc->w->rescan_ns;
		uint32_t asked;

		if (due < now + COST_SHARE * cost)
			due = now + COST_SHARE * cost;
		if (sc->unsettled)
			due = now + SETTLE_NS + cost;
		wait_until(sc, due);
		if (atomic_load(&sc->stop))
			break;
		asked = atomic_load(&sc->rescan);
		now = clock_mono();
		look_once(sc, asked != answered, asked);
		cost = clock_mono() - now;
		answered = asked;
	}
	return NULL;
}

int
ld_scan_open(struct ld_scan **out, const struct ld_world *w)
{
	struct ld_scan *sc = calloc(1, sizeof(*sc));

	if (sc == NULL)
		return err_set(ERR_MEMORY, "no memory for the scanner");
	sc->w = w;
	sc->most = 2 * w->plan->adapters + 64;
	sc->tail = &sc->head;
	sc->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	sc->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&sc->lock, NULL);
	*out = sc;
	if (w->directory[0] == '\0') {
		tell(sc, &(struct ld_found){ .kind = FOUND_ALL });
		return 0;
	}
	if (sc->inotify >= 0)
		(void)inotify_add_watch(sc->inotify, w->directory, EVENTS);
	look_once(sc, true, 0);
	if (pthread_create(&sc->thread, NULL, live, sc) != 0)
		return err_set(ERR_IO, "no thread can be started");
	sc->started = true;
	return 0;
}

void
ld_scan_close(struct ld_scan *sc)
{
	struct ld_found *f;

	if (sc == NULL)
		return;
	atomic_store(&sc->stop, true);
	ld_scan_now(sc, atomic_load(&sc->rescan));
	if (sc->started)
		pthread_join(sc->thread, NULL);
	while ((f = sc->head) != NULL) {
		sc->head = f->next;
		free(f);
	}
	if (sc->inotify >= 0)
		close(sc->inotify);
	if (sc->wake >= 0)
		close(sc->wake);
	pthread_mutex_destroy(&sc->lock);
	free(sc->record);
	free(sc);
}

void
ld_scan_now(struct ld_scan *sc, uint32_t rescan)
{
	uint64_t one = 1;

	atomic_store(&sc->rescan, rescan);
	if (!sc->started)
		tell(sc,
		    &(struct ld_found){ .kind = FOUND_ALL, .rescan = rescan });
	if (sc->wake >= 0 && write(sc->wake, &one, sizeof(one)) < 0)
		return; /* it is full, hence awake */
}

struct ld_found *
ld_scan_take(struct ld_scan *sc)
{
	struct ld_found *all;

	pthread_mutex_lock(&sc->lock);
	all = sc->head;
	sc->head = NULL;
	sc->tail = &sc->head;
	pthread_mutex_unlock(&sc->lock);
	return all;
}

bool
ld_scan_waiting(struct ld_scan *sc)
{
	bool some;

	pthread_mutex_lock(&sc->lock);
	some = sc->head != NULL;
	pthread_mutex_unlock(&sc->lock);
	return some;
}
