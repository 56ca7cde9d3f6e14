// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of preserved memory.
 *
 * A list grows by eight bytes for each extent, and its sums follow each change,
 * so that it is complete at any time and nothing is left to do in the pause.
 */

#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "kho_extents.h"
#include "kho_map.h"
#include "kho_owner.h"

static void set_word(struct kho_extents_chunk *chunk, u64 *word, u64 value)
{
	chunk->sum += kho_map_sum_word(value - *word, word - &chunk->next);
	*word = value;
}

/**
 * kho_extents_set - change a record
 * @chunk: the chunk that it is in
 * @i: its number in it
 * @record: what it shall be
 */
void kho_extents_set(struct kho_extents_chunk *chunk, unsigned int i,
		     u64 record)
{
	set_word(chunk, &chunk->record[i], record);
}

static int add_chunk(struct kho_extents *list)
{
	struct kho_extents_chunk *chunk = kho_alloc_block(GFP_KERNEL_ACCOUNT);
	int err;

	if (!chunk)
		return -ENOMEM;

	err = kho_preserve_nobodys(PHYS_PFN(virt_to_phys(chunk)), 0, 1);
	if (err) {
		free_page((unsigned long)chunk);
		return err;
	}

	chunk->sum = KHO_MAP_SUM_SEED;
	if (list->last)
		set_word(list->last, &list->last->next, virt_to_phys(chunk));
	else
		list->first = chunk;
	list->last = chunk;
	return 0;
}

/**
 * kho_extents_add - put a record at the end of a list
 * @list: the list
 * @record: the record
 *
 * Context: May sleep.
 *
 * Return: 0; -ENOMEM, then the list is as it was.
 */
int kho_extents_add(struct kho_extents *list, u64 record)
{
	struct kho_extents_chunk *chunk = list->last;

	if (!chunk || chunk->nr == KHO_EXTENTS_PER_CHUNK) {
		int err = add_chunk(list);

		if (err)
			return err;
		chunk = list->last;
	}

	set_word(chunk, &chunk->record[chunk->nr], record);
	set_word(chunk, &chunk->nr, chunk->nr + 1);
	return 0;
}

/**
 * kho_extents_free - free a list, but not what is in it
 * @list: the list; it is empty then
 *
 * Context: Any that may take a spinlock.
 */
void kho_extents_free(struct kho_extents *list)
{
	struct kho_extents_chunk *chunk = list->first;

	while (chunk) {
		struct page *page = virt_to_page(chunk);

		chunk = chunk->next ? phys_to_virt(chunk->next) : NULL;
		kho_unpreserve_nobodys(page_to_pfn(page), 0, 1);
		__free_page(page);
	}
	*list = (struct kho_extents){};
}

static int add_extent(struct kho_extents *list, const struct kho_extent *extent)
{
	int err;

	if (extent->index != list->next) {
		err = kho_extents_add(list, FIELD_PREP(KHO_EXTENT_ORDER,
						       KHO_EXTENT_SEEK) |
					    FIELD_PREP(KHO_EXTENT_INDEX,
						       extent->index));
		if (err)
			return err;
		list->next = extent->index;
	}

	err = kho_extents_add(list, kho_extent_pack(extent->pfn, extent->order,
						    extent->nr));
	if (!err)
		list->next += kho_extent_pages(extent);
	return err;
}

/* What a list that is not empty is logged by */
static unsigned long list_pfn(const struct kho_extents *list)
{
	return PHYS_PFN(virt_to_phys(list->first));
}

static int log_list(const struct kho_extents *list)
{
	return kho_owner_log(list_pfn(list), KHO_EXTENT_LIST, 1);
}

/**
 * kho_extents_preserve - preserve an extent, and put it into a list
 * @list: the list
 * @extent: the extent; @extent->nr is at most FIELD_MAX(KHO_EXTENT_NR)
 *
 * The list itself is preserved, too. If the kernel keeps a log of who memory is
 * preserved for, the list is part of that.
 *
 * Context: May sleep. The caller serializes all use of @list.
 *
 * Return: 0, or an error as of kho_preserve_extent(). On an error nothing of the
 * extent is preserved, and the list is good for kho_extents_unpreserve().
 */
