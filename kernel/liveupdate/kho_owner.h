/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_KHO_OWNER_H
#define _KERNEL_LIVEUPDATE_KHO_OWNER_H

#include <linux/kho/extents.h>
#include <linux/types.h>

struct task_struct;

/**
 * struct kho_owner - who memory is preserved for
 * @node: link among the owners that a task works for
 * @task: that task
 * @record: the first records of the log
 * @nr: how many of them there are
 * @more: the other records
 * @found: where a record was last taken back, NULL for @record
 * @found_index: the record's place in it
 *
 * One task at a time works for an owner, so that no lock is needed.
 */
struct kho_owner {
	struct hlist_node node;
	struct task_struct *task;
	u64 record[KHO_OWNER_RECORDS - 1];
	unsigned int nr;
	struct kho_extents more;
	struct kho_extents_chunk *found;
	unsigned int found_index;
};

/* For kexec_handover.c, which does without owners if there can be none */
#ifdef CONFIG_LIVEUPDATE
int kho_owner_log(unsigned long pfn, unsigned int order, unsigned long nr);
void kho_owner_unlog(unsigned long pfn, unsigned int order, unsigned long nr);
#else
static inline int kho_owner_log(unsigned long pfn, unsigned int order,
				unsigned long nr)
{
	return 0;
}

static inline void kho_owner_unlog(unsigned long pfn, unsigned int order,
				   unsigned long nr)
{
}
#endif

void kho_owner_begin(struct kho_owner *owner);
void kho_owner_end(struct kho_owner *owner);
void kho_owner_serialize(const struct kho_owner *owner,
			 u64 memory[KHO_OWNER_RECORDS]);
void kho_owner_free(struct kho_owner *owner);
u64 kho_owner_preserved(const struct kho_owner *owner);

int kho_owner_discard(const u64 memory[KHO_OWNER_RECORDS], u64 *bytes);
u64 kho_owner_size(const u64 memory[KHO_OWNER_RECORDS]);
int kho_owner_carry(const u64 memory[KHO_OWNER_RECORDS]);
int kho_owner_carry_rest(const u64 memory[KHO_OWNER_RECORDS]);
void kho_owner_uncarry(const u64 memory[KHO_OWNER_RECORDS]);
void kho_owner_restore_free(const u64 memory[KHO_OWNER_RECORDS]);

#endif /* _KERNEL_LIVEUPDATE_KHO_OWNER_H */
