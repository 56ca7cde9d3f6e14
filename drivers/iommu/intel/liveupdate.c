// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update: translation that goes on while the kernel is replaced.
 *
 * A device that keeps running may only ever reach the memory that its tables map.
 * So the old kernel preserves these, and leaves translation on as it shuts down,
 * with nothing in the root table but such devices. The new kernel checks the
 * tables, makes a root table of its own that has the same entries for these
 * devices, and changes over to it without switching translation off. The context
 * entry of a device that came over is a "copied" one, as those in a crash kernel
 * are, and stays until a domain is attached that maps at least what the old tables
 * do, to the same memory. Then it is replaced by one write of 16 bytes.
 *
 * What can't be checked is not used: the device is stopped before the root table
 * changes, see pci_liveupdate_stop_others().
 *
 * This is for legacy mode only.
 */

#define pr_fmt(fmt) "DMAR: live update: " fmt

#include <asm/cmpxchg.h>
#include <linux/cleanup.h>
#include <linux/crash_dump.h>
#include <linux/dmar.h>
#include <linux/err.h>
#include <linux/intel-iommu-liveupdate.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/kexec_handover.h>
#include <linux/kho/abi/intel-iommu.h>
#include <linux/liveupdate.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/pci-liveupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "iommu.h"
#include "../iommu-priv.h"

/**
 * struct vtd_tables - page tables that are preserved
 * @list: link in vtd_tables
 * @pgd: the top-level table
 * @level: its level
 * @nr: pages in all tables
 * @users: devices that use them
 */
struct vtd_tables {
	struct list_head list;
	struct dma_pte *pgd;
	int level;
	u64 nr;
	unsigned int users;
};

/* Protects what goes out; taken in the FLB's preserve and unpreserve, too */
static DEFINE_MUTEX(vtd_outgoing_lock);
static struct vtd_ser *vtd_outgoing;
static LIST_HEAD(vtd_tables);

/* What came over. Set once in early boot, but for @dev[].frozen, see below */
static struct vtd_ser *vtd_incoming;
static DEFINE_MUTEX(vtd_incoming_lock);

static void seal_unit(struct vtd_ser_unit *unit)
{
	unit->sum = luo_sum(unit, offsetof(struct vtd_ser_unit, sum));
}

static void seal_dev(struct vtd_ser_dev *dev)
{
	dev->sum = luo_sum(dev, offsetof(struct vtd_ser_dev, sum));
}

static void seal_all(struct vtd_ser *ser)
{
	ser->sum = luo_sum(ser, offsetof(struct vtd_ser, sum));
}

static bool is_dev(const struct vtd_ser_dev *ser, struct intel_iommu *iommu,
		   u8 bus, u8 devfn)
{
	return ser->reg == iommu->reg_phys && ser->bus == bus &&
	       ser->devfn == devfn;
}

/*
 * Page tables
 */

struct table_walk {
	/* A table; an error ends the walk */
	int (*table)(struct table_walk *walk, struct dma_pte *table);

	/* Memory that is mapped: address, bytes, and what the device may do */
	int (*leaf)(struct table_walk *walk, u64 iova, u64 phys, u64 size,
		    u64 prot);

	struct dma_pte *other;
	int other_level;
	u64 nr;
};

static int walk_table(struct table_walk *walk, struct dma_pte *table, int level,
		      u64 iova)
{
	u64 size = level_size(level) << VTD_PAGE_SHIFT;
	int err = 0;

	if (walk->table)
		err = walk->table(walk, table);

	for (unsigned int i = 0; i < BIT(VTD_STRIDE_SHIFT) && !err; i++) {
		struct dma_pte *pte = &table[i];
		u64 at = iova + i * size;

		if (!dma_pte_present(pte))
			continue;
		if (level > 1 && !dma_pte_superpage(pte))
			err = walk_table(walk, phys_to_virt(dma_pte_addr(pte)),
					 level - 1, at);
		else if (walk->leaf)
			err = walk->leaf(walk, at, dma_pte_addr(pte), size,
					 pte->val & (DMA_PTE_READ |
						     DMA_PTE_WRITE));
	}
	cond_resched();
	return err;
}

static int preserve_table(struct table_walk *walk, struct dma_pte *table)
{
	int err = kho_preserve_pages(virt_to_page(table), 1);

	if (!err)
		walk->nr++;
	return err;
}

/* As many as were preserved, in the same order */
static int unpreserve_table(struct table_walk *walk, struct dma_pte *table)
{
	if (!walk->nr)
		return -ENOENT;
	walk->nr--;
	kho_unpreserve_pages(virt_to_page(table), 1);
	return 0;
}

/**
 * struct table_work - what is preserved for no file in particular
 * @work: the work
 * @tables: what to preserve or to unpreserve
 * @err: the result
 */
