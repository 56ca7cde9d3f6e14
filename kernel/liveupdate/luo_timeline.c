// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timeline of a live update: what happened when, from the freeze in the old
 * kernel to the finish of the last session in the new one, by one clock.
 *
 * That is the processor's cycle counter, which runs on while kernels change. The
 * old kernel says how fast it is. Where it does not run on, or there is none,
 * the wall clock says how much time went by until the new kernel started.
 */

#include <linux/cleanup.h>
#include <linux/kho/abi/luo.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <linux/timex.h>
#include <trace/events/liveupdate.h>

#include "luo_show.h"
#include "luo_timeline.h"

/* Each session has two; more than these are only counted */
#define LUO_TIMELINE_MAX	4096

/* No live update takes so long: the counter is another one */
#define LUO_TIMELINE_HOUR	3600

static const char *const luo_event_name[] = {
	[LUO_EVENT_FREEZE_BEGIN] = "freeze-begin",
	[LUO_EVENT_FREEZE_END] = "freeze-end",
	[LUO_EVENT_SERIALIZE_END] = "serialize-end",
	[LUO_EVENT_JUMP] = "jump",
	[LUO_EVENT_START] = "start",
	[LUO_EVENT_MEMORY] = "memory",
	[LUO_EVENT_READY] = "ready",
	[LUO_EVENT_OPEN] = "open",
	[LUO_EVENT_DESERIALIZE_END] = "deserialize-end",
	[LUO_EVENT_RETRIEVE] = "retrieve",
	[LUO_EVENT_FINISH] = "finish",
};

/* Where the word that each of the old kernel's events has is in its record */
static const size_t luo_event_offset[] = {
	[LUO_EVENT_FREEZE_BEGIN] =
		offsetof(struct luo_timeline_ser, freeze_begin),
	[LUO_EVENT_FREEZE_END] = offsetof(struct luo_timeline_ser, freeze_end),
	[LUO_EVENT_SERIALIZE_END] =
		offsetof(struct luo_timeline_ser, serialize_end),
	[LUO_EVENT_JUMP] = offsetof(struct luo_timeline_ser, jump),
};

/**
 * struct luo_stamp - an event of this kernel
 * @node: link in luo_stamps
 * @what: the event
 * @cycles: when it was
 * @session: the session's name; NULL without one
 */
struct luo_stamp {
	struct list_head node;
	enum luo_event what;
	u64 cycles;
	char *session;
};

/* Protects all below but luo_clocks and luo_old, which are set at boot */
static DEFINE_SPINLOCK(luo_stamps_lock);
static LIST_HEAD(luo_stamps);
static unsigned long luo_stamps_nr;
static unsigned long luo_stamps_lost;
/* Those of which there is one, so that no memory is needed in early boot */
static struct luo_stamp luo_stamps_once[LUO_EVENT_RETRIEVE];

/* @hz is 0 if the previous kernel left no timeline */
static struct luo_clocks luo_clocks __ro_after_init;
static struct luo_timeline_ser luo_old __ro_after_init;

/* When the cycle counter was first looked at by another clock */
static u64 luo_base_cycles __ro_after_init;
static u64 luo_base_ns __ro_after_init;

static u64 read_cycles(void)
{
	return get_cycles() ?: local_clock();
}

static u64 cycles_to_ns(u64 cycles, u64 hz)
{
	u64 seconds = div64_u64(cycles, hz);

	/* The rest is less than a second, so that this can't overflow */
	return seconds * NSEC_PER_SEC +
	       mul_u64_u64_div_u64(cycles - seconds * hz, NSEC_PER_SEC, hz);
}

static u64 measure_hz(u64 cycles)
{
	u64 ns = ktime_get_raw_ns() - luo_base_ns;
	u64 passed = cycles - luo_base_cycles;

	/* A rate beyond 64 bits is none */
	if (!ns || passed / ns >= U64_MAX / NSEC_PER_SEC)
		return 0;
	return mul_u64_u64_div_u64(passed, NSEC_PER_SEC, ns);
}

