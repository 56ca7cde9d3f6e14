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
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/liveupdate.h>

#include "luo_block.h"
#include "luo_core.h"
#include "luo_file.h"
#include "luo_flb.h"
#include "luo_ioctl.h"
#include "luo_session.h"

/**
 * struct luo_session_set - all sessions of one direction
 * @lock: protects all of this and the sessions' @retrieved; nests outside of
 *	the sessions' mutexes
 * @sessions: the sessions, in the order of their creation
 * @names: the sessions by name
 * @nr: how many
 * @blocks: room for the records of outgoing sessions
 * @deserialized: what came over has been read
 */
struct luo_session_set {
	struct mutex lock; /* all below */
	struct list_head sessions;
	struct rhashtable names;
	unsigned long nr;
	struct luo_blocks blocks;
	bool deserialized;
};

/**
 * struct liveupdate_session - a session
 * @node: link in its set
 * @hash: link in its set's names
 * @set: luo_outgoing or luo_incoming
 * @mutex: protects @files, and is held over the handlers' callbacks
 * @files: its files
 * @retrieved: somebody has the file of this incoming session
 * @name: its name, padded with NULs
 */
struct liveupdate_session {
	struct list_head node;
	struct rhash_head hash;
	struct luo_session_set *set;
	struct mutex mutex; /* files */
	struct luo_file_set files;
	bool retrieved;
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

static struct luo_session_set luo_outgoing;
static struct luo_session_set luo_incoming;

static const struct rhashtable_params luo_name_params = {
	.key_len = sizeof_field(struct liveupdate_session, name),
	.key_offset = offsetof(struct liveupdate_session, name),
	.head_offset = offsetof(struct liveupdate_session, hash),
};

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

static struct liveupdate_session *session_alloc(struct luo_session_set *set,
						const char *name)
{
	struct liveupdate_session *session;

	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return ERR_PTR(-ENOMEM);

	luo_file_set_init(&session->files, session);
	mutex_init(&session->mutex);
	session->set = set;
	strscpy_pad(session->name, name);
	return session;
}

static void session_free(struct liveupdate_session *session)
{
	luo_file_set_destroy(&session->files);
	mutex_destroy(&session->mutex);
	kfree(session);
}

static int set_insert(struct luo_session_set *set,
		      struct liveupdate_session *session)
{
	int err;

	lockdep_assert_held(&set->lock);

	err = rhashtable_lookup_insert_fast(&set->names, &session->hash,
					    luo_name_params);
	if (err)
		return err;

	list_add_tail(&session->node, &set->sessions);
	set->nr++;
	return 0;
}

static void set_remove(struct luo_session_set *set,
		       struct liveupdate_session *session)
{
	lockdep_assert_held(&set->lock);

	rhashtable_remove_fast(&set->names, &session->hash, luo_name_params);
	list_del(&session->node);
	if (!--set->nr)
		luo_blocks_free(&set->blocks);
}

static struct liveupdate_session *set_find(struct luo_session_set *set,
					   const char *name)
{
	char key[LIVEUPDATE_SESSION_NAME_LENGTH];

	lockdep_assert_held(&set->lock);

	strscpy_pad(key, name);
	return rhashtable_lookup_fast(&set->names, key, luo_name_params);
}

static void release_outgoing(struct liveupdate_session *session)
{
	scoped_guard(mutex, &session->mutex)
		luo_file_set_unpreserve(&session->files);

	scoped_guard(mutex, &luo_outgoing.lock)
		set_remove(&luo_outgoing, session);
	session_free(session);
}

static void release_incoming(struct liveupdate_session *session)
{
	int err;

	scoped_guard(mutex, &session->mutex)
		err = luo_file_set_finish(&session->files);

	guard(mutex)(&luo_incoming.lock);

	if (err) {
		pr_warn("session '%s' was closed before it can finish, it can be retrieved again\n",
			session->name);
		session->retrieved = false;
		return;
	}

	set_remove(&luo_incoming, session);
	session_free(session);
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

	guard(mutex)(&session->mutex);

	return luo_file_set_finish(&session->files);
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
};

static long luo_session_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	return luo_ioctl(file->private_data, cmd, arg, luo_session_ops,
			 ARRAY_SIZE(luo_session_ops));
}

static const struct file_operations luo_session_fops = {
	.owner = THIS_MODULE,
	.release = luo_session_release,
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
		err = set_insert(&luo_outgoing, session);
	if (err && !luo_outgoing.nr)
		luo_blocks_free(&luo_outgoing.blocks);
	return err;
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
	struct liveupdate_session *session;
	struct file *file;
	int err;

	session = session_alloc(&luo_outgoing, name);
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
		set_remove(&luo_outgoing, session);
err_free:
	session_free(session);
	return ERR_PTR(err);
}

/**
 * luo_session_retrieve - take a session that came over
 * @name: its name
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: the session's file; with its last reference the session finishes. An
 * ERR_PTR() with -ENOENT if there is none of this name, -EINVAL if somebody has
 * it, -ENOMEM, -ENFILE.
 */
struct file *luo_session_retrieve(const char *name)
{
	struct liveupdate_session *session;
	struct file *file;

	guard(mutex)(&luo_incoming.lock);

	session = set_find(&luo_incoming, name);
	if (!session)
		return ERR_PTR(-ENOENT);
	if (session->retrieved)
		return ERR_PTR(-EINVAL);

	file = session_getfile(session);
	if (!IS_ERR(file))
		session->retrieved = true;
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
			session->retrieved = false;
	}
	fput(file);
}

static void free_incoming(struct liveupdate_session *session)
{
	scoped_guard(mutex, &session->mutex)
		luo_file_set_forget(&session->files);
	session_free(session);
}

