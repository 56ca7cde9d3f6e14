// SPDX-License-Identifier: GPL-2.0
/* luo vm run: a guest, and who looks after it */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hold_client.h"
#include "luo.h"
#include "run.h"
#include "vm.h"

/* As luo run has them */
enum {
	RUN_FAILED = 125,
	RUN_CANNOT = 126,
	RUN_NOT_FOUND = 127,
};

#define DEFAULT_TIMEOUT	60
#define PAGE		4096

static const char help[] =
"usage: luo vm run --session SESSION --memory SIZE [OPTION]... -- QEMU [ARG]...\n"
"\n"
"Run QEMU with a guest that survives live updates. In each next kernel the same\n"
"call lets the guest go on where 'luo vm update' has stopped it. These arguments\n"
"are added: -m, -object memory-backend-file, -machine memory-backend, -chardev and\n"
"-mon, and -incoming.\n"
"\n"
"  --session SESSION  the name of the guest's session: letters, digits, '.-_@'\n"
"  --memory SIZE      how much memory the guest has (K, M, G, T)\n"
"  --timeout SECONDS  how long QEMU may take to do something (default: 60)\n"
"  --checksum         print a checksum of the guest's memory when it was stopped\n"
"                     and before it is restored (it goes on later for that)\n"
"  --timeline FILE    after an update, write there what it took its time for\n"
"  --inject FILE      for tests: fail at the step that is named in FILE (luo-vm(1)\n"
"                     tells which there are)\n"
"  --help             this\n"
"\n"
"Exit status: QEMU's, 128 + N if signal N has ended it, 2 wrong call, 125\n"
"something is wrong, 126 QEMU can't be run, 127 there is none.\n";

/* What the launcher waits for */
enum {
	SIGNALS,
	MONITOR,
	CONTROL,
	NR_POLL,
};

struct launcher {
	struct vm *vm;
	int signals, listener;

	/* Who does an update, or -1 */
	int client;

	/* The exit status, or -1 while there is none */
	int status;
};

static int suspend(struct vm *vm)
{
	int err;

	if (vm->session < 0 || vm->state >= 0) {
		luo_note("%s: it has to be prepared, and to run", vm->name);
		return -EINVAL;
	}
	err = vm_save(vm);

	return err ?: vm_preserve_state(vm);
}

/* The state goes out of the session with it, and can be read again */
static int abort_update(struct vm *vm, bool suspended)
{
	vm_unprepare(vm);

	return suspended ? vm_continue(vm) : 0;
}

/* Returns what to answer */
static const char *obey(struct launcher *launcher, const char *line,
			bool *suspended)
{
	struct vm *vm = launcher->vm;
	int err;

	if (!strcmp(line, "prepare")) {
		err = vm_prepare(vm);
	} else if (!strcmp(line, "suspend")) {
		*suspended = true;
		err = suspend(vm);
	} else if (!strcmp(line, "abort")) {
		err = abort_update(vm, *suspended);
		*suspended = false;
		if (err && !vm->pid)
			launcher->status = RUN_FAILED;
	} else {
		err = -EPROTO;
	}

	return err ? strerror(-err) : "ok";
}

