// SPDX-License-Identifier: GPL-2.0
/* luo: live update from the command line. See luo(1). */

#include <stdio.h>
#include <string.h>

#include "luo.h"

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
	const char *summary;
} commands[] = {
	{ "status", luo_status, "tell whether live update is on, and how it went" },
	{ "list", luo_list, "list sessions, or the files of a session" },
	{ "run", luo_run, "run a command with memfds that survive" },
	{ "hold", luo_hold, "keep sessions alive until the kexec" },
	{ "put", luo_put, "preserve what comes from stdin" },
	{ "get", luo_get, "write what came over to stdout" },
	{ "finish", luo_finish, "end the live update of a session that came over" },
	{ "discard", luo_discard, "give up a session, a file, or damaged memory" },
	{ "kexec", luo_kexec, "check what will survive, and start the next kernel" },
	{ "vm", luo_vm, "run virtual machines that outlive the kernel" },
	{ "timeline", luo_timeline, "tell what the last live update spent its time on" },
};

static int print_help(void)
{
	size_t i;

	puts("usage: luo COMMAND [ARGUMENT]...\n\n"
	     "Keep files across the replacement of the running kernel.\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s%s\n", commands[i].name, commands[i].summary);
	puts("\n'luo COMMAND --help' tells more, luo(1) all. Exit status: 0 done,\n"
	     "1 it could not be done, 2 wrong call.");

	return luo_flush();
}

int main(int argc, char *argv[])
{
	size_t i;

	if (argc < 2)
		return luo_usage_error("which command?");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help"))
		return print_help();
	if (!strcmp(argv[1], "--version")) {
		puts("luo " LUO_VERSION);
		return luo_flush();
	}

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		snprintf(luo_prog, sizeof(luo_prog), "luo %s", argv[1]);
		return commands[i].run(argc - 1, argv + 1);
	}

	return luo_usage_error("there is no command '%s'", argv[1]);
}
