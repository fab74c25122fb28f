/* Two pages and a number. */
#include "shm/sheet.h"

#include "base/must.h"

#include <string.h>

uint64_t
sheet_write(struct sheet *s, const void *from, size_t n)
{
	uint64_t number = atomic_load_explicit(&s->number,
			      memory_order_relaxed) +
	    1;
	_Atomic uint64_t *page = s->page[number % 2];
	const char *bytes = from;

	must(n <= SHEET_BYTES);
	/* T1 pairs with T4: whoever copies a word of this text out of the page
	 * finds that the number has gone on since the page counted. */
	atomic_thread_fence(memory_order_release);
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = 0;

		memcpy(&word, bytes + i, n - i < 8 ? n - i : 8);
		atomic_store_explicit(&page[i / 8], word, memory_order_relaxed);
	}
	/* T2 pairs with T3: the page is written before it counts. */
	atomic_store_explicit(&s->number, number, memory_order_release);
	return number;
}

static void
copy(const _Atomic uint64_t *page, char *to, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = atomic_load_explicit(&page[i / 8],
		    memory_order_relaxed);

		memcpy(to + i, &word, n - i < 8 ? n - i : 8);
	}
}

uint64_t
sheet_read(const struct sheet *s, void *to, size_t n)
{
	uint64_t number, after;

	must(n <= SHEET_BYTES);
	do {
		/* T3 pairs with T2: the page that counts is written. */
		number = sheet_number(s);
		copy(s->page[number % 2], to, n);
		/* T4 pairs with T1: if a word was of a later text, this load
		 * sees a later number. */
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&s->number, memory_order_relaxed);
	} while (after != number);
	return number;
}