struct table_work {
	struct work_struct work;
	struct vtd_tables *tables;
	int err;
};

static void unpreserve_tables_work(struct work_struct *work)
{
	struct table_work *tw = container_of(work, struct table_work, work);
	struct table_walk walk = {
		.table = unpreserve_table,
		.nr = tw->tables->nr,
	};

	walk_table(&walk, tw->tables->pgd, tw->tables->level, 0);
}

static void preserve_tables_work(struct work_struct *work)
{
	struct table_work *tw = container_of(work, struct table_work, work);
	struct table_walk walk = { .table = preserve_table };

	tw->err = walk_table(&walk, tw->tables->pgd, tw->tables->level, 0);
	tw->tables->nr = walk.nr;
	if (tw->err)
		unpreserve_tables_work(work);
}

/*
 * What is preserved in a file's callback is the file's, and is given back if
 * somebody discards the file. The hardware might still use it. So this is done in
 * a worker, which preserves for no file.
 */
static int run_table_work(struct vtd_tables *tables, work_func_t func)
{
	struct table_work tw = { .tables = tables };

	INIT_WORK_ONSTACK(&tw.work, func);
	queue_work(system_unbound_wq, &tw.work);
	flush_work(&tw.work);
	destroy_work_on_stack(&tw.work);
	return tw.err;
}

/* Devices that share a domain share its tables */
static struct vtd_tables *get_tables(struct dma_pte *pgd, int level)
{
	struct vtd_tables *tables;
	int err;

	list_for_each_entry(tables, &vtd_tables, list) {
		if (tables->pgd == pgd) {
			tables->users++;
			return tables;
		}
	}

	tables = kzalloc(sizeof(*tables), GFP_KERNEL_ACCOUNT);
	if (!tables)
		return ERR_PTR(-ENOMEM);

	tables->pgd = pgd;
	tables->level = level;
	tables->users = 1;
	err = run_table_work(tables, preserve_tables_work);
	if (err) {
		kfree(tables);
		return ERR_PTR(err);
	}
	list_add(&tables->list, &vtd_tables);
	return tables;
}

static void put_tables(struct dma_pte *pgd)
{
	struct vtd_tables *tables;

	list_for_each_entry(tables, &vtd_tables, list) {
		if (tables->pgd != pgd)
			continue;
		if (--tables->users)
			return;
		list_del(&tables->list);
		run_table_work(tables, unpreserve_tables_work);
		kfree(tables);
		return;
	}
}

/*
 * The old kernel
 */

static struct vtd_ser_unit *find_unit(struct vtd_ser *ser, u64 reg)
{
	for (u64 i = 0; i < ser->nr_units; i++)
		if (ser->unit[i].reg == reg)
			return &ser->unit[i];
	return NULL;
}

static struct vtd_ser_dev *find_outgoing(struct intel_iommu *iommu, u8 bus,
					 u8 devfn)
{
	for (u64 i = 0; vtd_outgoing && i < vtd_outgoing->nr_devs; i++)
		if (is_dev(&vtd_outgoing->dev[i], iommu, bus, devfn))
			return &vtd_outgoing->dev[i];
	return NULL;
}

static int count_alias(struct pci_dev *pdev, u16 alias, void *data)
{
	unsigned int *nr = data;

	(*nr)++;
	return 0;
}

static int count_dev(struct device *dev, void *data)
{
	unsigned int *nr = data;

	(*nr)++;
	return 0;
}

/* Nobody else translates by the same entry, nor does it by several */
static bool is_alone(struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	unsigned int devs = 0, aliases = 0;

	if (!group)
		return false;
	iommu_group_for_each_dev(group, &devs, count_dev);
	iommu_group_put(group);
	pci_for_each_dma_alias(to_pci_dev(dev), count_alias, &aliases);
	return devs == 1 && aliases == 1;
}

static struct device_domain_info *dev_to_info(struct device *dev)
{
	if (!dev_is_pci(dev) || !dev->iommu || !dev->iommu->iommu_dev ||
	    dev_iommu_ops(dev) != &intel_iommu_ops)
		return NULL;
	return dev_iommu_priv_get(dev);
}

static bool can_preserve(struct device *dev, struct device_domain_info *info)
{
	return !sm_supported(info->iommu) && !info->ats_enabled &&
	       info->domain && info->domain_attached &&
	       info->domain->domain.type == IOMMU_DOMAIN_UNMANAGED &&
	       intel_domain_is_ss_paging(info->domain) &&
	       system_has_cmpxchg128() && is_alone(dev);
}

/**
 * intel_liveupdate_preserve - let a device's translation go on in the next kernel
 * @dev: a PCI device
 *
 * The domain that is attached to it and what that maps must not change from here
 * on to intel_liveupdate_unpreserve(). All that is mapped must be preserved.
 *
 * Context: May sleep. A callback of a handler that intel_liveupdate_register() was
 * called for.
 *
 * Return: 0; -EOPNOTSUPP if the device is not behind VT-d in legacy mode, has no
 * domain that user space maps, uses ATS, or is not alone in its group; -EBUSY if
 * it is preserved; -ENOSPC if there are too many; -ENOMEM.
 */
