/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the memfd handler writes for the next kernel.
 *
 * The handler's data is the physical address of a struct memfd_ser in a page
 * of its own. From there a chain of chunks, each a page, tells where the file's
 * pages are. Any change here needs another MEMFD_LUO_COMPATIBLE.
 */
#ifndef _LINUX_KHO_ABI_MEMFD_H
#define _LINUX_KHO_ABI_MEMFD_H

#include <linux/bits.h>
#include <linux/kho/abi/kexec_handover.h>
#include <linux/types.h>

#define MEMFD_LUO_COMPATIBLE	"memfd-extents-v1"

#define MEMFD_SER_NAME_LENGTH	256

/**
 * struct memfd_ser - a memfd
 * @size: in bytes
 * @pos: file position in bytes
 * @nr_pages: pages in all extents
 * @chunks: physical address of the first chunk, 0 if the file is all hole
 * @mode: permission bits of the inode
 * @seals: F_SEAL_*
 * @flags: O_* of the open file
 * @uid: owner of the inode, in the initial user namespace
 * @gid: group of the inode, in the initial user namespace
 * @reserved: 0
 * @name: as /proc shows it, padded with NULs
 * @sum: luo_sum() of all before it
 */
struct memfd_ser {
	u64 size;
	u64 pos;
	u64 nr_pages;
	u64 chunks;
	u32 mode;
	u32 seals;
	u32 flags;
	u32 uid;
	u32 gid;
	u32 reserved;
	char name[MEMFD_SER_NAME_LENGTH];
	u64 sum;
};

/**
 * DOC: Records of where a memfd's pages are
 *
 * A record is one u64. An extent says that folios of one order follow each
 * other in memory and in the file; where in the file follows from the records
 * before it. A seek, which has MEMFD_REC_SEEK in place of an order, sets the
 * page index at which the next extent goes. What no extent covers is a hole.
 */
#define MEMFD_REC_PFN		GENMASK_ULL(39, 0)
#define MEMFD_REC_NR		GENMASK_ULL(57, 40)
#define MEMFD_REC_INDEX		GENMASK_ULL(57, 0)
#define MEMFD_REC_ORDER		GENMASK_ULL(63, 58)
#define MEMFD_REC_SEEK		63

#define MEMFD_CHUNK_RECORDS	((PAGE_SIZE - 3 * sizeof(u64)) / sizeof(u64))

/**
 * struct memfd_chunk - a page of records
 * @next: physical address of the next chunk, 0 at the end
 * @nr: number of records
 * @record: the records; those after @nr are 0
 * @sum: luo_sum() of all before it
 */
struct memfd_chunk {
	u64 next;
	u64 nr;
	u64 record[MEMFD_CHUNK_RECORDS];
	u64 sum;
};

static_assert(sizeof(struct memfd_chunk) == PAGE_SIZE);
static_assert(sizeof(struct memfd_ser) <= PAGE_SIZE);

#endif /* _LINUX_KHO_ABI_MEMFD_H */
