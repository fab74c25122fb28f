/* Adapters that tests make. */
#include "tests/unit/model_lora.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/rng.h"
#include "tests/unit/model_files.h"

struct shape
lora_shape(void)
{
	return (struct shape){ .family = SHAPE_LLAMA,
		.hidden = 8,
		.inter = 12,
		.layers = 2,
		.vocab = 10,
		.heads = 2,
		.kv_heads = 1,
		.head_dim = 4,
		.rotary_dim = 4,
		.context = 64,
		.bos = -1 };
}

float *
lora_tensor(struct lora_files *f, const char *name, int rows, int cols)
{
	int i = f->n++;
	float *data = malloc((size_t)rows * (size_t)cols * sizeof(*data) + 1);
	struct rng rng;

	ck_assert_int_lt(i, LORA_TENSORS_MAX);
	ck_assert_ptr_nonnull(data);
	rng_seed(&rng, (uint64_t)i);
	for (int k = 0; k < rows * cols; k++)
		data[k] = (float)(rng_unit(&rng) - 0.5);
	snprintf(f->names[i], LORA_NAME_BYTES, "%s", name);
	f->list[i] = (struct tensor_out){ f->names[i], TENSOR_F32, 2,
		{ (uint64_t)rows, (uint64_t)cols }, data };
	return data;
}

void
lora_pair(struct lora_files *f, const char *module, int rank, int in, int out)
{
	char name[LORA_NAME_BYTES];

	snprintf(name, sizeof(name), LORA_FRONT "%s.lora_A.weight", module);
	lora_tensor(f, name, rank, in);
	snprintf(name, sizeof(name), LORA_FRONT "%s.lora_B.weight", module);
	lora_tensor(f, name, out, rank);
}

void
lora_good(struct lora_files *f)
{
	*f = (struct lora_files){ .n = 0 };
	lora_pair(f, "0.self_attn.q_proj", 2, 8, 8);
	lora_pair(f, "0.self_attn.v_proj", 2, 8, 4);
	lora_pair(f, "1.self_attn.q_proj", 2, 8, 8);
	lora_pair(f, "1.self_attn.v_proj", 2, 8, 4);
}

void
lora_write(const char *name, const char *config, const struct lora_files *f)
{
	char path[512];

	files_make_dir(name);
	snprintf(path, sizeof(path), "%s/adapter_config.json", name);
	if (config != NULL)
		files_text(path, config);
	snprintf(path, sizeof(path), "%s/adapter_model.safetensors", name);
	if (f != NULL)
		ck_assert_msg(tensors_write(files_path(path), f->list, f->n,
				  NULL, NULL) == 0,
		    "%s", err_text());
}

void
lora_free(struct lora_files *f)
{
	/* All that were ever added: n may have been lowered. */
	for (int i = 0; i < LORA_TENSORS_MAX; i++)
		free((void *)(uintptr_t)f->list[i].data);
	*f = (struct lora_files){ .n = 0 };
}

int
lora_open(struct adapter *a, const char *name, struct adapter_rules rules)
{
	struct shape s = lora_shape();
	int dirfd = open(files_path(""), O_RDONLY | O_DIRECTORY);
	int e = adapter_open(a, dirfd, name, &s, rules);

	close(dirfd);
	return e;
}

struct adapter_image *
lora_pack(const struct adapter *a, enum tensor_dtype dtype, uint32_t page_bytes,
    struct adapter_rules rules, uint64_t *bytes)
{
	struct shape s = lora_shape();
	struct adapter_image *image;

	*bytes = adapter_image_bytes(a, &s, dtype, page_bytes);
	/* Not a byte more, so that writing past it is noticed. */
	image = malloc(*bytes + (*bytes == 0));
	ck_assert_ptr_nonnull(image);
	if (adapter_pack(a, &s, dtype, page_bytes, rules, image, NULL, NULL) ==
	    0)
		return image;
	free(image);
	return NULL;
}

void
lora_refused(const char *name, struct adapter_rules rules, const char *why)
{
	struct adapter a;
	uint64_t bytes;
	int e = lora_open(&a, name, rules);

	if (e == 0) {
		free(lora_pack(&a, TENSOR_F32, 0, rules, &bytes));
		e = err_code();
		adapter_close(&a);
	}
	ck_assert_msg(e != 0, "was served, want: %s", why);
	ck_assert_msg(strstr(err_text(), why) != NULL, "%s, want: %s",
	    err_text(), why);
}
