/* Numbers are handed out, and called in order. */
#include "device/gate.h"

void
gate_open(struct gate *g, uint32_t room)
{
	*g = (struct gate){ .room = room };
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->moved, NULL);
}

void
gate_close(struct gate *g)
{
	(void)pthread_cond_destroy(&g->moved);
	(void)pthread_mutex_destroy(&g->lock);
}

void
gate_enter(struct gate *g)
{
	uint64_t mine;

	(void)pthread_mutex_lock(&g->lock);
	mine = g->came++;
	while (g->entered != mine || g->room == 0)
		(void)pthread_cond_wait(&g->moved, &g->lock);
	g->entered++;
	g->room--;
	/* The next one may find room as well. */
	(void)pthread_cond_broadcast(&g->moved);
	(void)pthread_mutex_unlock(&g->lock);
}

void
gate_leave(struct gate *g)
{
	(void)pthread_mutex_lock(&g->lock);
	g->room++;
	(void)pthread_cond_broadcast(&g->moved);
	(void)pthread_mutex_unlock(&g->lock);
}
