/*
 * sample.h -- how long the last steps and loads took, and what they did.
 *
 * Two rings, each in the segment of its one writer: step_samples of gpuexec,
 * load_samples of the loader.  Sample n lies in ring[n % size].  Nothing in the
 * engine reads them; they are there for whoever measures it from outside and
 * fits a cost model (sim/cost.h names the terms of a step).
 *
 * A sample may be overwritten while it is read; note.h has how that is seen.
 *
 * Waiting  Never; a writer takes no notice of readers.
 */
#ifndef SHM_SAMPLE_H
#define SHM_SAMPLE_H

#include "base/clock.h"
#include "shm/note.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SAMPLE_STEPS 1024 /* powers of two */
#define SAMPLE_LOADS 256

struct step_note {
	nsec started_ns;
	nsec took_ns; /* until its tokens were told */
	nsec gap_ns;  /* since the last step's end; 0: nothing was to be done */
	uint64_t decode_context; /* tokens read by decode rows, own ones too */
	uint64_t prompt_pairs;	 /* prompt token, earlier token */
	uint32_t decode_ranks, prompt_ranks; /* sums of ranks over rows */
	uint32_t decode_rows, prompt_tokens;
	uint32_t lora_rows, adapters; /* rows with one, distinct ones */
};

struct step_sample {
	_Atomic uint64_t number; /* of the step, as in launched_step; 0: none */
	struct step_note note;
};

struct load_note {
	nsec asked_ns; /* given to the workers */
	nsec queue_ns; /* then, until a worker took it */
	nsec read_ns;  /* files or host memory; loader.delay_ms counts here */
	nsec wait_ns;  /* for the link */
	nsec copy_ns;  /* on the link */
	nsec tell_ns;  /* until the scheduler could see it */
	uint64_t bytes;
	uint32_t adapter;
	uint16_t rank;
	uint16_t from_disk; /* 1: files; 0: host memory */
};

struct load_sample {
	_Atomic uint64_t number; /* of the load, from 1; 0: none */
	struct load_note note;
};

/* Writer: number counts on from the ring's last. */
static inline void
sample_put_step(struct step_sample *ring, uint64_t number,
    const struct step_note *note)
{
	struct step_sample *s = &ring[number % SAMPLE_STEPS];

	note_open(&s->number);
	s->note = *note;
	note_close(&s->number, number);
}

static inline void
sample_put_load(struct load_sample *ring, uint64_t number,
    const struct load_note *note)
{
	struct load_sample *s = &ring[number % SAMPLE_LOADS];

	note_open(&s->number);
	s->note = *note;
	note_close(&s->number, number);
}

/* Reader: false if sample `number` is not there, or no more. */
static inline bool
sample_get_step(const struct step_sample *ring, uint64_t number,
    struct step_note *note)
{
	const struct step_sample *s = &ring[number % SAMPLE_STEPS];

	if (!note_is(&s->number, number))
		return false;
	*note = s->note;
	return note_was(&s->number, number);
}

static inline bool
sample_get_load(const struct load_sample *ring, uint64_t number,
    struct load_note *note)
{
	const struct load_sample *s = &ring[number % SAMPLE_LOADS];

	if (!note_is(&s->number, number))
		return false;
	*note = s->note;
	return note_was(&s->number, number);
}

/* Greatest number in the ring; 0: it is empty. */
static inline uint64_t
sample_last_step(const struct step_sample *ring)
{
	uint64_t last = 0;

	for (int i = 0; i < SAMPLE_STEPS; i++) {
		uint64_t n = atomic_load_explicit(&ring[i].number,
		    memory_order_relaxed);

		last = n > last ? n : last;
	}
	return last;
}

static inline uint64_t
sample_last_load(const struct load_sample *ring)
{
	uint64_t last = 0;

	for (int i = 0; i < SAMPLE_LOADS; i++) {
		uint64_t n = atomic_load_explicit(&ring[i].number,
		    memory_order_relaxed);

		last = n > last ? n : last;
	}
	return last;
}

#endif
