// SPDX-License-Identifier: GPL-2.0-only
/*
 * File-lifecycle-bound objects (FLBs): global state that all files of one or
 * more handlers need once, such as the tables of an IOMMU.
 *
 * A link says that the files of one handler need one FLB. It counts the files
 * that are preserved, and the next kernel gets a record of each link that is
 * in use. So the next kernel knows without the driver how many files there are
 * to finish before the object can go.
 */

#define pr_fmt(fmt) "liveupdate: " fmt

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kho_owner.h"
#include "luo_block.h"
#include "luo_core.h"
#include "luo_flb.h"
#include "luo_handler.h"
#include "luo_index.h"
#include "luo_quarantine.h"
#include "luo_show.h"

/**
 * struct luo_flb_link - files of one handler need an FLB
 * @fh_node: link in the handler's list, in the order of registration; under
 *	luo_register_rwlock. Empty once it is unregistered.
 * @node: link in luo_flb_links; under luo_flb_lock
 * @refs: one while it is registered, one for each file
 * @flb: the FLB
 * @nr_files: preserved files that it was counted for; under @flb->mutex
 * @handler: the handler's name
 */
struct luo_flb_link {
	struct list_head fh_node;
	struct list_head node;
	refcount_t refs;
	struct liveupdate_flb *flb;
	unsigned long nr_files;
	char handler[LUO_COMPATIBLE_LENGTH];
};

/**
 * struct luo_flb_uses - the links that a preserved file is counted in
 * @nr: how many
 * @link: in the order of registration
 */
struct luo_flb_uses {
	unsigned int nr;
	struct luo_flb_link *link[] __counted_by(nr);
};

/**
 * struct luo_flb_need - files of one handler that are to finish
 * @node: link in luo_flb_incoming.needs
 * @nr_files: how many
 * @nr_carried: how many go to the next kernel as they came
 * @handler: the handler's name
 */
struct luo_flb_need {
	struct list_head node;
	u64 nr_files;
	u64 nr_carried;
	char handler[LUO_COMPATIBLE_LENGTH];
};

/**
 * struct luo_flb_incoming - an FLB that came over
 * @node: link in luo_flb_incoming, which does not change once it is made
 * @mutex: protects all below, and is held over the callbacks
 * @needs: the files that need it
 * @users: calls of liveupdate_flb_get_incoming() that were not put yet
 * @status: 0 if retrieve was not tried, 1 if it succeeded, else its error
 * @finished: there is nothing left of it
 * @carried: it goes to the next kernel as it came
 * @flb: who retrieved it; its module is pinned from then to the finish
 * @data: the previous kernel's data
 * @memory: the log of its memory
 * @obj: the object
 * @compatible: the FLB's name
 */
struct luo_flb_incoming {
	struct list_head node;
	struct mutex mutex; /* all below */
	struct list_head needs;
	unsigned long users;
	int status;
	bool finished;
	bool carried;
	struct liveupdate_flb *flb;
	u64 data;
	u64 memory[KHO_OWNER_RECORDS];
	void *obj;
	char compatible[LUO_COMPATIBLE_LENGTH];
};

/* Protected by luo_register_rwlock */
static LIST_HEAD(luo_flbs);

/* Protects luo_flb_links, luo_flb_blocks and nr_flb_links; LUO's innermost */
static DEFINE_MUTEX(luo_flb_lock);
static LIST_HEAD(luo_flb_links);
static unsigned long nr_flb_links;
static struct luo_blocks luo_flb_blocks = {
	.pages = LIST_HEAD_INIT(luo_flb_blocks.pages),
	.record_size = sizeof(struct luo_flb_ser),
};

/* Written once, under luo_flb_incoming_lock */
static LIST_HEAD(luo_flb_incoming);
static bool luo_flb_incoming_read;
static DEFINE_MUTEX(luo_flb_incoming_lock);

static struct liveupdate_flb *find_flb(const char *compatible)
{
	struct liveupdate_flb *flb;

	lockdep_assert_held(&luo_register_rwlock);

	list_for_each_entry(flb, &luo_flbs, list)
		if (!strcmp(flb->compatible, compatible))
			return flb;
	return NULL;
}