/**
 * luo_clocks_set - bring the clocks of two kernels together
 * @clocks: set to how they do; its hz is 0 if they can't be
 * @ser: what the old kernel has left
 * @start: the cycle counter when the new kernel started
 * @wall: the wall clock at that time, in ns
 */
void luo_clocks_set(struct luo_clocks *clocks,
		    const struct luo_timeline_ser *ser, u64 start, u64 wall)
{
	*clocks = (struct luo_clocks){
		.hz = ser->hz,
		.begin = ser->freeze_begin,
		.start = start,
	};
	if (!ser->hz)
		return;

	clocks->restarted = start <= ser->jump ||
		div64_u64(start - ser->jump, ser->hz) >= LUO_TIMELINE_HOUR;
	if (!clocks->restarted)
		return;

	/* To the second, as that of many machines; it must not go backwards */
	clocks->offset = cycles_to_ns(ser->jump - ser->freeze_begin, ser->hz);
	if (wall > ser->wall)
		clocks->offset = max(clocks->offset, wall - ser->wall);
}

/**
 * luo_clocks_ns - when was it?
 * @clocks: the clocks, which could be brought together
 * @cycles: the cycle counter at that time
 * @old: it was the old kernel that read it
 *
 * Return: time since the freeze, in ns.
 */
u64 luo_clocks_ns(const struct luo_clocks *clocks, u64 cycles, bool old)
{
	if (old || !clocks->restarted)
		return cycles_to_ns(cycles - clocks->begin, clocks->hz);

	return clocks->offset +
	       cycles_to_ns(cycles - clocks->start, clocks->hz);
}

static u64 old_cycles(enum luo_event what)
{
	return *(u64 *)((void *)&luo_old + luo_event_offset[what]);
}

static void trace_stamp(const struct luo_stamp *stamp)
{
	trace_liveupdate_timeline(luo_clocks_ns(&luo_clocks, stamp->cycles,
						false),
				  false, luo_event_name[stamp->what],
				  stamp->session ?: "");
}

static void __init trace_all(void)
{
	struct luo_stamp *stamp;

	for (int what = LUO_EVENT_FREEZE_BEGIN; what <= LUO_EVENT_JUMP; what++)
		trace_liveupdate_timeline(luo_clocks_ns(&luo_clocks,
							old_cycles(what), true),
					  true, luo_event_name[what], "");
	list_for_each_entry(stamp, &luo_stamps, node)
		trace_stamp(stamp);
}

/**
 * luo_timeline_once - something happens that only happens once
 * @what: what; any but LUO_EVENT_RETRIEVE and LUO_EVENT_FINISH. Only the first
 *	time counts.
 *
 * Context: Any from early boot on.
 */
void luo_timeline_once(enum luo_event what)
{
	struct luo_stamp *stamp = &luo_stamps_once[what];

	scoped_guard(spinlock, &luo_stamps_lock) {
		if (stamp->cycles)
			return;
		stamp->what = what;
		stamp->cycles = read_cycles();
		list_add_tail(&stamp->node, &luo_stamps);
	}
	/* Before that, luo_timeline_init() tells of it */
	if (luo_clocks.hz)
		trace_stamp(stamp);
}

static bool count_stamp(void)
{
	guard(spinlock)(&luo_stamps_lock);

	if (luo_stamps_nr == LUO_TIMELINE_MAX) {
		luo_stamps_lost++;
		return false;
	}
	luo_stamps_nr++;
	return true;
}

/**
 * luo_timeline_add - something happens to a session that came over
 * @what: what
 * @session: its name
 *
 * Context: May sleep.
 */
