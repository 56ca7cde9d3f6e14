/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_QUARANTINE_H
#define _KERNEL_LIVEUPDATE_LUO_QUARANTINE_H

#include <linux/kho/abi/luo.h>
#include <linux/types.h>

struct luo_index_writer;
struct seq_file;

u64 luo_quarantine_add(u64 token, const u64 memory[KHO_OWNER_RECORDS]);
int luo_quarantine_read(const struct luo_header_ser *header,
			bool (*known)(const struct luo_memory_ser *ser, void *arg),
			void *arg);
void luo_quarantine_empty(void);
u64 luo_quarantine_discard(void);

int luo_quarantine_carry(void);
void luo_quarantine_uncarry(void);
void luo_quarantine_serialize(struct luo_index_writer *index);

void luo_quarantine_show(struct seq_file *m);

#endif /* _KERNEL_LIVEUPDATE_LUO_QUARANTINE_H */