int kho_extents_preserve(struct kho_extents *list,
			 const struct kho_extent *extent)
{
	bool was_empty = !list->first;
	int err;

	err = kho_preserve_nobodys(extent->pfn, extent->order, extent->nr);
	if (err)
		return err;

	err = add_extent(list, extent);
	if (!err && was_empty)
		err = log_list(list);
	if (!err)
		return 0;

	kho_unpreserve_nobodys(extent->pfn, extent->order, extent->nr);
	/* It is in no log, and holds nothing */
	if (was_empty)
		kho_extents_free(list);
	return err;
}
EXPORT_SYMBOL_GPL(kho_extents_preserve);

static void open_outgoing(struct kho_extents_reader *reader,
			  const struct kho_extents *list)
{
	*reader = (struct kho_extents_reader){
		.chunk = list->first,
		.left = ULONG_MAX,
	};
}

static int next_extent(struct kho_extents_reader *reader,
		       struct kho_extent *extent,
		       struct kho_extents_chunk *(*get)(phys_addr_t phys))
{
	u64 record;

	for (;;) {
		while (reader->chunk && reader->i == reader->chunk->nr) {
			reader->i = 0;
			/* No chunk is made for nothing, so no loop is endless */
			if (!reader->chunk->nr || !reader->left--)
				return -EIO;
			if (!reader->chunk->next) {
				reader->chunk = NULL;
				break;
			}
			reader->chunk = get(reader->chunk->next);
			if (!reader->chunk)
				return -EIO;
		}
		if (!reader->chunk)
			return 0;

		record = reader->chunk->record[reader->i++];
		if (FIELD_GET(KHO_EXTENT_ORDER, record) == KHO_EXTENT_SEEK)
			reader->index = FIELD_GET(KHO_EXTENT_INDEX, record);
		else if (record)
			break;
	}

	*extent = kho_extent_unpack(record);
	extent->index = reader->index;
	if (extent->order != KHO_EXTENT_LIST)
		reader->index += kho_extent_pages(extent);
	return 1;
}

static struct kho_extents_chunk *outgoing_chunk(phys_addr_t phys)
{
	return phys_to_virt(phys);
}

/**
 * kho_extents_unpreserve - take back all that is in a list
 * @list: the list; it is empty then
 * @release: called for each extent, which is not preserved any more
 *
 * Context: May sleep. The caller serializes all use of @list.
 */
void kho_extents_unpreserve(struct kho_extents *list,
			    void (*release)(const struct kho_extent *extent))
{
	struct kho_extents_reader reader;
	struct kho_extent extent;

	if (!list->first)
		return;

	open_outgoing(&reader, list);
	while (next_extent(&reader, &extent, outgoing_chunk) > 0) {
		kho_unpreserve_nobodys(extent.pfn, extent.order, extent.nr);
		release(&extent);
		cond_resched();
	}
	kho_owner_unlog(list_pfn(list), KHO_EXTENT_LIST, 1);
	kho_extents_free(list);
}
EXPORT_SYMBOL_GPL(kho_extents_unpreserve);

/**
 * kho_extents_phys - what the next kernel finds a list by
 * @list: the list
 *
 * It changes when the list becomes, or ceases to be, empty.
 *
 * Return: physical address of the first chunk, 0 if the list is empty.
 */
phys_addr_t kho_extents_phys(const struct kho_extents *list)
{
	return list->first ? virt_to_phys(list->first) : 0;
}
EXPORT_SYMBOL_GPL(kho_extents_phys);

/**
 * kho_extents_chunk - get a chunk that came over
 * @phys: its physical address
 *
 * Return: the chunk, which has been checked; NULL if it is damaged, or was not
 * preserved, or is free again.
 */
