/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What luo hold and its clients say to each other: on a SOCK_SEQPACKET socket,
 * one struct is one packet, and a descriptor goes along as SCM_RIGHTS. Both ends
 * are the same program: the version only guards against an upgrade in between.
 */
#ifndef _LUO_HOLD_PROTO_H
#define _LUO_HOLD_PROTO_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include <libliveupdate.h>

#define HOLD_VERSION	1

enum hold_op {
	/* Take the session that comes along */
	HOLD_KEEP,

	/* Give a descriptor of the session of this name and direction */
	HOLD_GET,

	/* Close it */
	HOLD_DROP,

	/* The first session whose id is above this one; ENOENT at the end */
	HOLD_NEXT,

	/* End, once the sessions are closed */
	HOLD_STOP,
};

struct hold_request {
	uint32_t version;
	uint32_t op;
	uint64_t id;
	uint32_t incoming;
	uint32_t reserved;
	char name[LU_NAME_SIZE];
};

struct hold_reply {
	uint32_t version;

	/* 0 or an errno */
	uint32_t error;
	uint64_t id;
	uint32_t incoming;
	uint32_t reserved;
	char name[LU_NAME_SIZE];
};

/* Where the daemon is: an argument, $LUO_SOCKET, or the usual place */
#define HOLD_SOCKET	"/run/luo/hold.socket"

/* 0 or -ENAMETOOLONG */
int hold_address(const char *path, struct sockaddr_un *address);

/* Only root and the same user may talk to each other: 0, -EPERM... */
int hold_check_peer(int sock, pid_t *pid);

/* A whole packet; @fd is -1 for none. 0 or a negative errno */
int hold_send(int sock, const void *packet, size_t len, int fd, int flags);

/* -EPROTO for a packet of another length, -EPIPE at the end */
int hold_recv(int sock, void *packet, size_t len, int *fd, int flags);

#endif /* _LUO_HOLD_PROTO_H */
