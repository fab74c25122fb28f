/* Promises of the loader, with real files and a pool in memory. */
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "loader/loader.h"
#include "model/synth.h"
#include "shm/word.h"

Suite *suite_loader(void);

#define ADAPTERS 6
#define CHUNKS 24
#define CHUNK_BYTES 16384u
#define SLOTS 4
#define DEPTH 16
#define PATIENCE (20 * SECOND) /* far beyond what any of this takes */

static struct {
	char dir[64], model[80], adapters[80];
	struct ld *ld;
	struct ld_world w;
	struct plan plan;
	struct shape shape;
	struct device *device;
	int pool_fd;
	_Atomic uint64_t entry[ADAPTERS], have[ADAPTERS], want[ADAPTERS];
	struct dir_info info[ADAPTERS];
	_Atomic uint64_t catalogue, chunk[CHUNKS], f[SLOTS];
	_Atomic uint32_t rescan_done, rescan_asked, next[CHUNKS];
	struct slot_request request[SLOTS];
	struct loader_meters meters;
} t;

static alignas(128) unsigned char ring_memory[2][2048];
static struct ring_in ring_tail[2];

static const char *
path_of(const char *name, const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s%s%s", t.adapters, name,
	    file[0] == '\0' ? "" : "/", file);
	return path;
}

static void
make(const char *name, int rank, uint64_t seed)
{
	struct synth_lora lora = { .rank = rank,
		.dtype = TENSOR_F32,
		.targets = "q_proj,v_proj",
		.seed = seed };

	ck_assert_msg(synth_adapter(t.model, path_of(name, ""), &lora) == 0,
	    "%s", err_text());
}

static void
start(void)
{
	struct ring_out *in = (struct ring_out *)(void *)ring_memory[0];
	struct ring_out *out = (struct ring_out *)(void *)ring_memory[1];

	ring_join_rx(&t.w.from_scheduler, in, &ring_tail[0], DEPTH);
	ring_join_tx(&t.w.to_scheduler, out, &ring_tail[1], DEPTH);
	ck_assert_msg(ld_open(&t.ld, &t.w, clock_mono()) == 0, "%s",
	    err_text());
}

static void
words(void)
{
	t.w = (struct ld_world){ .plan = &t.plan,
		.shape = &t.shape,
		.device = t.device,
		.directory = t.adapters,
		.model = t.model,
		.host_bytes = 1u << 20,
		.threads = 2,
		.rescan_ns = 20 * MILLISECOND,
		.entry = t.entry,
		.have = t.have,
		.info = t.info,
		.catalogue = &t.catalogue,
		.rescan_done = &t.rescan_done,
		.meters = &t.meters,
		.want = t.want,
		.chunk = t.chunk,
		.next = t.next,
		.f = t.f,
		.request = t.request,
		.rescan_asked = &t.rescan_asked };
}

