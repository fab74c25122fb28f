/* conf.h: one struct from a table, and every complaint with its place. */
#include "base/err.h"
#include "conf/systems.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct conf c;
static char path[64];

static void
set_up(void)
{
	int fd;

	conf_defaults(&c);
	strcpy(path, "/tmp/chameleon-conf.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
tear_down(void)
{
	unlink(path);
}

static int
read_text(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	return conf_read(&c, path);
}

/* The sentence after "FILE:". */
static const char *
complaint(const char *text)
{
	ck_assert_int_eq(read_text(text), ERR_CONFIG);
	ck_assert_int_eq(strncmp(err_text(), path, strlen(path)), 0);
	return err_text() + strlen(path);
}

START_TEST(defaults_are_those_of_the_table)
{
	ck_assert_str_eq(c.listen, "127.0.0.1:7070");
	ck_assert_str_eq(c.device, "auto");
	ck_assert_uint_eq(c.slots, 1024);
	ck_assert_uint_eq(c.loader_host_bytes, 1u << 30);
}
END_TEST

START_TEST(a_setting_is_set_by_its_key)
{
	ck_assert_int_eq(conf_set(&c, "listen", "[::1]:0"), 0);
	ck_assert_int_eq(conf_set(&c, "frontend.line_bytes_max", "4096"), 0);
	ck_assert_int_eq(conf_set_pair(&c, "instance=a=b"), 0);
	ck_assert_str_eq(c.listen, "[::1]:0");
	ck_assert_uint_eq(c.frontend_line_bytes_max, 4096);
	ck_assert_str_eq(c.instance, "a=b");
	ck_assert_int_eq(conf_set_pair(&c, "instance"), ERR_CONFIG);
	ck_assert_int_eq(conf_set_pair(&c, "=x"), ERR_CONFIG);
}
END_TEST

START_TEST(bytes_may_be_written_with_a_unit)
{
	ck_assert_int_eq(conf_set(&c, "memory.device_bytes", "512MiB"), 0);
	ck_assert_uint_eq(c.memory_device_bytes, 512u << 20);
	ck_assert_int_eq(conf_set(&c, "frontend.line_bytes_max", "64k"), 0);
	ck_assert_uint_eq(c.frontend_line_bytes_max, 65536);
	ck_assert_int_eq(conf_set(&c, "slots", "1k"), ERR_CONFIG);
}
END_TEST

START_TEST(a_value_out_of_range_names_the_range)
{
	ck_assert_int_eq(conf_set(&c, "scheduler.batch_max", "0"), ERR_CONFIG);
	ck_assert_str_eq(err_text(),
	    "scheduler.batch_max: 0: want 1..4096 requests");
	ck_assert_int_eq(conf_set(&c, "slots", "-1"), ERR_CONFIG);
	ck_assert_int_eq(conf_set(&c, "slots", ""), ERR_CONFIG);
	ck_assert_int_eq(conf_set(&c, "slots", "99999999999999999999"),
	    ERR_CONFIG);
	ck_assert_int_eq(conf_set(&c, "slots", "18446744073709551617"),
	    ERR_CONFIG);
	ck_assert_uint_eq(c.slots, 1024);
}
END_TEST

START_TEST(a_choice_is_one_of_its_words)
{
	ck_assert_int_eq(conf_set(&c, "dtype", "bf16"), 0);
	ck_assert_str_eq(c.dtype, "bf16");
	ck_assert_int_eq(conf_set(&c, "dtype", "bf"), ERR_CONFIG);
	ck_assert_str_eq(err_text(),
	    "dtype: 'bf': want one of auto|f32|bf16|f16");
	ck_assert_int_eq(conf_set(&c, "dtype", ""), ERR_CONFIG);
	ck_assert_str_eq(c.dtype, "bf16");
}
END_TEST

START_TEST(a_device_is_the_cpu_or_a_gpu_by_number)
{
	static const char *const no[] = { "cuda:", "cuda:x", "cuda:1x",
		"cuda:1000", "cuda:N", "cud", "cuda:-1", "gpu" };
	int ordinal;

	ck_assert_int_eq(conf_device(&c, &ordinal), CONF_DEVICE_AUTO);
	ck_assert_int_eq(ordinal, 0);
	ck_assert_int_eq(conf_set(&c, "device", "cpu"), 0);
	ck_assert_int_eq(conf_device(&c, &ordinal), CONF_DEVICE_CPU);
	ck_assert_int_eq(conf_set(&c, "device", "cuda"), 0);
	ck_assert_int_eq(conf_device(&c, &ordinal), CONF_DEVICE_CUDA);
	ck_assert_int_eq(ordinal, 0);
	ck_assert_int_eq(conf_set(&c, "device", "cuda:17"), 0);
	ck_assert_int_eq(conf_device(&c, &ordinal), CONF_DEVICE_CUDA);
	ck_assert_int_eq(ordinal, 17);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ck_assert_int_eq(conf_set(&c, "device", no[i]), ERR_CONFIG);
	ck_assert_int_eq(conf_set(&c, "device", "cuda:x"), ERR_CONFIG);
	ck_assert_str_eq(err_text(),
	    "device: cuda:x: want auto, cpu, cuda or cuda:N");
	ck_assert_str_eq(c.device, "cuda:17");
}
END_TEST

START_TEST(a_text_too_long_is_refused_whole)
{
	char text[CONF_TEXT_MAX + 1];

	memset(text, 'x', sizeof(text) - 1);
	text[CONF_TEXT_MAX] = '\0';
	ck_assert_int_eq(conf_set(&c, "model", text), ERR_CONFIG);
	ck_assert_str_eq(c.model, "models/demo");
	text[CONF_TEXT_MAX - 1] = '\0';
	ck_assert_int_eq(conf_set(&c, "model", text), 0);
}
END_TEST

START_TEST(an_unknown_key_names_the_nearest)
{
	ck_assert_int_eq(conf_set(&c, "modle", "x"), ERR_CONFIG);
	ck_assert_str_eq(err_text(),
	    "unknown setting 'modle'; did you mean 'model'?");
	ck_assert_int_eq(conf_set(&c, "batch_max", "1"), ERR_CONFIG);
	ck_assert_str_eq(err_text(),
	    "unknown setting 'batch_max'; did you mean 'scheduler.batch_max'?");
	ck_assert_int_eq(conf_set(&c, "zzzzzzzzzz", "1"), ERR_CONFIG);
	ck_assert_ptr_null(strstr(err_text(), "did you mean"));
}
END_TEST

START_TEST(a_file_sets_what_it_names)
{
	ck_assert_int_eq(read_text("# a comment\n"
				   "model: /models/llama   # where\n"
				   "threads: 2\n"
				   "run_dir:\n"
				   "scheduler:\n"
				   "  batch_max: 8\n"
				   "frontend: {line_bytes_max: 64KiB}\n"
				   "loader:\n"),
	    0);
	ck_assert_str_eq(c.model, "/models/llama");
	ck_assert_uint_eq(c.threads, 2);
	ck_assert_uint_eq(c.scheduler_batch_max, 8);
	ck_assert_uint_eq(c.frontend_line_bytes_max, 65536);
	ck_assert_str_eq(c.run_dir, "");
	ck_assert_int_eq(read_text(""), 0);
	ck_assert_int_eq(read_text("# nothing\n"), 0);
}
END_TEST

START_TEST(a_complaint_says_file_and_line)
{
	ck_assert_str_eq(complaint("model: x\n\nscheduler:\n  batch_max: 0\n"),
	    ":4: scheduler.batch_max: 0: want 1..4096 requests");
	ck_assert_str_eq(complaint("modle: x\n"),
	    ":1: unknown setting 'modle'; did you mean 'model'?");
	ck_assert_str_eq(complaint("slots: 1\nslots: 2\n"),
	    ":2: slots: set twice");
	ck_assert_str_eq(complaint("slots: [1, 2]\n"),
	    ":1: a list; every setting has one value");
	ck_assert_str_eq(complaint("model: {a: b}\n"),
	    ":1: 'model' is not a section");
	ck_assert_str_eq(complaint("a text\n"),
	    ":1: want 'setting: value' lines");
	ck_assert_str_eq(complaint("model: &a x\nadapters: *a\n"),
	    ":2: aliases (*name) are not taken");
}
END_TEST

START_TEST(what_is_no_yaml_is_said_with_its_line)
{
	ck_assert_ptr_nonnull(
	    strstr(complaint("model: x\n\t bad: [\n"), ":2: not YAML: "));
	ck_assert_ptr_nonnull(strstr(complaint("model: \"x\n"), "not YAML: "));
	ck_assert_int_eq(conf_read(&c, "/nonexistent.yaml"), ERR_NOT_FOUND);
	ck_assert_int_eq(conf_read(&c, "/tmp"), ERR_CONFIG);
}
END_TEST

/* What stream-writing functions print, as a text. */
static char *
printed(void (*print)(FILE *))
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	print(f);
	fclose(f);
	return text;
}

START_TEST(a_setting_knows_who_set_it)
{
	static const struct {
		const char *key, *from;
	} want[] = { { "slots", "file" }, { "threads", "option" },
		{ "policy.eviction", "operator" }, { "model", "default" } };
	struct conf_row row;

	ck_assert_int_eq(read_text("slots: 8\nthreads: 2\n"), 0);
	ck_assert_int_eq(conf_set_pair(&c, "threads=3"), 0);
	(void)conf_by(&c, CONF_FROM_OPERATOR);
	ck_assert_int_eq(conf_set(&c, "policy.eviction", "gdsf"), 0);
	/* What is refused was set by nobody. */
	ck_assert_int_eq(conf_set(&c, "model_", "x"), ERR_CONFIG);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		ck_assert(conf_row(&c, conf_find(want[i].key), &row));
		ck_assert_str_eq(row.from, want[i].from);
	}
	ck_assert(!conf_row(&c, CONF_COUNT, &row));
	ck_assert(!conf_row(&c, conf_find("evictoin"), &row));
}
END_TEST

