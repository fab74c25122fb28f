#include "tests/kernels/peer.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/pool_cuda.h"

static pid_t peer;
static int keep; /* closed: it may end */

static void
hold(struct device_pool *p, int tell, int until)
{
	char c;

	if (device_make(p) != 0)
		_exit(1);
	if (write(tell, p, sizeof(*p)) != (ssize_t)sizeof(*p))
		_exit(2);
	(void)!read(until, &c, 1);
	_exit(0);
}

void
peer_start(struct device_pool *p, uint64_t weights, uint64_t chunks)
{
	int told[2], until[2];

	*p = (struct device_pool){ .kind = DEVICE_CUDA,
		.weights_bytes = weights,
		.bytes = chunks,
		.chunk_bytes = 1 << 16 };
	ck_assert_int_eq(pipe(told), 0);
	ck_assert_int_eq(pipe(until), 0);
	peer = fork();
	ck_assert_int_ge(peer, 0);
	if (peer == 0) {
		close(told[0]);
		close(until[1]);
		hold(p, told[1], until[0]);
	}
	close(told[1]);
	close(until[0]);
	keep = until[1];
	ck_assert_int_eq(read(told[0], p, sizeof(*p)), sizeof(*p));
	close(told[0]);
}

void
peer_end(int signal_number)
{
	if (signal_number != 0)
		(void)kill(peer, signal_number);
	close(keep);
	ck_assert_int_eq(waitpid(peer, NULL, 0), peer);
}
