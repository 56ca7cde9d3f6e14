/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_IOCTL_H
#define _KERNEL_LIVEUPDATE_LUO_IOCTL_H

#include <linux/types.h>

/**
 * struct luo_ucmd - a command on its way through the kernel
 * @owner: the private data of the file it was called on
 * @ubuffer: user space's struct
 * @user_size: the size of that
 * @cmd: the kernel's copy
 */
struct luo_ucmd {
	void *owner;
	void __user *ubuffer;
	u32 user_size;
	void *cmd;
};

/**
 * struct luo_ioctl_op - what a command is
 * @cmd: its number
 * @size: size of the struct; none has grown since its first version
 * @execute: does it; 0 or an errno
 */
struct luo_ioctl_op {
	unsigned int cmd;
	u32 size;
	int (*execute)(struct luo_ucmd *ucmd);
};

#define LUO_IOCTL_OP(_cmd, _execute, _struct)	\
	{					\
		.cmd = _cmd,			\
		.size = sizeof(struct _struct),	\
		.execute = _execute,		\
	}

long luo_ioctl(void *owner, unsigned int cmd, unsigned long arg,
	       const struct luo_ioctl_op *ops, unsigned int nr_ops);
int luo_ucmd_respond(const struct luo_ucmd *ucmd, size_t size);

#endif /* _KERNEL_LIVEUPDATE_LUO_IOCTL_H */
