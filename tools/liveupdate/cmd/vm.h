/* SPDX-License-Identifier: GPL-2.0 */
/* What luo vm is made of */
#ifndef _LUO_VM_H
#define _LUO_VM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include <libliveupdate.h>

#include "vm_qmp.h"

/* Where the launchers can be reached: a socket for each, SESSION.socket */
#define VM_DIR		"/run/luo/vm"
#define VM_SUFFIX	".socket"

/* What is in a guest's session */
enum {
	VM_TOKEN_RAM = 1,
	VM_TOKEN_STATE = 2,
	VM_TOKEN_TIMES = 3,
};

/* A memfd from kernel to kernel: when it was, by the cycle counter */
struct vm_times {
	uint64_t magic;
	uint64_t stop, saved;
};

struct vm {
	/* What was asked for */
	char name[LU_NAME_SIZE];
	unsigned long long memory;
	int timeout_ms;
	bool checksum;
	const char *timeline, *inject;

	/* QEMU, and what it is called with */
	const char *path;
	char **argv;

	/* The guest's memory */
	int ram;

	/* The state of its devices, while it is stopped, or -1 */
	int state;

	/* The new session, between prepare and the end of an update, or -1 */
	int session;

	/* 0 if it does not run */
	pid_t pid;
	struct qmp qmp;

	/* A memfd, and what is in it; -1 and NULL outside of an update */
	int times_fd;
	struct vm_times *times;

	/* In the new kernel, by the cycle counter */
	uint64_t start, loaded, resumed;
};

/* All functions return 0 or a negative errno after a message, if nothing else is said */

/* vm_qemu.c: QEMU as a process, and the guest in it */

/* With a guest that boots, or one that waits for its state */
int vm_start(struct vm *vm, bool incoming);
void vm_kill(struct vm *vm);

/* Stop the guest, and save the state of its devices into a memfd, vm->state */
int vm_save(struct vm *vm);

/* Start QEMU with the state in vm->state, and let the guest go on */
int vm_restore(struct vm *vm);

/* Let the guest go on after vm_save(), whether that has succeeded or not */
int vm_continue(struct vm *vm);

/* Does a test ask for it? To let a step fail: -EIO */
bool vm_injects(const struct vm *vm, const char *step);
int vm_inject(const struct vm *vm, const char *step);

/* vm_session.c: what is preserved, and what came over */

/* What came over, in the session @incoming; or new memory, and -1 there */
int vm_find(struct vm *vm, int *incoming);
int vm_prepare(struct vm *vm);
int vm_preserve_state(struct vm *vm);

/* Forget all preparations; the guest's memory stays */
void vm_unprepare(struct vm *vm);

/* vm_times.c */
uint64_t vm_cycles(void);
int vm_times_make(struct vm *vm);
int vm_times_take(struct vm *vm, int fd);
void vm_times_drop(struct vm *vm);
void vm_times_write(const struct vm *vm);

/* vm_checksum.c: of all of a file; each word counts by its place */
int vm_checksum(int fd, uint64_t *sum);

/* vm_control.c: where a launcher listens, and what it is told: lines of text */
int vm_address(const char *name, struct sockaddr_un *address);
int vm_listen(const char *name);
void vm_unlisten(const char *name, int sock);
int vm_send_line(int sock, const char *line);

/* Without the newline; -EPIPE at the end */
int vm_read_line(int sock, char *line, size_t size);

/* The commands; exit statuses */
int vm_run(int argc, char *argv[]);
int vm_update(int argc, char *argv[]);

#endif /* _LUO_VM_H */
