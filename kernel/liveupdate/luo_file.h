/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_FILE_H
#define _KERNEL_LIVEUPDATE_LUO_FILE_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "luo_block.h"

struct file;
struct liveupdate_session;
struct luo_file;
struct luo_index_writer;
struct luo_list;
struct seq_file;

/**
 * struct luo_file_set - the files of a session
 * @session: the session, whose mutex protects all of this
 * @files: the files, in the order of their preserve
 * @tokens: the files by token
 * @nr: how many
 * @blocks: room for the records of files that go to the next kernel
 * @incoming: they came over
 * @needing: the file that is in its handler's preserve or arrive
 * @damaged: some of what came over could not be read
 * @handler_missing: a retrieve has found that a file's handler is not there
 */
struct luo_file_set {
	struct liveupdate_session *session;
	struct list_head files;
	struct xarray tokens;
	unsigned long nr;
	struct luo_blocks blocks;
	struct luo_file *needing;
	bool incoming;
	bool damaged;
	bool handler_missing;
};

void luo_file_set_init(struct luo_file_set *set,
		       struct liveupdate_session *session);
void luo_file_set_destroy(struct luo_file_set *set);

int luo_file_preserve(struct luo_file_set *set, int fd, u64 token);
int luo_file_unpreserve(struct luo_file_set *set, u64 token);
void luo_file_set_unpreserve(struct luo_file_set *set);
int luo_file_set_freeze(struct luo_file_set *set);
void luo_file_set_unfreeze(struct luo_file_set *set);
int luo_file_set_carry(struct luo_file_set *set);
void luo_file_set_uncarry(struct luo_file_set *set);
void luo_file_set_serialize(struct luo_file_set *set,
			    struct luo_session_ser *ser, u64 number,
			    struct luo_index_writer *index);

int luo_file_set_deserialize(struct luo_file_set *set, phys_addr_t first,
			     u64 nr);
void luo_file_set_forget(struct luo_file_set *set);
int luo_file_set_arrive(struct luo_file_set *set);
bool luo_file_set_unretrieved(struct luo_file_set *set);
bool luo_file_set_has(struct luo_file_set *set, u64 token);
int luo_file_retrieve(struct luo_file_set *set, u64 token,
		      struct file **filep);
int luo_file_discard(struct luo_file_set *set, u64 token);
int luo_file_set_finish(struct luo_file_set *set);
int luo_file_set_discard(struct luo_file_set *set);

void luo_file_set_list(struct luo_file_set *set, u64 start,
		       struct luo_list *list);
void luo_file_set_show(struct luo_file_set *set, const char *prefix,
		       struct seq_file *m);
u64 luo_file_set_bytes(struct luo_file_set *set);

#endif /* _KERNEL_LIVEUPDATE_LUO_FILE_H */
