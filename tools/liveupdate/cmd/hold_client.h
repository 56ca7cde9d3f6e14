/* SPDX-License-Identifier: GPL-2.0 */
/* To talk to luo hold */
#ifndef _LUO_HOLD_CLIENT_H
#define _LUO_HOLD_CLIENT_H

#include <stdbool.h>

#include "hold_proto.h"

/*
 * All return 0 or a descriptor, or a negative errno: -ENOENT or -ECONNREFUSED if
 * no luo hold is there, -EPERM if it is somebody else's.
 */
int luo_hold_connect(void);

/* From here on @sock is from luo_hold_connect() */

/* Hand a session over; the caller's descriptor stays open */
int luo_hold_keep(int sock, int session);

/* -ENOKEY if luo hold does not have it */
int luo_hold_get(int sock, const char *name, bool incoming);
int luo_hold_drop(int sock, const char *name, bool incoming);
int luo_hold_stop(int sock);

/* All that it holds; a result of @fn that is not zero ends it */
int luo_hold_list(int (*fn)(const struct hold_reply *held, void *arg),
		  void *arg);

/* Not to lose it with this process; says how that went */
void luo_hold_rescue(const char *name, int session);

/* As luo_hold_connect(), and says what to do if it fails */
int luo_need_hold(void);

#endif /* _LUO_HOLD_CLIENT_H */
