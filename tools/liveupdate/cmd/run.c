// SPDX-License-Identifier: GPL-2.0
/* luo run: run a command with memfds that survive */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "luo.h"
#include "run.h"

/* As env, nohup and timeout have it: what is left is the command's own */
enum {
	RUN_FAILED = 125,
	RUN_CANNOT = 126,
	RUN_NOT_FOUND = 127,
};

#define DEFAULT_SIZE	(1024 * 1024)

static const char help[] =
"usage: luo run --session SESSION --memfd NAME[:SIZE]... -- COMMAND [ARG]...\n"
"\n"
"Run a command with memfds that survive live updates. In the first kernel they\n"
"are made; in each next kernel the same call of luo run finds them again, with\n"
"what is in them and the position. The command needs to know nothing of that:\n"
"\n"
"  descriptors from 3 on  the memfds, in the order of the options\n"
"  LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID\n"
"                         how many, their names, and for whom: sd_listen_fds(3)\n"
"  LUO_SESSION            the name of the session, escaped\n"
"  LUO_SESSION_FD         a descriptor of it, for more files to preserve\n"
"  LUO_RETRIEVED          how many memfds came over; 0 in the first kernel\n"
"\n"
"  --session SESSION    the session, unique in this machine\n"
"  --memfd NAME[:SIZE]  a memfd of SIZE bytes (K, M, G, T; default: 1M), which\n"
"                       can't change its size while it is preserved\n"
"  --fresh              go on without what came over damaged\n"
"  --help               this\n"
"\n"
"Exit status: the command's, 128 + N if signal N has ended it, 2 wrong call,\n"
"125 something is wrong, 126 the command can't be run, 127 there is none.\n";

struct run_memfd *run_find_memfd(struct run *run, const char *name)
{
	size_t i;

	for (i = 0; i < run->nr_memfds; i++)
		if (!strcmp(run->memfds[i].name, name))
			return &run->memfds[i];

	return NULL;
}

struct run_memfd *run_add_memfd(struct run *run, const char *name,
				unsigned long long size)
{
	struct run_memfd *memfd;

	run->memfds = luo_realloc_array(run->memfds, run->nr_memfds + 1,
					sizeof(*run->memfds));
	memfd = &run->memfds[run->nr_memfds++];
	*memfd = (struct run_memfd) { .size = size, .fd = -1 };
	snprintf(memfd->name, sizeof(memfd->name), "%s", name);

	return memfd;
}

/* LISTEN_FDNAMES has colons between names, which are printable */
static bool is_good_name(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == ':')
			return false;

	return *name && strlen(name) < RUN_MEMFD_NAME_SIZE;
}

static int read_memfd(struct run *run, char *text)
{
	char *colon = strchr(text, ':');
	unsigned long long size = DEFAULT_SIZE;

	if (colon) {
		*colon = '\0';
		if (luo_read_size(colon + 1, &size))
			return LUO_USAGE;
	}
	if (!is_good_name(text))
		return luo_usage_error("the name of a memfd has up to %d printable\n"
				       "characters without spaces and colons",
				       RUN_MEMFD_NAME_SIZE - 1);
	if (run_find_memfd(run, text))
		return luo_usage_error("there are two memfds '%s'", text);
	run_add_memfd(run, text, size);

	return LUO_OK;
}

/* What can go wrong should do so before anything is retrieved */
static int start(struct run *run, char *argv[])
{
	char *path = run_find_program(argv[0]);
	int ret;

	if (!path) {
		ret = errno == ENOENT ? RUN_NOT_FOUND : RUN_CANNOT;
		luo_note("%s: %s", argv[0], strerror(errno));
		return ret;
	}
	ret = run_prepare(run) ? RUN_FAILED : run_program(run, path, argv);
	free(path);

	return ret;
}

int luo_run(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "session", required_argument, NULL, 's' },
		{ "memfd", required_argument, NULL, 'm' },
		{ "fresh", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct run run = { .session = -1 };
	int opt;

	/* What comes behind the command is the command's */
	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			if (luo_read_name(optarg, run.session_name))
				return LUO_USAGE;
			break;
		case 'm':
			if (read_memfd(&run, optarg))
				return LUO_USAGE;
			break;
		case 'f':
			run.fresh = true;
			break;
		case 'h':
			return luo_help(help);
		default:
			return luo_bad_option();
		}
	}
	if (!*run.session_name)
		return luo_usage_error("which --session?");
	if (!run.nr_memfds)
		return luo_usage_error("which --memfd?");
	if (optind == argc)
		return luo_usage_error("which command?");

	return start(&run, argv + optind);
}
