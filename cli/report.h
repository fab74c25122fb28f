/*
 * report.h -- the strict report of a load: what of an adapter matches a model, and
 * what is done with it.
 *
 * Memory   The caller's text.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "model/adapter.h"

#define REPORT_BYTES 16384

/* What an engine holds of it now; zeros: nothing, or nobody knows. */
struct report_held {
	uint64_t host_bytes, device_bytes;
	int device_chunks;
};

/* Reads and checks every number of the adapter in dir; the report, and a line that
 * names the base by its fingerprint, are added to out.  `base` in the rules is set
 * here.  Errors as adapter_open and adapter_pack have them, with what was refused
 * in the sentence; out then has what of the report was known. */
int report_adapter(const char *model, const char *dir, struct adapter_rules,
    struct report_held, char out[REPORT_BYTES]);

/* The same of a model. */
int report_model(const char *dir, char out[REPORT_BYTES]);

#endif
