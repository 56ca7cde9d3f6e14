/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_TIMELINE_H
#define _KERNEL_LIVEUPDATE_LUO_TIMELINE_H

#include <linux/init.h>
#include <linux/types.h>

struct luo_header_ser;
struct luo_timeline_ser;
struct seq_file;

/**
 * enum luo_event - what the timeline of a live update tells
 * @LUO_EVENT_FREEZE_BEGIN: reboot() was called
 * @LUO_EVENT_FREEZE_END: all handlers have frozen their files
 * @LUO_EVENT_SERIALIZE_END: all is written for the next kernel
 * @LUO_EVENT_JUMP: devices are off, the next kernel's code runs from here on
 * @LUO_EVENT_START: the new kernel knows that there was another one
 * @LUO_EVENT_MEMORY: it knows all memory that was preserved
 * @LUO_EVENT_READY: there is /dev/liveupdate
 * @LUO_EVENT_OPEN: somebody opens it for the first time
 * @LUO_EVENT_DESERIALIZE_END: the records of sessions and files have been read
 * @LUO_EVENT_RETRIEVE: a session was retrieved
 * @LUO_EVENT_FINISH: a session has finished
 *
 * The first four happen in the old kernel. Of these and the next five there is
 * one each.
 */
enum luo_event {
	LUO_EVENT_FREEZE_BEGIN,
	LUO_EVENT_FREEZE_END,
	LUO_EVENT_SERIALIZE_END,
	LUO_EVENT_JUMP,
	LUO_EVENT_START,
	LUO_EVENT_MEMORY,
	LUO_EVENT_READY,
	LUO_EVENT_OPEN,
	LUO_EVENT_DESERIALIZE_END,
	LUO_EVENT_RETRIEVE,
	LUO_EVENT_FINISH,
};

/* For kexec_handover.c, which does without it if there is no live update */
#ifdef CONFIG_LIVEUPDATE
void luo_timeline_once(enum luo_event what);
#else
static inline void luo_timeline_once(enum luo_event what)
{
}
#endif

void __init luo_timeline_init(const struct luo_header_ser *header);
void luo_timeline_add(enum luo_event what, const char *session);
void luo_timeline_stamp(struct luo_timeline_ser *ser, enum luo_event what);
void luo_timeline_jump(struct luo_header_ser *header);
void luo_timeline_show(struct seq_file *m);

/**
 * struct luo_clocks - how the clocks of two kernels go together
 * @hz: how fast the cycle counter is
 * @begin: it at the freeze, the zero of the timeline
 * @start: it when the new kernel started
 * @offset: how long after the freeze that was, in ns, if the counter restarted
 * @restarted: it did
 */
struct luo_clocks {
	u64 hz;
	u64 begin;
	u64 start;
	u64 offset;
	bool restarted;
};

void luo_clocks_set(struct luo_clocks *clocks,
		    const struct luo_timeline_ser *ser, u64 start, u64 wall);
u64 luo_clocks_ns(const struct luo_clocks *clocks, u64 cycles, bool old);

#endif /* _KERNEL_LIVEUPDATE_LUO_TIMELINE_H */
