/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_DEVICE_H
#define _KERNEL_LIVEUPDATE_LUO_DEVICE_H

#include <linux/init.h>

int __init luo_device_init(void);

#endif /* _KERNEL_LIVEUPDATE_LUO_DEVICE_H */