static struct luo_flb_link *find_link(struct liveupdate_file_handler *fh,
				      struct liveupdate_flb *flb)
{
	struct luo_flb_link *link;

	lockdep_assert_held(&luo_register_rwlock);

	list_for_each_entry(link, &fh->flb_links, fh_node)
		if (link->flb == flb)
			return link;
	return NULL;
}

static struct luo_flb_link *link_alloc(struct liveupdate_file_handler *fh,
				       struct liveupdate_flb *flb)
{
	struct luo_flb_link *link = kzalloc(sizeof(*link), GFP_KERNEL);
	int err;

	if (!link)
		return ERR_PTR(-ENOMEM);

	refcount_set(&link->refs, 1);
	link->flb = flb;
	strscpy(link->handler, fh->compatible);

	guard(mutex)(&luo_flb_lock);

	err = luo_blocks_reserve(&luo_flb_blocks, nr_flb_links + 1);
	if (err) {
		kfree(link);
		return ERR_PTR(err);
	}

	nr_flb_links++;
	list_add_tail(&link->node, &luo_flb_links);
	return link;
}

static void link_put(struct luo_flb_link *link)
{
	if (!refcount_dec_and_test(&link->refs))
		return;

	scoped_guard(mutex, &luo_flb_lock) {
		list_del(&link->node);
		if (!--nr_flb_links)
			luo_blocks_free(&luo_flb_blocks);
	}
	kfree(link);
}

/**
 * liveupdate_register_flb - files of a handler need an FLB
 * @fh: the handler; registered
 * @flb: the FLB; stays where it is until it is unregistered from all handlers
 *
 * An FLB can be registered with any number of handlers. It counts for files
 * that are preserved from now on.
 *
 * Context: May sleep. Takes luo_register_rwlock for writing.
 *
 * Return: 0; -EINVAL if a callback or a proper name is missing or @fh is not
 * registered, -EEXIST if it is registered with this handler or there is another
 * FLB of this name, -ENOMEM, -EOPNOTSUPP if live update is off.
 */
int liveupdate_register_flb(struct liveupdate_file_handler *fh,
			    struct liveupdate_flb *flb)
{
	const struct liveupdate_flb_ops *ops = flb->ops;
	struct liveupdate_flb *other;
	struct luo_flb_link *link;

	if (!liveupdate_enabled())
		return -EOPNOTSUPP;

	if (!ops || !ops->preserve || !ops->unpreserve || !ops->retrieve ||
	    !ops->finish || !luo_compatible_valid(flb->compatible))
		return -EINVAL;

	guard(rwsem_write)(&luo_register_rwlock);

	if (!luo_handler_registered(fh))
		return -EINVAL;

	other = find_flb(flb->compatible);
	if ((other && other != flb) || find_link(fh, flb))
		return -EEXIST;

	link = link_alloc(fh, flb);
	if (IS_ERR(link))
		return PTR_ERR(link);

	if (!other) {
		flb->nr_links = 0;
		/* Files may still use it, if it was unregistered too early */
		if (!flb->outgoing_users)
			mutex_init(&flb->mutex);
		list_add_tail(&flb->list, &luo_flbs);
	}
	flb->nr_links++;
	list_add_tail(&link->fh_node, &fh->flb_links);
	return 0;
}
EXPORT_SYMBOL_GPL(liveupdate_register_flb);

static void unlink_flb(struct luo_flb_link *link)
{
	struct liveupdate_flb *flb = link->flb;

	lockdep_assert_held_write(&luo_register_rwlock);

	if (READ_ONCE(link->nr_files))
		pr_warn("FLB '%s' unregistered from '%s' with %lu files in sessions\n",
			flb->compatible, link->handler, link->nr_files);

	list_del_init(&link->fh_node);
	if (!--flb->nr_links)
		list_del(&flb->list);
	link_put(link);
}

/**
 * liveupdate_unregister_flb - files of a handler need an FLB no more
 * @fh: the handler
 * @flb: the FLB; passed over if it is not registered with @fh
 *
 * Context: May sleep. Takes luo_register_rwlock for writing.
 */
void liveupdate_unregister_flb(struct liveupdate_file_handler *fh,
			       struct liveupdate_flb *flb)
{
	struct luo_flb_link *link;

