// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: named sets of files that belong together, each behind a file of
 * its own.
 *
 * New (outgoing) sessions and those that came over (incoming) are two sets with
 * two name spaces. An outgoing session lives as long as its file. An incoming
 * one exists from the first open of the device, and lives until it has finished
 * and its file is gone.
 */

#define pr_fmt(fmt) "liveupdate: " fmt

#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <uapi/linux/liveupdate.h>

#include "luo_core.h"
#include "luo_file.h"
#include "luo_ioctl.h"
#include "luo_list.h"
#include "luo_session.h"
#include "luo_session_set.h"
#include "luo_show.h"
#include "luo_timeline.h"
#include "luo_trace.h"

/**
 * luo_session_name_len - the length of a session's name
 * @session: the session
 *
 * Return: as many bytes as to print with %*pE: names can have any byte in them,
 * and the log is read by the line.
 */
int luo_session_name_len(const struct liveupdate_session *session)
{
	return strlen(session->name);
}

/**
 * luo_session_name - the name of a session, for the log
 * @session: the session
 *
 * Return: the name; it does not change.
 */
const char *luo_session_name(const struct liveupdate_session *session)
{
	return session->name;
}

/**
 * luo_session_files - the files of a session
 * @session: the session, whose mutex is held
 *
 * Return: its files.
 */
struct luo_file_set *luo_session_files(struct liveupdate_session *session)
{
	lockdep_assert_held(&session->mutex);

	return &session->files;
}

static void release_outgoing(struct liveupdate_session *session)
{
	u64 start = luo_trace_start(session_release);
	unsigned long nr_files = session->files.nr;

	scoped_guard(mutex, &session->mutex)
		luo_file_set_unpreserve(&session->files);
	trace_liveupdate_session_release(session->name, nr_files,
					 luo_trace_ns(start), 0);

	scoped_guard(mutex, &luo_outgoing.lock)
		luo_set_remove(&luo_outgoing, session);
	luo_session_put(session);
}

/* Once more after the last file has finished is once too often */
static int finish_session(struct liveupdate_session *session)
{
	u64 start = luo_trace_start(session_finish);
	unsigned long nr_files;
	int err;

	guard(mutex)(&session->mutex);

	if (session->finished && !session->files.nr)
		return 0;

	nr_files = session->files.nr;
	err = luo_file_set_finish(&session->files);
	trace_liveupdate_session_finish(session->name, nr_files,
					luo_trace_ns(start), err);
	if (err)
		return err;

	session->finished = true;
	luo_timeline_add(LUO_EVENT_FINISH, session->name);
	return 0;
}

static void release_incoming(struct liveupdate_session *session)
{
	int err = finish_session(session);

	guard(mutex)(&luo_incoming.lock);

	if (err) {
		pr_warn("session '%*pE' was closed before it can finish, it can be retrieved again\n",
			luo_session_name_len(session), session->name);
		WRITE_ONCE(session->retrieved, false);
		return;
	}

	luo_set_remove(&luo_incoming, session);
	luo_session_put(session);
}

static int luo_session_release(struct inode *inode, struct file *file)
{
	struct liveupdate_session *session = file->private_data;

	if (!session)
		return 0;

	guard(rwsem_read)(&luo_freeze_rwsem);

	if (session->set == &luo_outgoing)
		release_outgoing(session);
	else
		release_incoming(session);
	return 0;
}

static int luo_session_preserve_fd(struct luo_ucmd *ucmd)
{
	struct liveupdate_session_preserve_fd *cmd = ucmd->cmd;
	struct liveupdate_session *session = ucmd->owner;

	if (session->set != &luo_outgoing)
		return -EINVAL;

	guard(mutex)(&session->mutex);

	return luo_file_preserve(&session->files, cmd->fd, cmd->token);
}

static int luo_session_unpreserve_fd(struct luo_ucmd *ucmd)
{
	struct liveupdate_session_unpreserve_fd *cmd = ucmd->cmd;
	struct liveupdate_session *session = ucmd->owner;

	if (session->set != &luo_outgoing || cmd->reserved)
		return -EINVAL;

	guard(mutex)(&session->mutex);

	return luo_file_unpreserve(&session->files, cmd->token);
}

static int luo_session_retrieve_fd(struct luo_ucmd *ucmd)
{
	struct liveupdate_session_retrieve_fd *cmd = ucmd->cmd;
	struct liveupdate_session *session = ucmd->owner;
	struct file *file = NULL;
	int err;

	if (session->set != &luo_incoming)
		return -EINVAL;

	CLASS(get_unused_fd, fd)(O_CLOEXEC);

	if (fd < 0)
		return fd;

	scoped_guard(mutex, &session->mutex)
		err = luo_file_retrieve(&session->files, cmd->token, &file);
	if (err)
		return err;

	cmd->fd = fd;
	err = luo_ucmd_respond(ucmd, sizeof(*cmd));
	if (err) {
		fput(file);
		return err;
	}

	fd_install(take_fd(fd), file);
	return 0;
}

