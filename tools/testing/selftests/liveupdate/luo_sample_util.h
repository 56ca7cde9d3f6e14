/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers for tests with the modules in samples/liveupdate: they have handlers
 * that can be loaded and unloaded, and can be made to fail.
 */
#ifndef _LUO_SAMPLE_UTIL_H
#define _LUO_SAMPLE_UTIL_H

#include <stdbool.h>
#include <linux/ioctl.h>
#include <linux/types.h>

/* The driver of the counters, their handler, and a driver that needs both */
#define DEV_MODULE	"luo_sample_counter_dev"
#define COUNTER_MODULE	"luo_sample_counter"
#define PAIR_MODULE	"luo_sample_pair"

/* As in samples/liveupdate/luo_sample.h */
#define LUO_COUNTER_REOPEN	_IO('L', 0x80)
#define LUO_PAIR_ATTACH		_IO('L', 0x81)

/* The parameter "fail" of the counter's module */
#define COUNTER_FAIL_PRESERVE	0x1
#define COUNTER_FAIL_FREEZE	0x2
#define COUNTER_FAIL_RETRIEVE	0x4
#define COUNTER_FAIL_CAN_FINISH	0x8
#define COUNTER_PANIC_FREEZE	0x10

/* The same of the pair's module */
#define PAIR_FAIL_PRESERVE	0x1
#define PAIR_FAIL_FREEZE	0x2
#define PAIR_FAIL_IDS_PRESERVE	0x4
#define PAIR_FAIL_IDS_RETRIEVE	0x8

/* These return 0 or what is said, or a negative errno */
int module_load(const char *name, const char *params);
int module_unload(const char *name);
int module_refs(const char *name);
int module_set_fail(const char *name, unsigned int fail);
int module_set_param(const char *name, const char *param, unsigned int value);
int module_set_modprobe(const char *path);

/* All three; false if one of them does not do as it should */
bool modules_load(void);
bool modules_unload(void);

/* Are the modules there to be loaded? */
bool modules_available(void);

/* A new counter with this value; another file on a counter */
int counter_new(long long value);
int counter_reopen(int fd);
int counter_add(int fd, long long add);

/* -1 if it can't be read: the tests count from 0 up */
long long counter_value(int fd);

/* A new pair attached to a counter, or to none if @counter is -1 */
int pair_new(int counter);
int pair_attach(int fd, int counter);

/* 0 if it can't be read */
unsigned long long pair_id(int fd);

/* The value of its counter, -1 if it can't be read */
long long pair_value(int fd);

#endif /* _LUO_SAMPLE_UTIL_H */
