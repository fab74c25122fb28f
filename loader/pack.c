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

static bool
wanted(void *job)
{
	struct ld_job *j = job;

	int state = atomic_load(&j->state);

	return state != JOB_CANCELLED && state != JOB_LEAVING;
}

static int
changed(void)
{
	return err_set(ERR_GONE,
	    "its files have changed since they were listed");
}

static int
read_opened(const struct ld_world *w, struct ld_job *j,
    const struct adapter *ad)
{
	uint32_t page = (uint32_t)w->plan->chunk_bytes;
	enum tensor_dtype dtype = (enum tensor_dtype)w->plan->weight_dtype;
	uint64_t n = adapter_image_bytes(ad, w->shape, dtype, page);
	int e;

	if (n != j->bytes)
		return changed();
	if ((j->image = malloc(n)) == NULL)
		return err_set(ERR_MEMORY,
		    "no memory for its image of %ju bytes", (uintmax_t)n);
	e = adapter_pack(ad, w->shape, dtype, page, w->rules, j->image, wanted,
	    j);
	if (e == 0)
		memcpy(j->digest,
		    ((const struct adapter_image *)j->image)->digest,
		    sizeof(j->digest));
	return e;
}

/* From disk to j->image.  The files must be those that were listed, before and
 * after, or the entry would serve what it does not name. */
static int
read_files(const struct ld_world *w, int dirfd, struct ld_job *j)
{
	struct adapter ad;
	uint64_t bytes;
	int e;

	j->was_read = true;
	if (ld_file_id(dirfd, j->name, &bytes) != j->file_id)
		return changed();
	if ((e = adapter_open(&ad, dirfd, j->name, w->shape, w->rules)) != 0)
		return e;
	e = read_opened(w, j, &ad);
	adapter_close(&ad);
	if (e == 0 && ld_file_id(dirfd, j->name, &bytes) != j->file_id)
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
	for (nsec now; wanted(j) && (now = clock_mono()) < until;)
		clock_sleep(until - now < NAP_NS ? until - now : NAP_NS);
}

uint64_t
ld_part_bytes(const struct ld_job *j, uint64_t at)
{
	uint64_t page = j->page_bytes - at % j->page_bytes;
	uint64_t n = page < CHECKSUM_PART ? page : CHECKSUM_PART;

	return n < j->bytes - at ? n : j->bytes - at;
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
copy(const struct ld_world *w, struct ld_job *j)
{
	const char *from = j->packed != NULL ? j->packed : j->image;
	int e = 0;

	if (w->pool != 0)
		j->sum = sum_of(j, from);
	for (uint32_t i = 0; i < j->npages && e == 0; i++) {
		uint64_t at = i * j->page_bytes, n = j->bytes - at;

		e = device_copy(w->device, j->page[i], from + at,
		    n < j->page_bytes ? n : j->page_bytes);
	}
	return e;
}

static int
unwanted(void)
{
	return err_set(ERR_GONE, "it is no longer wanted");
}

/* Has the link. */
static int
cross(const struct ld_world *w, struct ld_link *link, struct ld_job *j)
{
	int reading = JOB_READING, e = 0;

	/* From here on the main thread may not answer an OUT. */
	if (!atomic_compare_exchange_strong(&j->state, &reading, JOB_COPYING)) {
		(void)ld_link_give(link, 0, wanted, j, &j->pass);
		return unwanted();
	}
	for (uint32_t i = 0; i < ld_link_times(link) && e == 0; i++)
		e = copy(w, j);
	if (!ld_link_give(link, j->bytes, wanted, j, &j->pass) && e == 0)
		e = unwanted();
	return e;
}

static int
fetch_and_copy(const struct ld_world *w, struct ld_link *link, int dirfd,
    struct ld_job *j)
{
	int e = j->packed != NULL ? 0 : read_files(w, dirfd, j);

	if (e != 0)
		return e;
	j->whole = true;
	linger(w, j);
	j->read_ns = clock_mono();
	if (!j->copy)
		return 0;
	if (!ld_link_take(link, wanted, j, &j->pass))
		return unwanted();
	return cross(w, link, j);
}

void
ld_pack(const struct ld_world *w, struct ld_link *link, int dirfd,
    struct ld_job *j)
{
	int queued = JOB_QUEUED;

	if (!atomic_compare_exchange_strong(&j->state, &queued, JOB_READING))
		return;
	j->taken_ns = clock_mono();
	if (j->prove)
		ld_prove(w, j);
	else
		j->error = fetch_and_copy(w, link, dirfd, j);
	if (j->error != 0)
		snprintf(j->reason, sizeof(j->reason), "%s", err_text());
	atomic_store(&j->state, JOB_OVER);
}
