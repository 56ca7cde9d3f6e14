// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU as a process, and the guest in it.
 *
 * The guest's memory is a memfd that QEMU maps, shared: QEMU leaves it out of what
 * it saves (x-ignore-shared). When the guest is stopped for an update, QEMU stays:
 * if the update comes to nothing, the guest goes on in it. If QEMU has died by
 * then, another one has all it needs.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json.h"
#include "luo.h"
#include "memfd.h"
#include "vm.h"

/* What is added to the arguments that QEMU is called with */
#define MAX_ADDED	16

/* As QEMU calls the descriptor */
#define STATE		"luo-state"

bool vm_injects(const struct vm *vm, const char *step)
{
	FILE *file = vm->inject ? fopen(vm->inject, "re") : NULL;
	char line[32] = "";

	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	fclose(file);

	return !strcmp(line, step);
}

int vm_inject(const struct vm *vm, const char *step)
{
	if (!vm_injects(vm, step))
		return 0;
	luo_note("%s: '%s' fails, as asked for", vm->name, step);

	return -EIO;
}

static size_t count_args(char *argv[])
{
	size_t nr = 0;

	while (argv[nr])
		nr++;

	return nr;
}

static void __printf(2, 3) add_arg(char **argv, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&argv[count_args(argv)], fmt, args) < 0)
		_exit(125);
	va_end(args);
}

/* Ours come last, so that they win */
static char **make_args(const struct vm *vm, int sock, bool incoming)
{
	size_t nr = count_args(vm->argv);
	char **argv = calloc(nr + MAX_ADDED, sizeof(*argv));

	if (!argv)
		_exit(125);
	memcpy(argv, vm->argv, nr * sizeof(*argv));
	add_arg(argv, "-m");
	add_arg(argv, "%lluK", vm->memory / 1024);
	add_arg(argv, "-object");
	add_arg(argv, "memory-backend-file,id=luo-ram,size=%llu,mem-path=/proc/self/fd/%d,share=on",
		vm->memory, vm->ram);
	add_arg(argv, "-machine");
	add_arg(argv, "memory-backend=luo-ram");
	add_arg(argv, "-chardev");
	add_arg(argv, "socket,id=luo-qmp,fd=%d", sock);
	add_arg(argv, "-mon");
	add_arg(argv, "chardev=luo-qmp,mode=control");
	if (incoming) {
		add_arg(argv, "-incoming");
		add_arg(argv, "defer");
	}

	return argv;
}

static void __noreturn be_qemu(const struct vm *vm, int sock, bool incoming)
{
	char **argv = make_args(vm, sock, incoming);
	sigset_t none;

	/* A guest that nobody can update any more must not live on in secret */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fcntl(vm->ram, F_SETFD, 0) || fcntl(sock, F_SETFD, 0))
		_exit(125);
	execv(vm->path, argv);
	luo_note("%s: %s", vm->path, strerror(errno));
	_exit(126);
}

int vm_start(struct vm *vm, bool incoming)
{
	int socks[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks)) {
		luo_note("socketpair: %s", strerror(errno));
		return -errno;
	}
	fflush(NULL);
	vm->pid = fork();
	if (!vm->pid)
		be_qemu(vm, socks[1], incoming);
	close(socks[1]);
	if (vm->pid < 0) {
		err = -errno;
		luo_note("fork: %s", strerror(errno));
		vm->pid = 0;
		close(socks[0]);
		return err;
	}
	err = qmp_open(&vm->qmp, socks[0], vm->timeout_ms);
	if (!err)
		err = qmp_watch_migrations(&vm->qmp);
	if (err)
		vm_kill(vm);

	return err;
}

void vm_kill(struct vm *vm)
{
	qmp_close(&vm->qmp);
	if (!vm->pid)
		return;
	kill(vm->pid, SIGKILL);
	waitpid(vm->pid, NULL, 0);
	vm->pid = 0;
}