int intel_liveupdate_preserve(struct device *dev)
{
	struct device_domain_info *info = dev_to_info(dev);
	struct vtd_ser_unit *unit;
	struct vtd_tables *tables;
	struct vtd_ser_dev *ser;

	if (!info || !can_preserve(dev, info))
		return -EOPNOTSUPP;

	guard(mutex)(&vtd_outgoing_lock);

	if (WARN_ON(!vtd_outgoing))
		return -EOPNOTSUPP;
	if (find_outgoing(info->iommu, info->bus, info->devfn))
		return -EBUSY;
	if (vtd_outgoing->nr_devs == VTD_SER_MAX_DEVS)
		return -ENOSPC;

	/* The table of a bus that came after the first preserve is not */
	unit = find_unit(vtd_outgoing, info->iommu->reg_phys);
	if (!unit || !(unit->buses[info->bus / 64] & BIT_ULL(info->bus % 64)))
		return -EOPNOTSUPP;

	tables = get_tables(info->domain->pgd,
			    agaw_to_level(info->domain->agaw));
	if (IS_ERR(tables))
		return PTR_ERR(tables);

	ser = &vtd_outgoing->dev[vtd_outgoing->nr_devs++];
	*ser = (struct vtd_ser_dev){
		.reg = info->iommu->reg_phys,
		.pgd = virt_to_phys(tables->pgd),
		.nr_tables = tables->nr,
		.segment = info->segment,
		.bus = info->bus,
		.devfn = info->devfn,
		.did = domain_id_iommu(info->domain, info->iommu),
		.agaw = info->domain->agaw,
	};
	seal_dev(ser);
	seal_all(vtd_outgoing);
	return 0;
}
EXPORT_SYMBOL_GPL(intel_liveupdate_preserve);

/**
 * intel_liveupdate_unpreserve - undo intel_liveupdate_preserve()
 * @dev: the device
 *
 * Context: May sleep.
 */
void intel_liveupdate_unpreserve(struct device *dev)
{
	struct device_domain_info *info = dev_to_info(dev);
	struct vtd_ser_dev *ser;

	guard(mutex)(&vtd_outgoing_lock);

	ser = find_outgoing(info->iommu, info->bus, info->devfn);
	if (WARN_ON(!ser))
		return;
	put_tables(phys_to_virt(ser->pgd));
	*ser = vtd_outgoing->dev[--vtd_outgoing->nr_devs];
	seal_all(vtd_outgoing);
}
EXPORT_SYMBOL_GPL(intel_liveupdate_unpreserve);

static int set_frozen(struct device *dev, bool frozen)
{
	struct device_domain_info *info = dev_to_info(dev);
	struct vtd_ser_dev *ser;

	guard(mutex)(&vtd_outgoing_lock);

	ser = find_outgoing(info->iommu, info->bus, info->devfn);
	if (WARN_ON(!ser))
		return -ENOENT;
	ser->frozen = frozen;
	seal_dev(ser);
	return 0;
}

/**
 * intel_liveupdate_freeze - from here on a device's translation stays
 * @dev: a device that is preserved
 *
 * The shutdown of this kernel leaves translation on for it.
 *
 * Context: May sleep.
 *
 * Return: 0; -ENOENT if it is not preserved.
 */
int intel_liveupdate_freeze(struct device *dev)
{
	return set_frozen(dev, true);
}
EXPORT_SYMBOL_GPL(intel_liveupdate_freeze);

/**
 * intel_liveupdate_unfreeze - undo intel_liveupdate_freeze()
 * @dev: the device
 *
 * Context: May sleep.
 */
void intel_liveupdate_unfreeze(struct device *dev)
{
	set_frozen(dev, false);
}
EXPORT_SYMBOL_GPL(intel_liveupdate_unfreeze);

static bool has_frozen(struct intel_iommu *iommu)
{
	for (u64 i = 0; vtd_outgoing && i < vtd_outgoing->nr_devs; i++)
		if (vtd_outgoing->dev[i].reg == iommu->reg_phys &&
		    vtd_outgoing->dev[i].frozen)
			return true;
	return false;
}

static void clear_contexts(struct intel_iommu *iommu, u8 bus,
			   struct context_entry *context)
{
	for (unsigned int devfn = 0; devfn < 256; devfn++) {
		struct vtd_ser_dev *ser = find_outgoing(iommu, bus, devfn);

		if (!ser || !ser->frozen)
			context_clear_entry(&context[devfn]);
	}
	__iommu_flush_cache(iommu, context, VTD_PAGE_SIZE);
}

