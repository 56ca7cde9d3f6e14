// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records in chains of preserved pages: how sessions, files and FLBs go from
 * one kernel to the next.
 *
 * Room is made when a session or a file is added, where running out of memory
 * hurts nobody. Writing, in the pause, cannot fail.
 */

#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "luo_block.h"

static unsigned int records_per_block(size_t record_size)
{
	return (PAGE_SIZE - sizeof(struct luo_block_ser)) / record_size;
}

static void *block_record(const struct luo_block_ser *block, size_t record_size,
			  unsigned int index)
{
	return (void *)(block + 1) + index * record_size;
}

/**
 * luo_blocks_init - start without any block
 * @blocks: the blocks
 * @record_size: size of each record in bytes; it ends with its sum
 */
void luo_blocks_init(struct luo_blocks *blocks, size_t record_size)
{
	INIT_LIST_HEAD(&blocks->pages);
	blocks->capacity = 0;
	blocks->record_size = record_size;
}

/**
 * luo_blocks_reserve - make sure that there is room
 * @blocks: the blocks
 * @nr: for this many records in all
 *
 * Return: 0 or an error as of kho_preserve_folio().
 */
int luo_blocks_reserve(struct luo_blocks *blocks, unsigned long nr)
{
	while (blocks->capacity < nr) {
		void *block = kho_alloc_preserve(PAGE_SIZE);

		if (IS_ERR(block))
			return PTR_ERR(block);

		list_add_tail(&virt_to_folio(block)->lru, &blocks->pages);
		blocks->capacity += records_per_block(blocks->record_size);
	}

	return 0;
}

/**
 * luo_blocks_free - give all blocks back
 * @blocks: the blocks
 */
void luo_blocks_free(struct luo_blocks *blocks)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, &blocks->pages, lru) {
		list_del(&folio->lru);
		kho_unpreserve_free(folio_address(folio));
	}
	blocks->capacity = 0;
}

/**
 * luo_writer_start - write all records anew
 * @writer: the writer
 * @blocks: has room for as many records as will be put
 */
void luo_writer_start(struct luo_writer *writer, struct luo_blocks *blocks)
{
	*writer = (struct luo_writer){ .blocks = blocks };
}

static void seal_block(struct luo_block_ser *block, phys_addr_t next)
{
	block->next = next;
	block->sum = luo_sum(block, sizeof(*block));
}

/* The block that @writer goes on with, NULL if there is no more */
static struct luo_block_ser *following_block(const struct luo_writer *writer)
{
	struct list_head *pages = &writer->blocks->pages;
	struct list_head *last = pages;

	if (writer->block)
		last = &virt_to_folio(writer->block)->lru;
	if (list_is_last(last, pages))
		return NULL;
	return folio_address(list_entry(last->next, struct folio, lru));
}

static void start_block(struct luo_writer *writer, struct luo_block_ser *block)
{
	block->magic = LUO_BLOCK_MAGIC;
	block->nr = 0;
	if (writer->block)
		seal_block(writer->block, virt_to_phys(block));
	else
		writer->first = virt_to_phys(block);
	writer->block = block;
}

/**
 * luo_writer_put - write a record
 * @writer: the writer
 * @record: the record; its last word is set to its sum
 */
void luo_writer_put(struct luo_writer *writer, void *record)
{
	size_t size = writer->blocks->record_size;
	u64 *sum = record + size - sizeof(u64);

	if (!writer->block || writer->block->nr == records_per_block(size))
		start_block(writer, following_block(writer));

	*sum = luo_sum(record, size);
	memcpy(block_record(writer->block, size, writer->block->nr), record,
	       size);
	writer->block->nr++;
}

/**
 * luo_writer_end - close the chain
 * @writer: the writer
 *
 * Blocks without a record are in it too: they are preserved, so the next kernel
 * has to know where they are.
 *
 * Return: physical address of the first block, 0 if there is none.
 */
phys_addr_t luo_writer_end(struct luo_writer *writer)
{
	struct luo_block_ser *block;

	while ((block = following_block(writer)))
		start_block(writer, block);
	if (writer->block)
		seal_block(writer->block, 0);
	return writer->first;
}