static void take_signals(struct launcher *launcher)
{
	struct vm *vm = launcher->vm;
	struct signalfd_siginfo info;
	int status;

	if (read(launcher->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGCHLD) {
		/* What the terminal sends, QEMU gets from there, too */
		if (vm->pid && info.ssi_code != SI_KERNEL)
			kill(vm->pid, info.ssi_signo);
		if (!vm->pid)
			launcher->status = 128 + info.ssi_signo;
		return;
	}
	if (!vm->pid || waitpid(vm->pid, &status, WNOHANG) != vm->pid)
		return;
	vm->pid = 0;
	qmp_close(&vm->qmp);

	/* Stopped, and saved: another QEMU can go on with it */
	if (vm->state < 0)
		launcher->status = WIFSIGNALED(status) ?
			128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void close_client(struct launcher *launcher)
{
	close(launcher->client);
	launcher->client = -1;
}

static void take_control(struct launcher *launcher, bool *suspended)
{
	char line[32];

	if (launcher->client < 0) {
		launcher->client = accept4(launcher->listener, NULL, NULL,
					   SOCK_CLOEXEC);
		return;
	}
	if (!vm_read_line(launcher->client, line, sizeof(line)) &&
	    !vm_send_line(launcher->client, obey(launcher, line, suspended)))
		return;

	/* Whoever did the update is gone, and it has not happened */
	if (launcher->vm->session >= 0 || *suspended)
		obey(launcher, "abort", suspended);
	close_client(launcher);
}

static void take_monitor(struct vm *vm)
{
	/* Why QEMU has ended, its exit status tells */
	if (qmp_listen(&vm->qmp))
		qmp_close(&vm->qmp);
}

static int look_after(struct launcher *launcher)
{
	struct pollfd fds[NR_POLL];
	bool suspended = false;

	while (launcher->status < 0) {
		fds[SIGNALS] = (struct pollfd) { .fd = launcher->signals };
		fds[MONITOR] = (struct pollfd) { .fd = launcher->vm->qmp.sock };
		fds[CONTROL] = (struct pollfd) {
			.fd = launcher->client >= 0 ? launcher->client :
						      launcher->listener,
		};
		fds[SIGNALS].events = POLLIN;
		fds[MONITOR].events = POLLIN;
		fds[CONTROL].events = POLLIN;
		if (poll(fds, NR_POLL, -1) < 0)
			continue;
		if (fds[MONITOR].revents)
			take_monitor(launcher->vm);
		if (fds[SIGNALS].revents)
			take_signals(launcher);
		else if (fds[CONTROL].revents)
			take_control(launcher, &suspended);
	}
	vm_kill(launcher->vm);

	return launcher->status;
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);

	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* A guest that came over goes on; it is all the launcher's then */
static int resume(struct vm *vm, int incoming)
{
	int err = vm_restore(vm);

	if (err)
		return err;
	err = lu_session_finish(incoming);
	if (err)
		luo_note("%s: finishing the session: %s", vm->name,
			 strerror(-err));
	if (vm->timeline)
		vm_times_write(vm);
	vm_times_drop(vm);
	printf("%s: it goes on\n", vm->name);

	return luo_flush();
}

static int start(struct vm *vm)
{
	int incoming, err = vm_find(vm, &incoming);

	if (!err)
		err = incoming >= 0 ? resume(vm, incoming) :
				      vm_start(vm, false);
	if (err && incoming >= 0)
		luo_hold_rescue(vm->name, incoming);
	if (incoming >= 0)
		close(incoming);

	return err;
}

/* Whatever can be known to fail does so before anything is retrieved */
static int run(struct vm *vm)
{
	struct launcher launcher = { .vm = vm, .client = -1, .status = -1 };
	int ret = RUN_FAILED;

	launcher.listener = vm_listen(vm->name);
	if (launcher.listener == -EADDRINUSE)
		luo_note("%s runs already", vm->name);
	else if (launcher.listener < 0)
		luo_note("%s: its control socket: %s", vm->name,
			 strerror(-launcher.listener));
	if (launcher.listener < 0)
		return ret;
	launcher.signals = block_signals();
	if (launcher.signals < 0)
		luo_note("signals: %s", strerror(errno));
	else if (!start(vm))
		ret = look_after(&launcher);
	vm_unlisten(vm->name, launcher.listener);

	return ret;
}

static int find_qemu(struct vm *vm)
{
	char *path = run_find_program(vm->argv[0]);
	int ret;

	if (!path) {
		ret = errno == ENOENT ? RUN_NOT_FOUND : RUN_CANNOT;
		luo_note("%s: %s", vm->argv[0], strerror(errno));
		return ret;
	}
	vm->path = path;
	ret = run(vm);
	free(path);

	return ret;
}

/* It names a file, too */
static bool is_good_name(const char *name)
{
	static const char others[] = ".-_@";
	const char *p;

	for (p = name; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && !strchr(others, *p))
			return false;

	return *name && *name != '.' && strlen(name) < LU_NAME_SIZE;
}

static int read_timeout(const char *text, int *ms)
{
	unsigned long long seconds;

	if (luo_read_size(text, &seconds))
		return LUO_USAGE;
	if (seconds > INT32_MAX / 1000)
		return luo_usage_error("that long a --timeout is none");
	*ms = seconds * 1000;

	return LUO_OK;
}

static int check_vm(const struct vm *vm)
{
	if (!*vm->name)
		return luo_usage_error("which --session?");
	if (!vm->memory)
		return luo_usage_error("how much --memory?");
	if (vm->memory % PAGE)
		return luo_usage_error("memory comes in pages of %d bytes", PAGE);
	if (!vm->argv[0])
		return luo_usage_error("which QEMU?");

	return LUO_OK;
}

int vm_run(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "session", required_argument, NULL, 's' },
		{ "memory", required_argument, NULL, 'm' },
		{ "timeout", required_argument, NULL, 't' },
		{ "checksum", no_argument, NULL, 'c' },
		{ "timeline", required_argument, NULL, 'l' },
		{ "inject", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct vm vm = {
		.timeout_ms = DEFAULT_TIMEOUT * 1000,
		.ram = -1, .state = -1, .session = -1, .times_fd = -1,
		.qmp = { .sock = -1 },
	};
	int opt;

	/* What comes behind QEMU is QEMU's */
	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			if (!is_good_name(optarg))
				return luo_usage_error("a name has %d letters, digits, '.-_@'",
						       LU_NAME_SIZE - 1);
			snprintf(vm.name, sizeof(vm.name), "%s", optarg);
			break;
		case 'm':
			if (luo_read_size(optarg, &vm.memory))
				return LUO_USAGE;
			break;
		case 't':
			if (read_timeout(optarg, &vm.timeout_ms))
				return LUO_USAGE;
			break;
		case 'c':
			vm.checksum = true;
			break;
		case 'l':
			vm.timeline = optarg;
			break;
		case 'i':
			vm.inject = optarg;
			break;
		case 'h':
			return luo_help(help);
		default:
			return luo_bad_option();
		}
	}
	vm.argv = argv + optind;

	return check_vm(&vm) ?: find_qemu(&vm);
}