/**
 * intel_liveupdate_shutdown - leave a unit to the next kernel
 * @iommu: the unit
 *
 * Nothing but devices that keep running can reach memory after it.
 *
 * Context: The other CPUs are stopped, and nobody holds a lock any more.
 *
 * Return: false if there is nothing to leave, and translation is to be switched
 * off.
 */
bool intel_liveupdate_shutdown(struct intel_iommu *iommu)
{
	struct vtd_ser_unit *unit;

	if (!has_frozen(iommu))
		return false;

	unit = find_unit(vtd_outgoing, iommu->reg_phys);
	for (unsigned int bus = 0; bus < 256; bus++) {
		struct root_entry *root = &iommu->root_entry[bus];

		if (!(root->lo & 1))
			continue;
		if (unit->buses[bus / 64] & BIT_ULL(bus % 64))
			clear_contexts(iommu, bus,
				       phys_to_virt(root->lo & VTD_PAGE_MASK));
		else
			root->lo = 0;
	}
	__iommu_flush_cache(iommu, iommu->root_entry, VTD_PAGE_SIZE);
	iommu_flush_write_buffer(iommu);
	iommu->flush.flush_context(iommu, 0, 0, 0, DMA_CCMD_GLOBAL_INVL);
	iommu->flush.flush_iotlb(iommu, 0, 0, 0, DMA_TLB_GLOBAL_FLUSH);
	return true;
}

/*
 * The FLB: records, root tables and context tables
 */

static void unpreserve_unit(struct vtd_ser_unit *unit)
{
	struct root_entry *root = phys_to_virt(unit->root);

	for (unsigned int bus = 0; bus < 256; bus++)
		if (unit->buses[bus / 64] & BIT_ULL(bus % 64))
			kho_unpreserve_pages(phys_to_page(root[bus].lo &
							  VTD_PAGE_MASK), 1);
	kho_unpreserve_pages(virt_to_page(root), 1);
}

static int preserve_contexts(struct vtd_ser_unit *unit, struct root_entry *root)
{
	for (unsigned int bus = 0; bus < 256; bus++) {
		int err;

		if (!(root[bus].lo & 1))
			continue;
		err = kho_preserve_pages(phys_to_page(root[bus].lo &
						      VTD_PAGE_MASK), 1);
		if (err)
			return err;
		unit->buses[bus / 64] |= BIT_ULL(bus % 64);
	}
	return 0;
}

static int preserve_unit(struct vtd_ser *ser, struct intel_iommu *iommu)
{
	struct vtd_ser_unit *unit = &ser->unit[ser->nr_units];
	int err;

	if (sm_supported(iommu) || !iommu->root_entry)
		return 0;
	if (ser->nr_units == VTD_SER_MAX_UNITS)
		return -ENOSPC;

	err = kho_preserve_pages(virt_to_page(iommu->root_entry), 1);
	if (err)
		return err;
	*unit = (struct vtd_ser_unit){
		.reg = iommu->reg_phys,
		.root = virt_to_phys(iommu->root_entry),
	};
	err = preserve_contexts(unit, iommu->root_entry);
	if (err) {
		unpreserve_unit(unit);
		return err;
	}
	seal_unit(unit);
	ser->nr_units++;
	return 0;
}

static void unpreserve_all(struct vtd_ser *ser)
{
	for (u64 i = 0; i < ser->nr_units; i++)
		unpreserve_unit(&ser->unit[i]);
	kho_unpreserve_free(ser);
}

static int vtd_flb_preserve(struct liveupdate_flb_op_args *argp)
{
	struct vtd_ser *ser = kho_alloc_preserve(VTD_SER_SIZE);
	struct dmar_drhd_unit *drhd;
	struct intel_iommu *iommu;
	int err = 0;

	if (IS_ERR(ser))
		return PTR_ERR(ser);

	*ser = (struct vtd_ser){};
	scoped_guard(rwsem_read, &dmar_global_lock) {
		for_each_active_iommu(iommu, drhd) {
			err = preserve_unit(ser, iommu);
			if (err)
				break;
		}
	}
	if (err) {
		unpreserve_all(ser);
		return err;
	}

	seal_all(ser);
	argp->obj = ser;
	argp->data = virt_to_phys(ser);

	guard(mutex)(&vtd_outgoing_lock);

	vtd_outgoing = ser;
	return 0;
}

static void vtd_flb_unpreserve(struct liveupdate_flb_op_args *argp)
{
	scoped_guard(mutex, &vtd_outgoing_lock)
		vtd_outgoing = NULL;
	unpreserve_all(argp->obj);
}

