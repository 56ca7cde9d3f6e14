/* SPDX-License-Identifier: LGPL-2.1 */
/* What the parts of libliveupdate share */
#ifndef _LIBLIVEUPDATE_INTERNAL_H
#define _LIBLIVEUPDATE_INTERNAL_H

#include <libliveupdate.h>
#include <linux/kernel.h>
#include <linux/liveupdate.h>

/* What this library exports; all else is hidden */
#define LU_API	__attribute__((visibility("default")))

/* 0 or more, or a negative errno */
int lu_ioctl(int fd, unsigned long cmd, void *arg);

/* Into a field of a command; -EINVAL if there is no room for it, or nothing */
int lu_put_name(uint8_t field[LIVEUPDATE_SESSION_NAME_LENGTH],
		const char *name);

#endif /* _LIBLIVEUPDATE_INTERNAL_H */
