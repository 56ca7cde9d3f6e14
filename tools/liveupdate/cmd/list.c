// SPDX-License-Identifier: GPL-2.0
/* luo list: the sessions that there are, and their files */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "state.h"

static const char help[] =
"usage: luo list [OPTION]... [SESSION]\n"
"\n"
"List all sessions, or the files of those that are called SESSION.\n"
"\n"
"  --new       only sessions that were made in this kernel\n"
"  --incoming  only those that came from the previous kernel\n"
"  --debugfs   ask debugfs, not the device\n"
"  --json      as JSON, with all files\n"
"  --help      this\n"
"\n"
"Exit status: 0 done, 1 there is no session of that name or something is\n"
"wrong, 2 wrong call.\n";

struct what {
	bool new, incoming, debugfs, json;

	/* "" for all */
	char name[LU_NAME_SIZE];
};

static bool is_wanted(const struct luo_session_state *session,
		      const struct what *what)
{
	if (*what->name && strcmp(session->info.name, what->name))
		return false;

	return luo_is_incoming(session) ? what->incoming : what->new;
}

static int print_json(const struct luo_state *state, const struct what *what)
{
	struct json_object *object = luo_json_new();
	struct json_object *sessions = luo_json_new_array();
	size_t i;

	for (i = 0; i < state->nr_sessions; i++)
		if (is_wanted(&state->sessions[i], what))
			luo_json_append(sessions,
					luo_json_session(&state->sessions[i]));
	luo_json_add_string(object, "source", state->source);
	luo_json_add(object, "sessions", sessions);

	return luo_json_print(object);
}

static void print_session(const struct luo_session_state *session)
{
	const struct lu_session *info = &session->info;
	char text[LU_ESCAPED_SIZE];

	printf("%-10s%8llu%14llu%6llu  %-5s%-9s%s\n",
	       luo_session_word(info), info->nr_files, info->bytes, info->age,
	       session->held ? "yes" : "no",
	       info->flags & LU_SESSION_DAMAGED ? "damaged" : "-",
	       luo_show_name(info->name, text));
}

static void print_files(const struct luo_session_state *session)
{
	const struct lu_file *file;
	char text[4 * LU_HANDLER_SIZE];
	size_t i;

	for (i = 0; i < session->nr_files; i++) {
		file = &session->files[i];
		lu_escape_name(file->handler, text, sizeof(text));
		printf("%-10s%20llu%14llu  %-12s%-24s%s\n",
		       luo_session_word(&session->info), file->token,
		       file->bytes, lu_file_state_name(file->state), text,
		       file->error ? strerror(file->error) : "-");
	}
}

static int print_text(const struct luo_state *state, const struct what *what)
{
	size_t i;

	if (*what->name)
		printf("%-10s%20s%14s  %-12s%-24s%s\n", "SESSION", "TOKEN",
		       "BYTES", "STATE", "HANDLER", "ERROR");
	else
		printf("%-10s%8s%14s%6s  %-5s%-9s%s\n", "STATE", "FILES",
		       "BYTES", "AGE", "HELD", "DAMAGE", "NAME");

	for (i = 0; i < state->nr_sessions; i++) {
		if (!is_wanted(&state->sessions[i], what))
			continue;
		if (*what->name)
			print_files(&state->sessions[i]);
		else
			print_session(&state->sessions[i]);
	}

	return luo_flush();
}

static bool is_any(const struct luo_state *state, const struct what *what)
{
	size_t i;

	for (i = 0; i < state->nr_sessions; i++)
		if (is_wanted(&state->sessions[i], what))
			return true;

	return false;
}

static int list_them(const struct what *what)
{
	struct luo_state state;
	int ret;

	if (luo_read_state(&state, what->debugfs, false))
		return LUO_ERROR;
	if (*what->name && !is_any(&state, what))
		ret = luo_error("there is no such session; 'luo list' shows all");
	else if (what->json)
		ret = print_json(&state, what);
	else
		ret = print_text(&state, what);
	luo_free_state(&state);

	return ret;
}

int luo_list(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "new", no_argument, NULL, 'n' },
		{ "incoming", no_argument, NULL, 'i' },
		{ "debugfs", no_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct what what = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			what.new = true;
			break;
		case 'i':
			what.incoming = true;
			break;
		case 'd':
			what.debugfs = true;
			break;
		case 'j':
			what.json = true;
			break;
		case 'h':
			return luo_help(help);
		default:
			return luo_bad_option();
		}
	}
	if (optind < argc && luo_read_name(argv[optind++], what.name))
		return LUO_USAGE;
	if (optind < argc)
		return luo_usage_error("one session at a time");
	if (!what.new && !what.incoming) {
		what.new = true;
		what.incoming = true;
	}

	return list_them(&what);
}
