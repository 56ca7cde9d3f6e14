// SPDX-License-Identifier: LGPL-2.1
/* Lists of sessions and files, from the device or a session */

#include <errno.h>
#include <string.h>

#include "internal.h"

/* How many are asked for at once */
#define BATCH	32

static void read_session(const struct liveupdate_session_info *info,
			 struct lu_session *session)
{
	*session = (struct lu_session) {
		.id = info->id,
		.nr_files = info->nr_files,
		.bytes = info->bytes,
		.age = info->age,
		.flags = info->flags,
	};
	memcpy(session->name, info->name, sizeof(session->name) - 1);
}

static void read_file(const struct liveupdate_file_info *info,
		      struct lu_file *file)
{
	*file = (struct lu_file) {
		.token = info->token,
		.bytes = info->bytes,
		.state = info->state,
		.error = info->error,
	};
	memcpy(file->handler, info->compatible, sizeof(file->handler) - 1);
}

/**
 * lu_list_sessions - say what sessions there are, by ascending id
 * @dev: the device
 * @flags: LU_LIST_NEW or LU_LIST_INCOMING
 * @fn: called for each session
 * @arg: for @fn
 *
 * Thread-safety: MT-safe, if @fn is.
 *
 * Return: 0, or what @fn returned; -EINVAL for unknown @flags, -ENOTTY if the
 * kernel can't tell.
 */
LU_API int lu_list_sessions(int dev, unsigned int flags, lu_session_fn fn,
			    void *arg)
{
	struct liveupdate_session_info infos[BATCH];
	struct liveupdate_ioctl_list_sessions args = {
		.size = sizeof(args),
		.flags = flags,
		.info_size = sizeof(infos[0]),
		.infos = (uintptr_t)infos,
	};
	struct lu_session session;
	uint32_t i;
	int ret;

	for (;;) {
		args.nr = BATCH;
		ret = lu_ioctl(dev, LIVEUPDATE_IOCTL_LIST_SESSIONS, &args);
		if (ret || !args.nr)
			return ret;
		for (i = 0; i < args.nr; i++) {
			read_session(&infos[i], &session);
			ret = fn(&session, arg);
			if (ret)
				return ret;
		}
		if (session.id == UINT64_MAX)
			return 0;
		args.start = session.id + 1;
	}
}

/* The next ones from @start on: how many, or a negative errno */
typedef int (*fetch_fn)(const void *from, unsigned long long start,
			struct liveupdate_file_info infos[BATCH]);

static int list_files(fetch_fn fetch, const void *from, lu_file_fn fn,
		      void *arg)
{
	struct liveupdate_file_info infos[BATCH];
	unsigned long long start = 0;
	struct lu_file file;
	int nr, i, ret;

	for (;;) {
		nr = fetch(from, start, infos);
		if (nr <= 0)
			return nr;
		for (i = 0; i < nr; i++) {
			read_file(&infos[i], &file);
			ret = fn(&file, arg);
			if (ret)
				return ret;
		}
		if (file.token == UINT64_MAX)
			return 0;
		start = file.token + 1;
	}
}

struct device_session {
	int dev;
	unsigned int flags;
	unsigned long long id;
};

static int fetch_by_id(const void *from, unsigned long long start,
		       struct liveupdate_file_info infos[BATCH])
{
	const struct device_session *where = from;
	struct liveupdate_ioctl_list_files args = {
		.size = sizeof(args),
		.flags = where->flags,
		.info_size = sizeof(infos[0]),
		.nr = BATCH,
		.session = where->id,
		.start = start,
		.infos = (uintptr_t)infos,
	};
	int err = lu_ioctl(where->dev, LIVEUPDATE_IOCTL_LIST_FILES, &args);

	return err ?: (int)args.nr;
}

/**
 * lu_list_files - say what files a session has, by ascending token
 * @dev: the device
 * @flags: LU_LIST_NEW or LU_LIST_INCOMING: what @id is the id of
 * @id: the session's, from lu_list_sessions()
 * @fn: called for each file
 * @arg: for @fn
 *
 * Whoever has the session, if anybody does.
 *
 * Thread-safety: MT-safe, if @fn is.
 *
 * Return: 0, or what @fn returned; -ENOENT if there is no such session, -EINVAL
 * for unknown @flags, -ENOTTY if the kernel can't tell.
 */
LU_API int lu_list_files(int dev, unsigned int flags, unsigned long long id,
			 lu_file_fn fn, void *arg)
{
	struct device_session where = {
		.dev = dev,
		.flags = flags,
		.id = id,
	};

	return list_files(fetch_by_id, &where, fn, arg);
}

static int fetch_by_fd(const void *from, unsigned long long start,
		       struct liveupdate_file_info infos[BATCH])
{
	struct liveupdate_session_list_files args = {
		.size = sizeof(args),
		.info_size = sizeof(infos[0]),
		.nr = BATCH,
		.start = start,
		.infos = (uintptr_t)infos,
	};
	int err = lu_ioctl(*(const int *)from, LIVEUPDATE_SESSION_LIST_FILES,
			   &args);

	return err ?: (int)args.nr;
}

/**
 * lu_session_list_files - say what files a session has, by ascending token
 * @session: a session of any kind
 * @fn: called for each file
 * @arg: for @fn
 *
 * For who has the session, and not the device.
 *
 * Thread-safety: MT-safe, if @fn is.
 *
 * Return: 0, or what @fn returned; -ENOTTY if the kernel can't tell, or if
 * @session is no session.
 */
LU_API int lu_session_list_files(int session, lu_file_fn fn, void *arg)
{
	return list_files(fetch_by_fd, &session, fn, arg);
}

static const char * const state_names[] = {
	[LU_FILE_PRESERVED] = "preserved",
	[LU_FILE_WAITING] = "waiting",
	[LU_FILE_RETRIEVED] = "retrieved",
	[LU_FILE_FAILED] = "failed",
	[LU_FILE_NO_HANDLER] = "no-handler",
};

/**
 * lu_file_state_name - the word for a state
 * @state: an enum lu_file_state, or any other number
 *
 * Thread-safety: MT-safe.
 *
 * Return: a constant string; "unknown" for a state that the library doesn't know.
 */
LU_API const char *lu_file_state_name(uint32_t state)
{
	if (state >= ARRAY_SIZE(state_names))
		return "unknown";

	return state_names[state];
}
