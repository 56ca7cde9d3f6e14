/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_CORE_H
#define _KERNEL_LIVEUPDATE_LUO_CORE_H

#include <linux/kho/abi/luo.h>
#include <linux/rwsem.h>

/*
 * Held for reading over everything that changes a session, and for writing
 * from the freeze to the jump: nothing changes any more once it is serialized.
 * The outermost lock of all.
 */
extern struct rw_semaphore luo_freeze_rwsem;

const struct luo_header_ser *luo_incoming_header(void);

#endif /* _KERNEL_LIVEUPDATE_LUO_CORE_H */