	if (!liveupdate_enabled())
		return;

	guard(rwsem_write)(&luo_register_rwlock);

	if (!luo_handler_registered(fh))
		return;

	link = find_link(fh, flb);
	if (link)
		unlink_flb(link);
}
EXPORT_SYMBOL_GPL(liveupdate_unregister_flb);

/**
 * luo_flb_unlink_all - a handler goes
 * @fh: the handler
 *
 * Context: luo_register_rwlock is held for writing.
 */
void luo_flb_unlink_all(struct liveupdate_file_handler *fh)
{
	struct luo_flb_link *link, *next;

	list_for_each_entry_safe_reverse(link, next, &fh->flb_links, fh_node)
		unlink_flb(link);
}

/* Take the links that a file of @fh will be counted in, and pin their FLBs */
static struct luo_flb_uses *get_links(struct liveupdate_file_handler *fh)
{
	struct luo_flb_uses *uses;
	struct luo_flb_link *link;
	unsigned int nr;

	guard(rwsem_read)(&luo_register_rwlock);

	nr = list_count_nodes(&fh->flb_links);
	if (!nr)
		return NULL;

	uses = kzalloc(struct_size(uses, link, nr), GFP_KERNEL);
	if (!uses)
		return ERR_PTR(-ENOMEM);

	list_for_each_entry(link, &fh->flb_links, fh_node) {
		if (!try_module_get(link->flb->ops->owner))
			goto err_put;
		refcount_inc(&link->refs);
		uses->nr++;
		uses->link[uses->nr - 1] = link;
	}
	return uses;

err_put:
	while (uses->nr) {
		link = uses->link[uses->nr - 1];
		module_put(link->flb->ops->owner);
		link_put(link);
		uses->nr--;
	}
	kfree(uses);
	return ERR_PTR(-ENODEV);
}

static int call_preserve(struct liveupdate_flb *flb)
{
	struct liveupdate_flb_op_args args = { .flb = flb };
	struct kho_owner *owner __free(kfree) = NULL;
	int err;

	lockdep_assert_held(&flb->mutex);

	owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	if (!owner)
		return -ENOMEM;

	err = luo_index_reserve(1);
	if (err)
		return err;

	kho_owner_begin(owner);
	err = flb->ops->preserve(&args);
	kho_owner_end(owner);
	if (err) {
		kho_owner_free(owner);
		luo_index_release(1);
		return err;
	}

	flb->outgoing_owner = no_free_ptr(owner);
	flb->outgoing_data = args.data;
	flb->outgoing_obj = args.obj;
	return 0;
}

static void call_unpreserve(struct liveupdate_flb *flb)
{
	struct liveupdate_flb_op_args args = {
		.flb = flb,
		.data = flb->outgoing_data,
		.obj = flb->outgoing_obj,
	};

	lockdep_assert_held(&flb->mutex);

	flb->ops->unpreserve(&args);
	kho_owner_free(flb->outgoing_owner);
	kfree(flb->outgoing_owner);
	luo_index_release(1);
	flb->outgoing_owner = NULL;
	flb->outgoing_data = 0;
	flb->outgoing_obj = NULL;
}

static int count_outgoing(struct luo_flb_link *link)
{
	struct liveupdate_flb *flb = link->flb;

	guard(mutex)(&flb->mutex);

	if (!flb->outgoing_users) {
		int err = call_preserve(flb);

		if (err)
			return err;
	}
	flb->outgoing_users++;
	link->nr_files++;
	return 0;
}

static void put_outgoing(struct liveupdate_flb *flb)
{
	lockdep_assert_held(&flb->mutex);

	if (!--flb->outgoing_users)
		call_unpreserve(flb);
}

/* Undo the first @counted of the uses, and let go of all */
static void put_links(struct luo_flb_uses *uses, unsigned int counted)
{
	while (uses->nr) {
		struct luo_flb_link *link = uses->link[uses->nr - 1];
		struct liveupdate_flb *flb = link->flb;
		struct module *owner = flb->ops->owner;

		if (uses->nr <= counted) {
			guard(mutex)(&flb->mutex);
			link->nr_files--;
			put_outgoing(flb);
		}
		link_put(link);
		module_put(owner);
		uses->nr--;
	}
	kfree(uses);
}

