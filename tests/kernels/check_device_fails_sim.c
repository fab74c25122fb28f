/* Copies that fail, at a moment of the test's choice: by the stand-in. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "device/device.h"
#include "tests/kernels/peer.h"

Suite *suite_device_fails(void);

#define CHUNK ((uint64_t)1 << 16)
#define CHUNKS (200 * CHUNK) /* four pieces */

static struct device_pool pool;
static struct device *device;
static unsigned char *bytes, *back;

static void
begin(void)
{
	peer_start(&pool, 0, CHUNKS);
	ck_assert_msg(device_open(&device, &pool) == 0, "%s", err_text());
	bytes = malloc(CHUNKS);
	back = malloc(CHUNKS);
	memset(bytes, 7, CHUNKS);
}

static void
end(void)
{
	device_close(device);
	peer_end(0);
	free(bytes);
	free(back);
}

START_TEST(memory_that_cannot_be_pinned_says_how_much_and_what_to_raise)
{
	begin();
	setenv("CUDASIM_FAIL", "cudaHostRegister:1:304", 1);
	ck_assert_int_eq(device_pin(device, bytes, 10 << 20, true), ERR_DEVICE);
	ck_assert_msg(strstr(err_text(), "10.0 MiB of host memory") != NULL,
	    "%s", err_text());
	ck_assert_ptr_nonnull(strstr(err_text(), "ulimit -l"));
	/* It goes on without, through a little of its own. */
	ck_assert_int_eq(device_copy(device, 0, bytes, CHUNKS), 0);
	end();
}
END_TEST

/* Whichever piece fails, staged or pinned, by the copy or by its event. */
START_TEST(a_copy_that_fails_is_told_and_the_next_one_is_whole)
{
	static const char *const at[] = { "cudaMemcpyAsync:1:1",
		"cudaMemcpyAsync:3:1", "cudaEventRecord:2:1",
		"cudaEventQuery:1:1", "cudaSetDevice:1:101" };

	begin();
	if (_i % 2 != 0)
		ck_assert_int_eq(device_pin(device, bytes, CHUNKS, false), 0);
	setenv("CUDASIM_FAIL", at[_i / 2], 1);
	ck_assert_int_eq(device_copy(device, 0, bytes, CHUNKS), ERR_DEVICE);
	ck_assert_ptr_nonnull(strstr(err_text(), "the GPU: "));
	/* What failed moves no more: this is not written over. */
	memset(bytes, 9, CHUNKS);
	ck_assert_int_eq(device_copy(device, 0, bytes, CHUNKS), 0);
	ck_assert_int_eq(device_read(device, back, 0, CHUNKS), 0);
	ck_assert_mem_eq(back, bytes, CHUNKS);
	end();
}
END_TEST

START_TEST(a_read_that_fails_is_told_and_the_next_one_is_whole)
{
	static const char *const at[] = { "cudaMemcpyAsync:1:1",
		"cudaMemcpyAsync:4:1", "cudaEventRecord:3:1" };

	begin();
	ck_assert_int_eq(device_copy(device, 0, bytes, CHUNKS), 0);
	unsetenv("CUDASIM_FAIL");
	device_close(device);
	ck_assert_int_eq(device_open(&device, &pool), 0);
	setenv("CUDASIM_FAIL", at[_i], 1);
	/* Calls count from the first with this setting. */
	ck_assert_int_eq(device_read(device, back, 0, CHUNKS), ERR_DEVICE);
	ck_assert_ptr_nonnull(strstr(err_text(), "a copy from the GPU: "));
	ck_assert_int_eq(device_read(device, back, 0, CHUNKS), 0);
	ck_assert_mem_eq(back, bytes, CHUNKS);
	end();
}
END_TEST

static int words_to;

static void
say(const char *sentence)
{
	(void)!write(words_to, sentence, strlen(sentence));
}

/* A process of its own copies, and an error for good comes. */
static void
copy_until_the_end(int to, const char *fail)
{
	words_to = to;
	device_on_loss(say);
	begin();
	setenv("CUDASIM_FAIL", fail, 1);
	(void)device_copy(device, 0, bytes, CHUNKS);
	_exit(0);
}

START_TEST(a_device_that_is_lost_ends_the_process_with_words)
{
	static const char *const at[][2] = {
		{ "cudaMemcpyAsync:2:214", "uncorrectable ECC error" },
		{ "cudaEventQuery:2:999", "unknown error" },
		{ "cudaSetDevice:1:46", "busy or unavailable" },
	};
	char words[256] = "";
	int told[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		close(told[0]);
		copy_until_the_end(told[1], at[_i][0]);
	}
	close(told[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 111);
	(void)!read(told[0], words, sizeof(words) - 1);
	ck_assert_msg(strstr(words, at[_i][1]) != NULL, "%s", words);
	close(told[0]);
}
END_TEST

Suite *
suite_device_fails(void)
{
	Suite *s = suite_create("device_fails");
	TCase *c = tcase_create("device_fails");

	tcase_add_test(c,
	    memory_that_cannot_be_pinned_says_how_much_and_what_to_raise);
	tcase_add_loop_test(c,
	    a_copy_that_fails_is_told_and_the_next_one_is_whole, 0, 10);
	tcase_add_loop_test(c,
	    a_read_that_fails_is_told_and_the_next_one_is_whole, 0, 3);
	tcase_add_loop_test(c,
	    a_device_that_is_lost_ends_the_process_with_words, 0, 3);
	suite_add_tcase(s, c);
	return s;
}