static int add_incoming(const struct luo_session_ser *ser)
{
	struct liveupdate_session *session;
	int err;

	if (!ser->name[0] ||
	    strnlen(ser->name, sizeof(ser->name)) == sizeof(ser->name))
		return -EIO;

	session = session_alloc(&luo_incoming, ser->name);
	if (IS_ERR(session))
		return PTR_ERR(session);

	scoped_guard(mutex, &session->mutex)
		err = luo_file_set_deserialize(&session->files, ser->files,
					       ser->nr_files);
	if (!err)
		err = set_insert(&luo_incoming, session);
	if (err)
		free_incoming(session);

	/* Two sessions of one name can't be, so this record is not right */
	return err == -EEXIST ? -EIO : err;
}

static void forget_incoming(void)
{
	struct liveupdate_session *session, *next;

	lockdep_assert_held(&luo_incoming.lock);

	list_for_each_entry_safe(session, next, &luo_incoming.sessions, node) {
		set_remove(&luo_incoming, session);
		free_incoming(session);
	}
}

static int read_records(const struct luo_header_ser *header)
{
	struct luo_reader reader;
	const void *record;
	u64 damaged;
	int ret;

	luo_reader_start(&reader, header->sessions, header->nr_sessions,
			 sizeof(struct luo_session_ser));
	while ((ret = luo_reader_next(&reader, &record))) {
		if (ret > 0)
			ret = add_incoming(record);
		cond_resched();
		if (ret < 0 && ret != -EIO && ret != -EUCLEAN)
			return ret;
	}

	damaged = header->nr_sessions - luo_incoming.nr;
	if (damaged)
		pr_err("%llu of %llu sessions are damaged, their memory stays reserved\n",
		       damaged, header->nr_sessions);
	return 0;
}

/* Everything is read: the records' own memory is not needed any more */
static void free_records(const struct luo_header_ser *header)
{
	struct luo_reader reader;
	const void *record;
	int ret;

	luo_reader_start(&reader, header->sessions, header->nr_sessions,
			 sizeof(struct luo_session_ser));
	while ((ret = luo_reader_next(&reader, &record))) {
		const struct luo_session_ser *ser = record;

		if (ret > 0)
			luo_restore_free_blocks(ser->files);
	}
	luo_restore_free_blocks(header->sessions);
}

/**
 * luo_sessions_deserialize - read the sessions that came over
 *
 * Once; to call it again does nothing. What is damaged is set aside alone.
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: 0; -ENOMEM, then nothing has been read and it can be tried again.
 */
int luo_sessions_deserialize(void)
{
	const struct luo_header_ser *header = luo_incoming_header();
	int err;

	guard(mutex)(&luo_incoming.lock);

	if (luo_incoming.deserialized || !header)
		return 0;

	/* Files that finish count down what FLBs need */
	err = luo_flb_deserialize();
	if (err)
		return err;

	err = read_records(header);
	if (err) {
		forget_incoming();
		return err;
	}

	free_records(header);
	luo_incoming.deserialized = true;
	return 0;
}

/**
 * luo_sessions_freeze - freeze all new sessions and write their records
 * @header: gets where they are and how many
 *
 * Context: luo_freeze_rwsem is held for writing, and stays so until the jump or
 * luo_sessions_unfreeze().
 *
 * Return: 0 or a handler's error; then all is unfrozen.
 */
int luo_sessions_freeze(struct luo_header_ser *header)
{
	struct liveupdate_session *session;
	struct luo_writer writer;
	int err;

	guard(mutex)(&luo_outgoing.lock);

	luo_writer_start(&writer, &luo_outgoing.blocks);
	list_for_each_entry(session, &luo_outgoing.sessions, node) {
		struct luo_session_ser ser = {
			.nr_files = session->files.nr,
		};

		guard(mutex)(&session->mutex);

		err = luo_file_set_freeze(&session->files);
		if (err)
			goto err_unfreeze;

		memcpy(ser.name, session->name, sizeof(ser.name));
		ser.files = luo_file_set_serialize(&session->files);
		luo_writer_put(&writer, &ser);
	}

	header->nr_sessions = luo_outgoing.nr;
	header->sessions = luo_writer_end(&writer);
	return 0;

err_unfreeze:
	list_for_each_entry_continue_reverse(session, &luo_outgoing.sessions,
					     node) {
		guard(mutex)(&session->mutex);
		luo_file_set_unfreeze(&session->files);
	}
	return err;
}

/**
 * luo_sessions_unfreeze - the jump failed after luo_sessions_freeze()
 *
 * Context: luo_freeze_rwsem is held for writing.
 */
void luo_sessions_unfreeze(void)
{
	struct liveupdate_session *session;

	guard(mutex)(&luo_outgoing.lock);

	list_for_each_entry_reverse(session, &luo_outgoing.sessions, node) {
		guard(mutex)(&session->mutex);
		luo_file_set_unfreeze(&session->files);
	}
}

static int __init set_init(struct luo_session_set *set)
{
	mutex_init(&set->lock);
	INIT_LIST_HEAD(&set->sessions);
	luo_blocks_init(&set->blocks, sizeof(struct luo_session_ser));
	return rhashtable_init(&set->names, &luo_name_params);
}

/**
 * luo_sessions_init - start without sessions
 *
 * Return: 0 or -ENOMEM.
 */
int __init luo_sessions_init(void)
{
	int err;

	err = set_init(&luo_outgoing);
	if (err)
		return err;

	err = set_init(&luo_incoming);
	if (err)
		rhashtable_destroy(&luo_outgoing.names);
	return err;
}

/**
 * luo_sessions_exit - undo luo_sessions_init(); there is no session
 */
void __init luo_sessions_exit(void)
{
	rhashtable_destroy(&luo_incoming.names);
	rhashtable_destroy(&luo_outgoing.names);
}
