/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one kernel tells the next about PCI devices that keep running.
 *
 * The FLB's data is the physical address of a struct pci_ser, in memory of its
 * own. Any change here needs another PCI_LUO_COMPATIBLE.
 */
#ifndef _LINUX_KHO_ABI_PCI_H
#define _LINUX_KHO_ABI_PCI_H

#include <linux/sizes.h>
#include <linux/types.h>

#define PCI_LUO_COMPATIBLE	"pci-v2"

#define PCI_SER_NR_BARS		6
#define PCI_SER_NR_WINDOWS	6
#define PCI_SER_DRIVER_LENGTH	32

/* All records and the head */
#define PCI_SER_SIZE		SZ_16K

/* The device is a bridge above one that was preserved */
#define PCI_SER_BRIDGE		0x1

/**
 * struct pci_ser_dev - a device that keeps running, or a bridge above one
 * @domain: PCI segment
 * @bus: bus number
 * @devfn: slot and function
 * @hdr_type: layout of the configuration space, without the bit for several
 *	functions
 * @reserved: 0
 * @id: vendor and device, as in the configuration space
 * @class_revision: class and revision, as there
 * @subsystem: subsystem vendor and device; 0 for a bridge
 * @buses: primary, secondary and subordinate bus number of a bridge, a byte each
 *	from the lowest; 0 else
 * @command: the command register
 * @acs: the ACS control register, 0 if there is none
 * @ari: 1 if a bridge forwards by the alternative routing-ID, else 0
 * @reserved2: 0
 * @flags: PCI_SER_*
 * @users: preserved files that need it
 * @frozen: of these, how many were frozen
 * @bar: the base address registers; those that the header does not have are 0
 * @rom: that of the ROM
 * @window: what a bridge forwards: I/O base and limit, memory, prefetchable memory,
 *	upper halves of the base and of the limit of that, upper halves of I/O; 0 else
 * @bar_size: bytes that each of @bar decodes, 0 for none
 * @rom_size: bytes that @rom decodes, 0 for none
 * @driver: name of the driver that is to get it; empty for a bridge
 * @sum: luo_sum() of all before it
 */
struct pci_ser_dev {
	u32 domain;
	u8 bus;
	u8 devfn;
	u8 hdr_type;
	u8 reserved;
	u32 id;
	u32 class_revision;
	u32 subsystem;
	u32 buses;
	u16 command;
	u16 acs;
	u16 ari;
	u16 reserved2;
	u32 flags;
	u32 users;
	u32 frozen;
	u32 bar[PCI_SER_NR_BARS];
	u32 rom;
	u32 window[PCI_SER_NR_WINDOWS];
	u64 bar_size[PCI_SER_NR_BARS];
	u64 rom_size;
	char driver[PCI_SER_DRIVER_LENGTH];
	u64 sum;
};

/**
 * struct pci_ser - all of them
 * @nr: how many records
 * @sum: luo_sum() of @nr
 * @dev: the records, a device after the bridges above it
 */
struct pci_ser {
	u64 nr;
	u64 sum;
	struct pci_ser_dev dev[];
};

#define PCI_SER_MAX \
	((PCI_SER_SIZE - sizeof(struct pci_ser)) / sizeof(struct pci_ser_dev))

#endif /* _LINUX_KHO_ABI_PCI_H */
