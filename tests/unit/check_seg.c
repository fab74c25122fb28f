/* Segments: who may write where, and which are refused. */
#include "base/err.h"
#include "device/device.h"
#include "shm/seg.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_seg(void);

static struct segs made;

static void
make(void)
{
	static struct conf c;

	conf_defaults(&c);
	instance_make(&made, &c);
}

static void
drop(void)
{
	instance_end(&made);
}

/* How a child ends that writes to p: 0, or the signal. */
static int
writing(volatile void *p)
{
	int status;

	if (fork() == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile unsigned char *)p = 1;
		_exit(0);
	}
	ck_assert_int_gt(wait(&status), 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A sanitizer turns the signal into an exit of its own. */
static int
may_write(volatile void *p)
{
	int status;

	if (fork() == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		*(volatile unsigned char *)p = 1;
		_exit(42);
	}
	ck_assert_int_gt(wait(&status), 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

START_TEST(a_role_writes_its_own_segment_and_the_bells_alone)
{
	for (int me = 0; me < PROC_COUNT; me++) {
		struct segs g;

		ck_assert_int_eq(segs_open(&g, made.instance, (enum proc_id)me),
		    0);
		for (int i = 0; i < PROC_COUNT; i++) {
			ck_assert_int_eq(may_write(g.cell[i]), i == me);
			ck_assert_int_eq(mprotect(g.base[SEG_MONITOR + i], 4096,
					     PROT_READ | PROT_WRITE) == 0,
			    i == me);
		}
		ck_assert(!may_write(g.supervisor));
		ck_assert(may_write(&g.bell[0]));
		segs_close(&g);
	}
}
END_TEST

START_TEST(a_stray_write_kills_its_writer)
{
	struct segs g;

	ck_assert_int_eq(segs_open(&g, made.instance, PROC_SCHEDULER), 0);
#ifndef __SANITIZE_ADDRESS__
	ck_assert_int_eq(writing((volatile void *)g.f), SIGSEGV);
#endif
	ck_assert_int_eq(writing((volatile void *)g.s), 0);
	segs_close(&g);
}
END_TEST

START_TEST(the_maker_writes_its_own_alone)
{
	ck_assert(may_write(made.supervisor));
	ck_assert(may_write(made.bell));
	for (int i = 0; i < PROC_COUNT; i++)
		ck_assert(!may_write(made.cell[i]));
}
END_TEST

START_TEST(a_mere_reader_writes_nothing)
{
	struct segs g;

	ck_assert_int_eq(segs_open(&g, made.instance, PROC_COUNT), 0);
	ck_assert(!may_write(g.bell));
	ck_assert(!may_write(g.cell[0]));
	segs_close(&g);
}
END_TEST

START_TEST(the_pool_is_mapped_by_nobody_and_writable_to_two)
{
	for (int me = 0; me <= PROC_COUNT; me++) {
		bool may = me == PROC_LOADER || me == PROC_GPUEXEC;
		struct segs g;

		ck_assert_int_eq(segs_open(&g, made.instance, (enum proc_id)me),
		    0);
		ck_assert_ptr_null(g.base[SEG_POOL]);
		ck_assert_int_eq(fcntl(g.pool_fd, F_GETFL) & O_ACCMODE,
		    may ? O_RDWR : O_RDONLY);
		segs_close(&g);
	}
}
END_TEST

START_TEST(the_pool_gives_memory_back_and_takes_it_again)
{
	const struct plan *p = made.plan;
	struct device_pool pool = { .fd = made.pool_fd,
		.bytes = p->chunks * p->chunk_bytes,
		.chunk_bytes = p->chunk_bytes };
	struct device *a, *b;

	ck_assert_int_eq(device_open(&a, &pool), 0);
	ck_assert_int_eq(device_open(&b, &pool), 0);
	ck_assert_uint_eq(device_backed(a), 0);
	ck_assert_int_eq(device_copy(a, 0, "some", 4), 0);
	ck_assert_int_eq(device_copy(a, p->chunk_bytes, "more", 4), 0);
	ck_assert_int_eq(device_commit(b, 0, 2 * p->chunk_bytes), 0);
	ck_assert_uint_eq(device_backed(b), 2 * p->chunk_bytes);
	device_give_back(b, 0, p->chunk_bytes);
	ck_assert_uint_eq(device_backed(a), p->chunk_bytes);
	ck_assert_mem_eq(device_address(a, p->chunk_bytes), "more", 4);
	/* Who has committed it before hears of it, and does so again. */
	ck_assert_int_eq(device_commit(a, 0, 4), 0);
	ck_assert_uint_eq(device_backed(a), p->chunk_bytes);
	device_forget(a, 0, p->chunk_bytes);
	ck_assert_int_eq(device_commit(a, 0, 4), 0);
	ck_assert_uint_eq(device_backed(a), 2 * p->chunk_bytes);
	ck_assert_mem_eq(device_address(a, 0), "\0\0\0\0", 4);
	device_close(a);
	device_close(b);
}
END_TEST

START_TEST(the_pool_takes_memory_when_it_is_committed)
{
	const struct plan *p = made.plan;
	uint64_t bytes = p->chunks * p->chunk_bytes;
	char text[] = "an adapter";
	struct device_pool pool;
	struct device *a, *b;
	struct stat st;

	ck_assert_int_eq(fstat(made.pool_fd, &st), 0);
	ck_assert_int_eq(st.st_blocks, 0);
	pool = (struct device_pool){ .fd = made.pool_fd,
		.bytes = bytes,
		.chunk_bytes = p->chunk_bytes };
	ck_assert_int_eq(device_open(&a, &pool), 0);
	ck_assert_int_eq(device_open(&b, &pool), 0);
	ck_assert_uint_eq(device_bytes(a), bytes);
	/* Over the edge between chunks 1 and 2. */
	ck_assert_int_eq(device_copy(a, 2 * p->chunk_bytes - 4, text,
			     sizeof(text)),
	    0);
	ck_assert_int_eq(fstat(made.pool_fd, &st), 0);
	ck_assert_int_eq(st.st_blocks * 512, 2 * (int)p->chunk_bytes);
	ck_assert_mem_eq(device_address(b, 2 * p->chunk_bytes - 4), text,
	    sizeof(text));
	ck_assert_int_eq(device_commit(a, bytes, 0), 0);
	device_close(a);
	device_close(b);
}
END_TEST

struct part {
	enum seg_id seg;
	const unsigned char *at;
	size_t bytes;
};

/* Each part lies inside its segment, aligned, and on no other; one of no
 * bytes is nowhere. */
static void
see_parts(void)
{
	const struct plan *p = made.plan;
	struct part parts[] = {
#define PART(seg, field, count)                                                \
	{ SEG_##seg, (const void *)made.field,                                 \
		(size_t)(count) * sizeof(*made.field) },
#define PAGES PART
#include "shm/parts.tbl"
#undef PART
#undef PAGES
	};
	size_t n = sizeof(parts) / sizeof(parts[0]);

	for (size_t i = 0; i < n; i++) {
		const struct part *x = &parts[i];
		const unsigned char *base = made.base[x->seg];

		if (x->bytes == 0) {
			ck_assert_ptr_null(x->at);
			continue;
		}
		ck_assert_uint_eq((uintptr_t)x->at % 128, 0);
		ck_assert(x->at >= base + sizeof(struct seg_header));
		ck_assert(x->at + x->bytes <= base + made.bytes[x->seg]);
		ck_assert(
		    x->at >= (unsigned char *)made.cell[x->seg - SEG_MONITOR] +
			sizeof(struct cell));
		for (size_t k = 0; k < i; k++)
			ck_assert(parts[k].at + parts[k].bytes <= x->at ||
			    x->at + x->bytes <= parts[k].at);
	}
}

START_TEST(parts_do_not_overlap)
{
	see_parts();
}
END_TEST

static void
make_cuda(void)
{
	struct plan p;

	instance_plan(&p);
	p.backend = BACKEND_CUDA;
	p.staging_bytes = 100000;
	plan_segments(&p);
	ck_assert_int_eq(segs_create(&made, instance_name(), &p, "", 1), 0);
}

START_TEST(on_a_gpu_there_is_no_pool_object_and_what_is_pinned_has_its_pages)
{
	struct segs g;

	see_parts();
	ck_assert_int_eq(made.pool_fd, -1);
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_LOADER), 0);
	ck_assert_int_eq(g.pool_fd, -1);
	ck_assert_uint_eq((uintptr_t)g.staging % 4096, 0);
	segs_close(&g);
}
END_TEST

START_TEST(a_pool_is_heard_of_by_its_number_alone_and_whole)
{
	struct holder_pool is = { .bytes = 5,
		.chunk_bytes = 2,
		.ordinal = 1,
		.handle = "where" };
	struct holder_pool told = { 0 }, heard;

	ck_assert(!holder_pool_hear(&told, 0, &heard));
	ck_assert(!holder_pool_hear(&told, 1, &heard));
	holder_pool_tell(&told, &is, 1);
	ck_assert(!holder_pool_hear(&told, 2, &heard));
	ck_assert(holder_pool_hear(&told, 1, &heard));
	ck_assert_uint_eq(heard.bytes, 5);
	ck_assert_uint_eq(heard.ordinal, 1);
	ck_assert_str_eq((char *)heard.handle, "where");
	told.handle[3] ^= 1;
	ck_assert(!holder_pool_hear(&told, 1, &heard));
}
END_TEST

START_TEST(a_ring_has_its_ends_where_its_owners_may_write)
{
	struct segs a, b;
	struct ring_tx tx;
	struct ring_rx rx;
	uint64_t got;

	ck_assert_int_eq(segs_open(&a, made.instance, PROC_FRONTEND), 0);
	ck_assert_int_eq(segs_open(&b, made.instance, PROC_SCHEDULER), 0);
	segs_tx(&a, RING_FE_SC, &tx);
	segs_rx(&b, RING_FE_SC, &rx);
	for (uint64_t v = 0; v < 3000; v++) {
		ck_assert(ring_push(&tx, v));
		ck_assert(ring_pop(&rx, &got));
		ck_assert_uint_eq(got, v);
	}
	segs_close(&a);
	segs_close(&b);
}
END_TEST

START_TEST(a_second_instance_of_a_name_is_refused)
{
	struct segs again;
	struct plan p;

	instance_plan(&p);
	ck_assert_int_eq(segs_create(&again, made.instance, &p, "", 1),
	    ERR_BUSY);
	/* And has disturbed nothing. */
	ck_assert_int_eq(segs_open(&again, made.instance, PROC_COUNT), 0);
	segs_close(&again);
}
END_TEST

START_TEST(another_layout_is_refused)
{
	struct segs g;

	made.supervisor->header.fingerprint ^= 1;
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_LOADER), ERR_LAYOUT);
	made.supervisor->header.fingerprint ^= 1;
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_LOADER), 0);
	segs_close(&g);
}
END_TEST

