/*
 * shape_config.h -- what the files of shape_*.c share; for them alone.
 */
#ifndef MODEL_SHAPE_CONFIG_H
#define MODEL_SHAPE_CONFIG_H

#include <jansson.h>

#include "model/shape.h"

/* Fills the rope_* fields and rotary_dim; head_dim and context are known. */
int shape_rope_read(struct shape *, const json_t *config);
const char *shape_rope_name(enum shape_rope);

/* Fills window and windowed; family, layers and context are known. */
int shape_window_read(struct shape *, const json_t *config);

/* Ids that end a text and the defaults of generation_config.json, of which
 * either object may be NULL. */
int shape_generation_read(struct shape *, const json_t *config,
    const json_t *generation);

#endif