static int vtd_flb_retrieve(struct liveupdate_flb_op_args *argp)
{
	struct vtd_ser *ser;

	if (!PAGE_ALIGNED(argp->data) ||
	    !kho_is_restorable(argp->data, VTD_SER_SIZE))
		return -EIO;

	ser = phys_to_virt(argp->data);
	if (ser->sum != luo_sum(ser, offsetof(struct vtd_ser, sum)) ||
	    ser->nr_units > VTD_SER_MAX_UNITS ||
	    ser->nr_devs > VTD_SER_MAX_DEVS)
		return -EIO;

	argp->obj = ser;
	return 0;
}

/* The hardware has not used them since the root table was replaced */
static void free_unit(const struct vtd_ser_unit *unit)
{
	struct root_entry *root;

	if (unit->sum != luo_sum(unit, offsetof(struct vtd_ser_unit, sum)) ||
	    !kho_is_restorable(unit->root, VTD_PAGE_SIZE))
		return;

	root = phys_to_virt(unit->root);
	for (unsigned int bus = 0; bus < 256; bus++)
		if (unit->buses[bus / 64] & BIT_ULL(bus % 64))
			kho_restore_free(phys_to_virt(root[bus].lo &
						      VTD_PAGE_MASK));
	kho_restore_free(root);
}

static void vtd_flb_finish(struct liveupdate_flb_op_args *argp)
{
	struct vtd_ser *ser = argp->obj;

	for (u64 i = 0; i < ser->nr_units; i++)
		free_unit(&ser->unit[i]);
	kho_restore_free(ser);
}