/**
 * luo_flb_file_preserve - a file is about to be preserved
 * @fh: its handler
 *
 * Context: The session's mutex is held. Takes each FLB's mutex in turn.
 *
 * Return: what to give to luo_flb_file_unpreserve(), NULL if the handler needs
 * no FLB; an ERR_PTR() with an FLB's error, -ENODEV if one is about to go, or
 * -ENOMEM.
 */
struct luo_flb_uses *luo_flb_file_preserve(struct liveupdate_file_handler *fh)
{
	struct luo_flb_uses *uses = get_links(fh);

	if (IS_ERR_OR_NULL(uses))
		return uses;

	for (unsigned int i = 0; i < uses->nr; i++) {
		int err = count_outgoing(uses->link[i]);

		if (err) {
			put_links(uses, i);
			return ERR_PTR(err);
		}
	}
	return uses;
}

/**
 * luo_flb_file_unpreserve - a file is not preserved any more
 * @uses: from luo_flb_file_preserve(); may be NULL
 *
 * Context: The session's mutex is held. Takes each FLB's mutex in turn.
 */
void luo_flb_file_unpreserve(struct luo_flb_uses *uses)
{
	if (uses)
		put_links(uses, uses->nr);
}

static void serialize_outgoing(struct luo_writer *writer, u64 *nr)
{
	struct luo_flb_link *link;

	lockdep_assert_held(&luo_flb_lock);

	list_for_each_entry(link, &luo_flb_links, node) {
		struct luo_flb_ser ser = {
			.data = link->flb->outgoing_data,
			.nr_files = link->nr_files,
		};

		if (!link->nr_files)
			continue;
		kho_owner_serialize(link->flb->outgoing_owner, ser.memory);
		strscpy_pad(ser.compatible, link->flb->compatible);
		strscpy_pad(ser.handler, link->handler);
		luo_writer_put(writer, &ser);
		++*nr;
	}
}

static void serialize_carried(struct luo_flb_incoming *in,
			      struct luo_writer *writer, u64 *nr)
{
	struct luo_flb_need *need;

	list_for_each_entry(need, &in->needs, node) {
		struct luo_flb_ser ser = {
			.data = in->data,
			.nr_files = need->nr_carried,
		};

		if (!need->nr_carried)
			continue;
		memcpy(ser.memory, in->memory, sizeof(ser.memory));
		strscpy_pad(ser.compatible, in->compatible);
		strscpy_pad(ser.handler, need->handler);
		luo_writer_put(writer, &ser);
		++*nr;
	}
}

/**
 * luo_flb_serialize - write the records of all FLBs that are in use
 * @nr: set to the number of records
 *
 * Those that luo_flb_file_carry() has kept are among them.
 *
 * Context: luo_freeze_rwsem is held for writing.
 *
 * Return: physical address of the first block, 0 for none.
 */
phys_addr_t luo_flb_serialize(u64 *nr)
{
	struct luo_flb_incoming *in;
	struct luo_writer writer;

	guard(mutex)(&luo_flb_lock);

	*nr = 0;
	luo_writer_start(&writer, &luo_flb_blocks);
	serialize_outgoing(&writer, nr);
	list_for_each_entry(in, &luo_flb_incoming, node)
		serialize_carried(in, &writer, nr);
	return luo_writer_end(&writer);
}

/* Of the links to one FLB, the first that is in use stands for it */
static bool stands_for_flb(const struct luo_flb_link *link)
{
	const struct luo_flb_link *other;

	lockdep_assert_held(&luo_flb_lock);

	list_for_each_entry(other, &luo_flb_links, node)
		if (other->flb == link->flb && other->nr_files)
			return other == link;
	return false;
}

/**
 * luo_flb_serialize_memory - put the memory of all FLBs in use into the index
 * @index: the index
 *
 * Context: luo_freeze_rwsem is held for writing.
 */
