/* One adapter on its way: files, numbers, image, pool.  Runs in a worker. */
#include "loader/ld.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/hash.h"

static const char *const files[] = { "adapter_config.json",
	"adapter_model.safetensors" };

#define NFILES (sizeof(files) / sizeof(files[0]))
#define PATH_BYTES (DIR_NAME_MAX + 32)
#define PART_BYTES (256u << 10)	 /* copied in one go */
#define NAP_NS (5 * MILLISECOND) /* between two looks for a cancellation */

uint64_t
ld_file_id(int dirfd, const char *name, uint64_t *bytes)
{
	uint64_t id = HASH_START;
	char path[PATH_BYTES];
	struct stat st;

	*bytes = 0;
	for (size_t i = 0; i < NFILES; i++) {
		uint64_t what[5] = { i };

		snprintf(path, sizeof(path), "%s/%s", name, files[i]);
		if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			what[1] = (uint64_t)st.st_ino;
			what[2] = (uint64_t)st.st_size;
			what[3] = (uint64_t)st.st_mtim.tv_sec;
			what[4] = (uint64_t)st.st_mtim.tv_nsec;
			*bytes += (uint64_t)st.st_size;
		}
		id = hash_bytes(id, what, sizeof(what));
	}
	return id == 0 ? 1 : id;
}

bool
ld_wanted(void *job)
{
	struct ld_job *j = job;
	int state = atomic_load(&j->state);

	return state != JOB_CANCELLED && state != JOB_LEAVING;
}

static int
changed(void)
{
	return err_set(ERR_GONE,
	    "its files have changed since they were listed: ask again in a "
	    "moment");
}

/* Page by page, as whoever reads it on the GPU finds it. */
static uint64_t
sum_of(const struct ld_job *j, const char *from)
{
	uint64_t sum = 0;

	for (uint64_t at = 0; at < j->bytes;) {
		uint64_t n = ld_part_bytes(j, at);

		sum = checksum_join(sum, checksum_part(from + at, n));
		at += n;
	}
	return sum;
}

static int
read_opened(const struct ld_world *w, const struct rooms *rooms,
    struct ld_job *j, const struct adapter *ad)
{
	uint32_t page = (uint32_t)w->plan->chunk_bytes;
	enum tensor_dtype dtype = (enum tensor_dtype)w->plan->weight_dtype;
	uint64_t n = adapter_image_bytes(ad, w->shape, dtype, page);
	int e;

	if (n != j->bytes)
		return changed();
	j->image = rooms_memory(rooms, j->room, n, &j->kept);
	if (j->image == NULL)
		return err_set(ERR_MEMORY,
		    "no memory for its image of %ju bytes", (uintmax_t)n);
	e = adapter_pack(ad, w->shape, dtype, page, w->rules, j->image,
	    ld_wanted, j);
	if (e != 0)
		return e;
	memcpy(j->digest, ((const struct adapter_image *)j->image)->digest,
	    sizeof(j->digest));
	j->sum = sum_of(j, j->image);
	return 0;
}

/* From disk to j->image.  The files must be those that were listed, before and
 * after, or the entry would serve what it does not name. */
static int
read_files(const struct ld_world *w, const struct rooms *rooms, int dirfd,
    struct ld_job *j)
{
	struct adapter ad;
	uint64_t bytes;
	int e;

	if (dirfd < 0)
		return err_set(ERR_IO,
		    "the adapters directory cannot be read: %s", w->directory);
	j->was_read = true;
	if (ld_file_id(dirfd, j->name, &bytes) != j->file_id)
		return changed();
	if ((e = adapter_open(&ad, dirfd, j->name, w->shape, w->rules)) == 0) {
		e = read_opened(w, rooms, j, &ad);
		adapter_close(&ad);
	}
	/* Also where they were refused: others may be there by now. */
	if (ld_wanted(j) && ld_file_id(dirfd, j->name, &bytes) != j->file_id)
		return changed();
	return e;
}

/* The delay that experiments ask for, cut short when nobody waits any more. */
static void
linger(const struct ld_world *w, struct ld_job *j)
{
	nsec until;

	if (w->delay_ns == 0)
		return;
	until = clock_mono() + w->delay_ns;
	for (nsec now; ld_wanted(j) && (now = clock_mono()) < until;)
		clock_sleep(until - now < NAP_NS ? until - now : NAP_NS);
}

uint64_t
ld_part_bytes(const struct ld_job *j, uint64_t at)
{
	uint64_t page = j->page_bytes - at % j->page_bytes;
	uint64_t n = page < CHECKSUM_PART ? page : CHECKSUM_PART;

	return n < j->bytes - at ? n : j->bytes - at;
}

