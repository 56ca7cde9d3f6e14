// SPDX-License-Identifier: LGPL-2.1
/* Sessions */

#include <errno.h>
#include <string.h>

#include "internal.h"

int lu_put_name(uint8_t field[LIVEUPDATE_SESSION_NAME_LENGTH], const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= LIVEUPDATE_SESSION_NAME_LENGTH)
		return -EINVAL;
	memset(field, 0, LIVEUPDATE_SESSION_NAME_LENGTH);
	memcpy(field, name, len);

	return 0;
}

/**
 * lu_session_create - make a session that files can be preserved in
 * @dev: the device
 * @name: its name: 1 to 63 bytes
 *
 * It lives as long as there is a descriptor of it, in any process; with the last
 * one all its preserves are undone.
 *
 * Thread-safety: MT-safe.
 *
 * Return: a descriptor of the session; -EEXIST if another new session has that
 * name, -EINVAL for a @name that is empty or too long, -ENOMEM, -EMFILE, -ENFILE.
 */
LU_API int lu_session_create(int dev, const char *name)
{
	struct liveupdate_ioctl_create_session args = {
		.size = sizeof(args),
		.fd = -1,
	};
	int err = lu_put_name(args.name, name);

	if (!err)
		err = lu_ioctl(dev, LIVEUPDATE_IOCTL_CREATE_SESSION, &args);

	return err ?: args.fd;
}

/**
 * lu_session_retrieve - take over a session that the previous kernel left
 * @dev: the device
 * @name: the name that it was made with
 *
 * With its last descriptor the session is finished, so don't close it before all
 * files that are of use are retrieved.
 *
 * Thread-safety: MT-safe.
 *
 * Return: a descriptor of the session; -ENOENT if none of this name came over,
 * -EIO if it may have been one that came over damaged, -EINVAL if somebody has it
 * already or for a @name that is empty or too long, -ENOMEM, -EMFILE, -ENFILE.
 */
LU_API int lu_session_retrieve(int dev, const char *name)
{
	struct liveupdate_ioctl_retrieve_session args = {
		.size = sizeof(args),
		.fd = -1,
	};
	int err = lu_put_name(args.name, name);

	if (!err)
		err = lu_ioctl(dev, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &args);

	return err ?: args.fd;
}

/**
 * lu_session_discard - give up a session that came over and that nobody has
 * @dev: the device
 * @name: the name that it was made with
 *
 * Thread-safety: MT-safe.
 *
 * Return: 0; -ENOENT if none of this name came over, -EIO if it may have been one
 * that came over damaged, -EBUSY if somebody has it or if one of its files can't
 * finish yet, -EINVAL for a @name that is empty or too long, -ENOTTY if the
 * kernel can't do that.
 */
LU_API int lu_session_discard(int dev, const char *name)
{
	struct liveupdate_ioctl_discard_session args = {
		.size = sizeof(args),
	};
	int err = lu_put_name(args.name, name);

	return err ?: lu_ioctl(dev, LIVEUPDATE_IOCTL_DISCARD_SESSION, &args);
}

/**
 * lu_session_get_name - tell the name of a session
 * @session: a session of any kind
 * @name: out: the name, with its NUL
 *
 * Thread-safety: MT-safe.
 *
 * Return: 0; -ENOTTY if @session is no session, -EBADF if it is no descriptor.
 */
LU_API int lu_session_get_name(int session, char name[LU_NAME_SIZE])
{
	struct liveupdate_session_get_name args = {
		.size = sizeof(args),
	};
	int err = lu_ioctl(session, LIVEUPDATE_SESSION_GET_NAME, &args);

	if (err)
		return err;
	memcpy(name, args.name, LU_NAME_SIZE);
	name[LU_NAME_SIZE - 1] = '\0';

	return 0;
}

/**
 * lu_session_is_incoming - did it come over, or is it a new one?
 * @session: a session of any kind
 *
 * For who was passed a descriptor and was not told.
 *
 * Thread-safety: MT-safe.
 *
 * Return: 1 if it came over, 0 if it is new; -ENOTTY if @session is no session,
 * -EBADF if it is no descriptor.
 */
LU_API int lu_session_is_incoming(int session)
{
	char name[LU_NAME_SIZE];
	int err = lu_session_get_name(session, name);

	/* Only a new one gets as far as to look at the descriptor */
	return err ?: lu_file_preserve(session, -1, 0) == -EINVAL;
}

/**
 * lu_session_finish - end the live update for all files of a session
 * @session: a retrieved session
 *
 * Files that were retrieved go on as ordinary files. Those that were not are
 * given up. The session is empty then.
 *
 * Thread-safety: MT-safe.
 *
 * Return: 0; -EBUSY if a file can't finish yet, in which case none has; -EINVAL
 * on a new session.
 */
LU_API int lu_session_finish(int session)
{
	struct liveupdate_session_finish args = {
		.size = sizeof(args),
	};

	return lu_ioctl(session, LIVEUPDATE_SESSION_FINISH, &args);
}