void luo_flb_serialize_memory(struct luo_index_writer *index)
{
	u64 memory[KHO_OWNER_RECORDS];
	struct luo_flb_incoming *in;
	struct luo_flb_link *link;

	guard(mutex)(&luo_flb_lock);

	list_for_each_entry(link, &luo_flb_links, node) {
		if (!stands_for_flb(link))
			continue;
		kho_owner_serialize(link->flb->outgoing_owner, memory);
		luo_index_put(index, LUO_FLB_MEMORY, 0, memory);
	}
	list_for_each_entry(in, &luo_flb_incoming, node)
		if (in->carried)
			luo_index_put(index, LUO_FLB_MEMORY, 0, in->memory);
}

/**
 * liveupdate_flb_get_outgoing - use an FLB's object, as files are preserved
 * @flb: the FLB
 * @objp: set to the object that its preserve made
 *
 * Context: May sleep. Not from the FLB's own callbacks.
 *
 * Return: 0, then the object stays until liveupdate_flb_put_outgoing();
 * -ENODATA if no preserved file needs it, -EOPNOTSUPP if live update is off.
 */
int liveupdate_flb_get_outgoing(struct liveupdate_flb *flb, void **objp)
{
	if (!liveupdate_enabled())
		return -EOPNOTSUPP;

	scoped_guard(rwsem_read, &luo_register_rwlock) {
		if (find_flb(flb->compatible) != flb)
			return -ENODATA;
	}

	guard(mutex)(&flb->mutex);

	if (!flb->outgoing_users)
		return -ENODATA;

	/* The user may outlive the last file, whose reference is counted too */
	__module_get(flb->ops->owner);
	flb->outgoing_users++;
	*objp = flb->outgoing_obj;
	return 0;
}
EXPORT_SYMBOL_GPL(liveupdate_flb_get_outgoing);

/**
 * liveupdate_flb_put_outgoing - end a liveupdate_flb_get_outgoing()
 * @flb: the FLB
 *
 * Context: May sleep. Not from the FLB's own callbacks.
 */
void liveupdate_flb_put_outgoing(struct liveupdate_flb *flb)
{
	struct module *owner = flb->ops->owner;

	if (!liveupdate_enabled())
		return;

	scoped_guard(mutex, &flb->mutex) {
		if (WARN_ON_ONCE(!flb->outgoing_users))
			return;
		put_outgoing(flb);
	}
	module_put(owner);
}
EXPORT_SYMBOL_GPL(liveupdate_flb_put_outgoing);

static struct luo_flb_incoming *find_incoming(const char *compatible)
{
	struct luo_flb_incoming *in;

	list_for_each_entry(in, &luo_flb_incoming, node)
		if (!strcmp(in->compatible, compatible))
			return in;
	return NULL;
}

static int add_incoming(const struct luo_flb_ser *ser)
{
	struct luo_flb_need *need __free(kfree) = NULL;
	struct luo_flb_incoming *in;

	if (!luo_compatible_valid(ser->compatible) ||
	    !luo_compatible_valid(ser->handler) || !ser->nr_files)
		return -EIO;

	need = kzalloc(sizeof(*need), GFP_KERNEL);
	if (!need)
		return -ENOMEM;

	in = find_incoming(ser->compatible);
	if (!in) {
		in = kzalloc(sizeof(*in), GFP_KERNEL);
		if (!in)
			return -ENOMEM;
		mutex_init(&in->mutex);
		INIT_LIST_HEAD(&in->needs);
		in->data = ser->data;
		memcpy(in->memory, ser->memory, sizeof(in->memory));
		strscpy(in->compatible, ser->compatible);
		list_add_tail(&in->node, &luo_flb_incoming);
	}

	need->nr_files = ser->nr_files;
	strscpy(need->handler, ser->handler);
	list_add_tail(&no_free_ptr(need)->node, &in->needs);
	return 0;
}

static void free_incoming(void)
{
	struct luo_flb_incoming *in, *next_in;
	struct luo_flb_need *need, *next;

	list_for_each_entry_safe(in, next_in, &luo_flb_incoming, node) {
		list_for_each_entry_safe(need, next, &in->needs, node)
			kfree(need);
		kfree(in);
	}
	INIT_LIST_HEAD(&luo_flb_incoming);
}

