// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/liveupdate: where user space makes new sessions, and gets those that
 * came over.
 */

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/string.h>
#include <uapi/linux/liveupdate.h>

#include "luo_core.h"
#include "luo_device.h"
#include "luo_ioctl.h"
#include "luo_list.h"
#include "luo_quarantine.h"
#include "luo_session.h"
#include "luo_timeline.h"

/* One opener at a time */
static atomic_t luo_device_in_use = ATOMIC_INIT(0);

static bool name_valid(const u8 *name)
{
	size_t len = strnlen(name, LIVEUPDATE_SESSION_NAME_LENGTH);

	return len && len < LIVEUPDATE_SESSION_NAME_LENGTH;
}

/* Create and retrieve have the same struct, and differ in where the file is from */
static int reply_session(struct luo_ucmd *ucmd,
			 struct file *(*get)(const char *name))
{
	struct liveupdate_ioctl_create_session *cmd = ucmd->cmd;
	struct file *file;
	int err;

	if (!name_valid(cmd->name))
		return -EINVAL;

	CLASS(get_unused_fd, fd)(O_CLOEXEC);

	if (fd < 0)
		return fd;

	file = get(cmd->name);
	if (IS_ERR(file))
		return PTR_ERR(file);

	cmd->fd = fd;
	err = luo_ucmd_respond(ucmd, sizeof(*cmd));
	if (err) {
		luo_session_abandon(file);
		return err;
	}

	fd_install(take_fd(fd), file);
	return 0;
}

static int luo_device_create_session(struct luo_ucmd *ucmd)
{
	return reply_session(ucmd, luo_session_create);
}

static int luo_device_retrieve_session(struct luo_ucmd *ucmd)
{
	return reply_session(ucmd, luo_session_retrieve);
}

static int luo_device_list_sessions(struct luo_ucmd *ucmd)
{
	struct liveupdate_ioctl_list_sessions *cmd = ucmd->cmd;
	struct luo_list list;
	int err;

	if (cmd->flags & ~LIVEUPDATE_LIST_INCOMING)
		return -EINVAL;

	err = luo_list_init(&list, sizeof(struct liveupdate_session_info),
			    cmd->info_size, cmd->nr);
	if (err)
		return err;

	err = luo_sessions_list(cmd->flags & LIVEUPDATE_LIST_INCOMING,
				cmd->start, &list);
	if (!err)
		err = luo_list_reply(&list, cmd->infos, &cmd->nr);
	luo_list_destroy(&list);
	return err ?: luo_ucmd_respond(ucmd, sizeof(*cmd));
}

static int luo_device_list_files(struct luo_ucmd *ucmd)
{
	struct liveupdate_ioctl_list_files *cmd = ucmd->cmd;
	struct luo_list list;
	int err;

	if (cmd->flags & ~LIVEUPDATE_LIST_INCOMING)
		return -EINVAL;

	err = luo_list_init(&list, sizeof(struct liveupdate_file_info),
			    cmd->info_size, cmd->nr);
	if (err)
		return err;

	err = luo_sessions_list_files(cmd->flags & LIVEUPDATE_LIST_INCOMING,
				      cmd->session, cmd->start, &list);
	if (!err)
		err = luo_list_reply(&list, cmd->infos, &cmd->nr);
	luo_list_destroy(&list);
	return err ?: luo_ucmd_respond(ucmd, sizeof(*cmd));
}

static int luo_device_discard_session(struct luo_ucmd *ucmd)
{
	struct liveupdate_ioctl_discard_session *cmd = ucmd->cmd;

	if (cmd->reserved || !name_valid(cmd->name))
		return -EINVAL;

	return luo_session_discard(cmd->name);
}

static int luo_device_discard_damaged(struct luo_ucmd *ucmd)
{
	struct liveupdate_ioctl_discard_damaged *cmd = ucmd->cmd;

	if (cmd->reserved)
		return -EINVAL;

	cmd->bytes = luo_quarantine_discard();
	return luo_ucmd_respond(ucmd, sizeof(*cmd));
}

static const struct luo_ioctl_op luo_device_ops[] = {
	LUO_IOCTL_OP(LIVEUPDATE_IOCTL_CREATE_SESSION, luo_device_create_session,
		     liveupdate_ioctl_create_session),
	LUO_IOCTL_OP(LIVEUPDATE_IOCTL_RETRIEVE_SESSION,
		     luo_device_retrieve_session,
		     liveupdate_ioctl_retrieve_session),
	LUO_IOCTL_OP(LIVEUPDATE_IOCTL_DISCARD_SESSION,
		     luo_device_discard_session,
		     liveupdate_ioctl_discard_session),
	LUO_IOCTL_OP(LIVEUPDATE_IOCTL_DISCARD_DAMAGED,
		     luo_device_discard_damaged,
		     liveupdate_ioctl_discard_damaged),
	LUO_IOCTL_OP(LIVEUPDATE_IOCTL_LIST_SESSIONS, luo_device_list_sessions,
		     liveupdate_ioctl_list_sessions),
	LUO_IOCTL_OP(LIVEUPDATE_IOCTL_LIST_FILES, luo_device_list_files,
		     liveupdate_ioctl_list_files),
};

static long luo_device_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	return luo_ioctl(NULL, cmd, arg, luo_device_ops,
			 ARRAY_SIZE(luo_device_ops));
}

static int luo_device_open(struct inode *inode, struct file *file)
{
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	if (atomic_cmpxchg(&luo_device_in_use, 0, 1))
		return -EBUSY;

	luo_timeline_once(LUO_EVENT_OPEN);
	scoped_guard(rwsem_read, &luo_freeze_rwsem)
		err = luo_sessions_deserialize();
	if (err)
		atomic_set(&luo_device_in_use, 0);
	return err;
}

static int luo_device_release(struct inode *inode, struct file *file)
{
	atomic_set(&luo_device_in_use, 0);
	return 0;
}

static const struct file_operations luo_device_fops = {
	.owner = THIS_MODULE,
	.open = luo_device_open,
	.release = luo_device_release,
	.unlocked_ioctl = luo_device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice luo_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "liveupdate",
	.fops = &luo_device_fops,
	.mode = 0600,
};

/**
 * luo_device_init - let user space in
 *
 * Return: 0 or an error of misc_register().
 */
int __init luo_device_init(void)
{
	return misc_register(&luo_device);
}
