/* SPDX-License-Identifier: GPL-2.0 */
/* All sessions and files that there are, at one time */
#ifndef _LUO_STATE_H
#define _LUO_STATE_H

#include "json.h"
#include "luo.h"

struct luo_session_state {
	struct lu_session info;
	struct lu_file *files;
	size_t nr_files;

	/* luo hold has it */
	bool held;
};

struct luo_state {
	struct luo_session_state *sessions;
	size_t nr_sessions;

	/* Where it is from: "device" or "debugfs" */
	const char *source;
};

/*
 * From the device, or from debugfs while somebody else has the device open.
 * 0, or a negative errno after a message; -ENOENT without one if @quiet and live
 * update is off.
 */
int luo_read_state(struct luo_state *state, bool debugfs_only, bool quiet);
void luo_free_state(struct luo_state *state);

static inline bool luo_is_incoming(const struct luo_session_state *session)
{
	return session->info.flags & LU_SESSION_INCOMING;
}

/* How many of its files are in this state */
size_t luo_count_files(const struct luo_session_state *session,
		       enum lu_file_state state);

/* "new", "arrived" or "retrieved" */
const char *luo_session_word(const struct lu_session *session);

/* A session with all its files */
struct json_object *luo_json_session(const struct luo_session_state *session);

#endif /* _LUO_STATE_H */
