/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of preserved memory that go from one kernel to the next. What is in
 * them is described in <linux/kho/abi/kexec_handover.h>.
 */
#ifndef _LINUX_KHO_EXTENTS_H
#define _LINUX_KHO_EXTENTS_H

#include <linux/kho/abi/kexec_handover.h>
#include <linux/types.h>

/**
 * struct kho_extent - folios of one order, in a row in memory and in a file
 * @index: page index of the first in the file
 * @pfn: page frame number of the first
 * @nr: how many; 0 if there is no extent
 * @order: order of each
 */
struct kho_extent {
	unsigned long index;
	unsigned long pfn;
	unsigned long nr;
	unsigned int order;
};

static inline unsigned long kho_extent_pages(const struct kho_extent *extent)
{
	return extent->nr << extent->order;
}

/**
 * struct kho_extents - a list that is being written
 * @first: its first chunk, NULL while it is empty
 * @last: the chunk that is written to
 * @next: the page index at which the last extent ends
 *
 * All zero is an empty list. The caller serializes all use.
 */
struct kho_extents {
	struct kho_extents_chunk *first;
	struct kho_extents_chunk *last;
	unsigned long next;
};

int kho_extents_preserve(struct kho_extents *list,
			 const struct kho_extent *extent);
void kho_extents_unpreserve(struct kho_extents *list,
			    void (*release)(const struct kho_extent *extent));
phys_addr_t kho_extents_phys(const struct kho_extents *list);

/**
 * struct kho_extents_reader - where the next record of a list is
 * @chunk: the chunk that is read, NULL at the end
 * @i: the next record in it
 * @index: the page index that was reached
 * @left: how many more records there can be
 */
struct kho_extents_reader {
	const struct kho_extents_chunk *chunk;
	unsigned int i;
	unsigned long index;
	unsigned long left;
};

int kho_extents_open(struct kho_extents_reader *reader, phys_addr_t first,
		     unsigned long max);
int kho_extents_next(struct kho_extents_reader *reader,
		     struct kho_extent *extent);
void kho_extents_restore_free(phys_addr_t first);
void kho_extents_discard(phys_addr_t first);

#endif /* _LINUX_KHO_EXTENTS_H */
