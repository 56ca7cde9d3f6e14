/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_HANDLER_H
#define _KERNEL_LIVEUPDATE_LUO_HANDLER_H

#include <linux/liveupdate.h>
#include <linux/rwsem.h>

struct seq_file;

/*
 * Protects the lists of handlers and FLBs and the links between them: read
 * side where a list is walked, write side where one changes. Never held over
 * preserve, retrieve or any other callback that does real work.
 */
extern struct rw_semaphore luo_register_rwlock;

struct liveupdate_file_handler *luo_handler_get_by_file(struct file *file);
struct liveupdate_file_handler *luo_handler_get_by_name(const char *compatible);
void luo_handler_put(struct liveupdate_file_handler *fh);
bool luo_handler_exists(const char *compatible);
void luo_handlers_show(struct seq_file *m);
bool luo_handler_registered(struct liveupdate_file_handler *fh);
bool luo_compatible_valid(const char *compatible);

#endif /* _KERNEL_LIVEUPDATE_LUO_HANDLER_H */
