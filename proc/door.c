/* One datagram, with a descriptor or none. */
#include "proc/door.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A stranger's message may carry more descriptors than ours; the kernel gives
 * us as many as there is room for, and we close them. */
#define FDS_MAX 4

union room {
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

int
door_send(int control, struct door_message m, int fd)
{
	union room room;
	struct iovec io = { &m, sizeof(m) };
	struct msghdr h = { .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		memset(&room, 0, sizeof(room));
		h.msg_control = room.bytes;
		h.msg_controllen = CMSG_SPACE(sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		n = sendmsg(control, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(m))
		return 0;
	/* Too many descriptors on their way is a matter of time as well. */
	if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
		return err_set(ERR_BUSY, "door: the other end is slow");
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return err_set(ERR_GONE, "door: the other end has gone");
	return err_sys(ERR_IO, "door: sending");
}

/* Keeps the first descriptor, closes any other. */
static int
take_fd(struct msghdr *h)
{
	int kept = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL;
	     c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(int));
			if (kept < 0)
				kept = fd;
			else
				close(fd);
		}
	}
	return kept;
}

int
door_receive(int control, struct door_message *m, int *fd)
{
	union room room;
	struct iovec io = { m, sizeof(*m) };
	struct msghdr h = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes) };
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(control, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return err_set(ERR_BUSY, "door: nothing there");
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return err_set(ERR_GONE, "door: the other end has gone");
	if (n < 0)
		return err_sys(ERR_IO, "door: receiving");
	*fd = take_fd(&h);
	if (n == (ssize_t)sizeof(*m) && (h.msg_flags & MSG_TRUNC) == 0)
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return err_set(ERR_FORMAT, "door: a message of %zd bytes", n);
}
