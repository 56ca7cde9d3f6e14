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
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rhashtable.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>
#include <uapi/linux/liveupdate.h>

#include "luo_block.h"
#include "luo_core.h"
#include "luo_file.h"
#include "luo_flb.h"
#include "luo_index.h"
#include "luo_ioctl.h"
#include "luo_list.h"
#include "luo_quarantine.h"
#include "luo_session.h"
#include "luo_show.h"
#include "luo_timeline.h"
#include "luo_trace.h"

/**
 * struct luo_session_set - all sessions of one direction
 * @lock: protects all of this and the sessions' @retrieved; nests outside of
 *	the sessions' mutexes
 * @sessions: the sessions, in the order of their creation; those that were
 *	carried over come last, by age
 * @names: the sessions by name, the youngest of each name
 * @nr: how many
 * @last_id: the id of the last session that was added
 * @nr_older: how many have the name of a younger one, and so are not in @names
 * @blocks: room for the records of outgoing sessions
 * @deserialized: what came over has been read
 * @damaged: some of that could not be read
 */
struct luo_session_set {
	struct mutex lock; /* all below */
	struct list_head sessions;
	struct rhashtable names;
	unsigned long nr;
	u64 last_id;
	unsigned long nr_older;
	struct luo_blocks blocks;
	bool deserialized;
	bool damaged;
};

/**
 * struct liveupdate_session - a session
 * @node: link in its set
 * @ref: one while it is in its set, one for each who looks at it meanwhile
 * @hash: link in its set's names
 * @set: luo_outgoing or luo_incoming
 * @mutex: protects @files, and is held over the handlers' callbacks
 * @files: its files
 * @id: it is the only one in its set with this number, and in the order of these
 * @age: how many live updates it came through without being retrieved
 * @number: number of the record that it came with
 * @older: there is a younger session of its name
 * @retrieved: somebody has the file of this incoming session
 * @finished: all files of this incoming session have finished; under @mutex
 * @carried: it goes to the next kernel as it came; under luo_freeze_rwsem
 * @name: its name, padded with NULs
 */
struct liveupdate_session {
	struct list_head node;
	struct kref ref;
	struct rhash_head hash;
	struct luo_session_set *set;
	struct mutex mutex; /* files */
	struct luo_file_set files;
	u64 id;
	u64 age;
	u64 number;
	bool older;
	bool retrieved;
	bool finished;
	bool carried;
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

static struct liveupdate_session *session_alloc(struct luo_session_set *set,
						const char *name)
{
	struct liveupdate_session *session;

	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return ERR_PTR(-ENOMEM);

	kref_init(&session->ref);
	luo_file_set_init(&session->files, session);
	mutex_init(&session->mutex);
	session->set = set;
	strscpy_pad(session->name, name);
	return session;
}

static void session_free(struct kref *ref)
{
	struct liveupdate_session *session =
		container_of(ref, struct liveupdate_session, ref);

	luo_file_set_destroy(&session->files);
	mutex_destroy(&session->mutex);
	kfree(session);
}

static void session_put(struct liveupdate_session *session)
{
	kref_put(&session->ref, session_free);
}

static struct liveupdate_session *set_find_older(struct luo_session_set *set,
						 const char *name)
{
	struct liveupdate_session *session;

	list_for_each_entry(session, &set->sessions, node)
		if (!strcmp(session->name, name))
			return session;
	return NULL;
}

static struct liveupdate_session *set_find(struct luo_session_set *set,
					   const char *name)
{
	char key[LIVEUPDATE_SESSION_NAME_LENGTH];
	struct liveupdate_session *session;

	lockdep_assert_held(&set->lock);

	strscpy_pad(key, name);
	session = rhashtable_lookup_fast(&set->names, key, luo_name_params);
	/* The younger one may be gone */
	if (!session && set->nr_older)
		session = set_find_older(set, name);
	return session;
}

/* An older session waits until the younger one is gone */
static int set_insert(struct luo_session_set *set,
		      struct liveupdate_session *session)
{
	struct liveupdate_session *other = NULL;
	int err = 0;

	lockdep_assert_held(&set->lock);

	if (session->age)
		other = set_find(set, session->name);
	if (other && other->age < session->age)
		session->older = true;
	else
		err = rhashtable_lookup_insert_fast(&set->names, &session->hash,
						    luo_name_params);
	if (err)
		return err;

