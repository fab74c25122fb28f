/* The plan: sizes from settings, model and machine. */
#include "base/err.h"
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
	machine = (struct plan_machine){ 8 * GIB, 8 * GIB, 3 };
}

static int
plan(struct plan *p)
{
	return plan_make_on(p, &conf, &shape, TENSOR_F32, &machine);
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

START_TEST(the_demo_model_can_be_planned_on_this_machine)
{
	struct plan p;

	ck_assert_msg(plan_for(&p, &conf, &shape) == 0, "%s", err_text());
	ck_assert_uint_gt(p.threads, 0);
	strcpy(conf.model, "/nowhere");
	ck_assert_int_eq(plan_for(&p, &conf, &shape), ERR_NOT_FOUND);
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
	    a_small_machine_gets_a_small_pool_that_holds_a_request);
	tcase_add_test(t, too_little_memory_says_the_least);
	tcase_add_test(t, a_chunk_holds_a_block);
	tcase_add_test(t, a_context_beyond_the_model_is_refused);
	tcase_add_test(t, a_batch_fits_its_slots_and_its_step);
	tcase_add_test(t, keys_and_values_may_be_narrow);
	tcase_add_test(t, the_demo_model_can_be_planned_on_this_machine);
	suite_add_tcase(s, t);
	return s;
}
