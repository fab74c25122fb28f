/* What operators ask of adapters: commands, and pins and weights, which stay. */
#include "scheduler/sch.h"

static uint64_t
ask_of(const struct sch *h, uint32_t key)
{
	return atomic_load_explicit(&h->w.ask[key - 1], memory_order_acquire);
}

/* On the device, for an operator: until it is there, or has failed to come. */
static bool
obey_come(struct sch *h, uint32_t key, nsec now)
{
	struct sch_key *k = &h->key[key];

	k->unload = false;
	k->wanted = true;
	if (k->away == AWAY_OUT)
		return resident_bring(h, key, false, now) == BRING_DENIED;
	evict_touch(h, key, now);
	return k->away == AWAY_HERE;
}

/* What an operator asks of it: obeyed once, again after a restart.  false: not
 * yet, it is tried again at the next sweep. */
static bool
obey(struct sch *h, uint32_t key, uint64_t ask, enum dir_state state, nsec now)
{
	struct sch_key *k = &h->key[key];
	enum dir_ask what = dir_ask_command(ask);
	bool serves = state == DIR_LISTED, out = k->away == AWAY_OUT;

	/* A pin brings it, whatever was asked since; but only the version that
	 * serves the name, as one that is chosen will do. */
	if (what == ASK_LOAD || (dir_ask_pinned(ask) && serves))
		return obey_come(h, key, now);
	if (what == ASK_LOADED) {
		k->unload = false;
		k->wanted = !out; /* where idle ones are dropped, it stays */
		return true;
	}
	if (what == ASK_CHOOSE)
		return !dir_ask_pinned(ask);
	if (what == ASK_WEIGH)
		return true;
	k->unload = what == ASK_UNLOAD && !out;
	k->wanted = false;
	if (k->unload)
		resident_idle(h, key);
	else
		resident_unwaited(h, key); /* its load was taken back */
	/* Else who waits for it brings it, and it stays. */
	return what != ASK_UNLOAD || !out || k->waiting == 0;
}

/* What stays asked of it, whatever was asked last: a pin is of the version that
 * serves its name.  true: it is another than before. */
static bool
heed_terms(struct sch *h, uint32_t key, uint64_t ask, uint64_t entry, nsec now)
{
	struct sch_key *k = &h->key[key];
	bool its = dir_serial(entry) == dir_serial(ask) &&
	    dir_may_serve(dir_entry_state(entry));
	double weight = its ? dir_ask_weight(ask) / 100.0 : 1;
	bool pinned = its && dir_ask_pinned(ask) &&
	    dir_entry_state(entry) == DIR_LISTED;

	if (pinned == k->pinned && weight == k->weight)
		return false;
	k->pinned = pinned;
	k->weight = weight;
	evict_touch(h, key, now);
	return true;
}

bool
ask_heed_all(struct sch *h, nsec now)
{
	bool some = false;

	for (uint32_t i = 0; i < h->nholding; i++) {
		uint32_t key = h->holding[i];

		some |= heed_terms(h, key, ask_of(h, key),
		    resident_entry(h, key), now);
	}
	return some;
}

void
ask_heed(struct sch *h, uint32_t key, nsec now)
{
	struct sch_key *k = &h->key[key];
	uint64_t ask = ask_of(h, key), entry;
	bool of_this;

	worth_meet(h, key);
	entry = resident_entry(h, key);
	(void)heed_terms(h, key, ask, entry, now);
	if (ask == k->asked)
		return;
	of_this = dir_serial(entry) == dir_serial(ask) &&
	    dir_may_serve(dir_entry_state(entry));
	if (!of_this || obey(h, key, ask, dir_entry_state(entry), now))
		k->asked = ask;
}