/**
 * luo_reader_start - read records that came over
 * @reader: the reader
 * @first: physical address of the first block, 0 for none
 * @nr: how many records there are
 * @record_size: size of each in bytes
 */
void luo_reader_start(struct luo_reader *reader, phys_addr_t first, u64 nr,
		      size_t record_size)
{
	*reader = (struct luo_reader){
		.next = first,
		/* There can't be more than memory has room for */
		.left = min(nr, PFN_PHYS(max_pfn) / record_size),
		.record_size = record_size,
	};
}

static const struct luo_block_ser *incoming_block(phys_addr_t phys)
{
	const struct luo_block_ser *block;

	if (!PAGE_ALIGNED(phys) || !kho_is_restorable(phys, PAGE_SIZE))
		return NULL;

	block = phys_to_virt(phys);
	if (block->magic != LUO_BLOCK_MAGIC ||
	    block->sum != luo_sum(block, sizeof(*block)))
		return NULL;
	return block;
}

/**
 * luo_reader_next - get the next record
 * @reader: the reader
 * @recordp: set to the record, of which the last word is a sum that is right
 *
 * Ends after as many records as were announced, whatever the chain says.
 *
 * Return: 1; 0 after the last record; -EIO if this record is damaged and others
 * may follow; -EUCLEAN if the chain is broken and nothing follows.
 */
int luo_reader_next(struct luo_reader *reader, const void **recordp)
{
	unsigned int max = records_per_block(reader->record_size);
	const u64 *sum;
	void *record;

	if (!reader->left)
		return 0;

	if (!reader->block || reader->index == reader->block->nr) {
		reader->block = incoming_block(reader->next);
		if (!reader->block || !reader->block->nr ||
		    reader->block->nr > max) {
			reader->left = 0;
			return -EUCLEAN;
		}
		reader->next = reader->block->next;
		reader->index = 0;
	}

	reader->left--;
	record = block_record(reader->block, reader->record_size,
			      reader->index++);
	sum = record + reader->record_size - sizeof(u64);
	if (*sum != luo_sum(record, reader->record_size))
		return -EIO;

	*recordp = record;
	return 1;
}

/**
 * luo_restore_free_blocks - free a chain that came over
 * @first: physical address of the first block, 0 for none
 *
 * What follows a damaged block stays reserved.
 */
void luo_restore_free_blocks(phys_addr_t first)
{
	const struct luo_block_ser *block;

	/* Ends even on a cycle: what is freed is not restorable any more */
	while (first && (block = incoming_block(first))) {
		first = block->next;
		kho_restore_free((void *)block);
	}
}

static void visit_records(const struct luo_block_ser *block, size_t record_size,
			  void (*visit)(const void *record))
{
	u64 nr = min(block->nr, records_per_block(record_size));

	for (unsigned int i = 0; i < nr; i++) {
		const void *record = block_record(block, record_size, i);
		const u64 *sum = record + record_size - sizeof(u64);

		if (*sum == luo_sum(record, record_size))
			visit(record);
	}
}

/**
 * luo_restore_free_records - free a chain that came over, and what it leads to
 * @first: physical address of the first block, 0 for none
 * @record_size: size of each record in bytes
 * @visit: called for each record, to free what that leads to
 *
 * What a record leads to may be the block that it is in, if another kernel says
 * so: it is read from a copy.
 *
 * Context: May sleep.
 */
void luo_restore_free_records(phys_addr_t first, size_t record_size,
			      void (*visit)(const void *record))
{
	struct luo_block_ser *copy = kmalloc(PAGE_SIZE,
					     GFP_KERNEL | __GFP_NOFAIL);
	struct luo_block_ser *block;

	while (first && (block = (void *)incoming_block(first))) {
		memcpy(copy, block, PAGE_SIZE);
		kho_restore_free(block);
		visit_records(copy, record_size, visit);
		first = copy->next;
	}
	kfree(copy);
}
