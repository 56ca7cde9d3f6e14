// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of a session: how each goes from an ordinary file to a record, and
 * from a record to an ordinary file.
 *
 * An outgoing file has its handler pinned from preserve to unpreserve, an
 * incoming one from the moment that the handler is there to the finish. In
 * between it is entered in luo_objects, so that no object behind a file is
 * ever preserved twice.
 */

#define pr_fmt(fmt) "liveupdate: " fmt

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kmod.h>
#include <linux/liveupdate.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "kho_owner.h"
#include "luo_file.h"
#include "luo_flb.h"
#include "luo_handler.h"
#include "luo_index.h"
#include "luo_list.h"
#include "luo_quarantine.h"
#include "luo_session.h"
#include "luo_show.h"
#include "luo_trace.h"

/**
 * enum luo_carry - what of an incoming file goes to the next kernel
 * @LUO_CARRY_NONE: nothing
 * @LUO_CARRY_MEMORY: what is left of its memory, for the quarantine
 * @LUO_CARRY_FILE: the file, as it came
 */
enum luo_carry {
	LUO_CARRY_NONE,
	LUO_CARRY_MEMORY,
	LUO_CARRY_FILE,
};

/**
 * struct luo_need - a file depends on another one of its session
 * @node: link in the needs of the file that depends
 * @file: the other one
 */
struct luo_need {
	struct list_head node;
	struct luo_file *file;
};

/**
 * struct luo_file - a file in a session
 * @node: link in the set, in the order of preserve
 * @set: the set
 * @token: what user space calls it
 * @fh: its handler, pinned; NULL while that is not registered
 * @file: the file, with a reference; NULL if it was not retrieved
 * @data: what goes to the next kernel, or came from the previous one
 * @private_data: the handler's own
 * @owner: logs what an outgoing file's handler preserves
 * @memory: such a log that came over
 * @flbs: the FLBs that an outgoing file is counted in
 * @needs: the files of its session that it depends on, all before it
 * @needed_by: how many others depend on this one
 * @id: what stands for the object in luo_objects
 * @retrieve_status: 0 not tried, 1 done, else its error
 * @registered: it is in luo_objects
 * @retrieving: it is in its handler's retrieve
 * @carry: what of it goes on if the kernel is replaced now
 * @compatible: the handler's name
 *
 * All under the mutex of the set's session. @set and @token don't change while
 * the file is in luo_objects.
 */
struct luo_file {
	struct list_head node;
	struct luo_file_set *set;
	u64 token;
	struct liveupdate_file_handler *fh;
	struct file *file;
	u64 data;
	void *private_data;
	struct kho_owner owner;
	u64 memory[KHO_OWNER_RECORDS];
	struct luo_flb_uses *flbs;
	struct list_head needs;
	unsigned long needed_by;
	unsigned long id;
	int retrieve_status;
	bool registered;
	bool retrieving;
	enum luo_carry carry;
	char compatible[LUO_COMPATIBLE_LENGTH];
};

/* get_id() of each file that is in a session, to its struct luo_file */
static DEFINE_XARRAY(luo_objects);

/* A token is an index of an XArray; KHO is for 64-bit machines only */
static_assert(sizeof(u64) == sizeof(unsigned long));

/**
 * luo_file_set_init - start without files
 * @set: the set
 * @session: whose it is
 */
void luo_file_set_init(struct luo_file_set *set,
		       struct liveupdate_session *session)
{
	set->session = session;
	set->nr = 0;
	set->damaged = false;
	set->handler_missing = false;
	set->incoming = false;
	set->needing = NULL;
	INIT_LIST_HEAD(&set->files);
	luo_blocks_init(&set->blocks, sizeof(struct luo_file_ser));
	xa_init_flags(&set->tokens, XA_FLAGS_ACCOUNT);
}

/**
 * luo_file_set_destroy - the session goes
 * @set: its set, which has no files any more
 */
void luo_file_set_destroy(struct luo_file_set *set)
{
	WARN_ON_ONCE(set->nr);
	luo_blocks_free(&set->blocks);
	xa_destroy(&set->tokens);
}

static struct luo_file *find_file(struct luo_file_set *set, u64 token)
{
	return xa_load(&set->tokens, token);
}

static unsigned long object_id(struct liveupdate_file_handler *fh,
			       struct file *file)
{
	return fh->ops->get_id ? fh->ops->get_id(file) : (unsigned long)file;
}

static int register_object(struct luo_file *lf)
{
	int err;

	if (lf->registered)
		return 0;

	lf->id = object_id(lf->fh, lf->file);
	err = xa_insert(&luo_objects, lf->id, lf, GFP_KERNEL);
	lf->registered = !err;
	return err;
}