	session->id = ++set->last_id;
	list_add_tail(&session->node, &set->sessions);
	set->nr++;
	set->nr_older += session->older;
	return 0;
}

static void set_remove(struct luo_session_set *set,
		       struct liveupdate_session *session)
{
	lockdep_assert_held(&set->lock);

	if (!session->older)
		rhashtable_remove_fast(&set->names, &session->hash,
				       luo_name_params);
	list_del(&session->node);
	set->nr_older -= session->older;
	if (!--set->nr)
		luo_blocks_free(&set->blocks);
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
		set_remove(&luo_outgoing, session);
	session_put(session);
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

	set_remove(&luo_incoming, session);
	session_put(session);
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

static void list_files(struct liveupdate_session *session, u64 start,
		       struct luo_list *list)
{
	guard(mutex)(&session->mutex);

	luo_file_set_list(&session->files, start, list);
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

	list_files(ucmd->owner, cmd->start, &list);
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

static const char *set_direction(const struct luo_session_set *set)
{
	return set == &luo_incoming ? "incoming" : "outgoing";
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
		   set_direction(session->set), session->age);

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
		err = set_insert(&luo_outgoing, session);
	if (err && !luo_outgoing.nr)
		luo_blocks_free(&luo_outgoing.blocks);
	return err;
}

static struct file *create_session(const char *name)
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
	session_put(session);
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

	session = set_find(&luo_incoming, name);
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

	session = set_find(&luo_incoming, name);
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

