/* Files, pool and words around a loader. */
#include "tests/unit/loader_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "model/synth.h"

#define DEPTH 16

struct loader_rig lrig;

static alignas(128) unsigned char ring_memory[2][2048];
static struct ring_in ring_tail[2];

/* Stands before the C library's. */
ssize_t
pread(int fd, void *to, size_t n, off_t at)
{
	uint32_t left = atomic_load(&lrig.reads_left);

	while (left > 0 &&
	    !atomic_compare_exchange_weak(&lrig.reads_left, &left, left - 1))
		;
	if (left != 1)
		return syscall(SYS_pread64, fd, to, n, at);
	errno = EIO;
	return -1;
}

const char *
lrig_path_of(const char *name, const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s%s%s", lrig.adapters, name,
	    file[0] == '\0' ? "" : "/", file);
	return path;
}

void
lrig_make(const char *name, int rank, uint64_t seed)
{
	struct synth_lora lora = { .rank = rank,
		.dtype = TENSOR_F32,
		.targets = "q_proj,v_proj",
		.seed = seed };

	ck_assert_msg(synth_adapter(lrig.model, lrig_path_of(name, ""),
			  &lora) == 0,
	    "%s", err_text());
}

static struct ring_tx hints;

void
lrig_start(void)
{
	struct ring_out *in = (struct ring_out *)(void *)ring_memory[0];
	struct ring_out *out = (struct ring_out *)(void *)ring_memory[1];

	ring_join_rx(&lrig.w.from_scheduler, in, &ring_tail[0], DEPTH);
	ring_join_tx(&lrig.w.to_scheduler, out, &ring_tail[1], DEPTH);
	ring_join_tx(&hints, in, &ring_tail[0], DEPTH);
	ck_assert_msg(ld_open(&lrig.ld, &lrig.w, clock_mono()) == 0, "%s",
	    err_text());
}

static void
words(void)
{
	lrig.w = (struct ld_world){ .plan = &lrig.plan,
		.shape = &lrig.shape,
		.device = lrig.device,
		.directory = lrig.adapters,
		.model = lrig.model,
		.host_bytes = 1u << 20,
		.store_fd = lrig.store_fd,
		.reasons = lrig.reasons,
		.eviction = { evict_find("lru"), SECOND, { 0 } },
		.threads = 2,
		.rescan_ns = 20 * MILLISECOND,
		.deadline_ns = 60 * SECOND,
		.entry = lrig.entry,
		.have = lrig.have,
		.layers = lrig.layers,
		.info = lrig.info,
		.pool_number = &lrig.pool_number,
		.catalogue = &lrig.catalogue,
		.rescan_done = &lrig.rescan_done,
		.meters = &lrig.meters,
		.samples = lrig.samples,
		.events = &lrig.events,
		.load_disk = &lrig.load_disk,
		.load_host = &lrig.load_host,
		.want = lrig.want,
		.chunk = lrig.chunk,
		.returned = lrig.returned,
		.next = lrig.next,
		.f = lrig.f,
		.request = lrig.request,
		.rescan_asked = &lrig.rescan_asked };
}

