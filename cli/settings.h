/*
 * settings.h -- what the engine is to do, from what the command line names.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "cli/options.h"
#include "conf/conf.h"

/* The defaults; over them a file, a system, single settings, in this order.
 * system and file may be NULL.  ERR_CONFIG, ERR_NOT_FOUND, ERR_IO. */
int cmd_settings(struct conf *, const char *system, const char *file,
    const struct cmd_list *pairs);

/* Single settings alone, over what is set. */
int settings_pairs(struct conf *, const struct cmd_list *pairs);

#endif