static void unregister_object(struct luo_file *lf)
{
	if (lf->registered)
		xa_erase(&luo_objects, lf->id);
	lf->registered = false;
}

static int add_to_set(struct luo_file_set *set, struct luo_file *lf)
{
	int err = xa_insert(&set->tokens, lf->token, lf, GFP_KERNEL);

	if (err)
		return err;

	lf->set = set;
	list_add_tail(&lf->node, &set->files);
	set->nr++;
	return 0;
}

static void remove_from_set(struct luo_file *lf)
{
	struct luo_file_set *set = lf->set;

	xa_erase(&set->tokens, lf->token);
	list_del(&lf->node);
	set->nr--;
}

static struct liveupdate_file_op_args file_args(struct luo_file *lf)
{
	return (struct liveupdate_file_op_args){
		.handler = lf->fh,
		.session = lf->set->session,
		.retrieve_status = lf->retrieve_status,
		.file = lf->file,
		.serialized_data = lf->data,
		.private_data = lf->private_data,
		.needed = lf->needed_by,
	};
}

static u64 file_bytes(const struct luo_file *lf)
{
	return lf->set->incoming ? kho_owner_size(lf->memory) :
				   kho_owner_preserved(&lf->owner);
}

/* @_bytes are counted only if somebody listens */
#define trace_file(_event, _lf, _bytes, _start, _err)			\
	do {								\
		const struct luo_file *__lf = _lf;			\
									\
		if (trace_liveupdate_##_event##_enabled())		\
			trace_liveupdate_##_event(			\
				luo_session_name(__lf->set->session),	\
				__lf->token, __lf->compatible, _bytes,	\
				luo_trace_ns(_start), _err);		\
	} while (0)

static int add_need(struct luo_file *lf, struct luo_file *other)
{
	struct luo_need *need;

	list_for_each_entry(need, &lf->needs, node)
		if (need->file == other)
			return 0;

	need = kzalloc(sizeof(*need), GFP_KERNEL_ACCOUNT);
	if (!need)
		return -ENOMEM;

	need->file = other;
	other->needed_by++;
	list_add_tail(&need->node, &lf->needs);
	return 0;
}

static void drop_needs(struct luo_file *lf)
{
	struct luo_need *need, *next;

	list_for_each_entry_safe(need, next, &lf->needs, node) {
		need->file->needed_by--;
		list_del(&need->node);
		kfree(need);
	}
}

static int call_preserve(struct luo_file *lf)
{
	struct liveupdate_file_op_args args;
	int err;

	lf->flbs = luo_flb_file_preserve(lf->fh);
	if (IS_ERR(lf->flbs))
		return PTR_ERR(lf->flbs);

	args = file_args(lf);
	lf->set->needing = lf;
	kho_owner_begin(&lf->owner);
	err = lf->fh->ops->preserve(&args);
	kho_owner_end(&lf->owner);
	lf->set->needing = NULL;
	if (err) {
		drop_needs(lf);
		kho_owner_free(&lf->owner);
		luo_flb_file_unpreserve(lf->flbs);
		return err;
	}

	lf->data = args.serialized_data;
	lf->private_data = args.private_data;
	return 0;
}

static void call_unpreserve(struct luo_file *lf)
{
	struct liveupdate_file_op_args args = file_args(lf);

	lf->fh->ops->unpreserve(&args);
	drop_needs(lf);
	kho_owner_free(&lf->owner);
	luo_flb_file_unpreserve(lf->flbs);
}

/* Everything about a new file but for the file itself, which @lf gets on success */
static int preserve_file(struct luo_file_set *set, struct luo_file *lf)
{
	u64 start = luo_trace_start(file_preserve);
	int err;

	err = luo_blocks_reserve(&set->blocks, set->nr + 1);
	if (err)
		return err;

	err = luo_index_reserve(1);
	if (err)
		return err;

	lf->fh = luo_handler_get_by_file(lf->file);
	if (!lf->fh) {
		err = -ENOENT;
		goto err_release;
	}
	strscpy_pad(lf->compatible, lf->fh->compatible);

	/* Before it can be found through its object, it is in the set */
	err = add_to_set(set, lf);
	if (err)
		goto err_put_handler;

	err = register_object(lf);
	if (err)
		goto err_remove;

	err = call_preserve(lf);
	trace_file(file_preserve, lf, err ? 0 : file_bytes(lf), start, err);
	if (!err)
		return 0;

	unregister_object(lf);
err_remove:
	remove_from_set(lf);
err_put_handler:
	luo_handler_put(lf->fh);
err_release:
	luo_index_release(1);
	return err;
}

