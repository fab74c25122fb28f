/*
 * model_files.h -- files that tests of model/ make, in a directory of theirs.
 *
 * files_begin and files_end are a test case's unchecked fixture: the directory
 * is made before its tests, and removed after them, whatever became of them.
 * A file that cannot be made ends the test.
 */
#ifndef TESTS_UNIT_MODEL_FILES_H
#define TESTS_UNIT_MODEL_FILES_H

#include <stddef.h>

void files_begin(void);
void files_end(void);

/* The path of a name in the directory, in one of several rotating buffers;
 * "" is the directory itself. */
const char *files_path(const char *name);

void files_put(const char *name, const void *bytes, size_t n);
void files_text(const char *name, const char *text);
void files_make_dir(const char *name);

/* A safetensors file: the header's length, the header, n bytes of data that
 * count 0, 1, 2 ... */
void files_tensors(const char *name, const char *header, size_t n);

#endif
