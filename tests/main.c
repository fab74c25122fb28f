/* Runs every suite.  The list is made from the files by the Makefile; names of
 * suites as arguments run those alone. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SUITES
#define SUITES "tests/suites.tbl"
#endif

#define SUITE(name) Suite *name(void);
#include SUITES
#undef SUITE

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
#define SUITE(name) { #name, name },
#include SUITES
#undef SUITE
};

static bool
wanted(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name + strlen("suite_")) == 0)
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	/* One slow core, and a build that watches itself, are slow. */
	setenv("CK_DEFAULT_TIMEOUT", "180", 0);
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (wanted(suites[i].name, argc, argv))
			srunner_add_suite(runner, suites[i].make());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
