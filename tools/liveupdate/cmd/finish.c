// SPDX-License-Identifier: GPL-2.0
/* luo finish: end the live update of a session that came over */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hold_client.h"
#include "luo.h"

static const char help[] =
"usage: luo finish SESSION\n"
"\n"
"End the live update for a session that came from the previous kernel and that\n"
"luo hold has: what was preserved of it goes, whether anybody has read it or\n"
"not. Who has one of its files open keeps that. To give up a session that\n"
"nobody has retrieved, use 'luo discard SESSION'.\n"
"\n"
"  --help  this\n"
"\n"
"Exit status: 0 done, 1 something is wrong and nothing has changed, 2 wrong\n"
"call.\n";

static int finish_session(const char *name)
{
	int hold, session, err;

	hold = luo_need_hold();
	if (hold < 0)
		return LUO_ERROR;
	session = luo_hold_get(hold, name, true);
	if (session == -ENOKEY)
		return luo_error("luo hold has no such session that came over.\n"
				 "'luo list' shows all. If nobody has retrieved it,\n"
				 "'luo get' does, and 'luo discard' gives it up");
	if (session < 0)
		return luo_error("luo hold: %s", strerror(-session));

	err = lu_session_finish(session);
	close(session);
	if (err == -EBUSY)
		return luo_error("a file can't finish yet. Load its driver, or give it up\n"
				 "with 'luo discard'; 'luo list SESSION' shows which");
	if (err)
		return luo_error("finish: %s", strerror(-err));
	err = luo_hold_drop(hold, name, true);
	close(hold);
	if (err)
		return luo_error("the session is finished, but luo hold did not let go of it: %s",
				 strerror(-err));

	return LUO_OK;
}

int luo_finish(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	char name[LU_NAME_SIZE];
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		return opt == 'h' ? luo_help(help) : luo_bad_option();
	if (argc - optind != 1)
		return luo_usage_error("which SESSION?");
	if (luo_read_name(argv[optind], name))
		return LUO_USAGE;

	return finish_session(name);
}
