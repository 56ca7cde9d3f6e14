/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one kernel tells the next about the translation, by VT-d, of devices that
 * keep running.
 *
 * The FLB's data is the physical address of a struct vtd_ser, in memory of its
 * own. The tables that it leads to are those of the hardware, which goes on
 * using them. Any change here needs another VTD_LUO_COMPATIBLE.
 */
#ifndef _LINUX_KHO_ABI_INTEL_IOMMU_H
#define _LINUX_KHO_ABI_INTEL_IOMMU_H

#include <linux/build_bug.h>
#include <linux/sizes.h>
#include <linux/types.h>

#define VTD_LUO_COMPATIBLE	"vtd-legacy-v1"

#define VTD_SER_SIZE		SZ_8K
#define VTD_SER_MAX_UNITS	16
#define VTD_SER_MAX_DEVS	64
#define VTD_SER_BUS_WORDS	4

/**
 * struct vtd_ser_unit - a remapping unit
 * @reg: physical address of its registers
 * @root: physical address of its root table, a page
 * @buses: bit N%64 of word N/64 is set if the context table of bus N, a page, is
 *	preserved
 * @sum: luo_sum() of all before it
 */
struct vtd_ser_unit {
	u64 reg;
	u64 root;
	u64 buses[VTD_SER_BUS_WORDS];
	u64 sum;
};

/**
 * struct vtd_ser_dev - a device that keeps running
 * @reg: physical address of its unit's registers
 * @pgd: physical address of its top-level page table
 * @nr_tables: pages in all its page tables
 * @segment: PCI segment
 * @bus: bus number
 * @devfn: slot and function
 * @did: domain ID in the context entry
 * @agaw: address width as in the context entry
 * @frozen: 1 if the device was frozen, else it does not keep running
 * @sum: luo_sum() of all before it
 */
struct vtd_ser_dev {
	u64 reg;
	u64 pgd;
	u64 nr_tables;
	u32 segment;
	u8 bus;
	u8 devfn;
	u16 did;
	u32 agaw;
	u32 frozen;
	u64 sum;
};

/**
 * struct vtd_ser - all of them
 * @nr_units: how many units
 * @nr_devs: how many devices
 * @sum: luo_sum() of all before it
 * @unit: the units
 * @dev: the devices
 */
struct vtd_ser {
	u64 nr_units;
	u64 nr_devs;
	u64 sum;
	struct vtd_ser_unit unit[VTD_SER_MAX_UNITS];
	struct vtd_ser_dev dev[VTD_SER_MAX_DEVS];
};

static_assert(sizeof(struct vtd_ser) <= VTD_SER_SIZE);

#endif /* _LINUX_KHO_ABI_INTEL_IOMMU_H */
