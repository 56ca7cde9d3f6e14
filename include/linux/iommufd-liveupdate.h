/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is mapped for a device that keeps running while the kernel is replaced.
 * See drivers/iommu/iommufd/liveupdate.c.
 */
#ifndef _LINUX_IOMMUFD_LIVEUPDATE_H
#define _LINUX_IOMMUFD_LIVEUPDATE_H

#include <linux/types.h>

struct iommufd_device;
struct liveupdate_session;

int iommufd_liveupdate_preserve(struct iommufd_device *idev,
				struct liveupdate_session *session,
				u64 *tokens, unsigned int *nr_tokens);
void iommufd_liveupdate_unpreserve(struct iommufd_device *idev);

#endif /* _LINUX_IOMMUFD_LIVEUPDATE_H */