/* Bytes [from, to) of the image, page by page. */
static int
copy(const struct ld_world *w, struct ld_job *j, const char *image,
    uint64_t from, uint64_t to)
{
	int e = 0;

	while (e == 0 && from < to) {
		uint64_t in = from % j->page_bytes, n = j->page_bytes - in;

		n = n < to - from ? n : to - from;
		e = device_copy(w->device, j->page[from / j->page_bytes] + in,
		    image + from, n);
		from += n;
	}
	return e;
}

static int
unwanted(void)
{
	return err_set(ERR_GONE, "it is no longer wanted");
}

/* What lies in front of the layers, and so many of them, are in the pool, at the
 * end of all bytes copied so far: who follows goes on.  What a dead loader said of
 * the same copy stays true while its bytes are written again. */
static void
tell_layers(const struct ld_world *w, const struct ld_job *j, int layers)
{
	struct word now = { j->gen, 0, 0, (uint32_t)layers + 1 }, was;

	if (w->layers == NULL || w->pool != 0)
		return;
	was = word_load(&w->layers[j->adapter]);
	if (was.gen == now.gen && was.low >= now.low)
		return;
	now.round = was.round;
	if (layers == 0) /* who starts now has waited for that much */
		ld_note_times(&w->info[j->adapter], j);
	word_store(&w->layers[j->adapter], now);
	if (layers == 0 && w->scheduler != NULL)
		bell_ring(w->scheduler);
	if (w->gpuexec != NULL)
		bell_ring(w->gpuexec);
}

/* Bytes [from, to), and their time on the link, which is left if it fails. */
static int
copy_part(const struct ld_world *w, struct ld_link *link, struct ld_job *j,
    const char *image, uint64_t from, uint64_t to)
{
	int e = 0;

	for (uint32_t i = 0; i < ld_link_times(link) && e == 0; i++)
		e = copy(w, j, image, from, to);
	if (e != 0)
		ld_link_leave(link, j);
	else if (!ld_link_pass(link, j, to))
		e = unwanted();
	return e;
}

/* In parts, none too large for others to wait for: what lies in front of the
 * layers, then each of them. */
static int
copy_parts(const struct ld_world *w, struct ld_link *link, struct ld_job *j,
    const void *image)
{
	uint64_t at = 0;
	int e = 0;

	for (int layer = 0; layer <= w->shape->layers && e == 0; layer++) {
		uint64_t end = adapter_image_layer(image, layer);

		while (e == 0 && at < end) {
			uint64_t n = end - at < PART_BYTES ? end - at :
							     PART_BYTES;

			e = copy_part(w, link, j, image, at, at + n);
			at += n;
		}
		if (e == 0)
			tell_layers(w, j, layer);
	}
	if (e == 0)
		ld_link_leave(link, j);
	return e;
}

/* Has the link. */
static int
cross(const struct ld_world *w, struct ld_link *link, struct ld_job *j)
{
	const void *image = j->packed != NULL ? j->packed : j->image;
	int ready = JOB_READY;

	/* From here on the main thread may not answer an OUT. */
	if (!atomic_compare_exchange_strong(&j->state, &ready, JOB_COPYING)) {
		ld_link_leave(link, j);
		return unwanted();
	}
	return copy_parts(w, link, j, image);
}

/* What an earlier life left is used if it is still the same. */
static void
prove_packed(struct ld_job *j)
{
	uint64_t sum = j->sum;

	if (j->packed == NULL || !j->unproved || sum_of(j, j->packed) == sum)
		return;
	j->packed = NULL;
	j->spoiled = true;
}

static int
fetch_and_copy(const struct ld_world *w, const struct rooms *rooms,
    struct ld_link *link, int dirfd, struct ld_job *j)
{
	int reading = JOB_READING, e = 0;

	prove_packed(j);
	if (j->packed == NULL)
		e = read_files(w, rooms, dirfd, j);
	if (e != 0)
		return e;
	j->whole = true;
	linger(w, j);
	j->read_ns = clock_mono();
	if (!j->copy)
		return 0;
	if (!atomic_compare_exchange_strong(&j->state, &reading, JOB_READY) ||
	    !ld_link_take(link, j))
		return unwanted();
	return cross(w, link, j);
}

void
ld_pack(const struct ld_world *w, const struct rooms *rooms,
    struct ld_link *link, int dirfd, struct ld_job *j)
{
	int queued = JOB_QUEUED;

	if (!atomic_compare_exchange_strong(&j->state, &queued, JOB_READING))
		return;
	if (j->prove)
		ld_prove(w, j);
	else
		j->error = fetch_and_copy(w, rooms, link, dirfd, j);
	if (j->error != 0)
		snprintf(j->reason, sizeof(j->reason), "%s", err_text());
	atomic_store(&j->state, JOB_OVER);
}
