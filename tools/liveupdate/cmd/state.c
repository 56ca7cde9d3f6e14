// SPDX-License-Identifier: GPL-2.0
/* All sessions and files that there are, at one time */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hold_client.h"
#include "state.h"

static int add_session(const struct lu_session *info, void *arg)
{
	struct luo_state *state = arg;

	state->sessions = luo_realloc_array(state->sessions,
					    state->nr_sessions + 1,
					    sizeof(*state->sessions));
	state->sessions[state->nr_sessions++] = (struct luo_session_state) {
		.info = *info,
	};

	return 0;
}

static int add_file(const struct lu_file *file, void *arg)
{
	struct luo_session_state *session = arg;

	session->files = luo_realloc_array(session->files,
					   session->nr_files + 1,
					   sizeof(*session->files));
	session->files[session->nr_files++] = *file;

	return 0;
}

/* With @dev, or from debugfs if that is negative */
static int list_sessions(int dev, unsigned int flags, struct luo_state *state)
{
	if (dev < 0)
		return lu_debugfs_list_sessions(flags, add_session, state);

	return lu_list_sessions(dev, flags, add_session, state);
}

static int list_files(int dev, struct luo_session_state *session)
{
	unsigned int flags = luo_is_incoming(session) ? LU_LIST_INCOMING :
							LU_LIST_NEW;
	int err;

	if (dev < 0)
		return lu_debugfs_list_files(flags, session->info.id, add_file,
					     session);
	err = lu_list_files(dev, flags, session->info.id, add_file, session);

	/* It has gone since the list of sessions was made */
	return err == -ENOENT ? 0 : err;
}

static int fill(int dev, struct luo_state *state)
{
	size_t i;
	int err;

	err = list_sessions(dev, LU_LIST_NEW, state);
	if (!err)
		err = list_sessions(dev, LU_LIST_INCOMING, state);
	for (i = 0; i < state->nr_sessions && !err; i++)
		err = list_files(dev, &state->sessions[i]);

	return err;
}

static int mark_held(const struct hold_reply *held, void *arg)
{
	struct luo_state *state = arg;
	size_t i;

	for (i = 0; i < state->nr_sessions; i++) {
		struct luo_session_state *session = &state->sessions[i];
		bool retrieved = session->info.flags & LU_SESSION_RETRIEVED;

		/* Of several that came over with one name, one is retrieved */
		if (luo_is_incoming(session) == !!held->incoming &&
		    (retrieved || !held->incoming) &&
		    !strcmp(session->info.name, held->name))
			session->held = true;
	}

	return 0;
}

static int from_debugfs(struct luo_state *state, bool busy)
{
	int err;

	state->source = "debugfs";
	err = fill(-1, state);
	if (!err)
		return 0;
	if (busy)
		luo_explain_device(-EBUSY);
	if (err == -EPROTO)
		luo_note("this kernel writes debugfs in a way that this luo does not know");
	else
		luo_note("debugfs would tell as well: %s. As root:\n"
			 "mount -t debugfs none /sys/kernel/debug",
			 strerror(-err));

	/* Not what tells that live update is off */
	return -EBUSY;
}

static int from_device(int dev, struct luo_state *state)
{
	int err;

	state->source = "device";
	err = fill(dev, state);
	close(dev);
	if (err == -ENOTTY)
		luo_note("this kernel has live update, but can't list sessions");
	else if (err)
		luo_note("listing the sessions: %s", strerror(-err));

	return err;
}

int luo_read_state(struct luo_state *state, bool debugfs_only, bool quiet)
{
	int dev = debugfs_only ? -EBUSY : lu_open(), err;

	*state = (struct luo_state) { 0 };
	if (dev == -EBUSY) {
		err = from_debugfs(state, !debugfs_only);
	} else if (dev >= 0) {
		err = from_device(dev, state);
	} else {
		err = dev;
		if (!quiet || dev != -ENOENT)
			luo_explain_device(dev);
	}
	if (err)
		luo_free_state(state);
	else
		luo_hold_list(mark_held, state);

	return err;
}

void luo_free_state(struct luo_state *state)
{
	size_t i;

	for (i = 0; i < state->nr_sessions; i++)
		free(state->sessions[i].files);
	free(state->sessions);
	*state = (struct luo_state) { 0 };
}

size_t luo_count_files(const struct luo_session_state *session,
		       enum lu_file_state state)
{
	size_t i, nr = 0;

	for (i = 0; i < session->nr_files; i++)
		nr += session->files[i].state == state;

	return nr;
}

const char *luo_session_word(const struct lu_session *session)
{
	if (!(session->flags & LU_SESSION_INCOMING))
		return "new";

	return session->flags & LU_SESSION_RETRIEVED ? "retrieved" : "arrived";
}

static struct json_object *json_file(const struct lu_file *file)
{
	struct json_object *object = luo_json_new();

	luo_json_add_token(object, "token", file->token);
	luo_json_add_number(object, "bytes", file->bytes);
	luo_json_add_string(object, "state", lu_file_state_name(file->state));
	luo_json_add_string(object, "error", file->error ?
			    strerrorname_np(file->error) : NULL);
	luo_json_add_string(object, "handler", file->handler);

	return object;
}

struct json_object *luo_json_session(const struct luo_session_state *session)
{
	struct json_object *object = luo_json_new();
	struct json_object *files = luo_json_new_array();
	size_t i;

	luo_json_add_name(object, session->info.name);
	luo_json_add_string(object, "state", luo_session_word(&session->info));
	luo_json_add_bool(object, "damaged",
			  session->info.flags & LU_SESSION_DAMAGED);
	luo_json_add_bool(object, "held", session->held);
	luo_json_add_number(object, "id", session->info.id);
	luo_json_add_number(object, "age", session->info.age);
	luo_json_add_number(object, "bytes", session->info.bytes);
	for (i = 0; i < session->nr_files; i++)
		luo_json_append(files, json_file(&session->files[i]));
	luo_json_add(object, "files", files);

	return object;
}
