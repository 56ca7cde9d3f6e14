// SPDX-License-Identifier: GPL-2.0
/* luo vm update: start the next kernel, and take the guests along */

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kexec.h"
#include "luo.h"
#include "vm.h"

static const char help[] =
"usage: luo vm update [--kernel FILE [--initrd FILE] COMMAND-LINE] [--force]\n"
"                     [SESSION]... [-- COMMAND [ARG]...]\n"
"\n"
"Start the next kernel, with the guests of these sessions, or of all luo vm run\n"
"that there are. Say what will and what will not survive before, as luo kexec\n"
"does. The guests stand still from just before the kexec on. If anything fails,\n"
"all of them go on in this kernel.\n"
"\n"
"  --kernel FILE      load this kernel first; else one is loaded already\n"
"  --initrd FILE      its initrd\n"
"\n"
"COMMAND-LINE, for the next kernel:\n"
"  --reuse-cmdline    the one of this kernel\n"
"  --command-line S   this one\n"
"  --append S         more words behind it\n"
"\n"
"  --force            do it even if it is refused\n"
"  -- COMMAND         how to start the kernel, instead of reboot(2)\n"
"  --help             this\n"
"\n"
"Exit status: 1 it has not happened, and all goes on as before; 2 wrong call.\n";

struct guest {
	char name[LU_NAME_SIZE];
	int sock;
};

struct update {
	struct kexec_plan plan;
	bool force;
	struct guest *guests;
	size_t nr_guests;

	/* Instead of reboot(2), or NULL */
	char **command;
};

static int add_guest(struct update *update, const char *name, size_t len)
{
	struct guest *guest;

	if (!len || len >= LU_NAME_SIZE)
		return luo_error("there is no guest '%.*s'", (int)len, name);
	update->guests = luo_realloc_array(update->guests,
					   update->nr_guests + 1,
					   sizeof(*guest));
	guest = &update->guests[update->nr_guests++];
	*guest = (struct guest) { .sock = -1 };
	memcpy(guest->name, name, len);

	return LUO_OK;
}

/* All that there are. Of a launcher that has died only the file is left */
static int find_guests(struct update *update)
{
	struct sockaddr_un address;
	struct dirent *entry;
	size_t len, suffix = strlen(VM_SUFFIX);
	DIR *dir;

	vm_address("", &address);
	*strrchr(address.sun_path, '/') = '\0';
	dir = opendir(address.sun_path);
	if (!dir)
		return luo_error("no luo vm run is there (%s: %s)",
				 address.sun_path, strerror(errno));
	while ((entry = readdir(dir))) {
		len = strlen(entry->d_name);
		if (len > suffix &&
		    !strcmp(entry->d_name + len - suffix, VM_SUFFIX))
			add_guest(update, entry->d_name, len - suffix);
	}
	closedir(dir);

	return LUO_OK;
}

/* 0, -ENOENT if no launcher is there, or another negative errno */
static int connect_guest(struct guest *guest)
{
	struct sockaddr_un address;
	int err;

	err = vm_address(guest->name, &address);
	if (err)
		return err;
	guest->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (guest->sock < 0)
		return -errno;
	if (!connect(guest->sock, (struct sockaddr *)&address, sizeof(address)))
		return 0;
	err = errno == ECONNREFUSED ? -ENOENT : -errno;
	close(guest->sock);
	guest->sock = -1;

	return err;
}

static int connect_all(struct update *update, bool asked_for)
{
	size_t i, nr = 0;
	int err;

	for (i = 0; i < update->nr_guests; i++) {
		err = connect_guest(&update->guests[i]);
		if (err && (asked_for || err != -ENOENT))
			return luo_error("%s: %s", update->guests[i].name,
					 err == -ENOENT ? "no luo vm run is there for it" :
					 strerror(-err));
		nr += !err;
	}
	if (!nr)
		return luo_error("no luo vm run is there");

	return LUO_OK;
}

static int hear(const struct guest *guest, const char *what)
{
	char answer[128];
	int err;

	err = vm_read_line(guest->sock, answer, sizeof(answer));
	if (!err && !strcmp(answer, "ok"))
		return LUO_OK;

	return luo_error("%s: %s: %s", guest->name, what, !err ? answer :
			 err == -EPIPE ? "its luo vm run has ended" :
			 strerror(-err));
}

/* All at once, so that they take no longer than the slowest of them */
static int tell_all(const struct update *update, const char *what)
{
	int ret = LUO_OK;
	size_t i;

	for (i = 0; i < update->nr_guests; i++)
		if (update->guests[i].sock >= 0)
			vm_send_line(update->guests[i].sock, what);
	for (i = 0; i < update->nr_guests; i++)
		if (update->guests[i].sock >= 0 &&
		    hear(&update->guests[i], what))
			ret = LUO_ERROR;

	return ret;
}

static int run_command(char *argv[])
{
	pid_t child = fork();
	int status;

	if (!child) {
		execvp(argv[0], argv);
		luo_note("%s: %s", argv[0], strerror(errno));
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return luo_error("%s: %s", argv[0], strerror(errno));

	return luo_error("%s has ended, and the kernel still runs", argv[0]);
}

static int jump(const struct update *update)
{
	int ret = tell_all(update, "suspend");

	if (ret)
		return ret;

	return update->command ? run_command(update->command) : kexec_jump();
}

/*
 * What takes long comes first, as the guests run until the jump. They have sessions
 * when it is told what will survive.
 */
static int prepare(struct update *update)
{
	int ret = tell_all(update, "prepare");

	if (!ret)
		ret = kexec_check(&update->plan, false, update->force);
	if (!ret && update->plan.load)
		ret = kexec_load(&update->plan);
	if (!ret)
		sync();

	return ret;
}

static int act(struct update *update)
{
	int ret = prepare(update);

	if (!ret)
		ret = jump(update);
	if (tell_all(update, "abort"))
		return LUO_ERROR;
	luo_note("it has not happened: all guests go on");

	return ret;
}

static int run(struct update *update, char *names[], size_t nr_names)
{
	int ret = LUO_OK;
	size_t i;

	for (i = 0; i < nr_names && !ret; i++)
		ret = add_guest(update, names[i], strlen(names[i]));
	if (!ret && !nr_names)
		ret = find_guests(update);
	if (!ret)
		ret = connect_all(update, nr_names);
	if (!ret)
		ret = act(update);
	for (i = 0; i < update->nr_guests; i++)
		if (update->guests[i].sock >= 0)
			close(update->guests[i].sock);
	free(update->guests);
	free(update->plan.cmdline);

	return ret;
}

int vm_update(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "reuse-cmdline", no_argument, NULL, 'r' },
		{ "command-line", required_argument, NULL, 'c' },
		{ "append", required_argument, NULL, 'a' },
		{ "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct update update = { 0 };
	int opt, end;

	/* Names, and a command behind "--" */
	for (end = 1; end < argc && strcmp(argv[end], "--"); end++)
		;
	if (end < argc) {
		update.command = argv + end + 1;
		if (!*update.command)
			return luo_usage_error("which command?");
	}
	while ((opt = getopt_long(end, argv, "h", options, NULL)) != -1) {
		if (kexec_plan_option(&update.plan, opt, optarg))
			continue;
		if (opt != 'f')
			return opt == 'h' ? luo_help(help) : luo_bad_option();
		update.force = true;
	}
	update.plan.load = kexec_plan_given(&update.plan);
	if (update.plan.load && kexec_plan_complete(&update.plan))
		return LUO_USAGE;

	return run(&update, argv + optind, end - optind);
}
