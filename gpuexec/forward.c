/* The forward pass, whatever computes it. */
#include "gpuexec/forward_ops.h"

#include "base/must.h"

int
forward_begin(struct forward *f, const struct forward_ops *ops,
    const char *model_dir, const struct forward_options *o)
{
	must(o->rows_max > 0 && o->seqs_max > 0 && o->logits_max > 0);
	must(o->context > 0 && o->block_tokens > 0);
	f->ops = ops;
	f->limit = *o;
	return shape_read(&f->shape, model_dir);
}

void
forward_close(struct forward *f)
{
	if (f != NULL)
		f->ops->close(f);
}

const struct shape *
forward_shape(const struct forward *f)
{
	return &f->shape;
}

enum tensor_dtype
forward_dtype(const struct forward *f)
{
	return f->dtype;
}

const char *
forward_kernels(const struct forward *f)
{
	return f->kernels;
}

int
forward_threads(const struct forward *f)
{
	return f->threads;
}

double
forward_rate(const struct forward *f)
{
	return f->rate;
}

size_t
forward_block_bytes(const struct forward *f)
{
	return f->block_bytes;
}

void
forward_step(struct forward *f, struct forward_seq *seq, int n)
{
	f->nlogits = 0;
	if (n > 0)
		f->ops->step(f, seq, n);
}

bool
forward_can_follow(const struct forward *f)
{
	return f->ops->follow != NULL;
}

void
forward_follow(struct forward *f, struct forward_seq *seq, int n)
{
	must(n > 0);
	f->ops->follow(f, seq, n);
}

bool
forward_follow_to(struct forward *f, struct forward_seq *seq, int n, int layers)
{
	int before = f->nlogits;

	must(layers <= f->shape.layers);
	if (!f->ops->follow_to(f, layers))
		return false;
	for (int i = 0; i < n; i++)
		seq[i].logits += before;
	must(f->nlogits <= f->limit.logits_max);
	return true;
}

void
forward_pick(struct forward *f, struct forward_pick *picks, int n)
{
	f->ops->pick(f, picks, n);
}

bool
forward_intact(struct forward *f, const struct image *image, uint64_t sum)
{
	return f->ops->intact(f, image, sum);
}

const float *
forward_logits(struct forward *f, int i)
{
	must(i >= 0 && i < f->nlogits);
	return f->ops->logits(f, i);
}

const float *
forward_last(struct forward *f)
{
	return forward_logits(f, f->nlogits - 1);
}
