/*
 * device_in.h -- what a kind of device does; for the files of device/ alone.
 */
#ifndef DEVICE_DEVICE_IN_H
#define DEVICE_DEVICE_IN_H

#include "device/device.h"

struct device_ops {
	void (*close)(struct device *);
	int (*commit)(struct device *, uint64_t offset, uint64_t n);
	/* NULL, all three: all memory is there from the start. */
	void (*give_back)(struct device *, uint64_t offset, uint64_t n);
	void (*forget)(struct device *, uint64_t offset, uint64_t n);
	uint64_t (*backed)(struct device *);
	int (*copy)(struct device *, uint64_t offset, const void *from,
	    uint64_t n);
	int (*read)(struct device *, void *to, uint64_t offset, uint64_t n);
	int (*pin)(struct device *, void *at, uint64_t bytes, bool staging);
};

/* The head of each kind's own struct. */
struct device {
	const struct device_ops *ops;
	unsigned char *at;	/* chunk 0, as the device's own code sees it */
	unsigned char *weights; /* NULL: not here */
	uint64_t bytes, chunk_bytes;
};

int device_open_host(struct device **, const struct device_pool *);
int device_open_cuda(struct device **, const struct device_pool *);

#endif