static const struct liveupdate_flb_ops vtd_flb_ops = {
	.preserve = vtd_flb_preserve,
	.unpreserve = vtd_flb_unpreserve,
	.retrieve = vtd_flb_retrieve,
	.finish = vtd_flb_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_flb vtd_flb = {
	.ops = &vtd_flb_ops,
	.compatible = VTD_LUO_COMPATIBLE,
};

/**
 * intel_liveupdate_register - a handler's files are devices behind VT-d
 * @fh: a registered handler
 *
 * Return: 0, or an errno of liveupdate_register_flb().
 */
int intel_liveupdate_register(struct liveupdate_file_handler *fh)
{
	return liveupdate_register_flb(fh, &vtd_flb);
}
EXPORT_SYMBOL_GPL(intel_liveupdate_register);

/**
 * intel_liveupdate_unregister - undo intel_liveupdate_register()
 * @fh: the handler
 */
void intel_liveupdate_unregister(struct liveupdate_file_handler *fh)
{
	liveupdate_unregister_flb(fh, &vtd_flb);
}
EXPORT_SYMBOL_GPL(intel_liveupdate_unregister);

/*
 * The new kernel
 */

static bool came_over(u64 phys, u64 size)
{
	return IS_ALIGNED(phys, VTD_PAGE_SIZE) && kho_is_restorable(phys, size);
}

/* There are to be @left tables more, so that this comes to an end */
static int check_table(struct dma_pte *table, int level, u64 *left)
{
	if (!*left || !came_over(virt_to_phys(table), VTD_PAGE_SIZE))
		return -EIO;

	--*left;
	for (unsigned int i = 0; i < BIT(VTD_STRIDE_SHIFT); i++) {
		struct dma_pte *pte = &table[i];
		u64 size = level_size(level) << VTD_PAGE_SHIFT;
		int err = 0;

		if (!dma_pte_present(pte))
			continue;
		if (level > 1 && !dma_pte_superpage(pte))
			err = check_table(phys_to_virt(dma_pte_addr(pte)),
					  level - 1, left);
		else if (level > 3 || !came_over(dma_pte_addr(pte), size))
			err = -EFAULT;
		if (err)
			return err;
	}
	return 0;
}

/* The root table that the hardware uses, if it is one that came over */
static struct root_entry *live_root(struct intel_iommu *iommu)
{
	u64 rtaddr = dmar_readq(iommu->reg + DMAR_RTADDR_REG);

	if (rtaddr & DMA_RTADDR_SMT || sm_supported(iommu) ||
	    !came_over(rtaddr & VTD_PAGE_MASK, VTD_PAGE_SIZE))
		return NULL;
	return phys_to_virt(rtaddr & VTD_PAGE_MASK);
}

static struct context_entry *live_context(struct intel_iommu *iommu, u8 bus,
					  u8 devfn)
{
	struct root_entry *root = live_root(iommu);
	struct context_entry *context;

	if (!root || !(root[bus].lo & 1) ||
	    !came_over(root[bus].lo & VTD_PAGE_MASK, VTD_PAGE_SIZE))
		return NULL;
	context = phys_to_virt(root[bus].lo & VTD_PAGE_MASK);
	return &context[devfn];
}

/* What the hardware uses has to be what the record says, and all of it ours */
static const char *find_fault(struct intel_iommu *iommu,
			      const struct vtd_ser_dev *ser)
{
	struct context_entry *context;
	u64 left = ser->nr_tables;

	if (!(readl(iommu->reg + DMAR_GSTS_REG) & DMA_GSTS_TES))
		return "translation is off";

	context = live_context(iommu, ser->bus, ser->devfn);
	if (!context)
		return "the tables that are in use did not come over";
	if (!context_present(context) ||
	    (context->lo & VTD_PAGE_MASK) != ser->pgd ||
	    ((context->lo >> 2) & 3) != CONTEXT_TT_MULTI_LEVEL ||
	    context_domain_id(context) != ser->did ||
	    (context->hi & 7) != ser->agaw ||
	    ser->did < IDA_START_DID || ser->did >= cap_ndoms(iommu->cap) ||
	    !test_bit(ser->agaw, (unsigned long[]){ cap_sagaw(iommu->cap) }))
		return "its context entry is not what was preserved";
	if (check_table(phys_to_virt(ser->pgd), agaw_to_level(ser->agaw),
			&left) || left)
		return "its page tables map what did not come over";
	return NULL;
}

static struct intel_iommu *find_iommu(u64 reg)
{
	struct dmar_drhd_unit *drhd;
	struct intel_iommu *iommu;

	for_each_active_iommu(iommu, drhd)
		if (iommu->reg_phys == reg)
			return iommu;
	return NULL;
}

static bool accept_dev(const struct vtd_ser_dev *ser)
{
	struct intel_iommu *iommu = find_iommu(ser->reg);
	struct pci_dev *pdev;
	const char *why;
	bool accepted = false;

	if (ser->sum != luo_sum(ser, offsetof(struct vtd_ser_dev, sum))) {
		pr_err("a record is damaged\n");
		return false;
	}
	if (!ser->frozen)
		return false;

	pdev = pci_liveupdate_find(ser->segment, ser->bus, ser->devfn);
	if (!pdev) {
		pr_err("a device that was translated did not come over\n");
		return false;
	}

	why = iommu ? find_fault(iommu, ser) : "its remapping unit is not there";
	if (why)
		pci_liveupdate_refuse(pdev, why);
	else
		accepted = !pci_liveupdate_accept(pdev);
	pci_dev_put(pdev);
	return accepted;
}

/* Only the devices that were accepted, so that nobody needs to ask again */
static void accept_devs(const struct vtd_ser *ser)
{
	struct vtd_ser *in = kzalloc(sizeof(*in), GFP_KERNEL);

	if (!in)
		return;
	for (u64 i = 0; i < ser->nr_devs; i++)
		if (accept_dev(&ser->dev[i]))
			in->dev[in->nr_devs++] = ser->dev[i];
	vtd_incoming = in;
}

static bool any_translates(void)
{
	struct dmar_drhd_unit *drhd;
	struct intel_iommu *iommu;

	for_each_iommu(iommu, drhd)
		if (readl(iommu->reg + DMAR_GSTS_REG) & DMA_GSTS_TES)
			return true;
	return false;
}

/**
 * intel_liveupdate_prepare - see which devices can keep running
 * @enabled: VT-d is going to be used
 *
 * All others that master the bus are stopped, if translation is on.
 *
 * Context: May sleep. Early boot, dmar_global_lock is held for writing.
 */
void intel_liveupdate_prepare(bool enabled)
{
	void *obj;
	int err;

	/* In a crash kernel devices go on by the tables of the old one */
	if (is_kdump_kernel() || !any_translates())
		return;

	err = enabled ? liveupdate_flb_get_incoming(&vtd_flb, &obj) : -ENODATA;
	if (!err) {
		accept_devs(obj);
		liveupdate_flb_put_incoming(&vtd_flb);
	} else if (err != -ENODATA && err != -EOPNOTSUPP) {
		pr_err("can't read what came over: %d\n", err);
	}
	pci_liveupdate_stop_others();
}

/**
 * intel_liveupdate_inherits - does a device keep running by a unit's tables?
 * @iommu: the unit
 *
 * Return: false if nothing keeps translation from being switched off.
 */
bool intel_liveupdate_inherits(struct intel_iommu *iommu)
{
	for (u64 i = 0; vtd_incoming && i < vtd_incoming->nr_devs; i++)
		if (vtd_incoming->dev[i].reg == iommu->reg_phys)
			return true;
	return false;
}

static int inherit_dev(struct intel_iommu *iommu, const struct vtd_ser_dev *ser)
{
	struct context_entry *old, *context;

	old = live_context(iommu, ser->bus, ser->devfn);
	context = iommu_context_addr(iommu, ser->bus, ser->devfn, 1);
	if (!old || !context)
		return -ENOMEM;

	/* Taken already if another device is in the same domain */
	ida_alloc_range(&iommu->domain_ida, ser->did, ser->did, GFP_KERNEL);
	*context = *old;
	__iommu_flush_cache(iommu, context, sizeof(*context));
	set_context_copied(iommu, ser->bus, ser->devfn);
	return 0;
}

/**
 * intel_liveupdate_inherit - take over what devices that keep running translate by
 * @iommu: a unit with a new and empty root table, which is not in use yet
 *
 * Context: May sleep. Early boot, after intel_liveupdate_prepare().
 *
 * Return: 0; -ENOMEM, then the unit can't be used.
 */
int intel_liveupdate_inherit(struct intel_iommu *iommu)
{
	if (!intel_liveupdate_inherits(iommu))
		return 0;

	iommu->copied_tables = bitmap_zalloc(BIT_ULL(16), GFP_KERNEL);
	if (!iommu->copied_tables)
		return -ENOMEM;

	for (u64 i = 0; i < vtd_incoming->nr_devs; i++) {
		const struct vtd_ser_dev *ser = &vtd_incoming->dev[i];

		if (ser->reg == iommu->reg_phys && inherit_dev(iommu, ser))
			return -ENOMEM;
	}
	pr_info("%s: translation goes on\n", iommu->name);
	return 0;
}

/* Nothing can be used: stop what would go on by tables that are no more */
void intel_liveupdate_abandon(void)
{
	struct pci_dev *pdev;

	for (u64 i = 0; vtd_incoming && i < vtd_incoming->nr_devs; i++) {
		const struct vtd_ser_dev *ser = &vtd_incoming->dev[i];

		pdev = pci_liveupdate_find(ser->segment, ser->bus, ser->devfn);
		if (pdev)
			pci_liveupdate_refuse(pdev, "VT-d can't be set up");
		pci_dev_put(pdev);
	}
}

/**
 * intel_liveupdate_held - does a device still translate by the old tables?
 * @info: the device
 *
 * Return: true if its context entry is the one that came over.
 */
bool intel_liveupdate_held(struct device_domain_info *info)
{
	/* A crash kernel has copied entries, too */
	return context_copied(info->iommu, info->bus, info->devfn) &&
	       intel_liveupdate_inherits(info->iommu);
}

/**
 * intel_liveupdate_on_old_tables - has a device not changed over yet?
 * @dev: the device
 *
 * Return: true if it came over and no domain was attached to it since.
 */
bool intel_liveupdate_on_old_tables(struct device *dev)
{
	struct device_domain_info *info = dev_to_info(dev);

	return info && intel_liveupdate_held(info);
}
EXPORT_SYMBOL_GPL(intel_liveupdate_on_old_tables);

static struct vtd_ser_dev *find_incoming(struct device_domain_info *info)
{
	for (u64 i = 0; vtd_incoming && i < vtd_incoming->nr_devs; i++)
		if (is_dev(&vtd_incoming->dev[i], info->iommu, info->bus,
			   info->devfn))
			return &vtd_incoming->dev[i];
	return NULL;
}

static struct dma_pte *find_pte(struct dma_pte *table, int level, u64 iova,
				u64 *size)
{
	struct dma_pte *pte;

	for (;;) {
		pte = &table[pfn_level_offset(iova >> VTD_PAGE_SHIFT, level)];
		*size = level_size(level) << VTD_PAGE_SHIFT;
		if (!dma_pte_present(pte))
			return NULL;
		if (level == 1 || dma_pte_superpage(pte))
			return pte;
		table = phys_to_virt(dma_pte_addr(pte));
		level--;
	}
}

/* Pages of the other tables may be larger or smaller */
static int compare_leaf(struct table_walk *walk, u64 iova, u64 phys, u64 size,
			u64 prot)
{
	while (size) {
		struct dma_pte *pte;
		u64 page, step;

		pte = find_pte(walk->other, walk->other_level, iova, &page);
		if (!pte || (pte->val & prot) != prot ||
		    dma_pte_addr(pte) + (iova & (page - 1)) != phys)
			return -EINVAL;
		step = min(size, page - (iova & (page - 1)));
		iova += step;
		phys += step;
		size -= step;
	}
	return 0;
}

/**
 * intel_liveupdate_check_domain - may a device that came over change to a domain?
 * @domain: the domain
 * @info: the device, which is held
 *
 * Its driver does not stop it for that, so the domain has to map all that the old
 * tables do, to the same memory.
 *
 * Context: May sleep. Nothing is mapped or unmapped in the domain meanwhile.
 *
 * Return: 0; -EINVAL if the domain maps less.
 */
int intel_liveupdate_check_domain(struct dmar_domain *domain,
				  struct device_domain_info *info)
{
	struct vtd_ser_dev *ser = find_incoming(info);
	struct table_walk walk = {
		.leaf = compare_leaf,
		.other = domain->pgd,
		.other_level = agaw_to_level(domain->agaw),
	};

	if (!ser || domain->agaw < ser->agaw)
		return -EINVAL;
	return walk_table(&walk, phys_to_virt(ser->pgd),
			  agaw_to_level(ser->agaw), 0);
}

/**
 * intel_liveupdate_replace - change a device over to its new context entry
 * @iommu: the unit
 * @context: the entry in use, which is a copied one
 * @new: what to replace it by
 * @bus: bus number
 * @devfn: slot and function
 *
 * There is no moment at which the device has none. Both lead to the same memory.
 *
 * Context: iommu->lock is held.
 */
void intel_liveupdate_replace(struct intel_iommu *iommu,
			      struct context_entry *context,
			      const struct context_entry *new, u8 bus, u8 devfn)
{
	u16 did = context_domain_id(context);
	u128 old, val;

	memcpy(&old, context, sizeof(old));
	memcpy(&val, new, sizeof(val));

	/* Nobody else writes it: this can't fail */
	WARN_ON(!try_cmpxchg128((u128 *)context, &old, val));
	__iommu_flush_cache(iommu, context, sizeof(*context));
	iommu_flush_write_buffer(iommu);
	iommu->flush.flush_context(iommu, did, PCI_DEVID(bus, devfn),
				   DMA_CCMD_MASK_NOBIT, DMA_CCMD_DEVICE_INVL);
	iommu->flush.flush_iotlb(iommu, did, 0, 0, DMA_TLB_DSI_FLUSH);
	clear_context_copied(iommu, bus, devfn);
}

static void free_table(struct dma_pte *table, int level)
{
	for (unsigned int i = 0; level > 1 && i < BIT(VTD_STRIDE_SHIFT); i++)
		if (dma_pte_present(&table[i]) && !dma_pte_superpage(&table[i]))
			free_table(phys_to_virt(dma_pte_addr(&table[i])),
				   level - 1);
	kho_restore_free(table);
}

/* Other devices that have not finished may use the same domain */
static void forget_dev(struct intel_iommu *iommu, struct vtd_ser_dev *dev)
{
	bool tables = true, did = true;
	u64 i;

	for (i = 0; i < vtd_incoming->nr_devs; i++) {
		const struct vtd_ser_dev *other = &vtd_incoming->dev[i];

		if (other == dev || !other->frozen)
			continue;
		if (other->pgd == dev->pgd)
			tables = false;
		if (other->reg == dev->reg && other->did == dev->did)
			did = false;
	}
	if (did)
		ida_free(&iommu->domain_ida, dev->did);
	if (tables)
		free_table(phys_to_virt(dev->pgd), agaw_to_level(dev->agaw));
	dev->frozen = 0;
}

/*
 * The IOMMU core believes that the device has had its domain for long. As the
 * caller keeps everybody from changing that, it can be told to be right.
 */
static void give_back(struct device *dev, struct device_domain_info *info)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	intel_iommu_clear_copied(info);
	dev->iommu->attach_deferred = 0;
	if (domain && domain->ops->attach_dev(domain, dev))
		dev_err(dev, "live update: has no translation\n");
}