	set_remove(&luo_incoming, session);
	session_put(session);
	return 0;
}

static void free_incoming(struct liveupdate_session *session)
{
	scoped_guard(mutex, &session->mutex)
		luo_file_set_forget(&session->files);
	session_put(session);
}

static int add_incoming(const struct luo_session_ser *ser, u64 number)
{
	struct liveupdate_session *session;
	int err;

	if (!ser->name[0] ||
	    strnlen(ser->name, sizeof(ser->name)) == sizeof(ser->name))
		return -EIO;

	session = session_alloc(&luo_incoming, ser->name);
	if (IS_ERR(session))
		return PTR_ERR(session);

	session->age = ser->age;
	session->number = number;
	session->files.damaged = ser->flags & LUO_SESSION_DAMAGED;
	scoped_guard(mutex, &session->mutex)
		err = luo_file_set_deserialize(&session->files, ser->files,
					       ser->nr_files);
	if (!err)
		err = set_insert(&luo_incoming, session);
	if (err)
		free_incoming(session);

	/* Two sessions of one name and age can't be, so this is not right */
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
	u64 number = 0;
	u64 damaged;
	int ret;

	luo_reader_start(&reader, header->sessions, header->nr_sessions,
			 sizeof(struct luo_session_ser));
	while ((ret = luo_reader_next(&reader, &record))) {
		if (ret > 0)
			ret = add_incoming(record, number);
		number++;
		cond_resched();
		if (ret < 0 && ret != -EIO && ret != -EUCLEAN)
			return ret;
	}

	damaged = header->nr_sessions - luo_incoming.nr;
	luo_incoming.damaged = damaged;
	if (damaged)
		pr_err("%llu of %llu sessions are damaged, their memory stays reserved\n",
		       damaged, header->nr_sessions);
	return 0;
}

static bool owner_known(const struct luo_memory_ser *ser, void *arg)
{
	struct liveupdate_session *session;
	struct xarray *sessions = arg;

	if (ser->session == LUO_FLB_MEMORY)
		return luo_flb_has_memory(ser->memory);

	session = xa_load(sessions, ser->session);
	if (!session)
		return false;

	guard(mutex)(&session->mutex);

	return luo_file_set_has(&session->files, ser->token);
}

static int read_quarantine(const struct luo_header_ser *header)
{
	struct liveupdate_session *session;
	struct xarray sessions;
	int err = 0;

	xa_init(&sessions);
	list_for_each_entry(session, &luo_incoming.sessions, node) {
		err = xa_err(xa_store(&sessions, session->number, session,
				      GFP_KERNEL));
		if (err)
			break;
	}
	if (!err)
		err = luo_quarantine_read(header, owner_known, &sessions);
	xa_destroy(&sessions);
	return err;
}

/* If the index has more than that, something is damaged or was in quarantine */
static u64 nr_incoming_owners(void)
{
	struct liveupdate_session *session;
	u64 nr = luo_flb_nr_incoming();

	list_for_each_entry(session, &luo_incoming.sessions, node)
		nr += session->files.nr;
	return nr;
}

static int read_all(const struct luo_header_ser *header)
{
	int err;

	/* Files that finish count down what FLBs need */
	err = luo_flb_deserialize();
	if (err)
		return err;

	err = read_records(header);
	if (!err && header->nr_memory != nr_incoming_owners())
		err = read_quarantine(header);
	if (!err)
		return 0;

	luo_quarantine_empty();
	forget_incoming();
	return err;
}

static void free_files(const void *record)
{
	const struct luo_session_ser *ser = record;

	luo_restore_free_blocks(ser->files);
}

/* Everything is read: the records' own memory is not needed any more */
static void free_records(const struct luo_header_ser *header)
{
	luo_restore_free_records(header->sessions,
				 sizeof(struct luo_session_ser), free_files);
	luo_restore_free_blocks(header->memory);
}

/**
 * luo_sessions_deserialize - read the sessions that came over
 *
 * Once; to call it again does nothing. What is damaged is set aside alone.
 *
 * Context: luo_freeze_rwsem is held.
 *
 * Return: 0; -ENOMEM, then nothing has been read and it can be tried again.
 */
int luo_sessions_deserialize(void)
{
	const struct luo_header_ser *header = luo_incoming_header();
	u64 start;
	int err;

	guard(mutex)(&luo_incoming.lock);

	if (luo_incoming.deserialized || !header)
		return 0;

	start = luo_trace_start(deserialize);
	err = read_all(header);
	trace_liveupdate_deserialize(header->nr_sessions, luo_trace_ns(start),
				     err);
	if (err)
		return err;

	free_records(header);
	luo_incoming.deserialized = true;
	luo_timeline_once(LUO_EVENT_DESERIALIZE_END);
	return 0;
}

/* Of what somebody has taken, only what is left in it is worth it */
static bool worth_carrying(struct liveupdate_session *session)
{
	guard(mutex)(&session->mutex);

	return !session->retrieved ||
	       luo_file_set_unretrieved(&session->files);
}

static void uncarry_session(struct liveupdate_session *session)
{
	if (!session->carried)
		return;

	guard(mutex)(&session->mutex);

	luo_file_set_uncarry(&session->files);
	session->carried = false;
}

static void uncarry_incoming(void)
{
	struct liveupdate_session *session;

	lockdep_assert_held(&luo_incoming.lock);

	luo_quarantine_uncarry();
	list_for_each_entry(session, &luo_incoming.sessions, node)
		uncarry_session(session);
	luo_flb_uncarry();
}

static int carry_session(struct liveupdate_session *session)
{
	int err;

	guard(mutex)(&session->mutex);

	err = luo_file_set_carry(&session->files);
	session->carried = !err;
	return err;
}

/* What nobody has retrieved goes on to the next kernel as it is */
static int carry_incoming(void)
{
	struct liveupdate_session *session;
	int err;

	lockdep_assert_held(&luo_incoming.lock);

	list_for_each_entry(session, &luo_incoming.sessions, node) {
		if (!worth_carrying(session))
			continue;
		err = carry_session(session);
		if (err)
			goto err_uncarry;
	}

	err = luo_quarantine_carry();
	if (!err)
		return 0;

err_uncarry:
	uncarry_incoming();
	return err;
}

/**
 * struct session_writer - what sessions are written with
 * @writer: the writer of their records
 * @index: the writer of the index of memory
 * @nr: how many were written
 */
struct session_writer {
	struct luo_writer writer;
	struct luo_index_writer index;
	u64 nr;
};

static void serialize_session(struct liveupdate_session *session,
			      struct session_writer *out)
{
	struct luo_session_ser ser = {};

	lockdep_assert_held(&session->mutex);

	/* Only what came over has an age, and it gets older */
	if (session->set == &luo_incoming)
		ser.age = session->age + 1;
	if (session->files.damaged)
		ser.flags = LUO_SESSION_DAMAGED;
	memcpy(ser.name, session->name, sizeof(ser.name));
	luo_file_set_serialize(&session->files, &ser, out->nr++, &out->index);
	luo_writer_put(&out->writer, &ser);
}

static int freeze_session(struct liveupdate_session *session,
			  struct session_writer *out)
{
	int err;

