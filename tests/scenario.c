/* Each tests/scenario/NN-name.sh is one test: a shell script that runs the
 * whole engine and ends with 0.  Its output is shown when it does not. */
#include <check.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_S 600

static glob_t scripts;

/* Where this program lies, the chameleon under test lies too. */
static void
set_build_dir(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return;
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	setenv("B", path, 1);
}

static void
show(const char *path)
{
	char line[512];
	FILE *f = fopen(path, "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		fputs(line, stdout);
	if (f != NULL)
		fclose(f);
	fflush(stdout);
}

START_TEST(goes_as_it_says)
{
	const char *script = scripts.gl_pathv[_i];
	char out[] = "/tmp/chameleon-scenario.XXXXXX", command[PATH_MAX + 64];
	int fd = mkstemp(out), status;

	ck_assert_int_ge(fd, 0);
	close(fd);
	set_build_dir();
	snprintf(command, sizeof(command), "sh %s >%s 2>&1", script, out);
	status = system(command);
	if (status != 0) {
		printf("-- %s --\n", script);
		show(out);
	}
	unlink(out);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "%s: status %#x", script, (unsigned)status);
}
END_TEST

Suite *suite_scenario(void);
Suite *
suite_scenario(void)
{
	Suite *s = suite_create("scenario");
	const char *only = getenv("SCENARIO");
	char pattern[128];

	snprintf(pattern, sizeof(pattern), "tests/scenario/%.80s*.sh",
	    only != NULL ? only : "[0-9]");
	if (glob(pattern, 0, NULL, &scripts) != 0)
		return s;
	for (int i = 0; i < (int)scripts.gl_pathc; i++) {
		TCase *t = tcase_create(scripts.gl_pathv[i]);

		tcase_set_timeout(t, TIMEOUT_S);
		tcase_add_loop_test(t, goes_as_it_says, i, i + 1);
		suite_add_tcase(s, t);
	}
	return s;
}