static void
setup(void)
{
	const char *tmp = getenv("TMPDIR");

	memset(&t, 0, sizeof(t));
	snprintf(t.dir, sizeof(t.dir), "%.40s/loader.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(t.dir));
	snprintf(t.model, sizeof(t.model), "%s/model", t.dir);
	snprintf(t.adapters, sizeof(t.adapters), "%s/adapters", t.dir);
	ck_assert_int_eq(mkdir(t.adapters, 0700), 0);
	ck_assert_msg(synth_model("tiny", t.model, TENSOR_F32, 1) == 0, "%s",
	    err_text());
	ck_assert_int_eq(shape_read(&t.shape, t.model), 0);
	t.plan = (struct plan){ .slots = SLOTS,
		.adapters = ADAPTERS,
		.chunks = CHUNKS,
		.chunk_bytes = CHUNK_BYTES,
		.weight_dtype = TENSOR_F32 };
	t.pool_fd = memfd_create("pool", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(t.pool_fd, CHUNKS * CHUNK_BYTES), 0);
	ck_assert_int_eq(device_open_host(&t.device, t.pool_fd,
			     CHUNKS * CHUNK_BYTES, CHUNK_BYTES),
	    0);
	for (int i = 0; i < 2; i++) {
		memset(&ring_tail[i], 0, sizeof(ring_tail[i]));
		ring_format((struct ring_out *)(void *)ring_memory[i], DEPTH);
	}
	words();
}

static int
erase(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
teardown(void)
{
	ld_close(t.ld);
	t.ld = NULL;
	device_close(t.device);
	close(t.pool_fd);
	(void)nftw(t.dir, erase, 8, FTW_DEPTH | FTW_PHYS);
}

/* One turn; yields, for others do the work. */
static void
turn(void)
{
	(void)ld_step(t.ld, clock_mono());
	ld_tick(t.ld, clock_mono());
	clock_sleep(MILLISECOND);
}

#define WAIT_FOR(what)                                                         \
	do {                                                                   \
		nsec until = clock_mono() + PATIENCE;                          \
		while (!(what)) {                                              \
			ck_assert_msg(clock_mono() < until, "%s", #what);      \
			turn();                                                \
		}                                                              \
	} while (0)

/* The entry that a name means; ADAPTERS: none. */
static uint32_t
entry_of(const char *name)
{
	uint32_t a;

	for (a = 0; a < ADAPTERS; a++) {
		enum dir_state s = dir_entry_state(t.entry[a]);

		if ((s == DIR_LISTED || s == DIR_BROKEN) &&
		    strcmp(t.info[a].name, name) == 0)
			break;
	}
	return a;
}

static bool
is(const char *name, enum dir_state state)
{
	uint32_t a = entry_of(name);

	return a < ADAPTERS && dir_entry_state(t.entry[a]) == state;
}

static struct place_word
have_of(uint32_t a)
{
	return word_load_place(&t.have[a]);
}

static bool
has(uint32_t a, enum have_state state)
{
	return have_of(a).gen == word_load_place(&t.want[a]).gen &&
	    have_of(a).state == state;
}

/* The scheduler's part: a chain of chunks from first on, back to front so that
 * neighbours in the image are none in the pool. */
static void
bring(uint32_t a, uint32_t first)
{
	uint32_t n = dir_chunks(t.info[a].bytes, CHUNK_BYTES);
	uint32_t kind = dir_class(t.info[a].bytes, CHUNK_BYTES);
	struct place_word want = word_load_place(&t.want[a]);

	for (uint32_t i = 0; i < n; i++) {
		word_store_place(&t.chunk[first + i],
		    (struct place_word){ 1, CHUNK_ADAPTER, kind, 0 });
		t.next[first + i] = i == 0 ? UINT32_MAX : first + i - 1;
	}
	word_store_place(&t.want[a],
	    (struct place_word){ want.gen + 1, WANT_IN, kind,
		(first + n - 1) << 8 });
}

static void
call_out(uint32_t a)
{
	struct place_word want = word_load_place(&t.want[a]);

	want.gen++;
	want.state = WANT_OUT;
	word_store_place(&t.want[a], want);
}

/* Reads the image back from the pool as gpuexec would. */
static struct adapter_image *
image_of(uint32_t a)
{
	struct place_word have = have_of(a);
	uint64_t n = t.info[a].bytes, at = 0;
	uint32_t c = dir_place_chunk(have.place);
	uint64_t sub = dir_place_sub(have.place) *
	    (uint64_t)(CHUNK_BYTES >> have.class);
	char *image = malloc(n);

	for (; at < n; at += CHUNK_BYTES) {
		memcpy(image + at,
		    device_host_address(t.device, c * CHUNK_BYTES + sub),
		    n - at < CHUNK_BYTES ? n - at : CHUNK_BYTES);
		c = t.next[c];
	}
	return (struct adapter_image *)(void *)image;
}

static void
image_is_whole(uint32_t a)
{
	struct adapter_image *image = image_of(a);

	ck_assert_int_eq(adapter_image_check(image, t.info[a].bytes, &t.shape),
	    0);
	ck_assert_mem_eq(image->digest, t.info[a].digest, ADAPTER_DIGEST_BYTES);
	free(image);
}

START_TEST(what_is_there_is_listed_at_once)
{
	make("one", 2, 1);
	make("two", 4, 2);
	ck_assert_int_eq(mkdir(path_of(".hidden", ""), 0700), 0);
	ck_assert_int_eq(mkdir(path_of("empty", ""), 0700), 0);
	start();
	ck_assert(is("one", DIR_LISTED) && is("two", DIR_LISTED));
	ck_assert(is("empty", DIR_BROKEN));
	ck_assert_uint_gt(strlen(t.info[entry_of("empty")].reason), 0);
	ck_assert_uint_eq(entry_of(".hidden"), ADAPTERS);
	ck_assert_int_eq(t.info[entry_of("two")].rank, 4);
	ck_assert_uint_eq(t.meters.listed, 2);
}
END_TEST

START_TEST(an_image_lies_whole_in_its_chunks)
{
	uint32_t small, large;

	make("small", 1, 1);
	make("large", 32, 2);
	start();
	small = entry_of("small");
	large = entry_of("large");
	ck_assert_uint_gt(dir_chunks(t.info[large].bytes, CHUNK_BYTES), 1);
	bring(small, 20);
	bring(large, 0);
	WAIT_FOR(has(small, HAVE_RESIDENT) && has(large, HAVE_RESIDENT));
	image_is_whole(small);
	image_is_whole(large);
	ck_assert_uint_eq(t.meters.disk_reads, 2);
	call_out(small);
	WAIT_FOR(has(small, HAVE_HOST));
	bring(small, 21);
	WAIT_FOR(has(small, HAVE_RESIDENT));
	ck_assert_uint_eq(t.meters.disk_reads, 2); /* from host memory */
	image_is_whole(small);
}
END_TEST

START_TEST(new_changed_and_removed_adapters_are_noticed)
{
	uint32_t old;

	make("kept", 2, 1);
	start();
	make("fresh", 2, 2);
	WAIT_FOR(is("fresh", DIR_LISTED));
	old = entry_of("fresh");
	t.request[0].adapter = (int32_t)old;
	word_store(&t.f[0], (struct word){ 1, F_SUB, 0, 0 });
	make("fresh", 4, 3);
	WAIT_FOR(t.info[entry_of("fresh") % ADAPTERS].version == 2);
	ck_assert_uint_ne(entry_of("fresh"), old);
	ck_assert_int_eq(dir_entry_state(t.entry[old]), DIR_RETIRED);
	word_store(&t.f[0], (struct word){ 1, F_CLOSED, 0, 0 });
	WAIT_FOR(dir_entry_state(t.entry[old]) == DIR_FREE);
	ck_assert_int_eq(nftw(path_of("kept", ""), erase, 8, FTW_DEPTH), 0);
	WAIT_FOR(entry_of("kept") == ADAPTERS);
	ck_assert_uint_eq(t.meters.listed, 1);
}
END_TEST

START_TEST(a_broken_adapter_heals)
{
	int fd;

	make("a", 2, 1);
	ck_assert_int_eq(truncate(path_of("a", "adapter_model.safetensors"),
			     100),
	    0);
	start();
	ck_assert(is("a", DIR_BROKEN));
	make("a", 2, 1);
	t.rescan_asked = 1;
	WAIT_FOR(t.rescan_done == 1);
	ck_assert(is("a", DIR_LISTED));
	fd = open(path_of("a", "adapter_config.json"), O_WRONLY | O_TRUNC);
	ck_assert_int_ge(fd, 0);
	close(fd);
	WAIT_FOR(is("a", DIR_BROKEN));
}
END_TEST

START_TEST(a_load_of_changed_files_fails_with_its_reason)
{
	uint32_t a;

	t.w.rescan_ns = 3600 * SECOND;
	make("a", 2, 1);
	make("b", 2, 2);
	start();
	a = entry_of("a");
	ck_assert_int_eq(unlink(path_of("a", "adapter_model.safetensors")), 0);
	bring(a, 0);
	bring(entry_of("b"), 4);
	WAIT_FOR(has(a, HAVE_FAILED));
	ck_assert_uint_gt(strlen(t.info[a].reason), 0);
	WAIT_FOR(has(entry_of("b"), HAVE_RESIDENT));
	call_out(a);
	WAIT_FOR(has(a, HAVE_ABSENT));
}
END_TEST

START_TEST(a_withdrawn_load_is_answered_at_once)
{
	uint32_t a;

	t.w.delay_ns = 3600 * SECOND;
	make("a", 2, 1);
	start();
	a = entry_of("a");
	bring(a, 0);
	WAIT_FOR(has(a, HAVE_LOADING));
	call_out(a);
	WAIT_FOR(has(a, HAVE_ABSENT) || has(a, HAVE_HOST));
	WAIT_FOR(ld_idle(t.ld));
	ck_assert_uint_eq(t.meters.loads, 0);
}
END_TEST

START_TEST(a_place_outside_the_adapters_chunks_is_refused)
{
	uint32_t a;

	make("a", 32, 1);
	start();
	a = entry_of("a");
	bring(a, 0);
	t.next[dir_place_chunk(word_load_place(&t.want[a]).place)] = 999;
	WAIT_FOR(has(a, HAVE_FAILED));
	bring(a, 0);
	t.chunk[0] = 0; /* nobody's */
	WAIT_FOR(has(a, HAVE_FAILED));
}
END_TEST

START_TEST(what_is_resident_survives_the_loader)
{
	uint32_t a, b, serial;

	make("a", 2, 1);
	make("b", 2, 2);
	make("c", 2, 3);
	start();
	a = entry_of("a");
	b = entry_of("b");
	bring(a, 0);
	WAIT_FOR(has(a, HAVE_RESIDENT));
	t.w.delay_ns = 3600 * SECOND;
	ld_close(t.ld);
	start();
	bring(b, 4);
	WAIT_FOR(has(b, HAVE_LOADING));
	ld_close(t.ld);
	make("c", 3, 4);
	t.w.delay_ns = 0;
	serial = dir_serial(t.entry[a]);
	start();
	ck_assert(has(a, HAVE_RESIDENT));
	ck_assert_uint_eq(entry_of("a"), a);
	ck_assert_uint_eq(dir_serial(t.entry[a]), serial);
	ck_assert_uint_eq(t.info[entry_of("c")].version, 2);
	WAIT_FOR(has(b, HAVE_RESIDENT));
	image_is_whole(a);
	image_is_whole(b);
}
END_TEST

START_TEST(host_memory_keeps_to_its_budget)
{
	uint32_t a, b;

	make("a", 8, 1);
	make("b", 8, 2);
	start();
	a = entry_of("a");
	b = entry_of("b");
	ld_close(t.ld);
	t.w.host_bytes = t.info[a].bytes + 100;
	start();
	bring(a, 0);
	WAIT_FOR(has(a, HAVE_RESIDENT));
	bring(b, 4);
	WAIT_FOR(has(b, HAVE_RESIDENT));
	ck_assert_uint_le(t.meters.host_bytes, t.w.host_bytes);
	ck_assert_uint_eq(t.meters.host_adapters, 1);
	call_out(a);
	WAIT_FOR(has(a, HAVE_ABSENT));
	call_out(b);
	WAIT_FOR(has(b, HAVE_HOST));
}
END_TEST

START_TEST(an_adapter_may_not_be_called_as_the_base)
{
	make("base", 2, 1);
	make("model", 2, 2);
	make("models", 2, 3);
	make("mo del", 2, 4);
	start();
	ck_assert(is("base", DIR_BROKEN));
	ck_assert(is("model", DIR_BROKEN));
	ck_assert(is("models", DIR_LISTED));
	ck_assert_uint_eq(t.meters.listed, 1);
	ck_assert_uint_eq(t.meters.broken, 2);
}
END_TEST

START_TEST(without_a_directory_the_loader_runs)
{
	ck_assert_int_eq(rmdir(t.adapters), 0);
	start();
	turn();
	ck_assert_uint_eq(t.meters.listed, 0);
	ck_assert_int_eq(mkdir(t.adapters, 0700), 0);
	make("late", 2, 1);
	WAIT_FOR(is("late", DIR_LISTED));
}
END_TEST

Suite *
suite_loader(void)
{
	Suite *s = suite_create("loader");
	TCase *c = tcase_create("loader");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, what_is_there_is_listed_at_once);
	tcase_add_test(c, an_image_lies_whole_in_its_chunks);
	tcase_add_test(c, new_changed_and_removed_adapters_are_noticed);
	tcase_add_test(c, a_broken_adapter_heals);
	tcase_add_test(c, a_load_of_changed_files_fails_with_its_reason);
	tcase_add_test(c, a_withdrawn_load_is_answered_at_once);
	tcase_add_test(c, a_place_outside_the_adapters_chunks_is_refused);
	tcase_add_test(c, what_is_resident_survives_the_loader);
	tcase_add_test(c, host_memory_keeps_to_its_budget);
	tcase_add_test(c, an_adapter_may_not_be_called_as_the_base);
	tcase_add_test(c, without_a_directory_the_loader_runs);
	suite_add_tcase(s, c);
	return s;
}