static int luo_session_finish(struct luo_ucmd *ucmd)
{
	struct liveupdate_session_finish *cmd = ucmd->cmd;
	struct liveupdate_session *session = ucmd->owner;

	if (session->set != &luo_incoming || cmd->reserved)
		return -EINVAL;

	return finish_session(session);
}

static int luo_session_discard_fd(struct luo_ucmd *ucmd)
{
	struct liveupdate_session_discard_fd *cmd = ucmd->cmd;
	struct liveupdate_session *session = ucmd->owner;

	if (session->set != &luo_incoming || cmd->reserved)
		return -EINVAL;

	guard(mutex)(&session->mutex);

	return luo_file_discard(&session->files, cmd->token);
}

static int luo_session_list_files(struct luo_ucmd *ucmd)
{
	struct liveupdate_session_list_files *cmd = ucmd->cmd;
	struct luo_list list;
	int err;

	if (cmd->flags)
		return -EINVAL;

	err = luo_list_init(&list, sizeof(struct liveupdate_file_info),
			    cmd->info_size, cmd->nr);
	if (err)
		return err;

	luo_session_list(ucmd->owner, cmd->start, &list);
	err = luo_list_reply(&list, cmd->infos, &cmd->nr);
	luo_list_destroy(&list);
	return err ?: luo_ucmd_respond(ucmd, sizeof(*cmd));
}

static int luo_session_get_name(struct luo_ucmd *ucmd)
{
	struct liveupdate_session_get_name *cmd = ucmd->cmd;
	struct liveupdate_session *session = ucmd->owner;

	if (cmd->reserved)
		return -EINVAL;

	memcpy(cmd->name, session->name, sizeof(cmd->name));
	return luo_ucmd_respond(ucmd, sizeof(*cmd));
}

static const struct luo_ioctl_op luo_session_ops[] = {
	LUO_IOCTL_OP(LIVEUPDATE_SESSION_PRESERVE_FD, luo_session_preserve_fd,
		     liveupdate_session_preserve_fd),
	LUO_IOCTL_OP(LIVEUPDATE_SESSION_RETRIEVE_FD, luo_session_retrieve_fd,
		     liveupdate_session_retrieve_fd),
	LUO_IOCTL_OP(LIVEUPDATE_SESSION_FINISH, luo_session_finish,
		     liveupdate_session_finish),
	LUO_IOCTL_OP(LIVEUPDATE_SESSION_GET_NAME, luo_session_get_name,
		     liveupdate_session_get_name),
	LUO_IOCTL_OP(LIVEUPDATE_SESSION_DISCARD_FD, luo_session_discard_fd,
		     liveupdate_session_discard_fd),
	LUO_IOCTL_OP(LIVEUPDATE_SESSION_LIST_FILES, luo_session_list_files,
		     liveupdate_session_list_files),
	LUO_IOCTL_OP(LIVEUPDATE_SESSION_UNPRESERVE_FD,
		     luo_session_unpreserve_fd,
		     liveupdate_session_unpreserve_fd),
};

static long luo_session_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	return luo_ioctl(file->private_data, cmd, arg, luo_session_ops,
			 ARRAY_SIZE(luo_session_ops));
}

static void show_fdinfo_files(struct liveupdate_session *session,
			      struct seq_file *m)
{
	guard(mutex)(&session->mutex);

	seq_printf(m, "luo-files:\t%lu\n", session->files.nr);
	luo_file_set_show(&session->files, "luo-file:\t", m);
}

static void luo_session_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct liveupdate_session *session = file->private_data;

	if (!session)
		return;

	seq_puts(m, "luo-session:\t");
	luo_show_name(m, session->name);
	seq_printf(m, "\nluo-direction:\t%s\nluo-age:\t%llu\n",
		   luo_set_direction(session->set), session->age);

	/* Who looks at a process must not wait for a kexec */
	if (!down_read_trylock(&luo_freeze_rwsem)) {
		seq_puts(m, "luo-state:\tfrozen\n");
		return;
	}
	show_fdinfo_files(session, m);
	up_read(&luo_freeze_rwsem);
}