static int read_records(const struct luo_header_ser *header)
{
	struct luo_reader reader;
	const void *record;
	int ret;

	luo_reader_start(&reader, header->flbs, header->nr_flbs,
			 sizeof(struct luo_flb_ser));
	while ((ret = luo_reader_next(&reader, &record))) {
		if (ret > 0)
			ret = add_incoming(record);
		if (ret == -ENOMEM)
			return ret;
		if (ret < 0)
			pr_err("a record of an FLB is damaged, its object is lost\n");
	}
	return 0;
}

/**
 * luo_flb_deserialize - read the FLBs that came over
 *
 * Once; to call it again does nothing. They are read when the first is asked
 * for, be it in early boot.
 *
 * Context: May sleep.
 *
 * Return: 0; -ENOMEM, then nothing has been read and it can be tried again.
 */
int luo_flb_deserialize(void)
{
	const struct luo_header_ser *header = luo_incoming_header();
	int err;

	guard(mutex)(&luo_flb_incoming_lock);

	if (luo_flb_incoming_read || !header)
		return 0;

	err = read_records(header);
	if (err) {
		free_incoming();
		return err;
	}

	luo_restore_free_blocks(header->flbs);
	luo_flb_incoming_read = true;
	return 0;
}

/**
 * luo_flb_nr_incoming - how many FLBs came over and could be read
 *
 * Context: After luo_flb_deserialize().
 *
 * Return: how many.
 */
u64 luo_flb_nr_incoming(void)
{
	return list_count_nodes(&luo_flb_incoming);
}

/**
 * luo_flb_has_memory - is this the memory of an FLB that could be read?
 * @memory: the log of it
 *
 * Context: After luo_flb_deserialize().
 *
 * Return: true if it is.
 */
bool luo_flb_has_memory(const u64 memory[KHO_OWNER_RECORDS])
{
	struct luo_flb_incoming *in;

	list_for_each_entry(in, &luo_flb_incoming, node)
		if (!memcmp(in->memory, memory, sizeof(in->memory)))
			return true;
	return false;
}

/* The FLB's module is pinned from a retrieve that succeeds to the finish */
static int retrieve_incoming(struct luo_flb_incoming *in,
			     struct liveupdate_flb *flb)
{
	struct liveupdate_flb_op_args args = { .flb = flb, .data = in->data };
	int err;

	lockdep_assert_held(&in->mutex);

	err = flb->ops->retrieve(&args);
	if (err) {
		pr_err("FLB '%s' can't be retrieved: %d\n", in->compatible, err);
		module_put(flb->ops->owner);
		/* There may be more memory when it is tried again */
		if (err != -ENOMEM && err != -ENFILE)
			in->status = err;
		return err;
	}

	in->flb = flb;
	in->obj = args.obj;
	in->status = 1;
	return 0;
}

static struct liveupdate_flb *pin_flb(const char *compatible)
{
	struct liveupdate_flb *flb;

	guard(rwsem_read)(&luo_register_rwlock);

	flb = find_flb(compatible);
	return flb && try_module_get(flb->ops->owner) ? flb : NULL;
}

/* Called whenever a user or a need is gone */
static void finish_incoming(struct luo_flb_incoming *in)
{
	struct liveupdate_flb_op_args args = { .data = in->data };

	lockdep_assert_held(&in->mutex);

	if (in->finished || in->users || !list_empty(&in->needs))
		return;

	in->finished = true;
	if (!in->status) {
		struct liveupdate_flb *flb = pin_flb(in->compatible);

		if (flb)
			retrieve_incoming(in, flb);
	}
	if (in->status <= 0) {
		pr_warn("FLB '%s' can't finish, %llu KiB stay reserved until they are discarded\n",
			in->compatible, luo_quarantine_add(0, in->memory) >> 10);
		return;
	}

	args.flb = in->flb;
	args.obj = in->obj;
	in->flb->ops->finish(&args);
	kho_owner_restore_free(in->memory);
	module_put(in->flb->ops->owner);
	in->flb = NULL;
	in->obj = NULL;
}

