// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of memory: what is preserved for each file and each FLB, told once
 * more.
 *
 * If the record of one of them or of a whole session is damaged, this is how the
 * next kernel knows what memory went with it: how much that is, and how to give
 * it back.
 */

#include <linux/cleanup.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "luo_index.h"

/* Protects all below, but when luo_freeze_rwsem is held for writing */
static DEFINE_MUTEX(luo_index_lock);
static unsigned long luo_index_nr;
static struct luo_blocks luo_index_blocks = {
	.pages = LIST_HEAD_INIT(luo_index_blocks.pages),
	.record_size = sizeof(struct luo_memory_ser),
};

static void release(unsigned long nr)
{
	luo_index_nr -= nr;
	if (!luo_index_nr)
		luo_blocks_free(&luo_index_blocks);
}

/**
 * luo_index_reserve - make room for more files or FLBs
 * @nr: how many
 *
 * Return: 0, or an error as of luo_blocks_reserve().
 */
int luo_index_reserve(unsigned long nr)
{
	int err;

	guard(mutex)(&luo_index_lock);

	luo_index_nr += nr;
	err = luo_blocks_reserve(&luo_index_blocks, luo_index_nr);
	if (err)
		release(nr);
	return err;
}

/**
 * luo_index_release - undo luo_index_reserve()
 * @nr: as many, or fewer
 */
void luo_index_release(unsigned long nr)
{
	guard(mutex)(&luo_index_lock);

	release(nr);
}

/**
 * luo_index_start - write the index anew
 * @index: the writer
 *
 * Context: luo_freeze_rwsem is held for writing.
 */
void luo_index_start(struct luo_index_writer *index)
{
	luo_writer_start(&index->writer, &luo_index_blocks);
	index->nr = 0;
}

/**
 * luo_index_put - write down whose some memory is
 * @index: the writer
 * @session: number of the session's record, or LUO_FLB_MEMORY
 * @token: the file's token, 0 for an FLB
 * @memory: what is preserved for it
 */
void luo_index_put(struct luo_index_writer *index, u64 session, u64 token,
		   const u64 memory[KHO_OWNER_RECORDS])
{
	struct luo_memory_ser ser = { .session = session, .token = token };

	memcpy(ser.memory, memory, sizeof(ser.memory));
	luo_writer_put(&index->writer, &ser);
	index->nr++;
}

/**
 * luo_index_end - all is in the index
 * @index: the writer
 * @header: gets where the index is, and how long
 */
void luo_index_end(struct luo_index_writer *index,
		   struct luo_header_ser *header)
{
	header->memory = luo_writer_end(&index->writer);
	header->nr_memory = index->nr;
}