/**
 * luo_file_preserve - put a file into a new session
 * @set: the session's files
 * @fd: the file's descriptor
 * @token: what user space will call it
 *
 * Context: The session's mutex is held.
 *
 * Return: 0; -EBADF, -EEXIST if the token is taken, -ENOENT if no handler takes
 * the file, -EBUSY if its object is in a session already, -ENOMEM; else the
 * handler's error or that of one of its FLBs. On an error nothing has changed.
 */
int luo_file_preserve(struct luo_file_set *set, int fd, u64 token)
{
	struct luo_file *lf;
	int err;

	struct file *file __free(fput) = fget(fd);

	if (!file)
		return -EBADF;

	if (find_file(set, token))
		return -EEXIST;

	lf = kzalloc(sizeof(*lf), GFP_KERNEL_ACCOUNT);
	if (!lf)
		return -ENOMEM;

	lf->token = token;
	lf->file = file;
	INIT_LIST_HEAD(&lf->needs);
	err = preserve_file(set, lf);
	if (err) {
		kfree(lf);
		return err;
	}

	retain_and_null_ptr(file);
	return 0;
}

static void unpreserve_file(struct luo_file *lf)
{
	u64 start = luo_trace_start(file_unpreserve);

	call_unpreserve(lf);
	trace_file(file_unpreserve, lf, 0, start, 0);
	unregister_object(lf);
	remove_from_set(lf);
	luo_index_release(1);
	luo_handler_put(lf->fh);
	fput(lf->file);
	kfree(lf);
}

/**
 * luo_file_unpreserve - take a file out of a new session
 * @set: the session's files
 * @token: what user space called it
 *
 * Context: The session's mutex is held.
 *
 * Return: 0; -ENOENT if there is no such file, -EBUSY if another one of the
 * session depends on it.
 */
int luo_file_unpreserve(struct luo_file_set *set, u64 token)
{
	struct luo_file *lf = find_file(set, token);

	if (!lf)
		return -ENOENT;
	if (lf->needed_by)
		return -EBUSY;

	unpreserve_file(lf);
	return 0;
}

/**
 * luo_file_set_unpreserve - undo all preserves of a new session
 * @set: the session's files
 *
 * Context: The session's mutex is held.
 */
void luo_file_set_unpreserve(struct luo_file_set *set)
{
	struct luo_file *lf, *next;

	list_for_each_entry_safe_reverse(lf, next, &set->files, node)
		unpreserve_file(lf);
}

static int call_freeze(struct luo_file *lf)
{
	struct liveupdate_file_op_args args = file_args(lf);
	u64 start = luo_trace_start(file_freeze);
	int err;

	if (!lf->fh->ops->freeze)
		return 0;

	kho_owner_begin(&lf->owner);
	err = lf->fh->ops->freeze(&args);
	kho_owner_end(&lf->owner);
	if (!err)
		lf->data = args.serialized_data;
	trace_file(file_freeze, lf, file_bytes(lf), start, err);
	return err;
}

static void call_unfreeze(struct luo_file *lf)
{
	struct liveupdate_file_op_args args = file_args(lf);
	u64 start = luo_trace_start(file_unfreeze);

	if (!lf->fh->ops->unfreeze)
		return;

	kho_owner_begin(&lf->owner);
	lf->fh->ops->unfreeze(&args);
	kho_owner_end(&lf->owner);
	trace_file(file_unfreeze, lf, file_bytes(lf), start, 0);
}

/**
 * luo_file_set_freeze - last changes of all files, in the order of preserve
 * @set: the session's files
 *
 * Context: The session's mutex and luo_freeze_rwsem are held.
 *
 * Return: 0 or a handler's error; then all is unfrozen.
 */
int luo_file_set_freeze(struct luo_file_set *set)
{
	struct luo_file *lf;
	int err;

	list_for_each_entry(lf, &set->files, node) {
		err = call_freeze(lf);
		if (err)
			goto err_unfreeze;
	}
	return 0;

err_unfreeze:
	pr_err("session '%*pE', file %llu: handler '%s' refuses to freeze: %d\n",
	       luo_session_name_len(set->session), luo_session_name(set->session),
	       lf->token, lf->compatible, err);
	list_for_each_entry_continue_reverse(lf, &set->files, node)
		call_unfreeze(lf);
	return err;
}

/**
 * luo_file_set_unfreeze - undo luo_file_set_freeze(), in the reverse order
 * @set: the session's files
 *
 * Context: The session's mutex and luo_freeze_rwsem are held.
 */
void luo_file_set_unfreeze(struct luo_file_set *set)
{
	struct luo_file *lf;

	list_for_each_entry_reverse(lf, &set->files, node)
		call_unfreeze(lf);
}

