/* From the sequences of a step to its rows, runs of one adapter, and tiles. */
#include "gpuexec/cpu/forward_in.h"

#include "base/must.h"

/* Sequences of one adapter become neighbours, those of the base model first;
 * otherwise they stay in their order.  Few, and mostly in order already. */
static void
sort(struct cpu_forward *f, const struct forward_seq *seq, int n)
{
	for (int i = 0; i < n; i++) {
		uintptr_t key = (uintptr_t)seq[i].adapter;
		int j = i;

		while (j > 0 && (uintptr_t)seq[f->order[j - 1]].adapter > key) {
			f->order[j] = f->order[j - 1];
			j--;
		}
		f->order[j] = i;
	}
}

static void
add_run(struct cpu_forward *f, const struct image *adapter, int row, int rows)
{
	if (adapter == NULL)
		return;
	if (f->nruns > 0 && f->runs[f->nruns - 1].adapter == adapter)
		f->runs[f->nruns - 1].rows += rows;
	else
		f->runs[f->nruns++] = (struct forward_run){ adapter, row,
			rows };
}

/* Queries of a sequence, CPU_QUERIES at a time. */
static void
add_tiles(struct cpu_forward *f, int row, int count)
{
	int queries = count * (f->base.shape.heads / f->base.shape.kv_heads);

	for (int q = 0; q < queries; q += CPU_QUERIES)
		f->tiles[f->ntiles++] = (struct cpu_attend_tile){ row, q,
			queries - q < CPU_QUERIES ? queries - q : CPU_QUERIES };
}

static void
add_rows(struct cpu_forward *f, const struct forward_seq *s)
{
	must(s->count >= 1 && s->first >= 0);
	must(s->first + s->count <= f->base.limit.context);
	must(f->rows + s->count <= f->base.limit.rows_max);
	add_run(f, s->adapter, f->rows, s->count);
	add_tiles(f, f->rows, s->count);
	for (int i = 0; i < s->count; i++) {
		must(s->tokens[i] >= 0 && s->tokens[i] < f->base.shape.vocab);
		f->token[f->rows] = s->tokens[i];
		f->row[f->rows].position = s->first + i;
		f->row[f->rows].blocks = s->blocks;
		f->rows++;
	}
}

/* Logits keep the order of the sequences, wherever their rows went. */
static void
number_logits(struct cpu_forward *f, struct forward_seq *seq, int n)
{
	f->nlogits = 0;
	for (int i = 0; i < n; i++) {
		seq[i].logits = f->nlogits;
		f->nlogits += seq[i].want == FORWARD_ALL ? seq[i].count :
		    seq[i].want == FORWARD_LAST		 ? 1 :
							   0;
	}
	must(f->nlogits <= f->base.limit.logits_max);
}

static void
place_logits(struct cpu_forward *f, const struct forward_seq *s, int row)
{
	if (s->want == FORWARD_LAST)
		f->logits_row[s->logits] = row + s->count - 1;
	if (s->want == FORWARD_ALL)
		for (int i = 0; i < s->count; i++)
			f->logits_row[s->logits + i] = row + i;
}

void
forward_rows(struct cpu_forward *f, struct forward_seq *seq, int n)
{
	must(n <= f->base.limit.seqs_max);
	f->rows = f->nruns = f->ntiles = 0;
	sort(f, seq, n);
	number_logits(f, seq, n);
	for (int i = 0; i < n; i++) {
		place_logits(f, &seq[f->order[i]], f->rows);
		add_rows(f, &seq[f->order[i]]);
	}
}