START_TEST(policy_alone_changes_in_an_engine_that_runs)
{
	struct conf before = c;
	struct conf_row row, was;

	for (int i = 0; conf_row(&c, i, &row); i++)
		ck_assert_int_eq(row.live, strncmp(row.key, "policy.", 7) == 0);
	ck_assert_int_eq(conf_set_live(&c, "policy.slo_ms", "700"), 0);
	ck_assert_int_eq(conf_set_live(&c, "slots", "8"), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "slots needs a restart"));
	ck_assert_int_eq(conf_set_live(&c, "policy.slo_m", "8"), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "mean 'policy.slo_ms'"));
	ck_assert_uint_eq(c.slots, 1024);
	/* All of policy is taken over, nothing else. */
	ck_assert_int_eq(conf_set(&c, "policy.evict_size", "0.25"), 0);
	ck_assert_int_eq(conf_set(&c, "slots", "8"), 0);
	conf_take_live(&before, &c);
	for (int i = 0; conf_row(&c, i, &row); i++) {
		ck_assert(conf_row(&before, i, &was));
		ck_assert_int_eq(strcmp(row.value, was.value) == 0,
		    strcmp(row.key, "slots") != 0);
	}
}
END_TEST

START_TEST(the_commented_file_reads_back_as_the_defaults)
{
	char *text = printed(conf_yaml);
	struct conf before = c;
	struct conf_row row, was;

	memset(&c, 0, sizeof(c));
	ck_assert_int_eq(read_text(text), 0);
	for (int i = 0; conf_row(&c, i, &row); i++) {
		ck_assert(conf_row(&before, i, &was));
		ck_assert_str_eq(row.value, was.value);
		ck_assert_str_eq(row.from, "file");
	}
	free(text);
}
END_TEST