void
lrig_setup(void)
{
	const char *tmp = getenv("TMPDIR");

	log_open("check", LOG_ERROR);
	memset(&lrig, 0, sizeof(lrig));
	snprintf(lrig.dir, sizeof(lrig.dir), "%.40s/loader.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(lrig.dir));
	snprintf(lrig.model, sizeof(lrig.model), "%s/model", lrig.dir);
	snprintf(lrig.adapters, sizeof(lrig.adapters), "%s/adapters", lrig.dir);
	ck_assert_int_eq(mkdir(lrig.adapters, 0700), 0);
	ck_assert_msg(synth_model("tiny", lrig.model, TENSOR_F32, 1) == 0, "%s",
	    err_text());
	ck_assert_int_eq(shape_read(&lrig.shape, lrig.model), 0);
	lrig.plan = (struct plan){ .slots = SLOTS,
		.adapters = ADAPTERS,
		.chunks = CHUNKS,
		.chunk_bytes = CHUNK_BYTES,
		.store_rooms = ADAPTERS + 4,
		.store_room_bytes = CHUNKS * CHUNK_BYTES,
		.weight_dtype = TENSOR_F32 };
	lrig.store_fd = memfd_create("store", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(lrig.store_fd,
			     (off_t)lrig.plan.store_rooms *
				 (off_t)lrig.plan.store_room_bytes),
	    0);
	lrig.pool_fd = memfd_create("pool", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(lrig.pool_fd, CHUNKS * CHUNK_BYTES), 0);
	ck_assert_int_eq(device_open(&lrig.device,
			     &(struct device_pool){ .fd = lrig.pool_fd,
				 .bytes = CHUNKS * CHUNK_BYTES,
				 .chunk_bytes = CHUNK_BYTES }),
	    0);
	for (int i = 0; i < 2; i++) {
		memset(&ring_tail[i], 0, sizeof(ring_tail[i]));
		ring_format((struct ring_out *)(void *)ring_memory[i], DEPTH);
	}
	words();
}

int
lrig_erase(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void
lrig_teardown(void)
{
	ld_close(lrig.ld);
	lrig.ld = NULL;
	device_close(lrig.device);
	close(lrig.pool_fd);
	close(lrig.store_fd);
	(void)nftw(lrig.dir, lrig_erase, 8, FTW_DEPTH | FTW_PHYS);
}

/* One turn; yields, for others do the work. */
void
lrig_turn(void)
{
	(void)ld_step(lrig.ld, clock_mono());
	ld_tick(lrig.ld, clock_mono());
	clock_sleep(MILLISECOND);
}

/* The entry that a name means; ADAPTERS: none. */
uint32_t
lrig_entry_of(const char *name)
{
	uint32_t a;

	for (a = 0; a < ADAPTERS; a++) {
		enum dir_state s = dir_entry_state(lrig.entry[a]);

		if ((s == DIR_LISTED || s == DIR_BROKEN) &&
		    strcmp(lrig.info[a].name, name) == 0)
			break;
	}
	return a;
}

const char *
lrig_reason(uint32_t a)
{
	static char text[DIR_REASON_MAX];

	return dir_reason(&lrig.info[a], lrig.reasons, a, text);
}

bool
lrig_is(const char *name, enum dir_state state)
{
	uint32_t a = lrig_entry_of(name);

	return a < ADAPTERS && dir_entry_state(lrig.entry[a]) == state;
}

struct place_word
lrig_have_of(uint32_t a)
{
	return word_load_place(&lrig.have[a]);
}

bool
lrig_has(uint32_t a, enum have_state state)
{
	return lrig_have_of(a).gen == word_load_place(&lrig.want[a]).gen &&
	    lrig_have_of(a).state == state;
}

/* The scheduler's part: a chain of chunks from first on, back to front so that
 * neighbours in the image are none in the pool. */
void
lrig_bring(uint32_t a, uint32_t first)
{
	uint32_t n = dir_chunks(lrig.info[a].bytes, CHUNK_BYTES);
	uint32_t kind = dir_class(lrig.info[a].bytes, CHUNK_BYTES);
	struct place_word want = word_load_place(&lrig.want[a]);

	for (uint32_t i = 0; i < n; i++) {
		word_store_place(&lrig.chunk[first + i],
		    (struct place_word){ 1, CHUNK_ADAPTER, kind, 0 });
		lrig.next[first + i] = i == 0 ? UINT32_MAX : first + i - 1;
	}
	word_store_place(&lrig.want[a],
	    (struct place_word){ want.gen + 1, WANT_IN, kind,
		(first + n - 1) << 8 });
}

void
lrig_bring_early(uint32_t a, uint32_t first)
{
	lrig_bring(a, first);
	ck_assert(ring_push(&hints, dir_hint(a, true)));
}

void
lrig_hasten(uint32_t a)
{
	ck_assert(ring_push(&hints, dir_hint(a, false)));
}

void
lrig_call_out(uint32_t a)
{
	struct place_word want = word_load_place(&lrig.want[a]);

	want.gen++;
	want.state = WANT_OUT;
	word_store_place(&lrig.want[a], want);
}

/* Reads the image back from the pool as gpuexec would. */
static struct adapter_image *
image_of(uint32_t a)
{
	struct place_word have = lrig_have_of(a);
	uint64_t n = lrig.info[a].bytes, at = 0;
	uint32_t c = dir_place_chunk(have.place);
	uint64_t sub = dir_place_sub(have.place) *
	    (uint64_t)(CHUNK_BYTES >> have.class);
	char *image = malloc(n);

	for (; at < n; at += CHUNK_BYTES) {
		memcpy(image + at,
		    device_address(lrig.device, c * CHUNK_BYTES + sub),
		    n - at < CHUNK_BYTES ? n - at : CHUNK_BYTES);
		c = lrig.next[c];
	}
	return (struct adapter_image *)(void *)image;
}

void
lrig_image_is_whole(uint32_t a)
{
	struct adapter_image *image = image_of(a);

	ck_assert_int_eq(adapter_image_check(image, lrig.info[a].bytes,
			     &lrig.shape),
	    0);
	ck_assert_mem_eq(image->digest, lrig.info[a].digest,
	    ADAPTER_DIGEST_BYTES);
	free(image);
}
