// SPDX-License-Identifier: GPL-2.0
/*
 * Between luo vm update and the launchers of guests: a stream socket for each
 * guest, and lines of text. A connection is an update: if it ends, and this
 * kernel still runs, the update has come to nothing.
 *
 *	prepare	preserve the memory, while the guest runs
 *	suspend	stop the guest, save and preserve the state of its devices
 *	abort	let the guest go on, and forget all of that
 *
 * The answer is "ok", or why not.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "luo.h"
#include "vm.h"

static const char *directory(void)
{
	const char *dir = getenv("LUO_VM_DIR");

	return dir && *dir ? dir : VM_DIR;
}

int vm_address(const char *name, struct sockaddr_un *address)
{
	int len;

	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s%s",
		       directory(), name, VM_SUFFIX);

	return len < (int)sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Is a launcher there? One that is busy would make us wait */
static bool is_in_use(const struct sockaddr_un *address)
{
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  0);
	bool used;

	used = !connect(sock, (const struct sockaddr *)address,
			sizeof(*address)) || errno == EAGAIN;
	if (sock >= 0)
		close(sock);

	return used;
}

/* Each directory on the way to it */
static void make_directory(void)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)], *p;

	snprintf(path, sizeof(path), "%s", directory());
	for (p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	mkdir(path, 0700);
}

int vm_listen(const char *name)
{
	struct sockaddr_un address;
	int sock, err;

	err = vm_address(name, &address);
	if (err)
		return err;
	make_directory();
	if (is_in_use(&address))
		return -EADDRINUSE;
	unlink(address.sun_path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	if (!bind(sock, (struct sockaddr *)&address, sizeof(address)) &&
	    !chmod(address.sun_path, 0600) && !listen(sock, 1))
		return sock;
	err = -errno;
	close(sock);

	return err;
}

void vm_unlisten(const char *name, int sock)
{
	struct sockaddr_un address;

	if (!vm_address(name, &address))
		unlink(address.sun_path);
	close(sock);
}

int vm_send_line(int sock, const char *line)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "%s\n", line);

	return send(sock, text, len, MSG_NOSIGNAL) == len ? 0 : -EPIPE;
}

int vm_read_line(int sock, char *line, size_t size)
{
	size_t len = 0;
	ssize_t got;

	/* They are few and short */
	while (len + 1 < size) {
		got = read(sock, line + len, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -EPIPE;
		if (line[len] == '\n') {
			line[len] = '\0';
			return 0;
		}
		len++;
	}

	return -EPROTO;
}
