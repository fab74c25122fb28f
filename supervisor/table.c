/* State x event, and the arithmetic of restarts. */
#include "supervisor/table.h"

#include "base/must.h"

/* An empty square: stay, do nothing.  REFUSED is exit status 100. */
/* clang-format off */
static const struct sv_row table[SV_NSTATE][SV_NEVENT] = {
	[SV_DOWN]     = { [EV_START]   = { SV_WAITING,  DO_TRY      } },
	[SV_WAITING]  = { [EV_CLEAR]   = { SV_BOOTING,  DO_SPAWN    },
			  [EV_STOP]    = { SV_DOWN,     DO_NOTE     },
			  [EV_HURRY]   = { SV_DOWN,     DO_NOTE     } },
	[SV_BOOTING]  = { [EV_RUNNING] = { SV_UP,       DO_NOTE     },
			  [EV_EXITED]  = { SV_BACKOFF,  DO_WAIT     },
			  [EV_REFUSED] = { SV_DOWN,     DO_GIVE_UP  },
			  [EV_TIMER]   = { SV_DYING,    DO_ABORT    },
			  [EV_LOST]    = { SV_DYING,    DO_KILL     },
			  [EV_STOP]    = { SV_STOPPING, DO_ASK_HALT },
			  [EV_HURRY]   = { SV_LEAVING,  DO_HURRY    } },
	[SV_UP]       = { [EV_EXITED]  = { SV_BACKOFF,  DO_WAIT     },
			  [EV_REFUSED] = { SV_DOWN,     DO_GIVE_UP  },
			  [EV_SILENT]  = { SV_DYING,    DO_ABORT    },
			  [EV_LOST]    = { SV_DYING,    DO_KILL     },
			  [EV_STOP]    = { SV_STOPPING, DO_ASK_HALT },
			  [EV_HURRY]   = { SV_LEAVING,  DO_HURRY    } },
	[SV_DYING]    = { [EV_EXITED]  = { SV_BACKOFF,  DO_WAIT     },
			  [EV_REFUSED] = { SV_BACKOFF,  DO_WAIT     },
			  [EV_TIMER]   = { SV_DYING,    DO_KILL     },
			  [EV_LOST]    = { SV_DYING,    DO_KILL     },
			  [EV_WEDGED]  = { SV_DYING,    DO_WARN     },
			  [EV_STOP]    = { SV_LEAVING,  DO_KILL     },
			  [EV_HURRY]   = { SV_LEAVING,  DO_KILL     } },
	[SV_BACKOFF]  = { [EV_TIMER]   = { SV_WAITING,  DO_TRY      },
			  [EV_STOP]    = { SV_DOWN,     DO_NOTE     },
			  [EV_HURRY]   = { SV_DOWN,     DO_NOTE     } },
	[SV_STOPPING] = { [EV_EXITED]  = { SV_DOWN,     DO_NOTE     },
			  [EV_REFUSED] = { SV_DOWN,     DO_NOTE     },
			  [EV_TIMER]   = { SV_LEAVING,  DO_HURRY    },
			  [EV_SILENT]  = { SV_LEAVING,  DO_KILL     },
			  [EV_LOST]    = { SV_LEAVING,  DO_KILL     },
			  [EV_HURRY]   = { SV_LEAVING,  DO_HURRY    } },
	[SV_LEAVING]  = { [EV_EXITED]  = { SV_DOWN,     DO_NOTE     },
			  [EV_REFUSED] = { SV_DOWN,     DO_NOTE     },
			  [EV_TIMER]   = { SV_LEAVING,  DO_KILL     },
			  [EV_WEDGED]  = { SV_DOWN,     DO_ABANDON  } },
};
/* clang-format on */

struct sv_row
sv_next(enum sv_state state, enum sv_event event)
{
	struct sv_row row;

	must(state < SV_NSTATE && event < SV_NEVENT);
	row = table[state][event];
	if (row.action == DO_NOTHING)
		row.next = state;
	return row;
}

const char *
sv_state_name(enum sv_state state)
{
	static const char *const names[SV_NSTATE] = {
		[SV_DOWN] = "down",
		[SV_WAITING] = "waiting",
		[SV_BOOTING] = "booting",
		[SV_UP] = "up",
		[SV_DYING] = "dying",
		[SV_BACKOFF] = "backing off",
		[SV_STOPPING] = "stopping",
		[SV_LEAVING] = "leaving",
	};

	return names[state];
}

nsec
sv_wait(struct sv_deaths *d, nsec ready_ns, nsec now)
{
	/* The oldest one remembered is SV_DEATHS_MAX deaths ago. */
	nsec *oldest = &d->at[d->count % SV_DEATHS_MAX];
	nsec wait = SV_WAIT_MIN_NS;

	d->too_often = d->count >= SV_DEATHS_MAX &&
	    now - *oldest <= SV_DEATHS_NS;
	*oldest = now;
	d->count++;
	if (ready_ns >= SV_HEALTHY_NS) {
		d->unready = 0;
		return d->too_often ? SV_WAIT_MAX_NS : 0;
	}
	for (unsigned k = 0; k < d->unready && wait < SV_WAIT_MAX_NS; k++)
		wait *= 2;
	d->unready++;
	return d->too_often || wait > SV_WAIT_MAX_NS ? SV_WAIT_MAX_NS : wait;
}