	guard(mutex)(&session->mutex);

	err = luo_file_set_freeze(&session->files);
	if (!err)
		serialize_session(session, out);
	return err;
}

static void unfreeze_session(struct liveupdate_session *session)
{
	guard(mutex)(&session->mutex);

	luo_file_set_unfreeze(&session->files);
}

static int freeze_outgoing(struct session_writer *out)
{
	struct liveupdate_session *session;
	int err;

	lockdep_assert_held(&luo_outgoing.lock);

	list_for_each_entry(session, &luo_outgoing.sessions, node) {
		err = freeze_session(session, out);
		if (err)
			goto err_unfreeze;
	}
	return 0;

err_unfreeze:
	list_for_each_entry_continue_reverse(session, &luo_outgoing.sessions,
					     node)
		unfreeze_session(session);
	return err;
}

static void serialize_carried(struct session_writer *out)
{
	struct liveupdate_session *session;
	u64 nr = out->nr;

	lockdep_assert_held(&luo_incoming.lock);

	list_for_each_entry(session, &luo_incoming.sessions, node) {
		if (!session->carried)
			continue;
		guard(mutex)(&session->mutex);
		serialize_session(session, out);
	}
	luo_quarantine_serialize(&out->index);
	if (out->nr > nr)
		pr_info("%llu sessions that nobody has finished are carried over\n",
			out->nr - nr);
}

static void free_spare_blocks(void)
{
	lockdep_assert_held(&luo_outgoing.lock);

	if (!luo_outgoing.nr)
		luo_blocks_free(&luo_outgoing.blocks);
}

/**
 * luo_sessions_freeze - freeze all new sessions and write all records
 * @header: gets where they are and how many
 *
 * Sessions that came over, and that nobody has retrieved, are carried over.
 *
 * Context: luo_freeze_rwsem is held for writing, and stays so until the jump or
 * luo_sessions_unfreeze().
 *
 * Return: 0; a handler's error; -EBUSY if a session that nobody has retrieved
 * can't be carried over, as a driver has what its files need; -ENOMEM. On an
 * error all is as it was.
 */
int luo_sessions_freeze(struct luo_header_ser *header)
{
	struct session_writer out = {};
	int err;

	/* Nobody may have opened the device */
	err = luo_sessions_deserialize();
	if (err)
		return err;

	guard(mutex)(&luo_outgoing.lock);
	guard(mutex)(&luo_incoming.lock);

	err = luo_blocks_reserve(&luo_outgoing.blocks,
				 luo_outgoing.nr + luo_incoming.nr);
	if (!err)
		err = carry_incoming();
	if (err)
		goto err_free;

	luo_writer_start(&out.writer, &luo_outgoing.blocks);
	luo_index_start(&out.index);
	err = freeze_outgoing(&out);
	if (err)
		goto err_uncarry;

	serialize_carried(&out);
	luo_flb_serialize_memory(&out.index);
	header->nr_sessions = out.nr;
	header->sessions = luo_writer_end(&out.writer);
	luo_index_end(&out.index, header);
	return 0;

err_uncarry:
	uncarry_incoming();
err_free:
	free_spare_blocks();
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
	guard(mutex)(&luo_incoming.lock);

	list_for_each_entry_reverse(session, &luo_outgoing.sessions, node)
		unfreeze_session(session);
	uncarry_incoming();
	free_spare_blocks();
}

/* References to sessions of a set, from an id on, by ascending id */
static unsigned int get_sessions(struct luo_session_set *set, u64 start,
				 struct liveupdate_session **sessions,
				 unsigned int max)
{
	struct liveupdate_session *session;
	unsigned int nr = 0;

	guard(mutex)(&set->lock);

	list_for_each_entry(session, &set->sessions, node) {
		if (session->id < start)
			continue;
		if (nr == max)
			break;
		kref_get(&session->ref);
		sessions[nr++] = session;
	}
	return nr;
}

static void describe_session(struct liveupdate_session *session,
			     struct liveupdate_session_info *info)
{
	bool incoming = session->set == &luo_incoming;

	guard(mutex)(&session->mutex);

