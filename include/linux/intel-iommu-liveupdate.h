/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translation of devices that keep running while the kernel is replaced, for
 * drivers that have such a device. See drivers/iommu/intel/liveupdate.c.
 */
#ifndef _LINUX_INTEL_IOMMU_LIVEUPDATE_H
#define _LINUX_INTEL_IOMMU_LIVEUPDATE_H

#include <linux/types.h>

struct device;
struct liveupdate_file_handler;

int intel_liveupdate_register(struct liveupdate_file_handler *fh);
void intel_liveupdate_unregister(struct liveupdate_file_handler *fh);

int intel_liveupdate_preserve(struct device *dev);
void intel_liveupdate_unpreserve(struct device *dev);
int intel_liveupdate_freeze(struct device *dev);
void intel_liveupdate_unfreeze(struct device *dev);

bool intel_liveupdate_on_old_tables(struct device *dev);
void intel_liveupdate_finish(struct device *dev);

#endif /* _LINUX_INTEL_IOMMU_LIVEUPDATE_H */
