// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kexec handover and memory that comes and goes while the kernel runs
 *
 * The next kernel has to know all memory that something is preserved in when it
 * boots, and before that nobody may take such memory away.
 */

#define pr_fmt(fmt) "KHO: " fmt

#include <linux/hash.h>
#include <linux/init.h>
#include <linux/ioport.h>
#include <linux/kexec_handover.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/xarray.h>

#include "kho_map.h"
#include "kho_memory.h"

/* Sections that are online and that a driver manages; most machines have none */
static DEFINE_XARRAY(driver_sections);

static int is_driver_managed(struct resource *res, void *arg)
{
	return !!(res->flags & IORESOURCE_SYSRAM_DRIVER_MANAGED);
}

static int record_driver_sections(unsigned long pfn, unsigned long end)
{
	int err = 0;

	if (walk_system_ram_res(PFN_PHYS(pfn), PFN_PHYS(end) - 1, NULL,
				is_driver_managed) <= 0)
		return 0;

	for (; pfn < end && !err; pfn = SECTION_ALIGN_UP(pfn + 1))
		err = xa_err(xa_store(&driver_sections, pfn_to_section_nr(pfn),
				      xa_mk_value(1), GFP_KERNEL));
	return err;
}

static void forget_driver_sections(unsigned long pfn, unsigned long end)
{
	if (xa_empty(&driver_sections))
		return;

	for (; pfn < end; pfn = SECTION_ALIGN_UP(pfn + 1))
		xa_erase(&driver_sections, pfn_to_section_nr(pfn));
}

/* As in /sys/devices/system/memory: everybody may read the log, no addresses */
static unsigned long memory_block(unsigned long pfn)
{
	return PFN_PHYS(pfn) / memory_block_size_bytes();
}

/*
 * This kernel may have been told of less memory than the one before, with mem=
 * for example. What came over in the rest must not be taken for free memory when
 * that turns up now.
 */
static int check_going_online(unsigned long pfn, unsigned long end)
{
	if (!kho_arrived_any(pfn, end))
		return 0;

	pr_warn("memory blocks %lu to %lu can't go online, the previous kernel preserved some of it\n",
		memory_block(pfn), memory_block(end - 1));
	return -EBUSY;
}

/*
 * What is preserved can't be moved elsewhere, and nobody gives it back for being
 * asked: without this, going offline would be tried forever.
 */
static int check_going_offline(unsigned long pfn, unsigned long end)
{
	if (!kho_leaves_any(pfn, end))
		return 0;

	pr_warn("memory blocks %lu to %lu can't go offline, some of it is preserved\n",
		memory_block(pfn), memory_block(end - 1));
	return -EBUSY;
}

static int kho_memory_notify(struct notifier_block *nb, unsigned long action,
			     void *data)
{
	const struct memory_notify *arg = data;
	unsigned long end = arg->start_pfn + arg->nr_pages;
	int err = 0;

	switch (action) {
	case MEM_GOING_ONLINE:
		err = check_going_online(arg->start_pfn, end);
		if (!err)
			err = record_driver_sections(arg->start_pfn, end);
		break;
	case MEM_GOING_OFFLINE:
		err = check_going_offline(arg->start_pfn, end);
		break;
	case MEM_CANCEL_ONLINE:
	case MEM_OFFLINE:
		forget_driver_sections(arg->start_pfn, end);
		break;
	}

	return notifier_from_errno(err);
}

/* Before any driver: these start at subsys_initcall() */
static int __init kho_memory_notifier_init(void)
{
	/* What came over counts even if this kernel has no use for it */
	if (!kho_is_enabled() && !is_kho_boot())
		return 0;

	return hotplug_memory_notifier(kho_memory_notify, DEFAULT_CALLBACK_PRI);
}
core_initcall(kho_memory_notifier_init);

/**
 * kho_memory_driver_managed - does memory come and go with a driver?
 * @pfn: page frame number of the first page
 * @nr_pages: number of pages, all online
 *
 * Such memory is not in the map that the next kernel gets. That kernel has it
 * when its driver adds it there, which is too late for what is preserved in it.
 *
 * Context: Any.
 *
 * Return: true if it is so for one of the pages.
 */
bool kho_memory_driver_managed(unsigned long pfn, unsigned long nr_pages)
{
	unsigned long section = pfn_to_section_nr(pfn);

	if (xa_empty(&driver_sections))
		return false;

	return xa_find(&driver_sections, &section,
		       pfn_to_section_nr(pfn + nr_pages - 1), XA_PRESENT);
}

/**
 * kho_memory_alloc - allocate memory that can be preserved
 * @gfp: how
 * @order: order of the folio
 *
 * Context: As @gfp has it.
 *
 * Return: a folio, or NULL.
 */
struct folio *kho_memory_alloc(gfp_t gfp, unsigned int order)
{
	struct folio *folio = folio_alloc(gfp, order);

	if (!folio ||
	    !kho_memory_driver_managed(folio_pfn(folio), 1UL << order))
		return folio;

	folio_put(folio);
	/* Low memory is there from the start, no driver brings it */
	return folio_alloc(gfp | GFP_DMA32, order);
}

/* The one of kho_map.c does not look where the page is */
void *kho_alloc_block(gfp_t gfp)
{
	struct folio *folio = kho_memory_alloc(gfp | __GFP_ZERO, 0);

	return folio ? folio_address(folio) : NULL;
}

/**
 * struct memory_digest - a digest of memory ranges, in ascending order
 * @sum: over the ranges before the last one
 * @start: start of the last range
 * @end: its last byte
 */
struct memory_digest {
	u64 sum;
	u64 start;
	u64 end;
};

static void digest_last_range(struct memory_digest *digest)
{
	digest->sum = hash_64(digest->sum ^ digest->start, 64);
	digest->sum = hash_64(digest->sum ^ digest->end, 64);
}

static int digest_range(struct resource *res, void *arg)
{
	struct memory_digest *digest = arg;

	/* That is not in the map which the next kernel gets */
	if (res->flags & IORESOURCE_SYSRAM_DRIVER_MANAGED)
		return 0;

	/* It does not matter in how many pieces memory was added */
	if (digest->end + 1 != res->start) {
		digest_last_range(digest);
		digest->start = res->start;
	}
	digest->end = res->end;
	return 0;
}

/**
 * kho_memory_digest - which memory is there?
 *
 * Context: Any that may take the lock of the resource tree.
 *
 * Return: a number that changes when memory is added or removed. Memory that is
 * managed by a driver does not count.
 */
u64 kho_memory_digest(void)
{
	struct memory_digest digest = {};

	walk_system_ram_res(0, U64_MAX, &digest, digest_range);
	digest_last_range(&digest);
	return digest.sum;
}

static int count_pages(struct resource *res, void *arg)
{
	u64 *nr_pages = arg;

	if (!(res->flags & IORESOURCE_SYSRAM_DRIVER_MANAGED))
		*nr_pages += PHYS_PFN(resource_size(res));
	return 0;
}

/**
 * kho_memory_pages - how much memory is there?
 *
 * Context: Any that may take the lock of the resource tree.
 *
 * Return: number of pages, online or not. Memory that is managed by a driver
 * does not count.
 */
u64 kho_memory_pages(void)
{
	u64 nr_pages = 0;

	walk_system_ram_res(0, U64_MAX, &nr_pages, count_pages);
	return nr_pages;
}
