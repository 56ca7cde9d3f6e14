// SPDX-License-Identifier: LGPL-2.1
/* The device */

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "internal.h"

int lu_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * lu_open - open the device
 *
 * Only one process at a time can have it open, so close it soon: sessions and
 * files stay. It takes CAP_SYS_ADMIN.
 *
 * Thread-safety: MT-safe.
 *
 * Return: a descriptor; -EBUSY if somebody has it open, -ENOENT if live update is
 * off in this kernel, -EPERM or -EACCES for want of privileges, -ENOMEM if there
 * is no memory to read what came over (it may be tried again), -EMFILE, -ENFILE.
 */
LU_API int lu_open(void)
{
	int fd = open(LU_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * lu_discard_damaged - give up the memory of files that came over damaged
 * @dev: the device
 * @bytes: out: how much went back to the system; may be NULL
 *
 * Thread-safety: MT-safe.
 *
 * Return: 0; -ENOTTY if the kernel can't do that, -EBADF for a bad @dev.
 */
LU_API int lu_discard_damaged(int dev, unsigned long long *bytes)
{
	struct liveupdate_ioctl_discard_damaged args = {
		.size = sizeof(args),
	};
	int err = lu_ioctl(dev, LIVEUPDATE_IOCTL_DISCARD_DAMAGED, &args);

	if (!err && bytes)
		*bytes = args.bytes;

	return err;
}