	info->id = session->id;
	info->nr_files = session->files.nr;
	info->bytes = luo_file_set_bytes(&session->files);
	info->age = session->age;
	info->flags = incoming ? LIVEUPDATE_SESSION_INCOMING : 0;
	if (READ_ONCE(session->retrieved))
		info->flags |= LIVEUPDATE_SESSION_RETRIEVED;
	if (session->files.damaged)
		info->flags |= LIVEUPDATE_SESSION_DAMAGED;
	memcpy(info->name, session->name, sizeof(info->name));
}

static void show_session(struct liveupdate_session *session,
			 struct seq_file *m)
{
	struct liveupdate_session_info info = {};

	describe_session(session, &info);
	seq_printf(m, "%s id %llu age %llu files %llu bytes %llu%s%s name ",
		   set_direction(session->set), info.id, info.age,
		   info.nr_files, info.bytes,
		   info.flags & LIVEUPDATE_SESSION_RETRIEVED ? " retrieved" : "",
		   info.flags & LIVEUPDATE_SESSION_DAMAGED ? " damaged" : "");
	luo_show_name(m, session->name);
	seq_putc(m, '\n');
}

static void show_files(struct liveupdate_session *session, struct seq_file *m)
{
	char prefix[48];

	snprintf(prefix, sizeof(prefix), "%s session %llu ",
		 set_direction(session->set), session->id);

	guard(mutex)(&session->mutex);

	luo_file_set_show(&session->files, prefix, m);
}

/* What a session is busy with must not keep others from being made meanwhile */
static void show_set(struct luo_session_set *set, struct seq_file *m,
		     void (*show)(struct liveupdate_session *session,
				  struct seq_file *m))
{
	struct liveupdate_session *sessions[32];
	unsigned int nr, i;
	u64 start = 0;

	while ((nr = get_sessions(set, start, sessions, ARRAY_SIZE(sessions)))) {
		start = sessions[nr - 1]->id + 1;
		for (i = 0; i < nr; i++) {
			show(sessions[i], m);
			session_put(sessions[i]);
		}
		cond_resched();
	}
}

/**
 * luo_sessions_show - say what sessions there are, a line for each
 * @m: where
 *
 * Context: luo_freeze_rwsem is held for reading.
 */
void luo_sessions_show(struct seq_file *m)
{
	show_set(&luo_outgoing, m, show_session);
	show_set(&luo_incoming, m, show_session);
}

/**
 * luo_sessions_show_files - say what files all sessions have, a line for each
 * @m: where
 *
 * Context: luo_freeze_rwsem is held for reading.
 */
void luo_sessions_show_files(struct seq_file *m)
{
	show_set(&luo_outgoing, m, show_files);
	show_set(&luo_incoming, m, show_files);
}

/**
 * luo_sessions_list - say what sessions there are
 * @incoming: those that came over, else new ones
 * @start: the lowest id to list
 * @list: gets a struct liveupdate_session_info for each, until it is full
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: 0 or -ENOMEM.
 */
int luo_sessions_list(bool incoming, u64 start, struct luo_list *list)
{
	struct luo_session_set *set = incoming ? &luo_incoming : &luo_outgoing;
	struct liveupdate_session **sessions;
	unsigned int nr, i;

	sessions = kvmalloc_array(list->max, sizeof(*sessions), GFP_KERNEL);
	if (!sessions)
		return -ENOMEM;

	nr = get_sessions(set, start, sessions, list->max);
	for (i = 0; i < nr; i++) {
		describe_session(sessions[i], luo_list_add(list));
		session_put(sessions[i]);
	}
	kvfree(sessions);
	return 0;
}

/**
 * luo_sessions_list_files - say what files a session has
 * @incoming: it came over, else it is a new one
 * @id: its id
 * @start: the lowest token to list
 * @list: gets a struct liveupdate_file_info for each, until it is full
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: 0; -ENOENT if there is no such session.
 */
int luo_sessions_list_files(bool incoming, u64 id, u64 start,
			    struct luo_list *list)
{
	struct luo_session_set *set = incoming ? &luo_incoming : &luo_outgoing;
	struct liveupdate_session *session;
	int err = 0;

	if (!get_sessions(set, id, &session, 1))
		return -ENOENT;

	if (session->id == id)
		list_files(session, start, list);
	else
		err = -ENOENT;
	session_put(session);
	return err;
}

static int __init set_init(struct luo_session_set *set)
{
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

	/* Each a class of its own: that of the incoming ones nests inside */
	mutex_init(&luo_outgoing.lock);
	mutex_init(&luo_incoming.lock);

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