static void drop_need(struct luo_flb_incoming *in, const char *handler)
{
	struct luo_flb_need *need;

	guard(mutex)(&in->mutex);

	list_for_each_entry(need, &in->needs, node) {
		if (strcmp(need->handler, handler))
			continue;
		if (!--need->nr_files) {
			list_del(&need->node);
			kfree(need);
			finish_incoming(in);
		}
		return;
	}
}

/* Two of one name can't be told apart: that is for the driver to bring together */
static bool is_outgoing(const char *compatible)
{
	struct luo_flb_link *link;

	guard(mutex)(&luo_flb_lock);

	list_for_each_entry(link, &luo_flb_links, node)
		if (link->nr_files && !strcmp(link->flb->compatible, compatible))
			return true;
	return false;
}

/*
 * Its driver may have changed what it has retrieved, so what came over does not
 * tell all any more.
 */
static int carry_incoming(struct luo_flb_incoming *in)
{
	int err;

	lockdep_assert_held(&in->mutex);

	if (in->carried)
		return 0;

	if (in->status > 0 || is_outgoing(in->compatible))
		return -EBUSY;

	err = luo_index_reserve(1);
	if (err)
		return err;

	err = kho_owner_carry(in->memory);
	if (err)
		luo_index_release(1);
	in->carried = !err;
	return err && err != -ENOMEM ? -EBUSY : err;
}

/* Room for a record more than all that there are */
static int reserve_record(void)
{
	struct luo_flb_incoming *in;
	struct luo_flb_need *need;
	unsigned long nr = 1;

	guard(mutex)(&luo_flb_lock);

	list_for_each_entry(in, &luo_flb_incoming, node)
		list_for_each_entry(need, &in->needs, node)
			nr += !!need->nr_carried;
	return luo_blocks_reserve(&luo_flb_blocks, nr_flb_links + nr);
}

static int carry_need(struct luo_flb_incoming *in, const char *handler)
{
	struct luo_flb_need *need;
	int err = 0;

	guard(mutex)(&in->mutex);

	list_for_each_entry(need, &in->needs, node) {
		if (strcmp(need->handler, handler))
			continue;
		if (!need->nr_carried)
			err = reserve_record();
		if (!err)
			err = carry_incoming(in);
		need->nr_carried += !err;
		break;
	}
	return err;
}

/**
 * luo_flb_file_carry - a file goes to the next kernel as it came
 * @handler: name of its handler, which need not be registered
 *
 * What it needs goes with it.
 *
 * Context: luo_freeze_rwsem is held for writing, until the jump or
 * luo_flb_uncarry().
 *
 * Return: 0; -EBUSY if an FLB that it needs is in the hands of a driver, so that
 * it is not any more what came over; -ENOMEM. After an error luo_flb_uncarry()
 * is called for.
 */
int luo_flb_file_carry(const char *handler)
{
	struct luo_flb_incoming *in;
	int err = 0;

	list_for_each_entry(in, &luo_flb_incoming, node) {
		err = carry_need(in, handler);
		if (err)
			break;
	}
	return err;
}

static void uncarry_incoming(struct luo_flb_incoming *in)
{
	struct luo_flb_need *need;

	guard(mutex)(&in->mutex);

	if (in->carried) {
		kho_owner_uncarry(in->memory);
		luo_index_release(1);
	}
	in->carried = false;
	list_for_each_entry(need, &in->needs, node)
		need->nr_carried = 0;
}

/**
 * luo_flb_uncarry - undo all of luo_flb_file_carry()
 *
 * Context: luo_freeze_rwsem is held for writing.
 */
void luo_flb_uncarry(void)
{
	struct luo_flb_incoming *in;

	list_for_each_entry(in, &luo_flb_incoming, node)
		uncarry_incoming(in);

	guard(mutex)(&luo_flb_lock);

	if (!nr_flb_links)
		luo_blocks_free(&luo_flb_blocks);
}

/**
 * luo_flb_file_finish - an incoming file has finished
 * @handler: name of its handler, which need not be registered
 *
 * Context: The session's mutex is held. Takes each FLB's mutex in turn.
 */
void luo_flb_file_finish(const char *handler)
{
	struct luo_flb_incoming *in;

	list_for_each_entry_reverse(in, &luo_flb_incoming, node)
		drop_need(in, handler);
}

