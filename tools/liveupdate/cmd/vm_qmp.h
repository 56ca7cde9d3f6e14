/* SPDX-License-Identifier: GPL-2.0 */
/* To talk to QEMU, by its machine protocol (QMP) */
#ifndef _LUO_VM_QMP_H
#define _LUO_VM_QMP_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

struct qmp {
	/* A stream socket, or -1 */
	int sock;

	/* How long it may take QEMU to answer */
	int timeout_ms;

	/* What was read; lines up to @done are done with */
	char *buf;
	size_t len, done;

	/* How many commands were sent: the last one's number */
	long long nr_commands;

	/* What QEMU said last of a migration: "active", or "" for nothing */
	char migration[24];
};

/*
 * Of all that follows: 0 or a negative errno, with a message if QEMU refuses a
 * command (-EREMOTEIO), says what makes no sense (-EPROTO), does not answer in
 * time (-ETIMEDOUT) or is gone (-EPIPE).
 */

/* Greet QEMU at the other end of @sock, which is closed with it */
int qmp_open(struct qmp *qmp, int sock, int timeout_ms);
void qmp_close(struct qmp *qmp);

/* Takes over @args, which may be NULL */
int qmp_command(struct qmp *qmp, const char *name, struct json_object *args);

/* Let QEMU have a duplicate of @fd, which it calls @name */
int qmp_give_fd(struct qmp *qmp, int fd, const char *name);

/* Have this said about every migration, in this process's life */
int qmp_watch_migrations(struct qmp *qmp);

/* Until it is completed; -EREMOTEIO if it failed or was cancelled */
int qmp_wait_for_migration(struct qmp *qmp);

/* Read what QEMU says without being asked, as the socket is readable */
int qmp_listen(struct qmp *qmp);

#endif /* _LUO_VM_QMP_H */
