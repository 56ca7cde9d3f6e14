/* SPDX-License-Identifier: GPL-2.0 */
/* The sessions that luo hold has, and its clients */
#ifndef _LUO_HOLD_SERVER_H
#define _LUO_HOLD_SERVER_H

/*
 * Serve clients of the listening socket until @stop can be read from, or one of
 * them says so. Returns how many sessions there are then.
 */
unsigned int hold_serve(int listener, int stop);

#endif /* _LUO_HOLD_SERVER_H */
