/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_DEBUGFS_H
#define _KERNEL_LIVEUPDATE_LUO_DEBUGFS_H

#include <linux/init.h>

#ifdef CONFIG_DEBUG_FS
void __init luo_debugfs_init(void);
#else
static inline void luo_debugfs_init(void)
{
}
#endif

#endif /* _KERNEL_LIVEUPDATE_LUO_DEBUGFS_H */
