/*
 * adapter_file.h -- the files of an adapter; for the files of adapter*.c alone.
 */
#ifndef MODEL_ADAPTER_FILE_H
#define MODEL_ADAPTER_FILE_H

#include "model/adapter.h"

#define ADAPTER_CONFIG "adapter_config.json"
#define ADAPTER_TENSORS "adapter_model.safetensors"

/* Looks for the pair in *dirfd, then in its sub-directories; puts the one that
 * has it in *dirfd.  ERR_NOT_FOUND, ERR_UNSUPPORTED (a pickle; several). */
int adapter_find(int *dirfd);

/* A number that changes when the opened tensors file does. */
uint64_t adapter_stamp(const struct adapter *);

#endif
