/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_INDEX_H
#define _KERNEL_LIVEUPDATE_LUO_INDEX_H

#include <linux/types.h>

#include "luo_block.h"

/**
 * struct luo_index_writer - what the index is written with
 * @writer: the writer of its records
 * @nr: how many there are
 */
struct luo_index_writer {
	struct luo_writer writer;
	u64 nr;
};

int luo_index_reserve(unsigned long nr);
void luo_index_release(unsigned long nr);

void luo_index_start(struct luo_index_writer *index);
void luo_index_put(struct luo_index_writer *index, u64 session, u64 token,
		   const u64 memory[KHO_OWNER_RECORDS]);
void luo_index_end(struct luo_index_writer *index,
		   struct luo_header_ser *header);

#endif /* _KERNEL_LIVEUPDATE_LUO_INDEX_H */
