// SPDX-License-Identifier: GPL-2.0
/* luo discard: give up a session, a file, or damaged memory */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hold_client.h"
#include "json.h"
#include "luo.h"

static const char help[] =
"usage: luo discard SESSION          one that came over and that nobody has\n"
"       luo discard SESSION TOKEN    a file of one that came over and luo hold has\n"
"       luo discard --new SESSION [TOKEN]\n"
"                                    a new one that luo hold has, or a file of it\n"
"       luo discard --damaged [--json]\n"
"                                    all that came over damaged\n"
"\n"
"Give up what is preserved: its memory goes back to the system.\n"
"\n"
"  --json  tell as JSON how much memory that was\n"
"  --help  this\n"
"\n"
"Exit status: 0 done, 1 something is wrong and nothing has changed, 2 wrong\n"
"call.\n";

static int discard_damaged(bool json)
{
	struct json_object *object;
	unsigned long long bytes = 0;
	int dev, err;

	dev = luo_open_device();
	if (dev < 0)
		return LUO_ERROR;
	err = lu_discard_damaged(dev, &bytes);
	close(dev);
	if (err)
		return luo_error("discarding damaged memory: %s",
				 strerror(-err));
	if (json) {
		object = luo_json_new();
		luo_json_add_number(object, "bytes", bytes);
		return luo_json_print(object);
	}
	printf("%llu bytes went back to the system\n", bytes);

	return luo_flush();
}

static int discard_session(const char *name)
{
	int dev, err;

	dev = luo_open_device();
	if (dev < 0)
		return LUO_ERROR;
	err = lu_session_discard(dev, name);
	close(dev);
	switch (-err) {
	case 0:
		return LUO_OK;
	case EBUSY:
		return luo_error("somebody has retrieved it, or a file can't finish yet.\n"
				 "If luo hold has it, 'luo finish SESSION' gives it up");
	case ENOENT:
		return luo_error("no session of this name came over.\n"
				 "'luo list' shows what did, --new is for this kernel's");
	case EIO:
		return luo_error("no session of this name came over, unless damaged.\n"
				 "'luo discard --damaged' gives up all that is");
	default:
		return luo_error("discarding the session: %s", strerror(-err));
	}
}

/* A session that luo hold has */
static int held_session(int hold, const char *name, bool incoming)
{
	int session = luo_hold_get(hold, name, incoming);

	if (session == -ENOKEY)
		luo_note("luo hold has no such session %s; 'luo hold --list' shows what it has",
			 incoming ? "that came over" : "of this kernel");
	else if (session < 0)
		luo_note("luo hold: %s", strerror(-session));

	return session;
}

static int discard_file(const char *name, bool incoming, unsigned long long token)
{
	int hold, session, err;

	hold = luo_need_hold();
	if (hold < 0)
		return LUO_ERROR;
	session = held_session(hold, name, incoming);
	close(hold);
	if (session < 0)
		return LUO_ERROR;
	err = incoming ? lu_file_discard(session, token) :
			 lu_file_unpreserve(session, token);
	close(session);
	switch (-err) {
	case 0:
		return LUO_OK;
	case ENOENT:
		return luo_error("the session has no file %llu;\n"
				 "'luo list SESSION' shows those that it has",
				 token);
	case EBUSY:
		return luo_error("%s", incoming ?
				 "the file was retrieved, and goes with 'luo finish SESSION'" :
				 "another file of the session needs it");
	default:
		return luo_error("discarding the file: %s", strerror(-err));
	}
}

static int discard_new(const char *name)
{
	int hold, session, err;

	hold = luo_need_hold();
	if (hold < 0)
		return LUO_ERROR;
	session = held_session(hold, name, false);
	if (session < 0)
		return LUO_ERROR;
	close(session);
	err = luo_hold_drop(hold, name, false);
	close(hold);

	return err ? luo_error("luo hold: %s", strerror(-err)) : LUO_OK;
}

static int discard(int argc, char *argv[], bool new)
{
	char name[LU_NAME_SIZE];
	unsigned long long token;

	if (argc < 1 || argc > 2)
		return luo_usage_error("which SESSION, and perhaps TOKEN?");
	if (luo_read_name(argv[0], name))
		return LUO_USAGE;
	if (argc == 2) {
		if (luo_read_token(argv[1], &token))
			return LUO_USAGE;
		return discard_file(name, !new, token);
	}

	return new ? discard_new(name) : discard_session(name);
}

int luo_discard(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "new", no_argument, NULL, 'n' },
		{ "damaged", no_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool new = false, damaged = false, json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			new = true;
			break;
		case 'd':
			damaged = true;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			return luo_help(help);
		default:
			return luo_bad_option();
		}
	}
	if (damaged && (new || optind < argc))
		return luo_usage_error("--damaged is all that is damaged, and nothing else");
	if (json && !damaged)
		return luo_usage_error("--json goes with --damaged only");

	return damaged ? discard_damaged(json) :
			 discard(argc - optind, argv + optind, new);
}
