/* A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) over indices. */
#include "base/heap.h"

#include "base/must.h"

#define OUT (HEAP_NONE - 1) /* prev of what is in no heap */

void
heap_format(struct heap_node *node, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		node[i] = (struct heap_node){ HEAP_NONE, HEAP_NONE, OUT };
}

/* Makes one root of two; neither has a sibling. */
static uint32_t
pair(const struct heap_order *o, uint32_t a, uint32_t b)
{
	struct heap_node *node = o->node;
	uint32_t child;

	if (o->before(o->arg, b, a)) {
		uint32_t t = a;

		a = b;
		b = t;
	}
	child = node[a].child;
	node[b].next = child;
	node[b].prev = a;
	if (child != HEAP_NONE)
		node[child].prev = b;
	node[a].child = b;
	return a;
}

/* One root of a list of siblings: by twos from the left, then all from the
 * right, which is what makes the cost logarithmic. */
static uint32_t
join(const struct heap_order *o, uint32_t first)
{
	struct heap_node *node = o->node;
	uint32_t pairs = HEAP_NONE, root = HEAP_NONE;

	while (first != HEAP_NONE) {
		uint32_t a = first, b = node[a].next;

		first = b == HEAP_NONE ? HEAP_NONE : node[b].next;
		node[a].next = HEAP_NONE;
		if (b != HEAP_NONE) {
			node[b].next = HEAP_NONE;
			a = pair(o, a, b);
		}
		node[a].next = pairs;
		pairs = a;
	}
	while (pairs != HEAP_NONE) {
		uint32_t a = pairs;

		pairs = node[a].next;
		node[a].next = HEAP_NONE;
		root = root == HEAP_NONE ? a : pair(o, root, a);
	}
	if (root != HEAP_NONE)
		node[root].prev = HEAP_NONE;
	return root;
}

void
heap_enter(struct heap *h, const struct heap_order *o, uint32_t i)
{
	must(!heap_has(o, i));
	o->node[i] = (struct heap_node){ HEAP_NONE, HEAP_NONE, HEAP_NONE };
	h->top = h->n++ == 0 ? i : pair(o, h->top, i);
}

void
heap_leave(struct heap *h, const struct heap_order *o, uint32_t i)
{
	struct heap_node *node = o->node;
	uint32_t rest = join(o, node[i].child), left = node[i].prev;

	must(heap_has(o, i) && h->n > 0);
	h->n--;
	if (i == h->top) {
		h->top = rest;
	} else {
		if (node[left].child == i)
			node[left].child = node[i].next;
		else
			node[left].next = node[i].next;
		if (node[i].next != HEAP_NONE)
			node[node[i].next].prev = left;
		if (rest != HEAP_NONE)
			h->top = pair(o, h->top, rest);
	}
	node[h->top == HEAP_NONE ? i : h->top].prev = HEAP_NONE;
	node[i] = (struct heap_node){ HEAP_NONE, HEAP_NONE, OUT };
}
