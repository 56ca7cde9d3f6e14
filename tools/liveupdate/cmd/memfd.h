/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LUO_MEMFD_H
#define _LUO_MEMFD_H

/* An empty one that can be sealed, and not be executed; or a negative errno */
int luo_make_memfd(const char *name);

#endif /* _LUO_MEMFD_H */
