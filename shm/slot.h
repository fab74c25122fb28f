/*
 * slot.h -- what lies beside the three words of a request.
 *
 *	frontend    f[slot]  slot_request, prompt tokens, told[slot]
 *	scheduler   s[slot]  slot_ticket, block list, b[slot]
 *	gpuexec     x[slot]  slot_result, output tokens, logprob window
 *
 * The nine transitions and their guards are in docs/RECOVERY.md; each writer
 * changes its part only as they allow, payload first, then the word.
 */
#ifndef SHM_SLOT_H
#define SHM_SLOT_H

#include "base/clock.h"
#include "shm/record.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define SLOT_ID_MAX 256		 /* JSON text of a request's id, ended */
#define SLOT_SAMPLING_BYTES 2560 /* struct sample_params */
#define SLOT_STOP_IDS_MAX 16
#define SLOT_TOP_MAX 20 /* alternatives beside a logprob */
#define SLOT_WINDOW 32	/* tokens whose logprobs are kept */
#define SLOT_BASE (-1)	/* adapter of a request to the base model */

enum slot_flag {
	SLOT_IGNORE_EOS = 1,
	SLOT_LOGPROBS =
	    2, /* gpuexec waits when it is SLOT_WINDOW ahead of told */
};

/* Written by the frontend before f = SUB, then left alone. */
struct slot_request {
	uint64_t conn;		 /* door tag of the client's connection */
	char id[SLOT_ID_MAX];	 /* JSON text: "r1" or 17 */
	nsec arrived_ns;	 /* line complete */
	nsec deadline_ns;	 /* 0: none */
	int32_t adapter;	 /* index in the directory, or SLOT_BASE */
	uint32_t adapter_serial; /* that the entry had */
	uint32_t flags;		 /* enum slot_flag */
	int32_t nprompt;	 /* tokens, 1 .. context - 1 */
	int32_t max_tokens;	 /* 1 .. context - nprompt */
	int32_t min_tokens;
	int32_t ntop;	   /* alternatives wanted */
	int32_t nstop_ids; /* end tokens of the model included, unless
				  * ignore_eos */
	int32_t stop_ids[SLOT_STOP_IDS_MAX];
	alignas(8) unsigned char sampling[SLOT_SAMPLING_BYTES];
};

enum slot_source { SLOT_RESIDENT, SLOT_HOST, SLOT_DISK };

/* Why a request was DENIED: the low part of s. */
enum slot_denied {
	DENIED_NONE,
	DENIED_ADAPTER, /* its adapter cannot be loaded; the directory says why */
	DENIED_MEMORY, /* would not fit an empty pool */
	DENIED_POISON, /* gpuexec died with it too often */
	DENIED_DEADLINE,
	DENIED_DAMAGED,	 /* words or payload are not legal */
	DENIED_UNLOADED, /* its adapter was removed */
	DENIED_PINNED,	 /* pinned adapters leave too little, for ever */
	DENIED_COUNT
};

/* Written by the scheduler before s = PLACED. */
struct slot_ticket {
	int32_t adapter;    /* SLOT_BASE: none */
	uint32_t want_gen;  /* the ticket is (adapter, want_gen) */
	uint32_t predicted; /* output tokens */
	uint32_t source;    /* enum slot_source: where the adapter was when the
			      * request came */
	nsec seen_ns;	    /* the scheduler saw it */
	nsec adapter_ns;    /* its adapter became resident; seen_ns for a hit */
	nsec placed_ns;	    /* first placement */
	struct wait_split wait; /* until then */
	uint32_t queue;	   /* it was admitted from; 0: past the age limit */
	uint32_t squashes; /* times held again */
	uint32_t deaths;   /* of gpuexec while it was running */
};

enum slot_finish {
	FINISH_NONE,
	FINISH_STOP,	/* an end token or stop id; stop_id says which */
	FINISH_LENGTH,	/* max_tokens, or the context is full */
	FINISH_CLOSED,	/* the frontend closed it first */
	FINISH_NUMBERS, /* logits were not finite */
	FINISH_ADAPTER, /* the adapter's image was not legal */
	FINISH_MEMORY,	/* the machine has no memory behind its blocks */
};

/* Written by gpuexec; whole when x is FIN, times as they come. */
struct slot_result {
	uint32_t finish;      /* enum slot_finish */
	int32_t stop_id;      /* -1: none */
	nsec started_ns;      /* first step with it */
	nsec first_ns;	      /* first token committed */
	nsec last_ns;	      /* last token committed */
	nsec longest_ns;      /* greatest time between two tokens */
	uint32_t adapter_gen; /* generation computed with */
	uint32_t steps;
	unsigned char digest[32]; /* of the adapter computed with */
};

/* Logprobs of token i lie in window[i % SLOT_WINDOW]. */
struct slot_logprobs {
	float logprob;
	int32_t ntop;
	int32_t top_id[SLOT_TOP_MAX];
	float top_logprob[SLOT_TOP_MAX];
};

#endif
