/* The plan: sizes from settings, model and machine. */
#include "base/err.h"
#include "shm/dir.h"
#include "supervisor/plan.h"

#include <check.h>
#include <string.h>

Suite *suite_plan(void);

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static struct conf conf;
static struct shape shape;
static struct plan_machine machine;

static void
make(void)
{
	conf_defaults(&conf);
	shape = (struct shape){ .family = SHAPE_LLAMA,
		.hidden = 64,
		.inter = 128,
		.layers = 2,
		.vocab = 256,
		.heads = 4,
		.kv_heads = 2,
		.head_dim = 16,
		.context = 8192,
		.tied = true };
	machine = (struct plan_machine){ .memory_free = 8 * GIB,
		.shared_free = 8 * GIB,
		.cores = 3,
		.gpu = { .why_not = "there is none" } };
}

static int
plan(struct plan *p)
{
	return plan_make_on(p, &conf, &shape, &machine);
}

START_TEST(what_is_automatic_is_chosen)
{
	struct plan p;

	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.context, 4096);
	ck_assert_uint_eq(p.threads, 3);
	/* 2 layers, K and V, 2 heads of 16 floats, 16 tokens. */
	ck_assert_uint_eq(p.kv_block_bytes, 2 * 2 * 32 * 4 * 16);
	ck_assert_uint_eq(p.chunk_bytes, 2 * MIB);
	ck_assert_uint_eq(p.blocks_per_chunk, 256);
	ck_assert_uint_eq(p.blocks_per_slot, 256);
	ck_assert_uint_eq(p.chunks, 512); /* 1 GiB */
	ck_assert_uint_eq(p.seg_bytes[SEG_POOL], GIB);
	ck_assert_uint_eq(p.weights_bytes, 4 * shape_parameters(&shape));
}
END_TEST

static uint64_t
shared_bytes(const struct plan *p)
{
	uint64_t sum = 0;

	for (int i = 0; i < SEG_POOL; i++)
		sum += p->seg_bytes[i];
	return sum;
}

START_TEST(an_entry_of_the_catalogue_takes_200_bytes_beside_its_name)
{
	struct plan few, many;

	conf.loader_adapters_max = 10000;
	ck_assert_int_eq(plan(&few), 0);
	conf.loader_adapters_max = 20000;
	ck_assert_int_eq(plan(&many), 0);
	ck_assert_uint_le((shared_bytes(&many) - shared_bytes(&few)) / 10000,
	    DIR_NAME_MAX + 200);
}
END_TEST

START_TEST(a_small_machine_gets_a_small_pool_that_holds_a_request)
{
	struct plan p;

	machine.memory_free = 400 * MIB;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.chunks, 50);
	machine.shared_free = 64 * MIB;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.chunks, 16);
	machine.shared_free = 0;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.chunks, 2); /* full context, and an adapter */
}
END_TEST

START_TEST(too_little_memory_says_the_least)
{
	struct plan p;

	conf.memory_device_bytes = 2 * MIB;
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(),
	    "memory.device_bytes: 2.0 MiB: want at least "
	    "4.0 MiB"));
	conf.memory_device_bytes = 4 * MIB;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.chunks, 2);
}
END_TEST

START_TEST(a_chunk_holds_a_block)
{
	struct plan p;

	conf.memory_chunk_bytes = 65536;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.blocks_per_chunk, 8);
	conf.memory_chunk_bytes = 65536 + 4096;
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	conf.memory_chunk_bytes = 4096;
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	/* A large block makes a large chunk. */
	conf.memory_chunk_bytes = 0;
	shape.layers = 128;
	shape.kv_heads = 64;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.chunk_bytes, 16 * MIB);
	ck_assert_uint_eq(p.blocks_per_chunk, 1);
}
END_TEST

START_TEST(a_context_beyond_the_model_is_refused)
{
	struct plan p;

	conf.context = 8193;
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "8192"));
	conf.context = 1;
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	conf.context = 8192;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.context, 8192);
	conf.context = 0;
	shape.context = 100;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.context, 100);
	ck_assert_uint_eq(p.blocks_per_slot, 7);
}
END_TEST

START_TEST(a_batch_fits_its_slots_and_its_step)
{
	struct plan p;

	conf.slots = 10;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.batch_max, 10);
	conf.gpuexec_step_tokens = 4;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.batch_max, 4);
}
END_TEST

START_TEST(keys_and_values_may_be_narrow)
{
	struct plan p, wide;

	ck_assert_int_eq(plan(&wide), 0);
	strcpy(conf.kv_dtype, "bf16");
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.kv_dtype, TENSOR_BF16);
	ck_assert_uint_eq(2 * p.kv_block_bytes, wide.kv_block_bytes);
}
END_TEST

/* ------------------------------------------------------------- on a GPU */

static void
make_gpu(void)
{
	make();
	machine.files = TENSOR_BF16;
	machine.gpu = (struct plan_gpu){ .there = true,
		.name = "a GPU",
		.total = 16 * GIB,
		.free = 15 * GIB };
}

START_TEST(a_gpu_is_used_if_there_is_one_or_if_it_is_asked_for)
{
	struct plan p;
	char text[32];

	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.backend, BACKEND_CUDA);
	ck_assert_int_eq(p.device_ordinal, 0);
	ck_assert_str_eq(p.device_name, "a GPU");
	ck_assert_uint_eq(p.seg_bytes[SEG_POOL], 0);
	strcpy(conf.device, "cuda:3");
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_int_eq(p.device_ordinal, 3);
	ck_assert_str_eq(plan_device_text(&p, text, sizeof(text)), "cuda:3");
	strcpy(conf.device, "cpu");
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.backend, BACKEND_CPU);
	ck_assert_int_eq(p.device_ordinal, -1);
	ck_assert_str_eq(plan_device_text(&p, text, sizeof(text)), "cpu");
}
END_TEST