static int carry_flbs(struct luo_file *lf)
{
	int err = luo_flb_file_carry(lf->compatible);

	if (err == -EBUSY)
		pr_err("session '%*pE', file %llu: what it shares with others is in use, it can't be carried over: retrieve or discard it first\n",
		       luo_session_name_len(lf->set->session),
		       luo_session_name(lf->set->session), lf->token);
	return err;
}

/*
 * Nothing of a file is carried that user space has: it can preserve it. If there
 * is no way to carry the file itself, its memory is still private to somebody.
 */
static int carry_file(struct luo_file *lf)
{
	int err = -ENOENT;

	if (lf->file)
		return 0;

	if (!lf->retrieve_status)
		err = kho_owner_carry(lf->memory);
	if (!err) {
		lf->carry = LUO_CARRY_FILE;
		return carry_flbs(lf);
	}
	if (err == -ENOMEM)
		return err;

	err = kho_owner_carry_rest(lf->memory);
	if (!err)
		lf->carry = LUO_CARRY_MEMORY;
	else if (err == -EBUSY)
		pr_err("session '%*pE', file %llu: it is lost, somebody else claims its memory\n",
		       luo_session_name_len(lf->set->session),
		       luo_session_name(lf->set->session), lf->token);
	return err == -ENOMEM ? err : 0;
}

static void uncarry_file(struct luo_file *lf)
{
	if (lf->carry != LUO_CARRY_NONE)
		kho_owner_uncarry(lf->memory);
	lf->carry = LUO_CARRY_NONE;
}

/**
 * luo_file_set_carry - keep files that nobody retrieved for the next kernel
 * @set: an incoming session's files
 *
 * Context: The session's mutex is held, and luo_freeze_rwsem for writing.
 *
 * Return: 0; -EBUSY if an FLB that one of them needs is in the hands of a driver,
 * -ENOMEM. On an error nothing has changed but for FLBs: luo_flb_uncarry() is
 * called for.
 */
int luo_file_set_carry(struct luo_file_set *set)
{
	struct luo_file *lf;
	int err;

	err = luo_index_reserve(set->nr);
	if (err)
		return err;

	err = luo_blocks_reserve(&set->blocks, set->nr);
	if (err)
		goto err_release;

	list_for_each_entry(lf, &set->files, node) {
		err = carry_file(lf);
		if (err)
			goto err_uncarry;
	}
	return 0;

err_uncarry:
	list_for_each_entry(lf, &set->files, node)
		uncarry_file(lf);
err_release:
	luo_blocks_free(&set->blocks);
	luo_index_release(set->nr);
	return err;
}

/**
 * luo_file_set_uncarry - undo luo_file_set_carry()
 * @set: the session's files
 *
 * Context: The session's mutex is held, and luo_freeze_rwsem for writing.
 */
void luo_file_set_uncarry(struct luo_file_set *set)
{
	struct luo_file *lf;

	list_for_each_entry(lf, &set->files, node)
		uncarry_file(lf);
	luo_blocks_free(&set->blocks);
	luo_index_release(set->nr);
}

static void serialize_log(const struct luo_file *lf,
			  u64 memory[KHO_OWNER_RECORDS])
{
	if (lf->set->incoming)
		memcpy(memory, lf->memory, sizeof(lf->memory));
	else
		kho_owner_serialize(&lf->owner, memory);
}

/**
 * luo_file_set_serialize - write the records of all files
 * @set: the session's files
 * @ser: the session's record, which gets where they are and how many, and is told
 *	if there is one of which only the memory is left
 * @number: the number of that record
 * @index: the index of memory
 *
 * Of an incoming session's files, those that luo_file_set_carry() has kept.
 *
 * Context: The session's mutex and luo_freeze_rwsem are held.
 */
void luo_file_set_serialize(struct luo_file_set *set,
			    struct luo_session_ser *ser, u64 number,
			    struct luo_index_writer *index)
{
	struct luo_writer writer;
	struct luo_file *lf;

	ser->nr_files = 0;
	luo_writer_start(&writer, &set->blocks);
	list_for_each_entry(lf, &set->files, node) {
		struct luo_file_ser file = {
			.token = lf->token,
			.data = lf->data,
		};

		if (set->incoming && lf->carry == LUO_CARRY_NONE)
			continue;
		serialize_log(lf, file.memory);
		luo_index_put(index, number, lf->token, file.memory);
		if (lf->carry == LUO_CARRY_MEMORY) {
			ser->flags |= LUO_SESSION_DAMAGED;
			continue;
		}
		memcpy(file.compatible, lf->compatible,
		       sizeof(file.compatible));
		luo_writer_put(&writer, &file);
		ser->nr_files++;
	}
	ser->files = luo_writer_end(&writer);
}

