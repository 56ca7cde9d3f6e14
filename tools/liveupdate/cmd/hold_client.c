// SPDX-License-Identifier: GPL-2.0
/* To talk to luo hold */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hold_client.h"
#include "luo.h"

int luo_hold_connect(void)
{
	static const struct timeval patience = { .tv_sec = 5 };
	struct sockaddr_un address;
	int sock, err;

	err = hold_address(NULL, &address);
	if (err)
		return err;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;

	/* One that was stopped must not stop us */
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)))
		err = -errno;

	/* Whoever gets a session can do all with it */
	if (!err)
		err = hold_check_peer(sock, NULL);
	if (err)
		close(sock);

	return err ?: sock;
}

/* A descriptor that is not asked for is closed */
static int call(int sock, struct hold_request *request, int fd,
		struct hold_reply *reply, int *result)
{
	int err, got = -1;

	request->version = HOLD_VERSION;
	err = hold_send(sock, request, sizeof(*request), fd, 0);
	if (!err)
		err = hold_recv(sock, reply, sizeof(*reply), &got, 0);
	if (err == -EAGAIN)
		err = -ETIMEDOUT;
	if (!err && reply->version != HOLD_VERSION)
		err = -EPROTO;
	if (!err)
		err = -(int)reply->error;
	if (!err && result)
		*result = got;
	else if (got >= 0)
		close(got);

	return err;
}

static int call_by_name(int sock, enum hold_op op, const char *name,
			bool incoming, int *result)
{
	struct hold_request request = {
		.op = op,
		.incoming = incoming,
	};
	struct hold_reply reply;
	int err;

	memcpy(request.name, name, strnlen(name, sizeof(request.name) - 1));
	err = call(sock, &request, -1, &reply, result);

	return err == -ENOENT ? -ENOKEY : err;
}

int luo_hold_keep(int sock, int session)
{
	struct hold_request request = { .op = HOLD_KEEP };
	struct hold_reply reply;

	return call(sock, &request, session, &reply, NULL);
}

int luo_hold_get(int sock, const char *name, bool incoming)
{
	int session = -1, err;

	err = call_by_name(sock, HOLD_GET, name, incoming, &session);
	if (!err && session < 0)
		err = -EPROTO;

	return err ?: session;
}

int luo_hold_drop(int sock, const char *name, bool incoming)
{
	return call_by_name(sock, HOLD_DROP, name, incoming, NULL);
}

int luo_hold_stop(int sock)
{
	struct hold_request request = { .op = HOLD_STOP };
	struct hold_reply reply;

	return call(sock, &request, -1, &reply, NULL);
}

int luo_hold_list(int (*fn)(const struct hold_reply *held, void *arg),
		  void *arg)
{
	struct hold_request request = { .op = HOLD_NEXT };
	struct hold_reply reply;
	int sock, ret;

	sock = luo_hold_connect();
	if (sock < 0)
		return sock;
	for (;;) {
		ret = call(sock, &request, -1, &reply, NULL);
		if (ret)
			break;
		reply.name[sizeof(reply.name) - 1] = '\0';
		ret = fn(&reply, arg);
		if (ret)
			break;
		request.id = reply.id;
	}
	close(sock);

	return ret == -ENOENT ? 0 : ret;
}

int luo_need_hold(void)
{
	struct sockaddr_un address = { .sun_path = "$LUO_SOCKET" };
	int sock = luo_hold_connect();

	if (sock >= 0)
		return sock;

	hold_address(NULL, &address);
	if (sock == -ENOENT || sock == -ECONNREFUSED)
		luo_note("no luo hold is there at %s: somebody has to keep the session open.\n"
			 "Start it with 'luo hold --background'",
			 address.sun_path);
	else if (sock == -EPERM)
		luo_note("%s belongs to another user, who is not root",
			 address.sun_path);
	else
		luo_note("luo hold at %s: %s", address.sun_path,
			 strerror(-sock));

	return sock;
}

void luo_hold_rescue(const char *name, int session)
{
	int hold = luo_hold_connect(), err = hold;
	char text[LU_ESCAPED_SIZE];

	if (hold >= 0) {
		err = luo_hold_keep(hold, session);
		close(hold);
	}
	if (err)
		luo_note("the session is lost with this command,\n"
			 "as no luo hold is there to have it");
	else
		luo_note("luo hold has session %s now: 'luo get' reads its files",
			 luo_show_name(name, text));
}
