/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_X86_KHO_CLOCKS_H
#define _ASM_X86_KHO_CLOCKS_H

#include <linux/kho/abi/clocks.h>
#include <linux/types.h>

void kho_clocks_leave(void *clocks);
void kho_clocks_arrive(const void *clocks, size_t size);

#ifdef CONFIG_KEXEC_HANDOVER
bool kho_clocks_take(unsigned int *tsc, unsigned int *cpu);
#else
static inline bool kho_clocks_take(unsigned int *tsc, unsigned int *cpu)
{
	return false;
}
#endif

#endif /* _ASM_X86_KHO_CLOCKS_H */