static int add_incoming(struct luo_file_set *set,
			const struct luo_file_ser *ser)
{
	struct luo_file *lf;
	int err;

	if (!luo_compatible_valid(ser->compatible) ||
	    find_file(set, ser->token))
		return -EIO;

	lf = kzalloc(sizeof(*lf), GFP_KERNEL_ACCOUNT);
	if (!lf)
		return -ENOMEM;

	lf->token = ser->token;
	lf->data = ser->data;
	INIT_LIST_HEAD(&lf->needs);
	memcpy(lf->memory, ser->memory, sizeof(lf->memory));
	strscpy_pad(lf->compatible, ser->compatible);
	err = add_to_set(set, lf);
	if (err) {
		kfree(lf);
		return -ENOMEM;
	}

	lf->fh = luo_handler_get_by_name(lf->compatible);
	return 0;
}

static void drop_incoming(struct luo_file *lf)
{
	drop_needs(lf);
	unregister_object(lf);
	remove_from_set(lf);
	if (lf->fh)
		luo_handler_put(lf->fh);
	if (lf->file)
		fput(lf->file);
	kfree(lf);
}

/**
 * luo_file_set_forget - take back luo_file_set_deserialize()
 * @set: the session's files, none of which was retrieved
 *
 * What came over is left as it is.
 *
 * Context: The session's mutex is held.
 */
void luo_file_set_forget(struct luo_file_set *set)
{
	struct luo_file *lf, *next;

	list_for_each_entry_safe_reverse(lf, next, &set->files, node)
		drop_incoming(lf);
}

/**
 * luo_file_set_deserialize - read the files that came over
 * @set: the session's files, of which there are none yet
 * @first: physical address of the first block, 0 for none
 * @nr: how many files there are
 *
 * What is damaged is left out, and @set->damaged tells. The blocks are left as
 * they are.
 *
 * Context: The session's mutex is held.
 *
 * Return: 0; -ENOMEM, then @set is empty again.
 */
int luo_file_set_deserialize(struct luo_file_set *set, phys_addr_t first,
			     u64 nr)
{
	struct luo_reader reader;
	const void *record;
	int ret;

	set->incoming = true;
	luo_reader_start(&reader, first, nr, sizeof(struct luo_file_ser));
	while ((ret = luo_reader_next(&reader, &record))) {
		if (ret > 0)
			ret = add_incoming(set, record);
		cond_resched();
		if (ret == -ENOMEM) {
			luo_file_set_forget(set);
			return ret;
		}
		if (ret < 0)
			set->damaged = true;
	}

	if (set->damaged)
		pr_err("session '%*pE': %llu of %llu files are damaged, their memory stays reserved\n",
		       luo_session_name_len(set->session),
		       luo_session_name(set->session), nr - set->nr, nr);
	return 0;
}

static int call_arrive(struct luo_file *lf)
{
	struct liveupdate_file_op_args args;
	int err;

	if (!lf->fh || !lf->fh->ops->arrive)
		return 0;

	args = file_args(lf);
	lf->set->needing = lf;
	err = lf->fh->ops->arrive(&args);
	lf->set->needing = NULL;
	if (!err || err == -ENOMEM)
		return err;

	drop_needs(lf);
	lf->retrieve_status = err;
	pr_err("session '%*pE', file %llu: handler '%s' can't use it: %d\n",
	       luo_session_name_len(lf->set->session),
	       luo_session_name(lf->set->session), lf->token, lf->compatible,
	       err);
	return 0;
}

/**
 * luo_file_set_arrive - tell handlers of the files that came over
 * @set: the session's files
 *
 * Context: The session's mutex is held, and user space does not have it yet.
 *
 * Return: 0; -ENOMEM, then luo_file_set_forget() is called for.
 */
int luo_file_set_arrive(struct luo_file_set *set)
{
	struct luo_file *lf;
	int err;

	list_for_each_entry(lf, &set->files, node) {
		err = call_arrive(lf);
		if (err)
			return err;
	}
	return 0;
}

static int find_late_handler(struct luo_file *lf)
{
	if (!lf->fh)
		lf->fh = luo_handler_get_by_name(lf->compatible);
	if (!lf->fh) {
		request_module("liveupdate:%s", lf->compatible);
		lf->fh = luo_handler_get_by_name(lf->compatible);
	}
	if (lf->fh)
		return 0;

	lf->set->handler_missing = true;
	return -ENODEV;
}

/* There may be more memory, or fewer open files, when it is tried again */
static bool is_shortage(int err)
{
	return err == -ENOMEM || err == -ENFILE;
}

