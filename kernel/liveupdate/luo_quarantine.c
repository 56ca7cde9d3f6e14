// SPDX-License-Identifier: GPL-2.0-only
/*
 * The quarantine: memory of files and FLBs that came over and can't be had back.
 *
 * Their records are damaged, or their drivers were not there or could not make
 * anything of what they led to. What is in that memory is private to somebody, so it stays
 * reserved, in each next kernel too, until user space gives it up.
 */

#define pr_fmt(fmt) "liveupdate: " fmt

#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kho_owner.h"
#include "luo_block.h"
#include "luo_index.h"
#include "luo_quarantine.h"

/**
 * struct luo_quarantined - memory of a file or an FLB
 * @node: link in luo_quarantine
 * @token: what user space called the file, 0 for an FLB
 * @memory: the log of its memory
 * @carried: it goes to the next kernel; under luo_freeze_rwsem
 */
struct luo_quarantined {
	struct list_head node;
	u64 token;
	u64 memory[KHO_OWNER_RECORDS];
	bool carried;
};

/* Protects luo_quarantine; LUO's innermost but for luo_index_lock */
static DEFINE_MUTEX(luo_quarantine_lock);
static LIST_HEAD(luo_quarantine);

static int add(u64 token, const u64 memory[KHO_OWNER_RECORDS], gfp_t gfp)
{
	struct luo_quarantined *item = kzalloc(sizeof(*item), gfp);

	if (!item)
		return -ENOMEM;

	item->token = token;
	memcpy(item->memory, memory, sizeof(item->memory));

	guard(mutex)(&luo_quarantine_lock);

	list_add_tail(&item->node, &luo_quarantine);
	return 0;
}

/**
 * luo_quarantine_add - somebody's memory is left, and nobody can make use of it
 * @token: the file's token, 0 for an FLB
 * @memory: the log of its memory
 *
 * If nothing is left, the log is freed.
 *
 * Context: May sleep.
 *
 * Return: how much is left, in bytes; the caller says whose it is.
 */
u64 luo_quarantine_add(u64 token, const u64 memory[KHO_OWNER_RECORDS])
{
	u64 bytes = kho_owner_size(memory);

	/* Nobody could be told of a failure, and it is a few bytes */
	if (bytes)
		add(token, memory, GFP_KERNEL | __GFP_NOFAIL);
	else
		kho_owner_restore_free(memory);
	return bytes;
}

/**
 * luo_quarantine_read - find the memory of those whose records are damaged
 * @header: what the previous kernel left
 * @known: can its owner be had? It is of a session's file or an FLB
 * @arg: for @known
 *
 * Context: May sleep.
 *
 * Return: 0; -ENOMEM, then luo_quarantine_empty() is called for.
 */
int luo_quarantine_read(const struct luo_header_ser *header,
			bool (*known)(const struct luo_memory_ser *ser, void *arg),
			void *arg)
{
	struct luo_reader reader;
	bool damaged = false;
	const void *record;
	u64 bytes = 0;
	int ret;

	luo_reader_start(&reader, header->memory, header->nr_memory,
			 sizeof(struct luo_memory_ser));
	while ((ret = luo_reader_next(&reader, &record))) {
		const struct luo_memory_ser *ser = record;

		cond_resched();
		if (ret < 0) {
			damaged = true;
			continue;
		}
		if (known(ser, arg))
			continue;
		if (add(ser->token, ser->memory, GFP_KERNEL))
			return -ENOMEM;
		bytes += kho_owner_size(ser->memory);
	}

	if (damaged)
		pr_err("the index of memory is damaged\n");
	if (bytes)
		pr_warn("%llu KiB of files and FLBs that are damaged stay reserved until they are discarded\n",
			bytes >> 10);
	return 0;
}

/**
 * luo_quarantine_empty - forget what is in the quarantine
 *
 * It stays reserved.
 */
void luo_quarantine_empty(void)
{
	struct luo_quarantined *item, *next;

	guard(mutex)(&luo_quarantine_lock);

	list_for_each_entry_safe(item, next, &luo_quarantine, node) {
		list_del(&item->node);
		kfree(item);
	}
}

/**
 * luo_quarantine_discard - give all that is in the quarantine to the system
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: how much that was, in bytes.
 */
u64 luo_quarantine_discard(void)
{
	struct luo_quarantined *item, *next;
	u64 bytes, sum = 0;

	guard(mutex)(&luo_quarantine_lock);

	list_for_each_entry_safe(item, next, &luo_quarantine, node) {
		if (kho_owner_discard(item->memory, &bytes))
			pr_err("file %llu: the log of its memory is damaged, some is lost until the next reboot\n",
			       item->token);
		sum += bytes;
		list_del(&item->node);
		kfree(item);
	}
	return sum;
}

static void uncarry(struct luo_quarantined *item)
{
	if (!item->carried)
		return;

	kho_owner_uncarry(item->memory);
	luo_index_release(1);
	item->carried = false;
}

/**
 * luo_quarantine_carry - keep what is in the quarantine for the next kernel
 *
 * Context: luo_freeze_rwsem is held for writing.
 *
 * Return: 0; -ENOMEM, then nothing has changed.
 */
int luo_quarantine_carry(void)
{
	struct luo_quarantined *item;
	int err;

	guard(mutex)(&luo_quarantine_lock);

	list_for_each_entry(item, &luo_quarantine, node) {
		err = luo_index_reserve(1);
		if (err)
			goto err_uncarry;

		err = kho_owner_carry_rest(item->memory);
		item->carried = !err;
		if (!err)
			continue;

		luo_index_release(1);
		/* It claims what is somebody else's: that will be in order */
		if (err != -EBUSY)
			goto err_uncarry;
	}
	return 0;

err_uncarry:
	list_for_each_entry_continue_reverse(item, &luo_quarantine, node)
		uncarry(item);
	return err;
}

/**
 * luo_quarantine_uncarry - undo luo_quarantine_carry()
 *
 * Context: luo_freeze_rwsem is held for writing.
 */
void luo_quarantine_uncarry(void)
{
	struct luo_quarantined *item;

	guard(mutex)(&luo_quarantine_lock);

	list_for_each_entry(item, &luo_quarantine, node)
		uncarry(item);
}

/**
 * luo_quarantine_serialize - tell the next kernel of what is carried
 * @index: the index of memory, where it belongs to no file that is known
 *
 * Context: luo_freeze_rwsem is held for writing.
 */
void luo_quarantine_serialize(struct luo_index_writer *index)
{
	struct luo_quarantined *item;

	guard(mutex)(&luo_quarantine_lock);

	list_for_each_entry(item, &luo_quarantine, node)
		if (item->carried)
			luo_index_put(index, LUO_NO_SESSION, item->token,
				      item->memory);
}

/**
 * luo_quarantine_show - say what is in the quarantine
 * @m: where
 */
void luo_quarantine_show(struct seq_file *m)
{
	struct luo_quarantined *item;

	guard(mutex)(&luo_quarantine_lock);

	list_for_each_entry(item, &luo_quarantine, node)
		seq_printf(m, "token %llu bytes %llu\n", item->token,
			   kho_owner_size(item->memory));
}
