// SPDX-License-Identifier: LGPL-2.1
/* Files of a session */

#include "internal.h"

/**
 * lu_file_preserve - put a file into a session
 * @session: a new session
 * @fd: the file; the session takes a reference of its own
 * @token: what to call it, unique in the session
 *
 * Thread-safety: MT-safe.
 *
 * Return: 0; -EBADF for a bad @fd, -ENOENT if such files can't be preserved,
 * -EEXIST if the session has @token already, -EBUSY if what is behind @fd is
 * preserved already, in any session, -EINVAL on a retrieved session; else the
 * error of the handler for such files.
 */
LU_API int lu_file_preserve(int session, int fd, unsigned long long token)
{
	struct liveupdate_session_preserve_fd args = {
		.size = sizeof(args),
		.fd = fd,
		.token = token,
	};

	return lu_ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD, &args);
}

/**
 * lu_file_unpreserve - take a file out of a session
 * @session: a new session
 * @token: what it was preserved as
 *
 * Thread-safety: MT-safe.
 *
 * Return: 0; -ENOENT for an unknown @token, -EBUSY if another file of the session
 * depends on it, -EINVAL on a retrieved session, -ENOTTY if the kernel can't do
 * that.
 */
LU_API int lu_file_unpreserve(int session, unsigned long long token)
{
	struct liveupdate_session_unpreserve_fd args = {
		.size = sizeof(args),
		.token = token,
	};

	return lu_ioctl(session, LIVEUPDATE_SESSION_UNPRESERVE_FD, &args);
}

/**
 * lu_file_retrieve - get a file out of a session
 * @session: a retrieved session
 * @token: what it was preserved as
 *
 * In any order; asked again, it gives another descriptor of the same open file.
 *
 * Thread-safety: MT-safe.
 *
 * Return: a descriptor of the file; -ENOENT for an unknown @token, -ENODEV while
 * the handler for such files is not there, -ENOMEM, -ENFILE or -EMFILE (it may be
 * asked again after each of these), -EINVAL on a new session; else the handler's
 * error, which is final.
 */
LU_API int lu_file_retrieve(int session, unsigned long long token)
{
	struct liveupdate_session_retrieve_fd args = {
		.size = sizeof(args),
		.fd = -1,
		.token = token,
	};
	int err = lu_ioctl(session, LIVEUPDATE_SESSION_RETRIEVE_FD, &args);

	return err ?: args.fd;
}

/**
 * lu_file_discard - give up a file that was not retrieved
 * @session: a retrieved session
 * @token: what it was preserved as
 *
 * It works without the file's handler, too.
 *
 * Thread-safety: MT-safe.
 *
 * Return: 0; -ENOENT for an unknown @token, -EBUSY if it was retrieved or can't
 * finish yet, -EINVAL on a new session, -EIO if the record of its memory is
 * damaged (the file is gone all the same, and its memory stays reserved),
 * -ENOTTY if the kernel can't do that.
 */
LU_API int lu_file_discard(int session, unsigned long long token)
{
	struct liveupdate_session_discard_fd args = {
		.size = sizeof(args),
		.token = token,
	};

	return lu_ioctl(session, LIVEUPDATE_SESSION_DISCARD_FD, &args);
}
