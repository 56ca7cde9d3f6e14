/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_KHO_EXTENTS_H
#define _KERNEL_LIVEUPDATE_KHO_EXTENTS_H

#include <linux/bitfield.h>
#include <linux/kho/extents.h>

static inline u64 kho_extent_pack(unsigned long pfn, unsigned int order,
				  unsigned long nr)
{
	return FIELD_PREP(KHO_EXTENT_PFN, pfn) |
	       FIELD_PREP(KHO_EXTENT_NR, nr) |
	       FIELD_PREP(KHO_EXTENT_ORDER, order);
}

/* The index is not in the record */
static inline struct kho_extent kho_extent_unpack(u64 record)
{
	return (struct kho_extent){
		.pfn = FIELD_GET(KHO_EXTENT_PFN, record),
		.nr = FIELD_GET(KHO_EXTENT_NR, record),
		.order = FIELD_GET(KHO_EXTENT_ORDER, record),
	};
}

int kho_extents_add(struct kho_extents *list, u64 record);
void kho_extents_set(struct kho_extents_chunk *chunk, unsigned int i,
		     u64 record);
void kho_extents_free(struct kho_extents *list);
struct kho_extents_chunk *kho_extents_chunk(phys_addr_t phys);

/* In kexec_handover.c: memory that is in no log, as the logs themselves are */
int kho_preserve_nobodys(unsigned long pfn, unsigned int order,
			 unsigned long nr);
void kho_unpreserve_nobodys(unsigned long pfn, unsigned int order,
			    unsigned long nr);

/* In kexec_handover.c: what came over, and is to go to the next kernel as well */
int kho_carry_extent(unsigned long pfn, unsigned int order, unsigned long nr);
int kho_uncarry_extent(unsigned long pfn, unsigned int order, unsigned long nr);

#endif /* _KERNEL_LIVEUPDATE_KHO_EXTENTS_H */
