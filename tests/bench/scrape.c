/* How long scrapes take, from the connection to the last byte.
 *
 *	scrape ADDRESS TIMES */
#include "base/clock.h"
#include "base/must.h"
#include "cli/client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 1000
#define APART_US 100000 /* no page is given twice */

static nsec took[MOST];
static char waste[1 << 20];

static int
shorter(const void *a, const void *b)
{
	nsec x = *(const nsec *)a, y = *(const nsec *)b;

	return (x > y) - (x < y);
}

static size_t
scrape(const char *address)
{
	struct client c;
	size_t bytes = 0;
	ssize_t got = 1;

	must(client_open(&c, address, 10 * SECOND) == 0);
	must(client_send(&c, "GET /metrics HTTP/1.0\r\n\r") == 0);
	while (got > 0) {
		struct pollfd p = { c.fd, POLLIN, 0 };

		must(poll(&p, 1, 10000) == 1);
		got = recv(c.fd, waste, sizeof(waste), 0);
		bytes += got > 0 ? (size_t)got : 0;
	}
	client_close(&c);
	return bytes;
}

int
main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;
	size_t bytes = 0;

	if (n < 1 || n > MOST) {
		fprintf(stderr, "usage: scrape ADDRESS TIMES (1 to %d)\n",
		    MOST);
		return 2;
	}
	for (int i = 0; i < n; i++) {
		nsec from = clock_mono();

		bytes = scrape(argv[1]);
		took[i] = clock_mono() - from;
		usleep(APART_US);
	}
	qsort(took, (size_t)n, sizeof(took[0]), shorter);
	printf("scrape p50 %.2f ms max %.2f ms bytes %zu\n",
	    clock_ms(took[n / 2]), clock_ms(took[n - 1]), bytes);
	return 0;
}