static int call_retrieve(struct luo_file *lf)
{
	u64 bytes = trace_liveupdate_file_retrieve_enabled() ? file_bytes(lf) : 0;
	struct liveupdate_file_op_args args = file_args(lf);
	u64 start = luo_trace_start(file_retrieve);
	int err;

	lf->set->handler_missing = false;
	lf->retrieving = true;
	err = lf->fh->ops->retrieve(&args);
	lf->retrieving = false;
	trace_file(file_retrieve, lf, bytes, start, err);

	/* Another file that it depends on may get its handler later */
	if (err == -ENODEV && lf->set->handler_missing)
		return err;

	if (!is_shortage(err)) {
		lf->retrieve_status = err ?: 1;
		lf->private_data = args.private_data;
	}
	if (!err)
		lf->file = args.file;
	else
		pr_err("session '%*pE', file %llu: handler '%s' can't retrieve: %d\n",
		       luo_session_name_len(lf->set->session),
		       luo_session_name(lf->set->session), lf->token,
		       lf->compatible, err);
	return err;
}

/**
 * luo_file_set_unretrieved - is there a file that nobody has retrieved?
 * @set: the session's files
 *
 * Context: The session's mutex is held.
 *
 * Return: true if there is.
 */
bool luo_file_set_unretrieved(struct luo_file_set *set)
{
	struct luo_file *lf;

	list_for_each_entry(lf, &set->files, node)
		if (!lf->file)
			return true;
	return false;
}

/**
 * luo_file_set_has - is there a file of this token?
 * @set: the session's files
 * @token: the token
 *
 * Context: The session's mutex is held.
 *
 * Return: true if there is.
 */
bool luo_file_set_has(struct luo_file_set *set, u64 token)
{
	return find_file(set, token);
}

/**
 * luo_file_retrieve - get a file that came over
 * @set: the session's files
 * @token: what user space called it
 * @filep: set to the file, with a reference for the caller
 *
 * Context: The session's mutex is held. May load a module.
 *
 * Return: 0; -ENOENT if there is no such file, -EIO if what came over was
 * damaged so that it may have been there, -ENODEV while its handler is not
 * registered, -ELOOP if its handler's retrieve needs it itself; -ENOMEM or
 * -ENFILE, then all is as before and it can be tried again; else what that failed
 * with, each time.
 */
int luo_file_retrieve(struct luo_file_set *set, u64 token,
		      struct file **filep)
{
	struct luo_file *lf = find_file(set, token);
	int err;

	if (!lf)
		return set->damaged ? -EIO : -ENOENT;
	if (lf->retrieving)
		return -ELOOP;
	if (lf->retrieve_status < 0)
		return lf->retrieve_status;

	if (!lf->retrieve_status) {
		err = find_late_handler(lf);
		if (!err)
			err = call_retrieve(lf);
		if (err)
			return err;
	}

	/* Not remembered: if it fails for want of memory, it can be tried again */
	err = register_object(lf);
	if (err)
		return err;

	*filep = get_file(lf->file);
	return 0;
}

static bool can_finish(struct luo_file *lf)
{
	struct liveupdate_file_op_args args;

	if (!lf->fh->ops->can_finish)
		return true;

	args = file_args(lf);
	return lf->fh->ops->can_finish(&args);
}

static void call_finish(struct luo_file *lf)
{
	struct liveupdate_file_op_args args = file_args(lf);

	if (lf->fh)
		lf->fh->ops->finish(&args);
}

/* What its handler could make nothing of, it may not have found either */
static void quarantine_file(struct luo_file *lf)
{
	u64 bytes = luo_quarantine_add(lf->token, lf->memory);

	if (bytes)
		pr_warn("session '%*pE', file %llu: %llu KiB stay reserved until they are discarded\n",
			luo_session_name_len(lf->set->session),
			luo_session_name(lf->set->session), lf->token,
			bytes >> 10);
}

static void finish_file(struct luo_file *lf)
{
	u64 bytes = trace_liveupdate_file_finish_enabled() ? file_bytes(lf) : 0;
	u64 start = luo_trace_start(file_finish);

	call_finish(lf);
	if (lf->retrieve_status < 0)
		quarantine_file(lf);
	else
		kho_owner_restore_free(lf->memory);
	luo_flb_file_finish(lf->compatible);
	trace_file(file_finish, lf, bytes, start, 0);
	drop_incoming(lf);
}

/**
 * luo_file_set_finish - the live update is over for all files of a session
 * @set: the session's files
 *
 * Context: The session's mutex is held.
 *
 * Return: 0; -EBUSY if one of them cannot finish, then none has.
 */
int luo_file_set_finish(struct luo_file_set *set)
{
	struct luo_file *lf, *next;

	list_for_each_entry(lf, &set->files, node)
		if (find_late_handler(lf) || !can_finish(lf))
			return -EBUSY;

	/* What was preserved later may depend on what was preserved before */
	list_for_each_entry_safe_reverse(lf, next, &set->files, node)
		finish_file(lf);
	return 0;
}

