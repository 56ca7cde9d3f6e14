// SPDX-License-Identifier: GPL-2.0
/*
 * The sessions that luo hold has, and its clients. It does nothing with a session
 * but to have it, and so needs no privileges. A client is never waited for.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hold_proto.h"
#include "hold_server.h"
#include "luo.h"

#define MAX_CLIENTS	64

/* After an accept() that failed, for want of descriptors for example */
#define ACCEPT_PAUSE_US	(10 * 1000)

/* In pollfds: who asks us to end, who wants to become a client, the clients */
enum {
	STOP,
	LISTENER,
	FIRST_CLIENT,
	NR_FDS = FIRST_CLIENT + MAX_CLIENTS,
};

struct held {
	unsigned long long id;
	int fd;
	bool incoming;
	char name[LU_NAME_SIZE];
};

/* By ascending id */
static struct held *held;
static size_t nr_held;
static unsigned long long last_id;

static struct held *find(const char *name, bool incoming)
{
	size_t i;

	for (i = 0; i < nr_held; i++)
		if (held[i].incoming == incoming && !strcmp(held[i].name, name))
			return &held[i];

	return NULL;
}

/* Takes over @fd if it succeeds */
static int keep(int fd)
{
	struct held new = { .fd = fd }, *more;
	int incoming, err;

	if (fd < 0)
		return -EBADF;
	err = lu_session_get_name(fd, new.name);
	if (err)
		return err;
	incoming = lu_session_is_incoming(fd);
	if (incoming < 0)
		return incoming;
	new.incoming = incoming;
	if (find(new.name, new.incoming))
		return -EEXIST;

	more = reallocarray(held, nr_held + 1, sizeof(*held));
	if (!more)
		return -ENOMEM;
	held = more;
	new.id = ++last_id;
	held[nr_held++] = new;

	return 0;
}

static int drop(const char *name, bool incoming)
{
	struct held *session = find(name, incoming);

	if (!session)
		return -ENOENT;
	close(session->fd);
	nr_held--;
	memmove(session, session + 1,
		(held + nr_held - session) * sizeof(*session));

	return 0;
}

static int next(unsigned long long id, struct hold_reply *reply)
{
	size_t i;

	for (i = 0; i < nr_held && held[i].id <= id; i++)
		;
	if (i == nr_held)
		return -ENOENT;
	reply->id = held[i].id;
	reply->incoming = held[i].incoming;
	memcpy(reply->name, held[i].name, sizeof(reply->name));

	return 0;
}

/* @fd came along: what is kept of it is set to -1. @result goes back */
static int do_request(const struct hold_request *request, int *fd,
		      struct hold_reply *reply, int *result)
{
	const struct held *session;
	int err;

	if (request->version != HOLD_VERSION)
		return -EPROTO;

	switch (request->op) {
	case HOLD_KEEP:
		err = keep(*fd);
		if (!err)
			*fd = -1;
		return err;
	case HOLD_GET:
		session = find(request->name, request->incoming);
		if (session)
			*result = session->fd;
		return session ? 0 : -ENOENT;
	case HOLD_DROP:
		return drop(request->name, request->incoming);
	case HOLD_NEXT:
		return next(request->id, reply);
	case HOLD_STOP:
		return 0;
	default:
		return -EPROTO;
	}
}

/* Is the client done? Sets @stop if it wants us to be */
static bool serve_client(int sock, bool *stop)
{
	struct hold_reply reply = { .version = HOLD_VERSION };
	struct hold_request request;
	int fd = -1, result = -1, err;

	err = hold_recv(sock, &request, sizeof(request), &fd, MSG_DONTWAIT);
	if (err)
		return err != -EAGAIN;
	request.name[sizeof(request.name) - 1] = '\0';

	reply.error = -do_request(&request, &fd, &reply, &result);
	if (fd >= 0)
		close(fd);
	*stop = !reply.error && request.op == HOLD_STOP;

	return hold_send(sock, &reply, sizeof(reply), result, MSG_DONTWAIT);
}

static void add_client(int listener, struct pollfd *fds)
{
	int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC), i;

	if (sock < 0) {
		/* It is still there to be accepted: don't turn in circles */
		usleep(ACCEPT_PAUSE_US);
		return;
	}
	for (i = FIRST_CLIENT; i < NR_FDS && fds[i].fd >= 0; i++)
		;
	if (i == NR_FDS || hold_check_peer(sock, NULL))
		close(sock);
	else
		fds[i].fd = sock;
}

static void close_sessions(void)
{
	while (nr_held)
		close(held[--nr_held].fd);
	free(held);
	held = NULL;
}

/* Is it time to end? */
static bool serve_all(struct pollfd *fds)
{
	bool stop = false;
	int i;

	for (i = FIRST_CLIENT; i < NR_FDS && !stop; i++) {
		if (fds[i].fd < 0 || !fds[i].revents)
			continue;

		/* Who has given up was told that nothing has changed */
		if ((fds[i].revents & POLLHUP) ||
		    serve_client(fds[i].fd, &stop)) {
			close(fds[i].fd);
			fds[i].fd = -1;
		}
	}
	if (!stop && fds[LISTENER].revents)
		add_client(fds[LISTENER].fd, fds);

	return stop || fds[STOP].revents;
}

unsigned int hold_serve(int listener, int stop)
{
	struct pollfd fds[NR_FDS];
	unsigned int nr;
	int i;

	for (i = 0; i < NR_FDS; i++)
		fds[i] = (struct pollfd) { .fd = -1, .events = POLLIN };
	fds[STOP].fd = stop;
	fds[LISTENER].fd = listener;

	for (;;) {
		if (poll(fds, NR_FDS, -1) > 0 && serve_all(fds))
			break;
	}
	nr = nr_held;
	close_sessions();

	return nr;
}
