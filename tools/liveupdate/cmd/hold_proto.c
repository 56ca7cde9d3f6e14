// SPDX-License-Identifier: GPL-2.0
/* Packets between luo hold and its clients */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hold_proto.h"

union control {
	struct cmsghdr header;
	char buf[CMSG_SPACE(sizeof(int))];
};

int hold_address(const char *path, struct sockaddr_un *address)
{
	if (!path)
		path = getenv("LUO_SOCKET");
	if (!path || !*path)
		path = HOLD_SOCKET;
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	memcpy(address->sun_path, path, strlen(path));

	return 0;
}

int hold_check_peer(int sock, pid_t *pid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return -errno;
	if (pid)
		*pid = peer.pid;

	return !peer.uid || peer.uid == geteuid() ? 0 : -EPERM;
}

int hold_send(int sock, const void *packet, size_t len, int fd, int flags)
{
	struct iovec vec = { .iov_base = (void *)packet, .iov_len = len };
	struct msghdr msg = { .msg_iov = &vec, .msg_iovlen = 1 };
	union control control = { .buf = { 0 } };
	ssize_t sent;

	if (fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}

	do {
		sent = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);

	return sent < 0 ? -errno : 0;
}

/* There is room for one descriptor, so that there can't be more */
static int take_fd(struct msghdr *msg)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (header && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));

	return fd;
}

int hold_recv(int sock, void *packet, size_t len, int *fd, int flags)
{
	struct iovec vec = { .iov_base = packet, .iov_len = len };
	union control control;
	struct msghdr msg = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control.buf,

		/* The padding behind it would take a second one */
		.msg_controllen = CMSG_LEN(sizeof(*fd)),
	};
	ssize_t got;

	do {
		got = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;

	*fd = take_fd(&msg);
	if ((size_t)got == len && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;

	return got ? -EPROTO : -EPIPE;
}
