// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of file handlers.
 *
 * Being registered pins nothing. A handler is pinned through its module, once
 * for each file of its kind that sits in a session.
 */

#define pr_fmt(fmt) "liveupdate: " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "luo_flb.h"
#include "luo_handler.h"

DECLARE_RWSEM(luo_register_rwlock);

/* Protected by luo_register_rwlock */
static LIST_HEAD(luo_handlers);

/**
 * luo_compatible_valid - is this a name that can be handed over?
 * @compatible: an array of LUO_COMPATIBLE_LENGTH bytes
 *
 * Return: true if it is not empty and ends within the array.
 */
bool luo_compatible_valid(const char *compatible)
{
	size_t len = strnlen(compatible, LUO_COMPATIBLE_LENGTH);

	return len && len < LUO_COMPATIBLE_LENGTH;
}

static struct liveupdate_file_handler *find_handler(const char *compatible)
{
	struct liveupdate_file_handler *fh;

	lockdep_assert_held(&luo_register_rwlock);

	list_for_each_entry(fh, &luo_handlers, list)
		if (!strcmp(fh->compatible, compatible))
			return fh;
	return NULL;
}

/**
 * luo_handler_registered - is this very handler registered?
 * @fh: the handler
 *
 * Context: luo_register_rwlock is held.
 *
 * Return: true if it is.
 */
bool luo_handler_registered(struct liveupdate_file_handler *fh)
{
	return find_handler(fh->compatible) == fh;
}

/* A module on its way out counts as absent */
static bool pin_handler(struct liveupdate_file_handler *fh)
{
	lockdep_assert_held(&luo_register_rwlock);

	if (!try_module_get(fh->ops->owner))
		return false;
	atomic_long_inc(&fh->users);
	return true;
}

/**
 * luo_handler_get_by_file - find the handler that takes a file
 * @file: the file
 *
 * Context: Takes luo_register_rwlock for reading.
 *
 * Return: the handler, pinned for luo_handler_put(); NULL if none takes it.
 */
struct liveupdate_file_handler *luo_handler_get_by_file(struct file *file)
{
	struct liveupdate_file_handler *fh;

	guard(rwsem_read)(&luo_register_rwlock);

	list_for_each_entry(fh, &luo_handlers, list) {
		/* While it is registered, and this lock is held, its code stays */
		if (fh->ops->can_preserve(fh, file) && pin_handler(fh))
			return fh;
	}
	return NULL;
}

/**
 * luo_handler_get_by_name - find the handler that a file needs
 * @compatible: the handler's name
 *
 * Context: Takes luo_register_rwlock for reading.
 *
 * Return: the handler, pinned for luo_handler_put(); NULL if it is not there.
 */
struct liveupdate_file_handler *luo_handler_get_by_name(const char *compatible)
{
	struct liveupdate_file_handler *fh;

	guard(rwsem_read)(&luo_register_rwlock);

	fh = find_handler(compatible);
	return fh && pin_handler(fh) ? fh : NULL;
}

/**
 * luo_handler_exists - is there a handler of this name?
 * @compatible: the name
 *
 * Context: Takes luo_register_rwlock for reading.
 *
 * Return: true if there is, for now.
 */
bool luo_handler_exists(const char *compatible)
{
	guard(rwsem_read)(&luo_register_rwlock);

	return find_handler(compatible);
}

/**
 * luo_handlers_show - say what handlers there are
 * @m: where
 *
 * Context: Takes luo_register_rwlock for reading.
 */
void luo_handlers_show(struct seq_file *m)
{
	struct liveupdate_file_handler *fh;

	guard(rwsem_read)(&luo_register_rwlock);

	list_for_each_entry(fh, &luo_handlers, list)
		seq_printf(m, "%s files %ld module %s\n", fh->compatible,
			   atomic_long_read(&fh->users),
			   fh->ops->owner ? module_name(fh->ops->owner) : "-");
}

/**
 * luo_handler_put - a file of this kind has left its session
 * @fh: the handler
 *
 * Context: Any.
 */
void luo_handler_put(struct liveupdate_file_handler *fh)
{
	struct module *owner = fh->ops->owner;

	/* The handler may be gone as soon as its module is not pinned */
	atomic_long_dec(&fh->users);
	module_put(owner);
}

/**
 * liveupdate_register_file_handler - offer to make a kind of file survive
 * @fh: the handler; stays where it is until it is unregistered
 *
 * Context: May sleep. Takes luo_register_rwlock for writing.
 *
 * Return: 0; -EINVAL if a callback that is required or a proper name is
 * missing, -EEXIST if there is a handler of this name, -EOPNOTSUPP if live
 * update is off.
 */
int liveupdate_register_file_handler(struct liveupdate_file_handler *fh)
{
	const struct liveupdate_file_ops *ops = fh->ops;

	if (!liveupdate_enabled())
		return -EOPNOTSUPP;

	if (!ops || !ops->can_preserve || !ops->preserve || !ops->unpreserve ||
	    !ops->retrieve || !ops->finish ||
	    !luo_compatible_valid(fh->compatible))
		return -EINVAL;

	guard(rwsem_write)(&luo_register_rwlock);

	if (find_handler(fh->compatible))
		return -EEXIST;

	INIT_LIST_HEAD(&fh->flb_links);
	atomic_long_set(&fh->users, 0);
	list_add_tail(&fh->list, &luo_handlers);
	return 0;
}
EXPORT_SYMBOL_GPL(liveupdate_register_file_handler);

/**
 * liveupdate_unregister_file_handler - take the offer back
 * @fh: the handler; passed over if it is not registered
 *
 * The links to its FLBs go too. A module's exit can call this without a
 * thought: while a file of this kind sits in a session the module is pinned,
 * so that its exit is not called.
 *
 * Context: May sleep. Takes luo_register_rwlock for writing.
 */
void liveupdate_unregister_file_handler(struct liveupdate_file_handler *fh)
{
	if (!liveupdate_enabled())
		return;

	guard(rwsem_write)(&luo_register_rwlock);

	if (!luo_handler_registered(fh))
		return;

	if (atomic_long_read(&fh->users))
		pr_warn("handler '%s' unregistered with %ld files in sessions\n",
			fh->compatible, atomic_long_read(&fh->users));
	luo_flb_unlink_all(fh);
	list_del(&fh->list);
}
EXPORT_SYMBOL_GPL(liveupdate_unregister_file_handler);
