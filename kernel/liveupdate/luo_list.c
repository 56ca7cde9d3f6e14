// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists for user space: arrays of structs that may grow.
 *
 * A list is made under the locks of what is in it, and copied without them.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "luo_list.h"

/* User space asks again for what is above that */
#define LUO_LIST_MAX	1024

/**
 * luo_list_init - start a list
 * @list: the list
 * @size: size of an entry as the kernel knows it; none has grown yet
 * @user_size: size of an entry as user space knows it
 * @max: how many entries user space has room for
 *
 * Context: May sleep.
 *
 * Return: 0; -EINVAL if user space's entries are too short or not aligned,
 * -ENOMEM.
 */
int luo_list_init(struct luo_list *list, u32 size, u32 user_size, u32 max)
{
	if (user_size < size || !IS_ALIGNED(user_size, sizeof(u64)))
		return -EINVAL;

	*list = (struct luo_list){
		.size = size,
		.user_size = user_size,
		.max = min(max, LUO_LIST_MAX),
	};
	list->infos = kvcalloc(list->max, size, GFP_KERNEL_ACCOUNT);
	return list->infos ? 0 : -ENOMEM;
}

/**
 * luo_list_add - put an entry at the end of a list
 * @list: the list
 *
 * Return: the entry, all zero; NULL if there is no room for another one.
 */
void *luo_list_add(struct luo_list *list)
{
	if (list->nr == list->max)
		return NULL;

	return list->infos + list->size * list->nr++;
}

/**
 * luo_list_reply - give a list to user space
 * @list: the list
 * @uptr: user space's array
 * @nr: set to how many entries there are
 *
 * Context: May sleep, and waits for whoever handles the caller's page faults.
 *
 * Return: 0 or -EFAULT.
 */
int luo_list_reply(const struct luo_list *list, u64 uptr, u32 *nr)
{
	void __user *to = u64_to_user_ptr(uptr);

	for (u32 i = 0; i < list->nr; i++)
		if (copy_struct_to_user(to + (size_t)list->user_size * i,
					list->user_size,
					list->infos + list->size * i,
					list->size, NULL))
			return -EFAULT;
	*nr = list->nr;
	return 0;
}

/**
 * luo_list_destroy - free what luo_list_init() has allocated
 * @list: the list
 */
void luo_list_destroy(struct luo_list *list)
{
	kvfree(list->infos);
}