/**
 * intel_liveupdate_finish - the old tables of a device are not needed any more
 * @dev: a device that came over
 *
 * If it still translates by them it gets the domain that the IOMMU core has for
 * it. The caller must have stopped it.
 *
 * Context: May sleep. Nobody attaches anything to the device meanwhile.
 */
void intel_liveupdate_finish(struct device *dev)
{
	struct device_domain_info *info = dev_to_info(dev);
	struct vtd_ser_dev *ser;

	guard(mutex)(&vtd_incoming_lock);

	ser = info ? find_incoming(info) : NULL;
	if (!ser || !ser->frozen)
		return;
	if (intel_liveupdate_held(info))
		give_back(dev, info);
	forget_dev(info->iommu, ser);
}
EXPORT_SYMBOL_GPL(intel_liveupdate_finish);

/* The PCI core has stopped it: nobody else would ever finish it */
static void finish_if_stopped(const struct vtd_ser_dev *ser)
{
	struct pci_dev *pdev;

	if (!ser->frozen)
		return;

	pdev = pci_get_domain_bus_and_slot(ser->segment, ser->bus, ser->devfn);
	if (pdev && !pci_liveupdate_incoming(pdev))
		intel_liveupdate_finish(&pdev->dev);
	pci_dev_put(pdev);
}

static int finish_stopped(struct notifier_block *nb, unsigned long action,
			  void *data)
{
	for (u64 i = 0; i < vtd_incoming->nr_devs; i++)
		finish_if_stopped(&vtd_incoming->dev[i]);
	return NOTIFY_OK;
}

static struct notifier_block arrival_nb = {
	.notifier_call = finish_stopped,
	.priority = LIVEUPDATE_ARRIVAL_IOMMU,
};

static int __init register_arrival_notifier(void)
{
	if (!vtd_incoming)
		return 0;
	return liveupdate_register_arrival_notifier(&arrival_nb);
}
device_initcall(register_arrival_notifier);
