/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one kernel tells the next about a file of vfio-pci.
 *
 * The handler's data is the physical address of a struct vfio_pci_ser, in memory
 * of its own. Any change here needs another VFIO_PCI_LUO_COMPATIBLE.
 */
#ifndef _LINUX_KHO_ABI_VFIO_PCI_H
#define _LINUX_KHO_ABI_VFIO_PCI_H

#include <linux/types.h>

#define VFIO_PCI_LUO_COMPATIBLE	"vfio-pci-v1"

#define VFIO_PCI_SER_MAX_TOKENS	16
#define VFIO_PCI_SER_CONFIG	4096

/**
 * struct vfio_pci_ser - a device
 * @domain: PCI segment
 * @bus: bus number
 * @devfn: slot and function
 * @cfg_size: bytes of @config that are used
 * @nr_tokens: how many of @tokens are used
 * @reserved: 0
 * @tokens: the files of the same session that the device can reach
 * @config: configuration space as user space sees it, where that is emulated
 * @sum: luo_sum() of all before it
 */
struct vfio_pci_ser {
	u32 domain;
	u8 bus;
	u8 devfn;
	u16 cfg_size;
	u32 nr_tokens;
	u32 reserved;
	u64 tokens[VFIO_PCI_SER_MAX_TOKENS];
	u8 config[VFIO_PCI_SER_CONFIG];
	u64 sum;
};

#endif /* _LINUX_KHO_ABI_VFIO_PCI_H */