static const struct file_operations luo_session_fops = {
	.owner = THIS_MODULE,
	.release = luo_session_release,
#ifdef CONFIG_PROC_FS
	.show_fdinfo = luo_session_show_fdinfo,
#endif
	.unlocked_ioctl = luo_session_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct file *session_getfile(struct liveupdate_session *session)
{
	char name[sizeof("[luo_session] ") + LIVEUPDATE_SESSION_NAME_LENGTH];

	snprintf(name, sizeof(name), "[luo_session] %s", session->name);
	return anon_inode_getfile(name, &luo_session_fops, session, O_RDWR);
}

static int insert_outgoing(struct liveupdate_session *session)
{
	int err;

	guard(mutex)(&luo_outgoing.lock);

	err = luo_blocks_reserve(&luo_outgoing.blocks, luo_outgoing.nr + 1);
	if (!err)
		err = luo_set_insert(&luo_outgoing, session);
	if (err && !luo_outgoing.nr)
		luo_blocks_free(&luo_outgoing.blocks);
	return err;
}

static struct file *create_session(const char *name)
{
	struct liveupdate_session *session;
	struct file *file;
	int err;

	session = luo_session_alloc(&luo_outgoing, name);
	if (IS_ERR(session))
		return ERR_CAST(session);

	err = insert_outgoing(session);
	if (err)
		goto err_free;

	file = session_getfile(session);
	if (!IS_ERR(file))
		return file;

	err = PTR_ERR(file);
	scoped_guard(mutex, &luo_outgoing.lock)
		luo_set_remove(&luo_outgoing, session);
err_free:
	luo_session_put(session);
	return ERR_PTR(err);
}

/**
 * luo_session_create - make a new session
 * @name: its name
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: the session's file, with whose last reference it goes; an ERR_PTR()
 * with -EEXIST if the name is in use, -ENOMEM, -ENFILE.
 */
struct file *luo_session_create(const char *name)
{
	u64 start = luo_trace_start(session_create);
	struct file *file = create_session(name);

	trace_liveupdate_session_create(name, 0, luo_trace_ns(start),
					PTR_ERR_OR_ZERO(file));
	return file;
}

static struct file *retrieve_session(const char *name, unsigned long *nr_files)
{
	struct liveupdate_session *session;
	struct file *file;

	guard(mutex)(&luo_incoming.lock);

	session = luo_set_find(&luo_incoming, name);
	if (!session)
		return ERR_PTR(luo_incoming.damaged ? -EIO : -ENOENT);
	if (session->retrieved)
		return ERR_PTR(-EINVAL);

	file = session_getfile(session);
	if (IS_ERR(file))
		return file;

	WRITE_ONCE(session->retrieved, true);
	*nr_files = session->files.nr;
	return file;
}

/**
 * luo_session_retrieve - take a session that came over
 * @name: its name
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * If there are several of the name, the youngest comes first, and the others when
 * it is gone.
 *
 * Return: the session's file; with its last reference the session finishes. An
 * ERR_PTR() with -ENOENT if there is none of this name, -EIO if sessions were
 * damaged so that it may have been there, -EINVAL if somebody has it, -ENOMEM,
 * -ENFILE.
 */
struct file *luo_session_retrieve(const char *name)
{
	u64 start = luo_trace_start(session_retrieve);
	unsigned long nr_files = 0;
	struct file *file;

	file = retrieve_session(name, &nr_files);
	trace_liveupdate_session_retrieve(name, nr_files, luo_trace_ns(start),
					  PTR_ERR_OR_ZERO(file));
	if (!IS_ERR(file))
		luo_timeline_add(LUO_EVENT_RETRIEVE, name);
	return file;
}

/**
 * luo_session_abandon - user space did not get the file of a session
 * @file: the file
 *
 * A new session goes, an incoming one can be retrieved again.
 */
void luo_session_abandon(struct file *file)
{
	struct liveupdate_session *session = file->private_data;

	if (session->set == &luo_incoming) {
		file->private_data = NULL;
		scoped_guard(mutex, &luo_incoming.lock)
			WRITE_ONCE(session->retrieved, false);
	}
	fput(file);
}

/**
 * luo_session_discard - give up a session that nobody has retrieved
 * @name: its name
 *
 * All memory that was preserved for its files goes back to the system, with
 * their handlers or without.
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: 0; -ENOENT and -EIO as luo_session_retrieve(), -EBUSY if somebody has
 * it or one of its files can't be given up yet: then it is as it was.
 */
int luo_session_discard(const char *name)
{
	u64 start = luo_trace_start(session_discard);
	struct liveupdate_session *session;
	unsigned long nr_files;
	int err;

	guard(mutex)(&luo_incoming.lock);

	session = luo_set_find(&luo_incoming, name);
	if (!session)
		return luo_incoming.damaged ? -EIO : -ENOENT;
	if (session->retrieved)
		return -EBUSY;

	nr_files = session->files.nr;
	scoped_guard(mutex, &session->mutex)
		err = luo_file_set_discard(&session->files);
	trace_liveupdate_session_discard(name, nr_files, luo_trace_ns(start),
					 err);
	if (err)
		return err;

	luo_set_remove(&luo_incoming, session);
	luo_session_put(session);
	return 0;
}
