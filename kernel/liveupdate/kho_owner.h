/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_KHO_OWNER_H
#define _KERNEL_LIVEUPDATE_KHO_OWNER_H

#include <linux/kho/abi/kexec_handover.h>
#include <linux/types.h>

struct task_struct;

/**
 * struct kho_owner - who memory is preserved for
 * @node: link among the owners that a task works for
 * @task: that task
 * @first: first chunk of the log, NULL while nothing was logged
 * @last: the chunk that is written to
 * @found: the chunk that a record was last taken back from
 * @found_index: the record's place in it
 *
 * One task at a time works for an owner, so that no lock is needed.
 */
struct kho_owner {
	struct hlist_node node;
	struct task_struct *task;
	struct kho_owner_chunk *first;
	struct kho_owner_chunk *last;
	struct kho_owner_chunk *found;
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
phys_addr_t kho_owner_serialize(const struct kho_owner *owner);
void kho_owner_free(struct kho_owner *owner);

/* In kexec_handover.c: a page that is in no log, as the log itself is */
int kho_preserve_nobodys(unsigned long pfn);

int kho_owner_discard(phys_addr_t first, u64 *bytes);
void kho_owner_restore_free(phys_addr_t first);

#endif /* _KERNEL_LIVEUPDATE_KHO_OWNER_H */
