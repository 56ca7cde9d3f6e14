/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_TRACE_H
#define _KERNEL_LIVEUPDATE_LUO_TRACE_H

#include <linux/sched/clock.h>
#include <trace/events/liveupdate.h>

/*
 * How long something takes is only measured if somebody wants to know it:
 *
 *	u64 start = luo_trace_start(session_finish);
 *	...
 *	trace_liveupdate_session_finish(..., luo_trace_ns(start), err);
 */
#define luo_trace_start(event)	\
	(trace_liveupdate_##event##_enabled() ? local_clock() : 0)

static inline u64 luo_trace_ns(u64 start)
{
	return start ? local_clock() - start : 0;
}

#endif /* _KERNEL_LIVEUPDATE_LUO_TRACE_H */