void luo_timeline_add(enum luo_event what, const char *session)
{
	struct luo_stamp *stamp;

	if (!luo_clocks.hz || !count_stamp())
		return;

	stamp = kzalloc(sizeof(*stamp), GFP_KERNEL);
	if (stamp)
		stamp->session = kstrdup(session, GFP_KERNEL);
	if (!stamp || !stamp->session) {
		kfree(stamp);
		guard(spinlock)(&luo_stamps_lock);
		luo_stamps_lost++;
		return;
	}

	stamp->what = what;
	scoped_guard(spinlock, &luo_stamps_lock) {
		stamp->cycles = read_cycles();
		list_add_tail(&stamp->node, &luo_stamps);
	}
	trace_stamp(stamp);
}

/**
 * luo_timeline_stamp - something happens on the way to the next kernel
 * @ser: the record for the next kernel
 * @what: what; the first is LUO_EVENT_FREEZE_BEGIN, with which the record is
 *	started anew
 */
void luo_timeline_stamp(struct luo_timeline_ser *ser, enum luo_event what)
{
	u64 cycles = read_cycles();

	if (what == LUO_EVENT_FREEZE_BEGIN)
		*ser = (struct luo_timeline_ser){
			.hz = measure_hz(cycles),
			.wall = ktime_get_real_ns(),
		};
	*(u64 *)((void *)ser + luo_event_offset[what]) = cycles;
}

/**
 * luo_timeline_jump - the next thing that runs is the new kernel
 * @header: what is left for it, complete but for the time of the jump
 *
 * The header's sum follows, and is as right as it was before.
 *
 * Context: One CPU, no interrupts.
 */
void luo_timeline_jump(struct luo_header_ser *header)
{
	u64 *word = &header->timeline.jump;
	u64 cycles = read_cycles();

	header->sum += kho_map_sum_word(cycles - *word, word - (u64 *)header);
	*word = cycles;
}

/**
 * luo_timeline_init - take up what the old kernel has left
 * @header: what that is; NULL for nothing
 */
void __init luo_timeline_init(const struct luo_header_ser *header)
{
	u64 start = luo_stamps_once[LUO_EVENT_START].cycles;
	u64 since;

	luo_base_cycles = read_cycles();
	luo_base_ns = ktime_get_raw_ns();
	if (!header || !header->timeline.hz)
		return;

	luo_old = header->timeline;
	since = cycles_to_ns(luo_base_cycles - start, luo_old.hz);
	luo_clocks_set(&luo_clocks, &luo_old, start,
		       ktime_get_real_ns() - since);
	trace_all();
}

static void show_event(struct seq_file *m, u64 ns, const char *kernel,
		       enum luo_event what, const char *session)
{
	seq_printf(m, "%llu\t%s\t%s", ns, kernel, luo_event_name[what]);
	if (session) {
		seq_putc(m, '\t');
		luo_show_name(m, session);
	}
	seq_putc(m, '\n');
}

/**
 * luo_timeline_show - say what happened when, a line for each event
 * @m: where
 */
void luo_timeline_show(struct seq_file *m)
{
	struct luo_stamp *stamp;

	if (!luo_clocks.hz)
		return;

	seq_printf(m, "# ns since the freeze at %llu cycles, by the cycle counter, %llu Hz\n",
		   luo_clocks.begin, luo_clocks.hz);
	if (luo_clocks.restarted)
		seq_puts(m, "# it restarted: from jump to start is by the wall clock, to a second\n");
	for (int what = LUO_EVENT_FREEZE_BEGIN; what <= LUO_EVENT_JUMP; what++)
		show_event(m, luo_clocks_ns(&luo_clocks, old_cycles(what), true),
			   "old", what, NULL);

	guard(spinlock)(&luo_stamps_lock);

	list_for_each_entry(stamp, &luo_stamps, node)
		show_event(m, luo_clocks_ns(&luo_clocks, stamp->cycles, false),
			   "new", stamp->what, stamp->session);
	if (luo_stamps_lost)
		seq_printf(m, "# %lu more events of sessions were not kept\n",
			   luo_stamps_lost);
}