START_TEST(etc_chameleon_yaml_is_made_from_the_table)
{
	char *text = printed(conf_yaml), *file = calloc(1, 1 << 16);
	FILE *f = fopen("etc/chameleon.yaml", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(file, 1, (1 << 16) - 1, f), 0);
	fclose(f);
	ck_assert_msg(strcmp(text, file) == 0,
	    "etc/chameleon.yaml differs from what "
	    "'build/bin/chameleon check --defaults' prints");
	free(text);
	free(file);
}
END_TEST

START_TEST(help_and_print_name_every_setting)
{
	char *text = printed(conf_help);

	ck_assert_ptr_nonnull(strstr(text, "supervisor.drain_ms"));
	ck_assert_ptr_nonnull(
	    strstr(text, "One of chameleon|static|sjf|fifo."));
	free(text);
}
END_TEST

START_TEST(a_system_is_settings_over_the_defaults)
{
	ck_assert_int_eq(conf_set(&c, "policy.age_max_ms", "7"), 0);
	ck_assert_int_eq(conf_system(&c, "s-lora"), 0);
	ck_assert_str_eq(c.policy_admission, "fifo");
	ck_assert_str_eq(c.policy_eviction, "none");
	ck_assert_uint_eq(c.policy_admit_every_steps, 10);
	ck_assert_uint_eq(c.loader_link_copies, 2);
	ck_assert_uint_eq(c.policy_age_max_ms, 7);
	/* The later of two values of one row counts. */
	ck_assert_int_eq(conf_system(&c, "chameleon-gdsf"), 0);
	ck_assert_str_eq(c.policy_admission, "chameleon");
	ck_assert_str_eq(c.policy_eviction, "gdsf");
	ck_assert_uint_eq(c.policy_admit_every_steps, 1);
}
END_TEST

