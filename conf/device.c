/* The setting `device`, taken apart. */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

enum conf_device
conf_device(const struct conf *c, int *ordinal)
{
	const char *number = strchr(c->device, ':');

	*ordinal = number != NULL ? atoi(number + 1) : 0;
	if (strcmp(c->device, "cpu") == 0)
		return CONF_DEVICE_CPU;
	return strcmp(c->device, "auto") == 0 ? CONF_DEVICE_AUTO :
						CONF_DEVICE_CUDA;
}
