/* Sequences that go through the layers as those of their adapter arrive.
 *
 * Between two calls they are their hidden states alone, which lie apart from
 * those of the steps; whatever a layer needs beside them is shared.  Sums have
 * the same order as in a step, so the tokens are the same. */
#include "gpuexec/cpu/forward_in.h"

static struct cpu_forward *
rows_of(struct forward *base)
{
	return ((struct cpu_forward *)(void *)base)->follow;
}

void
cpu_follow(struct forward *base, struct forward_seq *seq, int n)
{
	struct cpu_forward *f = rows_of(base);

	forward_rows(f, seq, n);
	forward_embed(f);
	f->follow_layer = 0;
}

/* Its logits lie behind those of the step. */
static void
end(struct cpu_forward *f, struct forward *base)
{
	struct cpu_forward *step = (struct cpu_forward *)(void *)base;

	f->logits = step->logits + (size_t)base->nlogits * f->ld_logits;
	forward_head(f);
	base->nlogits += f->nlogits;
}

bool
cpu_follow_to(struct forward *base, int layers)
{
	struct cpu_forward *f = rows_of(base);

	forward_layers(f, f->follow_layer, layers);
	f->follow_layer = layers;
	if (layers < base->shape.layers)
		return false;
	end(f, base);
	return true;
}
