/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the live update samples offer to each other and to programs.
 */
#ifndef _SAMPLES_LIVEUPDATE_LUO_SAMPLE_H
#define _SAMPLES_LIVEUPDATE_LUO_SAMPLE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* /dev/luo_counter: another file on the same counter; returns its descriptor */
#define LUO_COUNTER_REOPEN	_IO('L', 0x80)

/* /dev/luo_pair: take the counter behind the descriptor that is the argument */
#define LUO_PAIR_ATTACH		_IO('L', 0x81)

struct file;
struct luo_counter;

struct luo_counter *luo_counter_from_file(struct file *file);
struct file *luo_counter_new_file(s64 value);
s64 luo_counter_value(struct luo_counter *counter);
s64 luo_counter_freeze(struct luo_counter *counter);
void luo_counter_thaw(struct luo_counter *counter);

#endif /* _SAMPLES_LIVEUPDATE_LUO_SAMPLE_H */