/**
 * liveupdate_flb_get_incoming - use an FLB's object that came over
 * @flb: the FLB
 * @objp: set to the object that its retrieve made
 *
 * The first call retrieves it. May be called as soon as the FLB's own retrieve
 * can work, in early boot too.
 *
 * Context: May sleep. Not from the FLB's own callbacks.
 *
 * Return: 0, then the object stays until liveupdate_flb_put_incoming();
 * -ENODATA if the previous kernel left none, or if all is finished; the error
 * that retrieve failed with, each time; -ENODEV if the FLB's module is about to
 * go; -EBUSY while it is carried over to the next kernel; -ENOMEM, then it can be
 * tried again; -EOPNOTSUPP if live update is off.
 */
int liveupdate_flb_get_incoming(struct liveupdate_flb *flb, void **objp)
{
	struct luo_flb_incoming *in;
	int err;

	if (!liveupdate_enabled())
		return -EOPNOTSUPP;

	err = luo_flb_deserialize();
	if (err)
		return err;

	in = find_incoming(flb->compatible);
	if (!in)
		return -ENODATA;

	guard(mutex)(&in->mutex);

	if (in->finished)
		return -ENODATA;

	/* What the next kernel gets must not change any more */
	if (in->carried)
		return -EBUSY;

	if (!in->status) {
		if (!try_module_get(flb->ops->owner))
			return -ENODEV;
		err = retrieve_incoming(in, flb);
		if (err)
			return err;
	}
	if (in->status < 0)
		return in->status;

	in->users++;
	*objp = in->obj;
	return 0;
}
EXPORT_SYMBOL_GPL(liveupdate_flb_get_incoming);

/**
 * liveupdate_flb_put_incoming - end a liveupdate_flb_get_incoming()
 * @flb: the FLB
 *
 * If all files have finished meanwhile, the last put finishes the FLB.
 *
 * Context: May sleep. Not from the FLB's own callbacks.
 */
void liveupdate_flb_put_incoming(struct liveupdate_flb *flb)
{
	struct luo_flb_incoming *in;

	if (!liveupdate_enabled())
		return;

	in = find_incoming(flb->compatible);
	if (WARN_ON_ONCE(!in))
		return;

	guard(mutex)(&in->mutex);

	if (WARN_ON_ONCE(!in->users))
		return;
	in->users--;
	finish_incoming(in);
}
EXPORT_SYMBOL_GPL(liveupdate_flb_put_incoming);

static const char *incoming_state(const struct luo_flb_incoming *in)
{
	if (in->finished)
		return "finished";
	if (in->status < 0)
		return "failed";
	return in->status ? "retrieved" : "waiting";
}

static void show_incoming(struct luo_flb_incoming *in, struct seq_file *m)
{
	struct luo_flb_need *need;
	u64 nr_files = 0;

	guard(mutex)(&in->mutex);

	list_for_each_entry(need, &in->needs, node)
		nr_files += need->nr_files;
	seq_puts(m, "incoming ");
	luo_show_name(m, in->compatible);
	seq_printf(m, " files %llu bytes %llu state %s error %d\n", nr_files,
		   kho_owner_size(in->memory), incoming_state(in),
		   min(in->status, 0));
}

/* Without @flb->mutex, which callbacks hold for long */
static void show_outgoing(const struct liveupdate_flb *flb, struct seq_file *m)
{
	seq_printf(m, "outgoing %s users %lu module %s\n", flb->compatible,
		   READ_ONCE(flb->outgoing_users),
		   flb->ops->owner ? module_name(flb->ops->owner) : "-");
}

/**
 * luo_flbs_show - say what FLBs there are, and what of them came over
 * @m: where
 *
 * Context: Takes luo_register_rwlock for reading.
 */
void luo_flbs_show(struct seq_file *m)
{
	struct luo_flb_incoming *in;
	struct liveupdate_flb *flb;

	scoped_guard(rwsem_read, &luo_register_rwlock)
		list_for_each_entry(flb, &luo_flbs, list)
			show_outgoing(flb, m);

	guard(mutex)(&luo_flb_incoming_lock);

	list_for_each_entry(in, &luo_flb_incoming, node)
		show_incoming(in, m);
}
