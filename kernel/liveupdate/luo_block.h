/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_BLOCK_H
#define _KERNEL_LIVEUPDATE_LUO_BLOCK_H

#include <linux/kho/abi/luo.h>
#include <linux/list.h>

/**
 * struct luo_blocks - preserved pages for outgoing records of one size
 * @pages: the blocks' folios, linked by their lru
 * @capacity: how many records they have room for
 * @record_size: bytes, a multiple of 8
 *
 * The owner serializes all use.
 */
struct luo_blocks {
	struct list_head pages;
	unsigned long capacity;
	size_t record_size;
};

/**
 * struct luo_writer - where the next outgoing record goes
 * @blocks: what is written to
 * @block: the block being filled, NULL before the first record
 * @first: physical address of the first block, 0 if there is no record
 */
struct luo_writer {
	struct luo_blocks *blocks;
	struct luo_block_ser *block;
	phys_addr_t first;
};

/**
 * struct luo_reader - where the next incoming record is
 * @block: the block being read, NULL at the end
 * @next: physical address of the block to go on with
 * @index: the next record in @block
 * @left: how many records are to come
 * @record_size: bytes
 */
struct luo_reader {
	const struct luo_block_ser *block;
	phys_addr_t next;
	unsigned int index;
	u64 left;
	size_t record_size;
};

void luo_blocks_init(struct luo_blocks *blocks, size_t record_size);
int luo_blocks_reserve(struct luo_blocks *blocks, unsigned long nr);
void luo_blocks_free(struct luo_blocks *blocks);

void luo_writer_start(struct luo_writer *writer, struct luo_blocks *blocks);
void luo_writer_put(struct luo_writer *writer, void *record);
phys_addr_t luo_writer_end(struct luo_writer *writer);

void luo_reader_start(struct luo_reader *reader, phys_addr_t first, u64 nr,
		      size_t record_size);
int luo_reader_next(struct luo_reader *reader, const void **recordp);
void luo_restore_free_blocks(phys_addr_t first);
void luo_restore_free_records(phys_addr_t first, size_t record_size,
			      void (*visit)(const void *record));

#endif /* _KERNEL_LIVEUPDATE_LUO_BLOCK_H */
