/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_SESSION_H
#define _KERNEL_LIVEUPDATE_LUO_SESSION_H

#include <linux/init.h>
#include <linux/types.h>

struct file;
struct liveupdate_session;
struct luo_file_set;
struct luo_header_ser;
struct luo_list;
struct seq_file;

int __init luo_sessions_init(void);
void __init luo_sessions_exit(void);

struct file *luo_session_create(const char *name);
struct file *luo_session_retrieve(const char *name);
void luo_session_abandon(struct file *file);
int luo_session_discard(const char *name);

int luo_sessions_deserialize(void);
int luo_sessions_freeze(struct luo_header_ser *header);
void luo_sessions_unfreeze(void);
void luo_sessions_show(struct seq_file *m);
void luo_sessions_show_files(struct seq_file *m);
int luo_sessions_list(bool incoming, u64 start, struct luo_list *list);
int luo_sessions_list_files(bool incoming, u64 id, u64 start,
			    struct luo_list *list);

int luo_session_name_len(const struct liveupdate_session *session);
const char *luo_session_name(const struct liveupdate_session *session);
struct luo_file_set *luo_session_files(struct liveupdate_session *session);

#endif /* _KERNEL_LIVEUPDATE_LUO_SESSION_H */