START_TEST(every_system_of_the_table_can_be_set_and_is_listed)
{
	static const char *const names[] = {
#define SYSTEM(name, pairs) name,
#include "conf/systems.tbl"
#undef SYSTEM
	};
	char *text = printed(conf_systems);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		conf_defaults(&c);
		ck_assert_msg(conf_system(&c, names[i]) == 0, "%s", err_text());
		ck_assert_ptr_nonnull(strstr(text, names[i]));
	}
	free(text);
}
END_TEST

START_TEST(an_unknown_system_names_the_known)
{
	ck_assert_int_eq(conf_system(&c, "chamelion"), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(),
	    "unknown system 'chamelion'; did you mean 'chameleon'?  Known: "
	    "default, "
	    "s-lora, "));
	ck_assert_int_eq(conf_system(&c, "vllm-with-everything"), ERR_CONFIG);
	ck_assert_ptr_null(strstr(err_text(), "did you mean"));
	ck_assert_ptr_nonnull(strstr(err_text(), "cache-only, "));
	ck_assert_ptr_nonnull(strstr(err_text(), ", best"));
}
END_TEST

Suite *suite_conf(void);
Suite *
suite_conf(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("conf");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, defaults_are_those_of_the_table);
	tcase_add_test(t, a_setting_is_set_by_its_key);
	tcase_add_test(t, bytes_may_be_written_with_a_unit);
	tcase_add_test(t, a_value_out_of_range_names_the_range);
	tcase_add_test(t, a_choice_is_one_of_its_words);
	tcase_add_test(t, a_device_is_the_cpu_or_a_gpu_by_number);
	tcase_add_test(t, a_text_too_long_is_refused_whole);
	tcase_add_test(t, an_unknown_key_names_the_nearest);
	tcase_add_test(t, a_file_sets_what_it_names);
	tcase_add_test(t, a_complaint_says_file_and_line);
	tcase_add_test(t, what_is_no_yaml_is_said_with_its_line);
	tcase_add_test(t, a_setting_knows_who_set_it);
	tcase_add_test(t, policy_alone_changes_in_an_engine_that_runs);
	tcase_add_test(t, the_commented_file_reads_back_as_the_defaults);
	tcase_add_test(t, etc_chameleon_yaml_is_made_from_the_table);
	tcase_add_test(t, help_and_print_name_every_setting);
	tcase_add_test(t, a_system_is_settings_over_the_defaults);
	tcase_add_test(t, every_system_of_the_table_can_be_set_and_is_listed);
	tcase_add_test(t, an_unknown_system_names_the_known);
	suite_add_tcase(s, t);
	return s;
}
