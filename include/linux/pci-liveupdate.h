/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI devices that keep running while the kernel is replaced, for drivers that
 * have such a device. See drivers/pci/liveupdate.c.
 */
#ifndef _LINUX_PCI_LIVEUPDATE_H
#define _LINUX_PCI_LIVEUPDATE_H

#include <linux/errno.h>
#include <linux/types.h>

struct liveupdate_file_handler;
struct pci_dev;

#ifdef CONFIG_PCI_LIVEUPDATE

int pci_liveupdate_register(struct liveupdate_file_handler *fh);
void pci_liveupdate_unregister(struct liveupdate_file_handler *fh);

int pci_liveupdate_preserve(struct pci_dev *dev);
void pci_liveupdate_unpreserve(struct pci_dev *dev);
int pci_liveupdate_freeze(struct pci_dev *dev);
void pci_liveupdate_unfreeze(struct pci_dev *dev);

struct pci_dev *pci_liveupdate_find(u32 domain, u8 bus, u8 devfn);
bool pci_liveupdate_incoming(struct pci_dev *dev);
int pci_liveupdate_accept(struct pci_dev *dev);
int pci_liveupdate_claim(struct pci_dev *dev);
struct pci_dev *pci_liveupdate_find_unclaimed(const char *driver);
void pci_liveupdate_refuse(struct pci_dev *dev, const char *why);
void pci_liveupdate_finish(struct pci_dev *dev);
void pci_liveupdate_stop_others(void);

#else /* CONFIG_PCI_LIVEUPDATE */

static inline bool pci_liveupdate_incoming(struct pci_dev *dev)
{
	return false;
}

static inline void pci_liveupdate_stop_others(void)
{
}

#endif /* CONFIG_PCI_LIVEUPDATE */

#endif /* _LINUX_PCI_LIVEUPDATE_H */
