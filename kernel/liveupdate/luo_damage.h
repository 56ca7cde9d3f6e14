/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_DAMAGE_H
#define _KERNEL_LIVEUPDATE_LUO_DAMAGE_H

struct luo_header_ser;

#ifdef CONFIG_LIVEUPDATE_TEST
void luo_damage_outgoing(struct luo_header_ser *header);
#else
static inline void luo_damage_outgoing(struct luo_header_ser *header)
{
}
#endif

#endif /* _KERNEL_LIVEUPDATE_LUO_DAMAGE_H */
