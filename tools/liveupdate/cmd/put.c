// SPDX-License-Identifier: GPL-2.0
/* luo put: preserve what comes from stdin */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hold_client.h"
#include "luo.h"
#include "memfd.h"

static const char help[] =
"usage: luo put [--name NAME] SESSION TOKEN < FILE\n"
"\n"
"Make a memfd of what comes from stdin, and preserve it as TOKEN in SESSION,\n"
"which luo hold has. If there is no such session, it is made.\n"
"\n"
"  --name NAME  the name of the memfd (default: luo)\n"
"  --help       this\n"
"\n"
"Exit status: 0 done, 1 something is wrong and nothing has changed, 2 wrong\n"
"call.\n";

static int copy_stdin(int fd)
{
	static char buf[1 << 16];
	ssize_t got;
	int err = 0;

	while (!err) {
		got = read(STDIN_FILENO, buf, sizeof(buf));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return luo_error("stdin: %s", strerror(errno));
		if (!got)
			break;
		err = luo_write_all(fd, buf, got);
	}

	/* Who retrieves it reads it from the start */
	if (!err && lseek(fd, 0, SEEK_SET))
		err = -errno;

	return err ? luo_error("writing the memfd: %s", strerror(-err)) : LUO_OK;
}

/* A new session that luo hold has, too; @made if it had none before */
static int make_session(int hold, const char *name, bool *made)
{
	int dev, session, err;

	dev = luo_open_device();
	if (dev < 0)
		return dev;
	session = lu_session_create(dev, name);
	close(dev);
	if (session == -EEXIST) {
		luo_note("somebody else than luo hold has a new session of this name:\n"
			 "take another one");
		return session;
	}
	if (session < 0) {
		luo_note("creating the session: %s", strerror(-session));
		return session;
	}
	err = luo_hold_keep(hold, session);
	if (!err) {
		*made = true;
		return session;
	}
	luo_note("luo hold did not take the session: %s", strerror(-err));
	close(session);

	return err;
}

static int find_session(int hold, const char *name, bool *made)
{
	int session = luo_hold_get(hold, name, false);

	*made = false;
	if (session == -ENOKEY)
		return make_session(hold, name, made);
	if (session < 0)
		luo_note("luo hold: %s", strerror(-session));

	return session;
}

static int explain(int err, unsigned long long token)
{
	if (err == -EEXIST)
		return luo_error("the session has a file %llu already.\n"
				 "'luo discard --new SESSION TOKEN' takes it out",
				 token);
	if (err == -ENOENT)
		return luo_error("this kernel can't preserve memfds:\n"
				 "it takes CONFIG_LIVEUPDATE_MEMFD");

	return luo_error("preserving: %s: see the kernel's log",
			 strerror(-err));
}

static int preserve(int hold, int fd, const char *name, unsigned long long token)
{
	bool made;
	int session, err;

	session = find_session(hold, name, &made);
	if (session < 0)
		return LUO_ERROR;
	err = lu_file_preserve(session, fd, token);
	close(session);
	if (err && made)
		luo_hold_drop(hold, name, false);

	return err ? explain(err, token) : LUO_OK;
}

static int put(const char *name, unsigned long long token, const char *memfd_name)
{
	int hold, fd, ret;

	hold = luo_need_hold();
	if (hold < 0)
		return LUO_ERROR;
	fd = luo_make_memfd(memfd_name);
	if (fd < 0)
		return luo_error("making a memfd: %s", strerror(-fd));
	ret = copy_stdin(fd);
	if (!ret)
		ret = preserve(hold, fd, name, token);
	close(fd);
	close(hold);

	return ret;
}

int luo_put(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *memfd_name = "luo";
	char name[LU_NAME_SIZE];
	unsigned long long token;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			memfd_name = optarg;
			break;
		case 'h':
			return luo_help(help);
		default:
			return luo_bad_option();
		}
	}
	if (argc - optind != 2)
		return luo_usage_error("which SESSION and TOKEN?");
	if (luo_read_name(argv[optind], name) ||
	    luo_read_token(argv[optind + 1], &token))
		return LUO_USAGE;

	return put(name, token, memfd_name);
}
