/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an x86 kernel tells the next one about the machine's clocks.
 *
 * It lies behind struct kho_data, in the same entry of the setup data, which is
 * longer by its size then. A kernel that does not know of it does not look there.
 * What is to be changed has to have another size.
 */
#ifndef _LINUX_KHO_ABI_CLOCKS_H
#define _LINUX_KHO_ABI_CLOCKS_H

#include <linux/types.h>

/**
 * struct kho_clocks - rates; 0 for each that is not known
 * @tsc_khz: of the time stamp counter
 * @cpu_khz: of the processor
 * @lapic_hz: of the local APIC's timer
 */
struct kho_clocks {
	u32 tsc_khz;
	u32 cpu_khz;
	u64 lapic_hz;
} __packed;

#endif /* _LINUX_KHO_ABI_CLOCKS_H */
