// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands with a struct that starts with its size, and may grow.
 */

#include <linux/cleanup.h>
#include <linux/errno.h>
#include <linux/rwsem.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/liveupdate.h>

#include "luo_core.h"
#include "luo_ioctl.h"

/* Room for the struct of any command */
union luo_ucmd_buffer {
	struct liveupdate_ioctl_create_session create;
	struct liveupdate_ioctl_retrieve_session retrieve;
	struct liveupdate_ioctl_discard_session discard_session;
	struct liveupdate_ioctl_discard_damaged discard_damaged;
	struct liveupdate_ioctl_list_sessions list_sessions;
	struct liveupdate_ioctl_list_files list_files;
	struct liveupdate_session_preserve_fd preserve_fd;
	struct liveupdate_session_retrieve_fd retrieve_fd;
	struct liveupdate_session_finish finish;
	struct liveupdate_session_get_name get_name;
	struct liveupdate_session_discard_fd discard_fd;
	struct liveupdate_session_list_files session_list_files;
	struct liveupdate_session_unpreserve_fd unpreserve_fd;
};

/**
 * luo_ioctl - look a command up, get its struct, and execute it
 * @owner: the private data of the file
 * @cmd: the command
 * @arg: user space's struct
 * @ops: the commands that the file has
 * @nr_ops: how many these are
 *
 * Context: Holds luo_freeze_rwsem for reading over the command.
 *
 * Return: 0; -ENOTTY for a command that the file does not have, -EINVAL for a
 * struct that is too short, -E2BIG for one that has what this kernel does not
 * know, -EFAULT, -EINTR if the task is killed while a kexec is in progress;
 * else what the command returned.
 */
long luo_ioctl(void *owner, unsigned int cmd, unsigned long arg,
	       const struct luo_ioctl_op *ops, unsigned int nr_ops)
{
	struct luo_ucmd ucmd = {
		.owner = owner,
		.ubuffer = (void __user *)arg,
	};
	union luo_ucmd_buffer buffer;
	int err;

	for (; nr_ops && ops->cmd != cmd; nr_ops--)
		ops++;
	if (!nr_ops)
		return -ENOTTY;

	if (get_user(ucmd.user_size, (u32 __user *)ucmd.ubuffer))
		return -EFAULT;
	if (ucmd.user_size < ops->size)
		return -EINVAL;

	memset(&buffer, 0, sizeof(buffer));
	ucmd.cmd = &buffer;
	err = copy_struct_from_user(ucmd.cmd, ops->size, ucmd.ubuffer,
				    ucmd.user_size);
	if (err)
		return err;

	if (down_read_killable(&luo_freeze_rwsem))
		return -EINTR;
	err = ops->execute(&ucmd);
	up_read(&luo_freeze_rwsem);
	return err;
}

/**
 * luo_ucmd_respond - copy a command's struct back
 * @ucmd: the command
 * @size: size of the struct as the kernel knows it
 *
 * Return: 0 or -EFAULT.
 */
int luo_ucmd_respond(const struct luo_ucmd *ucmd, size_t size)
{
	if (copy_to_user(ucmd->ubuffer, ucmd->cmd,
			 min_t(size_t, size, ucmd->user_size)))
		return -EFAULT;
	return 0;
}
