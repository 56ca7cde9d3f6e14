/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an x86 kernel tells the next one about the machine's clocks.
 *
 * It lies behind struct kho_data, in the same entry of the setup data, which is
 * longer by its size then. A kernel that does not know of it does not look there.
 */
#ifndef _LINUX_KHO_ABI_CLOCKS_H
#define _LINUX_KHO_ABI_CLOCKS_H

#include <linux/types.h>

/* Whatever is changed below needs another name, which stays in its place */
#define KHO_CLOCKS_COMPATIBLE	"kho-clocks-v2"

/**
 * struct kho_clocks - rates; 0 for each that is not known
 * @compatible: KHO_CLOCKS_COMPATIBLE, padded with NULs
 * @tsc_khz: of the time stamp counter
 * @cpu_khz: of the processor
 * @lapic_hz: of the local APIC's timer
 * @sum: luo_sum() of all before it
 */
struct kho_clocks {
	char compatible[16];
	u32 tsc_khz;
	u32 cpu_khz;
	u64 lapic_hz;
	u64 sum;
};

#endif /* _LINUX_KHO_ABI_CLOCKS_H */