struct kho_extents_chunk *kho_extents_chunk(phys_addr_t phys)
{
	struct kho_extents_chunk *chunk;
	u64 sum = KHO_MAP_SUM_SEED;
	const u64 *word;

	if (!PAGE_ALIGNED(phys) || !kho_is_restorable(phys, PAGE_SIZE))
		return NULL;

	chunk = phys_to_virt(phys);
	if (chunk->nr > KHO_EXTENTS_PER_CHUNK)
		return NULL;

	/* What comes after the last record adds nothing, and is not looked at */
	word = &chunk->next;
	for (unsigned int i = 0; i < chunk->nr + 2; i++)
		sum += kho_map_sum_word(word[i], i);
	return sum == chunk->sum ? chunk : NULL;
}

/**
 * kho_extents_open - start to read a list that came over
 * @reader: the reader
 * @first: physical address of the first chunk, 0 for an empty list
 * @max: there are not more chunks than this
 *
 * Context: Any.
 *
 * Return: 0; -EIO if the first chunk is damaged.
 */
int kho_extents_open(struct kho_extents_reader *reader, phys_addr_t first,
		     unsigned long max)
{
	*reader = (struct kho_extents_reader){ .left = max };
	if (!first)
		return 0;

	reader->chunk = kho_extents_chunk(first);
	return reader->chunk ? 0 : -EIO;
}
EXPORT_SYMBOL_GPL(kho_extents_open);

/**
 * kho_extents_next - get the next extent of a list that came over
 * @reader: the reader, from kho_extents_open()
 * @extent: set to the extent
 *
 * That the chunks are whole has been checked, but not what the extent is: the
 * caller does.
 *
 * Context: Any.
 *
 * Return: 1 with an extent, 0 after the last, -EIO if a chunk is damaged or
 * there are more than there can be.
 */
int kho_extents_next(struct kho_extents_reader *reader,
		     struct kho_extent *extent)
{
	return next_extent(reader, extent, kho_extents_chunk);
}
EXPORT_SYMBOL_GPL(kho_extents_next);

/**
 * kho_extents_restore_free - free a list that came over, but not what is in it
 * @first: physical address of the first chunk, 0 for an empty list
 *
 * What follows a damaged chunk stays reserved.
 *
 * Context: Any that may take a spinlock.
 */
void kho_extents_restore_free(phys_addr_t first)
{
	struct kho_extents_chunk *chunk;

	/* Ends even on a cycle: what is freed is not restorable any more */
	while (first && (chunk = kho_extents_chunk(first))) {
		first = chunk->next;
		kho_restore_free(chunk);
	}
}
EXPORT_SYMBOL_GPL(kho_extents_restore_free);

static void discard_extent(const struct kho_extent *extent)
{
	/* Also what is no extent, but a seek, or leads to a list */
	if (extent->order > MAX_PAGE_ORDER ||
	    kho_restore_extent(extent->pfn, extent->order, extent->nr))
		return;

	for (unsigned long i = 0; i < extent->nr; i++)
		folio_put(pfn_folio(extent->pfn + (i << extent->order)));
}

/**
 * kho_extents_discard - free a list that came over, and all that is in it
 * @first: physical address of the first chunk, 0 for an empty list
 *
 * What somebody has restored is left alone, and what follows a damaged chunk
 * stays reserved.
 *
 * Context: May sleep.
 */
void kho_extents_discard(phys_addr_t first)
{
	struct kho_extents_chunk *chunk;

	while (first && (chunk = kho_extents_chunk(first))) {
		/* Before its records: one of them can be about the chunk itself */
		if (kho_restore_extent(PHYS_PFN(first), 0, 1))
			return;

		for (unsigned int i = 0; i < chunk->nr; i++) {
			struct kho_extent extent =
				kho_extent_unpack(chunk->record[i]);

			discard_extent(&extent);
			cond_resched();
		}
		first = chunk->next;
		__free_page(virt_to_page(chunk));
	}
}
EXPORT_SYMBOL_GPL(kho_extents_discard);