/* No module is loaded for this: to do without is what is asked for */
static bool can_discard(struct luo_file *lf)
{
	if (lf->file || lf->retrieving)
		return false;

	if (!lf->fh)
		lf->fh = luo_handler_get_by_name(lf->compatible);
	return !lf->fh || can_finish(lf);
}

static int discard_file(struct luo_file *lf)
{
	u64 start = luo_trace_start(file_discard);
	u64 bytes;
	int err;

	call_finish(lf);
	/* A handler may have freed the log, too: then nothing is left */
	err = kho_owner_discard(lf->memory, &bytes);
	if (lf->fh)
		err = 0;
	else
		pr_info("session '%*pE', file %llu of '%s' discarded, %llu KiB%s\n",
			luo_session_name_len(lf->set->session),
			luo_session_name(lf->set->session), lf->token,
			lf->compatible, bytes >> 10,
			err ? ", the log of its memory is damaged" : "");
	luo_flb_file_finish(lf->compatible);
	trace_file(file_discard, lf, bytes, start, err);
	drop_incoming(lf);
	return err;
}

/**
 * luo_file_discard - give up a file that came over and was not retrieved
 * @set: the session's files
 * @token: what user space called it
 *
 * If its handler is there, it finishes the file. Whatever is left then of what
 * was preserved on behalf of the file goes back to the system without it.
 *
 * Context: The session's mutex is held.
 *
 * Return: 0; -ENOENT if there is no such file, -EBUSY if it was retrieved, its
 * handler says that it cannot finish, or another one needs it; -EIO if the log of
 * its memory is damaged: then it is gone too, and that memory stays reserved.
 */
int luo_file_discard(struct luo_file_set *set, u64 token)
{
	struct luo_file *lf = find_file(set, token);

	if (!lf)
		return -ENOENT;
	if (lf->needed_by || !can_discard(lf))
		return -EBUSY;

	return discard_file(lf);
}

/**
 * luo_file_set_discard - give up all files of a session that came over
 * @set: the session's files
 *
 * Context: The session's mutex is held.
 *
 * Return: 0; -EBUSY if one of them was retrieved or its handler says that it
 * cannot finish: then none is given up.
 */
int luo_file_set_discard(struct luo_file_set *set)
{
	struct luo_file *lf, *next;

	list_for_each_entry(lf, &set->files, node)
		if (!can_discard(lf))
			return -EBUSY;

	list_for_each_entry_safe_reverse(lf, next, &set->files, node)
		discard_file(lf);
	return 0;
}

static enum liveupdate_file_state file_state(const struct luo_file *lf)
{
	if (!lf->set->incoming)
		return LIVEUPDATE_FILE_PRESERVED;
	if (lf->file)
		return LIVEUPDATE_FILE_RETRIEVED;
	if (lf->retrieve_status)
		return LIVEUPDATE_FILE_FAILED;
	return lf->fh || luo_handler_exists(lf->compatible) ?
		       LIVEUPDATE_FILE_WAITING : LIVEUPDATE_FILE_NO_HANDLER;
}

static u32 file_error(const struct luo_file *lf)
{
	return lf->retrieve_status < 0 ? -lf->retrieve_status : 0;
}

/**
 * luo_file_set_list - say what files there are
 * @set: the session's files
 * @start: the lowest token to list
 * @list: gets a struct liveupdate_file_info for each, until it is full
 *
 * Context: The session's mutex is held.
 */
void luo_file_set_list(struct luo_file_set *set, u64 start,
		       struct luo_list *list)
{
	struct liveupdate_file_info *info;
	unsigned long token;
	struct luo_file *lf;

	xa_for_each_start(&set->tokens, token, lf, start) {
		info = luo_list_add(list);
		if (!info)
			return;
		info->token = token;
		info->bytes = file_bytes(lf);
		info->state = file_state(lf);
		info->error = file_error(lf);
		strscpy_pad(info->compatible, lf->compatible);
	}
}

/**
 * luo_file_set_show - say what files there are, a line for each
 * @set: the session's files
 * @prefix: what each line begins with
 * @m: where
 *
 * Context: The session's mutex is held.
 */
void luo_file_set_show(struct luo_file_set *set, const char *prefix,
		       struct seq_file *m)
{
	static const char *const state_name[] = {
		[LIVEUPDATE_FILE_PRESERVED] = "preserved",
		[LIVEUPDATE_FILE_WAITING] = "waiting",
		[LIVEUPDATE_FILE_RETRIEVED] = "retrieved",
		[LIVEUPDATE_FILE_FAILED] = "failed",
		[LIVEUPDATE_FILE_NO_HANDLER] = "no-handler",
	};
	struct luo_file *lf;