START_TEST(a_plan_that_does_not_fit_the_objects_is_refused)
{
	struct segs g;

	made.supervisor->plan.slots = 1u << 30;
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_LOADER), ERR_LAYOUT);
}
END_TEST

START_TEST(a_segment_of_another_life_is_refused)
{
	struct segs g;

	made.supervisor->header.boot_id ^= 1;
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_LOADER), ERR_LAYOUT);
}
END_TEST

START_TEST(an_unfinished_or_cut_instance_is_refused)
{
	struct segs g;
	char path[128];

	made.supervisor->header.magic = 0;
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_LOADER), ERR_LAYOUT);
	snprintf(path, sizeof(path), "/dev/shm/chameleon.%s.supervisor",
	    made.instance);
	ck_assert_int_eq(truncate(path, 10), 0);
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_LOADER), ERR_LAYOUT);
}
END_TEST

START_TEST(names_are_gone_after_unlink_and_mappings_are_not)
{
	struct segs g;

	segs_unlink(made.instance);
	segs_unlink(made.instance);
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_COUNT),
	    ERR_NOT_FOUND);
	ck_assert_uint_eq(made.plan->slots, 8);
}
END_TEST

START_TEST(an_instance_has_a_plain_name)
{
	struct segs g;
	struct plan p;

	instance_plan(&p);
	ck_assert_int_eq(segs_create(&g, "a/b", &p, "", 1), ERR_CONFIG);
	ck_assert_int_eq(segs_create(&g, "", &p, "", 1), ERR_CONFIG);
	ck_assert_int_eq(segs_open(&g, "../x", PROC_COUNT), ERR_CONFIG);
}
END_TEST

