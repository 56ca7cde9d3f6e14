/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_FLB_H
#define _KERNEL_LIVEUPDATE_LUO_FLB_H

#include <linux/kho/abi/luo.h>
#include <linux/liveupdate.h>

struct luo_flb_uses;
struct luo_index_writer;
struct seq_file;

void luo_flb_unlink_all(struct liveupdate_file_handler *fh);

struct luo_flb_uses *luo_flb_file_preserve(struct liveupdate_file_handler *fh);
void luo_flb_file_unpreserve(struct luo_flb_uses *uses);
int luo_flb_deserialize(void);
int luo_flb_file_carry(const char *handler);
void luo_flb_uncarry(void);
void luo_flb_file_finish(const char *handler);
phys_addr_t luo_flb_serialize(u64 *nr);
void luo_flb_serialize_memory(struct luo_index_writer *index);
u64 luo_flb_nr_incoming(void);
bool luo_flb_has_memory(const u64 memory[KHO_OWNER_RECORDS]);
void luo_flbs_show(struct seq_file *m);

#endif /* _KERNEL_LIVEUPDATE_LUO_FLB_H */