	list_for_each_entry(lf, &set->files, node) {
		seq_printf(m, "%stoken %llu bytes %llu state %s error %u handler ",
			   prefix, lf->token, file_bytes(lf),
			   state_name[file_state(lf)], file_error(lf));
		luo_show_name(m, lf->compatible);
		seq_putc(m, '\n');
	}
}

/**
 * luo_file_set_bytes - how much memory is preserved for all files
 * @set: the session's files
 *
 * Context: The session's mutex is held.
 *
 * Return: bytes, with what describes the files' contents. Of files that came
 * over, what nobody has taken back yet.
 */
u64 luo_file_set_bytes(struct luo_file_set *set)
{
	struct luo_file *lf;
	u64 bytes = 0;

	list_for_each_entry(lf, &set->files, node)
		bytes += file_bytes(lf);
	return bytes;
}

/**
 * liveupdate_get_token_outgoing - what user space calls another file
 * @s: the session, as given to the calling handler
 * @file: the other file
 * @tokenp: set to its token
 *
 * For a handler whose file depends on another file of the same session: this
 * is what it tells its successor in the next kernel. If it asks in its preserve,
 * user space can't take the other file out of the session before its own.
 *
 * Context: The session's mutex is held: call it from preserve or freeze. May
 * sleep.
 *
 * Return: 0; -ENOENT if @file is not preserved in this session; -ENOMEM;
 * -EOPNOTSUPP if live update is off.
 */
int liveupdate_get_token_outgoing(struct liveupdate_session *s,
				  struct file *file, u64 *tokenp)
{
	struct liveupdate_file_handler *fh;
	struct luo_file_set *set;
	struct luo_file *lf;
	unsigned long id;

	if (!liveupdate_enabled())
		return -EOPNOTSUPP;

	set = luo_session_files(s);
	fh = luo_handler_get_by_file(file);
	if (!fh)
		return -ENOENT;
	id = object_id(fh, file);
	luo_handler_put(fh);

	/* A file of another session may go at any time, but not under this */
	xa_lock(&luo_objects);
	lf = xa_load(&luo_objects, id);
	if (lf && lf->set != set)
		lf = NULL;
	xa_unlock(&luo_objects);

	if (!lf)
		return -ENOENT;

	*tokenp = lf->token;
	if (!set->needing || set->needing == lf)
		return 0;
	return add_need(set->needing, lf);
}
EXPORT_SYMBOL_GPL(liveupdate_get_token_outgoing);

/* Of those that were preserved before @lf */
static struct luo_file *find_before(struct luo_file *lf, u64 token)
{
	struct luo_file *other;

	list_for_each_entry(other, &lf->set->files, node) {
		if (other == lf)
			return NULL;
		if (other->token == token)
			return other;
	}
	return NULL;
}

/**
 * liveupdate_need_file_incoming - a file needs another one that came over
 * @s: the session, as given to the calling handler
 * @token: the other file's token, from liveupdate_get_token_outgoing()
 *
 * From here on until the needing file has finished user space can't discard the
 * other one by itself, and the other one's handler is told, with @needed, as it
 * retrieves.
 *
 * Context: The session's mutex is held: call it from arrive. May sleep.
 *
 * Return: 0; -ENOENT if it did not come over, -ENOMEM; -EOPNOTSUPP if live update
 * is off.
 */
int liveupdate_need_file_incoming(struct liveupdate_session *s, u64 token)
{
	struct luo_file *lf, *other;

	if (!liveupdate_enabled())
		return -EOPNOTSUPP;

	lf = luo_session_files(s)->needing;
	if (WARN_ON_ONCE(!lf))
		return -ENOENT;

	other = find_before(lf, token);
	return other ? add_need(lf, other) : -ENOENT;
}
EXPORT_SYMBOL_GPL(liveupdate_need_file_incoming);

/**
 * liveupdate_get_file_incoming - get another file that came over
 * @s: the session, as given to the calling handler
 * @token: the other file's token
 * @filep: set to the file, with a reference that the caller gives back with
 *	fput()
 *
 * The file is retrieved if it has not been yet, and is the one that user space
 * gets too.
 *
 * Context: The session's mutex is held: call it from retrieve, can_finish or
 * finish. May sleep.
 *
 * Return: as luo_file_retrieve(); -EOPNOTSUPP if live update is off.
 */
int liveupdate_get_file_incoming(struct liveupdate_session *s, u64 token,
				 struct file **filep)
{
	if (!liveupdate_enabled())
		return -EOPNOTSUPP;

	return luo_file_retrieve(luo_session_files(s), token, filep);
}
EXPORT_SYMBOL_GPL(liveupdate_get_file_incoming);