START_TEST(a_gpu_that_is_not_there_is_refused_or_done_without)
{
	struct plan p;

	machine.gpu = (struct plan_gpu){ .why_not = "no driver is loaded" };
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.backend, BACKEND_CPU);
	strcpy(conf.device, "cuda");
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	ck_assert_str_eq(err_text(), "device: cuda: no driver is loaded");
}
END_TEST

START_TEST(numbers_are_held_as_the_device_can)
{
	struct plan p;

	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.weight_dtype, TENSOR_BF16);
	ck_assert_uint_eq(p.kv_dtype, TENSOR_BF16);
	machine.files = TENSOR_F16;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.weight_dtype, TENSOR_F16);
	ck_assert_uint_eq(p.kv_dtype, TENSOR_F16);
	machine.files = TENSOR_F32;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.weight_dtype, TENSOR_BF16);
	strcpy(conf.kv_dtype, "f16");
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "kv_dtype: f16: on a GPU"));
	machine.gpu.there = false;
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	strcpy(conf.kv_dtype, "auto");
	strcpy(conf.dtype, "f16");
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "dtype: f16: the cpu"));
}
END_TEST

START_TEST(f32_is_the_cpus_and_no_gpu_is_chosen_for_it)
{
	struct plan p;

	strcpy(conf.dtype, "f32");
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.backend, BACKEND_CPU);
	strcpy(conf.device, "cuda:0");
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "dtype: f32: a GPU holds"));
	strcpy(conf.dtype, "auto");
	strcpy(conf.kv_dtype, "f32");
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
}
END_TEST

START_TEST(chunks_take_what_weights_activations_and_reserve_leave)
{
	struct plan p;
	uint64_t room;

	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.chunk_bytes, 2 * MIB);
	ck_assert_uint_eq(p.weights_region_bytes % (2 * MIB), 0);
	ck_assert_uint_ge(p.weights_region_bytes, p.weights_bytes);
	ck_assert_uint_eq(p.staging_bytes, 64 * MIB);
	room = 15 * GIB - p.weights_region_bytes - p.work_bytes - 4 * GIB;
	ck_assert_uint_eq(p.chunks, room / (2 * MIB));
	conf.memory_reserve_bytes = 0;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.chunks, (room + 4 * GIB) / (2 * MIB));
	conf.memory_device_bytes = 100 * MIB;
	ck_assert_int_eq(plan(&p), 0);
	ck_assert_uint_eq(p.chunks, 50);
}
END_TEST

START_TEST(what_finds_no_room_on_a_gpu_is_refused_with_the_sum)
{
	struct plan p;

	conf.memory_device_bytes = 12 * GIB;
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(),
	    "memory.device_bytes: 12.0 GiB wanted, room for "));
	ck_assert_ptr_nonnull(
	    strstr(err_text(), "cuda:0 has 16.0 GiB, 15.0 GiB of it free"));
	ck_assert_ptr_nonnull(
	    strstr(err_text(), "memory.reserve_bytes 4.0 GiB"));
	conf.memory_device_bytes = 0;
	machine.gpu.free = 4 * GIB;
	ck_assert_int_eq(plan(&p), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "4.0 MiB wanted, room for 0"));
}
END_TEST

START_TEST(the_demo_model_can_be_planned_on_this_machine)
{
	struct plan p;

	ck_assert_msg(plan_for(&p, &conf, &shape, &machine) == 0, "%s",
	    err_text());
	ck_assert_uint_gt(p.threads, 0);
	strcpy(conf.model, "/nowhere");
	ck_assert_int_eq(plan_for(&p, &conf, &shape, &machine), ERR_NOT_FOUND);
}
END_TEST

Suite *
suite_plan(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("plan");

	tcase_add_checked_fixture(t, make, NULL);
	tcase_add_test(t, what_is_automatic_is_chosen);
	tcase_add_test(t,
	    an_entry_of_the_catalogue_takes_200_bytes_beside_its_name);
	tcase_add_test(t,
	    a_small_machine_gets_a_small_pool_that_holds_a_request);
	tcase_add_test(t, too_little_memory_says_the_least);
	tcase_add_test(t, a_chunk_holds_a_block);
	tcase_add_test(t, a_context_beyond_the_model_is_refused);
	tcase_add_test(t, a_batch_fits_its_slots_and_its_step);
	tcase_add_test(t, keys_and_values_may_be_narrow);
	tcase_add_test(t, the_demo_model_can_be_planned_on_this_machine);
	suite_add_tcase(s, t);
	t = tcase_create("gpu");
	tcase_add_checked_fixture(t, make_gpu, NULL);
	tcase_add_test(t, a_gpu_is_used_if_there_is_one_or_if_it_is_asked_for);
	tcase_add_test(t, a_gpu_that_is_not_there_is_refused_or_done_without);
	tcase_add_test(t, numbers_are_held_as_the_device_can);
	tcase_add_test(t, f32_is_the_cpus_and_no_gpu_is_chosen_for_it);
	tcase_add_test(t,
	    chunks_take_what_weights_activations_and_reserve_leave);
	tcase_add_test(t, what_finds_no_room_on_a_gpu_is_refused_with_the_sum);
	suite_add_tcase(s, t);
	return s;
}