START_TEST(too_little_shared_memory_says_how_much_is_needed_and_there)
{
	struct segs g;
	struct plan p;

	instance_plan(&p);
	p.chunks = 1u << 24;
	p.chunk_bytes = 1ull << 30;
	plan_segments(&p);
	ck_assert_int_eq(segs_create(&g, "check-too-large", &p, "", 1),
	    ERR_MEMORY);
	ck_assert_ptr_nonnull(strstr(err_text(), "needed"));
	ck_assert_ptr_nonnull(strstr(err_text(), "free in /dev/shm"));
	ck_assert_int_eq(segs_open(&g, "check-too-large", PROC_COUNT),
	    ERR_NOT_FOUND);
}
END_TEST

Suite *
suite_seg(void)
{
	Suite *s = suite_create("seg");
	TCase *t = tcase_create("seg");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, a_role_writes_its_own_segment_and_the_bells_alone);
	tcase_add_test(t, a_stray_write_kills_its_writer);
	tcase_add_test(t, the_maker_writes_its_own_alone);
	tcase_add_test(t, a_mere_reader_writes_nothing);
	tcase_add_test(t, the_pool_is_mapped_by_nobody_and_writable_to_two);
	tcase_add_test(t, the_pool_takes_memory_when_it_is_committed);
	tcase_add_test(t, the_pool_gives_memory_back_and_takes_it_again);
	tcase_add_test(t, parts_do_not_overlap);
	tcase_add_test(t, a_ring_has_its_ends_where_its_owners_may_write);
	tcase_add_test(t, a_second_instance_of_a_name_is_refused);
	tcase_add_test(t, another_layout_is_refused);
	tcase_add_test(t, a_plan_that_does_not_fit_the_objects_is_refused);
	tcase_add_test(t, a_segment_of_another_life_is_refused);
	tcase_add_test(t, an_unfinished_or_cut_instance_is_refused);
	tcase_add_test(t, names_are_gone_after_unlink_and_mappings_are_not);
	tcase_add_test(t, an_instance_has_a_plain_name);
	tcase_add_test(t,
	    too_little_shared_memory_says_how_much_is_needed_and_there);
	tcase_add_test(t, a_pool_is_heard_of_by_its_number_alone_and_whole);
	suite_add_tcase(s, t);
	t = tcase_create("gpu");
	tcase_add_checked_fixture(t, make_cuda, drop);
	tcase_add_test(t,
	    on_a_gpu_there_is_no_pool_object_and_what_is_pinned_has_its_pages);
	suite_add_tcase(s, t);
	return s;
}
