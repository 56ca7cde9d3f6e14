/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_LIST_H
#define _KERNEL_LIVEUPDATE_LUO_LIST_H

#include <linux/types.h>

/**
 * struct luo_list - a list that user space has asked for
 * @infos: what is in it so far
 * @size: size of an entry as the kernel knows it
 * @user_size: size of an entry as user space knows it
 * @nr: how many entries there are
 * @max: how many there is room for
 */
struct luo_list {
	void *infos;
	u32 size;
	u32 user_size;
	u32 nr;
	u32 max;
};

int luo_list_init(struct luo_list *list, u32 size, u32 user_size, u32 max);
void *luo_list_add(struct luo_list *list);
int luo_list_reply(const struct luo_list *list, u64 uptr, u32 *nr);
void luo_list_destroy(struct luo_list *list);

#endif /* _KERNEL_LIVEUPDATE_LUO_LIST_H */
