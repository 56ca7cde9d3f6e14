// SPDX-License-Identifier: GPL-2.0
/*
 * What is preserved beside virtual machines, by a process that does nothing else:
 *
 *	memory	a memfd of 256 MiB; found and checked in the next kernel by the
 *		same call
 *	counter	the file of a driver, which the tests can make refuse
 *
 * Says "ready" in the file that is named behind it, or what is wrong, and stays.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define SIZE	(256 * MIB)
#define SEED	0x70656572
#define TOKEN	1

static const char *say_in;

static void __printf(1, 2) say(const char *fmt, ...)
{
	FILE *file = fopen(say_in, "we");
	va_list args;

	va_start(args, fmt);
	if (file) {
		vfprintf(file, fmt, args);
		fputc('\n', file);
		fclose(file);
	}
	va_end(args);
}

/* From the previous kernel, or a new one; a negative errno */
static int find_memory(int dev)
{
	int session = luo_retrieve_session(dev, "memory"), fd;
	struct stat st;

	if (session == -ENOENT) {
		fd = luo_memfd("memory", 0, SIZE);
		return fd < 0 ? fd : luo_map_pattern(fd, 0, SIZE, SEED) ?: fd;
	}
	if (session < 0)
		return session;
	fd = luo_retrieve(session, TOKEN);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || st.st_size != SIZE ||
	    luo_verify_pattern(fd, 0, SIZE, SEED))
		return -EBADMSG;
	luo_finish(session);
	close(session);

	return fd;
}

static int find_counter(void)
{
	int err = module_load(DEV_MODULE, "");

	if (!err)
		err = module_load(COUNTER_MODULE, "");

	return err ?: counter_new(1);
}

int main(int argc, char *argv[])
{
	int dev, fd, session, err;

	if (argc != 3) {
		fprintf(stderr, "usage: %s memory|counter FILE\n", argv[0]);
		return 1;
	}
	say_in = argv[2];
	dev = luo_need_device();
	fd = !strcmp(argv[1], "memory") ? find_memory(dev) : find_counter();
	session = luo_create_session(dev, argv[1]);
	close(dev);
	err = fd < 0 ? fd : session < 0 ? session :
	      luo_preserve(session, fd, TOKEN);
	if (err)
		say("wrong: %s", strerror(-err));
	else
		say("ready");
	for (;;)
		pause();
}
