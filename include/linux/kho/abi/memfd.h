/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the memfd handler writes for the next kernel.
 *
 * The handler's data is the physical address of a struct memfd_ser in a page
 * of its own. From there a list of extents (struct kho_extents_chunk) tells where
 * the file's pages are; what no extent covers is a hole. Any change here needs
 * another MEMFD_LUO_COMPATIBLE.
 */
#ifndef _LINUX_KHO_ABI_MEMFD_H
#define _LINUX_KHO_ABI_MEMFD_H

#include <linux/kho/abi/kexec_handover.h>
#include <linux/types.h>

#define MEMFD_LUO_COMPATIBLE	"memfd-extents-v2"

#define MEMFD_SER_NAME_LENGTH	256

/**
 * struct memfd_ser - a memfd
 * @size: in bytes
 * @pos: file position in bytes
 * @nr_pages: pages in all extents
 * @extents: physical address of the first chunk, 0 if the file is all hole
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
	u64 extents;
	u32 mode;
	u32 seals;
	u32 flags;
	u32 uid;
	u32 gid;
	u32 reserved;
	char name[MEMFD_SER_NAME_LENGTH];
	u64 sum;
};

static_assert(sizeof(struct memfd_ser) <= PAGE_SIZE);

#endif /* _LINUX_KHO_ABI_MEMFD_H */
