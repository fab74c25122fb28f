/* Segments for tests. */
#include "tests/unit/instance.h"

#include "base/err.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *
instance_name(void)
{
	static char name[32];

	snprintf(name, sizeof(name), "check-%d", (int)getpid());
	return name;
}

void
instance_plan(struct plan *p)
{
	memset(p, 0, sizeof(*p));
	p->slots = 8;
	p->context = 64;
	p->vocab = 100;
	p->adapters = 4;
	p->told_rows = 4;
	p->connections = 4;
	p->batch_max = 4;
	p->step_tokens = 16;
	p->block_tokens = 16;
	p->blocks_per_slot = 4;
	p->blocks_per_chunk = 4;
	p->chunks = 4;
	p->threads = 1;
	p->chunk_bytes = 65536;
	p->kv_block_bytes = 16384;
	plan_segments(p);
}

void
instance_make(struct segs *g, const struct conf *c)
{
	struct plan p;

	instance_plan(&p);
	ck_assert_msg(segs_create(g, instance_name(), &p, c, sizeof(*c)) == 0,
	    "%s", err_text());
}

void
instance_end(struct segs *g)
{
	segs_unlink(g->instance);
	segs_close(g);
}
