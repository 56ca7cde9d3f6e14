// SPDX-License-Identifier: GPL-2.0
/* luo get: write what came over to stdout */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hold_client.h"
#include "luo.h"

static const char help[] =
"usage: luo get SESSION TOKEN > FILE\n"
"\n"
"Write the file TOKEN of SESSION, which came from the previous kernel, to\n"
"stdout. As a session is finished when nobody has it any more, luo hold has to\n"
"run, and has it from then on: all its files can be had, as often as it takes,\n"
"until 'luo finish SESSION'.\n"
"\n"
"  --help  this\n"
"\n"
"Exit status: 0 done, 1 something is wrong and the session is still there,\n"
"2 wrong call.\n";

static int explain_session(int err)
{
	if (err == -ENOENT)
		return luo_error("no session of this name came over; 'luo list' shows what did");
	if (err == -EINVAL)
		return luo_error("somebody else than luo hold has retrieved the session");
	if (err == -EIO)
		return luo_error("no session of this name came over, unless damaged.\n"
				 "'luo status' tells about the damage");

	return luo_error("retrieving the session: %s", strerror(-err));
}

/* What can't be read again must not be retrieved if nobody will keep it */
static int retrieve(int hold, const char *name, int *session)
{
	int dev = luo_open_device(), err;

	if (dev < 0)
		return LUO_ERROR;
	*session = lu_session_retrieve(dev, name);
	close(dev);
	if (*session < 0)
		return explain_session(*session);
	err = luo_hold_keep(hold, *session);
	if (!err)
		return LUO_OK;
	close(*session);

	return luo_error("luo hold did not take the session: %s.\n"
			 "It had to be let go of, and is finished now",
			 strerror(-err));
}

static int find_session(int hold, const char *name, int *session)
{
	*session = luo_hold_get(hold, name, true);
	if (*session >= 0)
		return LUO_OK;
	if (*session != -ENOKEY)
		return luo_error("luo hold: %s", strerror(-*session));

	return retrieve(hold, name, session);
}

static int explain_file(int err, unsigned long long token)
{
	switch (-err) {
	case ENOENT:
		return luo_error("the session has no file %llu;\n"
				 "'luo list SESSION' shows those that it has",
				 token);
	case ENODEV:
		return luo_error("no driver for this file is there:\n"
				 "load it, and try again ('luo list SESSION' names its handler)");
	case EIO:
		return luo_error("file %llu came over damaged, if it was there, or its driver\n"
				 "could not read it: see the kernel's log",
				 token);
	case ENOMEM:
	case ENFILE:
	case EMFILE:
		return luo_error("%s: nothing is lost, try again when there is room",
				 strerror(-err));
	default:
		return luo_error("retrieving the file: %s: see the kernel's log",
				 strerror(-err));
	}
}

/* Its position is not touched: that survives, too */
static int copy(int fd)
{
	static char buf[1 << 16];
	off_t offset = 0;
	ssize_t got;
	int err;

	for (;;) {
		got = pread(fd, buf, sizeof(buf), offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return luo_error("reading the file: %s",
					 strerror(errno));
		if (!got)
			return LUO_OK;
		err = luo_write_all(STDOUT_FILENO, buf, got);
		if (err)
			return luo_error("stdout: %s", strerror(-err));
		offset += got;
	}
}

static int get(const char *name, unsigned long long token)
{
	int hold, session, fd, ret;

	hold = luo_need_hold();
	if (hold < 0)
		return LUO_ERROR;
	ret = find_session(hold, name, &session);
	close(hold);
	if (ret)
		return ret;
	fd = lu_file_retrieve(session, token);
	close(session);
	if (fd < 0)
		return explain_file(fd, token);
	ret = copy(fd);
	close(fd);

	return ret;
}

int luo_get(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	char name[LU_NAME_SIZE];
	unsigned long long token;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		return opt == 'h' ? luo_help(help) : luo_bad_option();
	if (argc - optind != 2)
		return luo_usage_error("which SESSION and TOKEN?");
	if (luo_read_name(argv[optind], name) ||
	    luo_read_token(argv[optind + 1], &token))
		return LUO_USAGE;
	if (isatty(STDOUT_FILENO))
		luo_note("stdout is a terminal; the contents may be no text");

	return get(name, token);
}