/* With the command "migrate" or "migrate-incoming"; to the end of it */
static int migrate(struct vm *vm, const char *command)
{
	struct json_object *args = luo_json_new();
	int err;

	luo_json_add_string(args, "uri", "fd:" STATE);
	vm->qmp.migration[0] = '\0';
	err = qmp_give_fd(&vm->qmp, vm->state, STATE);
	if (err) {
		json_object_put(args);
		return err;
	}
	err = qmp_command(&vm->qmp, command, args);

	return err ?: qmp_wait_for_migration(&vm->qmp);
}

static int say_checksum(const struct vm *vm, const char *when)
{
	uint64_t sum;
	int err;

	if (!vm->checksum)
		return 0;
	err = vm_checksum(vm->ram, &sum);
	if (err) {
		luo_note("reading the guest's memory: %s", strerror(-err));
		return err;
	}
	printf("%s: %s: checksum of its memory: %016llx\n", vm->name, when,
	       (unsigned long long)sum);
	fflush(stdout);

	return 0;
}

static int make_state(struct vm *vm)
{
	int err = vm_inject(vm, "state");

	vm->state = err ?: luo_make_memfd(STATE);
	if (vm->state >= 0)
		return 0;
	err = vm->state;
	vm->state = -1;
	if (err != -EIO)
		luo_note("memfd: %s", strerror(-err));

	return err;
}

static void drop_state(struct vm *vm)
{
	if (vm->state >= 0)
		close(vm->state);
	vm->state = -1;
}

int vm_save(struct vm *vm)
{
	int err = make_state(vm);

	if (err)
		return err;
	err = vm_inject(vm, "stop");
	if (vm->times)
		vm->times->stop = vm_cycles();
	if (!err)
		err = qmp_command(&vm->qmp, "stop", NULL);
	if (!err)
		err = vm_inject(vm, "migrate");
	if (!err)
		err = migrate(vm, "migrate");
	if (!err)
		err = say_checksum(vm, "stopped");
	if (vm->times)
		vm->times->saved = vm_cycles();
	if (err) {
		/* What is half there is of no use */
		drop_state(vm);
		return err;
	}

	err = vm_inject(vm, "die");
	if (err)
		vm_kill(vm);

	return err;
}

int vm_restore(struct vm *vm)
{
	/* With the state, KVM may write the time into the guest's memory */
	int err = say_checksum(vm, "to be restored");

	if (err)
		return err;
	vm->start = vm_cycles();
	if (lseek(vm->state, 0, SEEK_SET))
		return -errno;
	err = vm_start(vm, true);
	if (err)
		return err;
	err = migrate(vm, "migrate-incoming");
	vm->loaded = vm_cycles();
	if (!err)
		err = qmp_command(&vm->qmp, "cont", NULL);
	vm->resumed = vm_cycles();
	if (err)
		vm_kill(vm);
	else
		drop_state(vm);

	return err;
}

/* Is one going on that nobody waits for any more? */
static bool is_migrating(const struct qmp *qmp)
{
	static const char * const ends[] = {
		"", "completed", "failed", "cancelled",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(qmp->migration, ends[i]))
			return false;

	return true;
}

int vm_continue(struct vm *vm)
{
	int err = -EPIPE;

	if (vm->pid) {
		if (is_migrating(&vm->qmp) &&
		    !qmp_command(&vm->qmp, "migrate_cancel", NULL))
			qmp_wait_for_migration(&vm->qmp);
		err = qmp_command(&vm->qmp, "cont", NULL);
	}
	if (!err) {
		drop_state(vm);
		return 0;
	}
	if (vm->state < 0) {
		/* Whatever QEMU is about, to end it would be worse */
		luo_note("%s: QEMU does not answer: the guest may stand still",
			 vm->name);
		return err;
	}
	vm_kill(vm);
	luo_note("%s: starting QEMU again, with the state that was saved",
		 vm->name);

	return vm_restore(vm);
}
