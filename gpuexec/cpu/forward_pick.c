/* From logits to tokens: a request a job, on the threads of the pass. */
#include "gpuexec/cpu/forward_in.h"

#include <stdlib.h>

#include "base/err.h"

struct picking {
	struct cpu_forward *f;
	struct forward_pick *pick;
};

static void
pick_job(void *arg, int i, int thread)
{
	const struct picking *all = arg;
	struct forward_pick *p = &all->pick[i];

	p->ok = sample_pick(p->into, all->f->picking[thread],
	    forward_logits(&all->f->base, p->logits), all->f->base.shape.vocab,
	    p->params, p->prompt, p->nprompt, p->out, p->nout, p->banned,
	    p->nbanned, p->want_logprob, p->ntop, p->position);
}

void
cpu_pick(struct forward *f, struct forward_pick *picks, int n)
{
	struct picking all = { (struct cpu_forward *)(void *)f, picks };

	pool_run(all.f->pool, pick_job, &all, n);
}

int
cpu_pick_open(struct cpu_forward *f)
{
	int n = pool_threads(f->pool);

	f->picking = calloc((size_t)n, sizeof(*f->picking));
	for (int i = 0; f->picking != NULL && i < n; i++)
		if ((f->picking[i] = sample_scratch_new(f->base.shape.vocab)) ==
		    NULL)
			return err_set(ERR_MEMORY, "no memory to sample");
	return f->picking == NULL ? err_set(ERR_MEMORY, "no memory to sample") :
				    0;
}

void
cpu_pick_close(struct cpu_forward *f)
{
	for (int i = 0; f->picking != NULL && i < pool_threads(f->pool); i++)
		sample_scratch_free(f->picking[i]);
	free(f->picking);
}
