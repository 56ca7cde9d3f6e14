/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_KHO_MEMORY_H
#define _KERNEL_LIVEUPDATE_KHO_MEMORY_H

#include <linux/gfp.h>
#include <linux/types.h>

#ifdef CONFIG_MEMORY_HOTPLUG
bool kho_memory_driver_managed(unsigned long pfn, unsigned long nr_pages);
struct folio *kho_memory_alloc(gfp_t gfp, unsigned int order);
u64 kho_memory_digest(void);
u64 kho_memory_pages(void);
#else
static inline bool kho_memory_driver_managed(unsigned long pfn,
					     unsigned long nr_pages)
{
	return false;
}

static inline struct folio *kho_memory_alloc(gfp_t gfp, unsigned int order)
{
	return folio_alloc(gfp, order);
}

static inline u64 kho_memory_digest(void)
{
	return 0;
}

static inline u64 kho_memory_pages(void)
{
	return 0;
}
#endif

/* In kexec_handover.c: what is preserved for the next kernel, what came over */
bool kho_leaves_any(unsigned long pfn, unsigned long end);
bool kho_arrived_any(unsigned long pfn, unsigned long end);

#endif /* _KERNEL_LIVEUPDATE_KHO_MEMORY_H */
