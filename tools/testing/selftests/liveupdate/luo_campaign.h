/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cases of a campaign: what is damaged on the way from one kernel to the
 * next, and what that may cost there. All of it follows from a seed and from
 * whether the campaign is the short or the long one, so that the kernel after a
 * jump need not be told what was done before it.
 */
#ifndef _LUO_CAMPAIGN_H
#define _LUO_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* Which objects: their names are those of kernel/liveupdate/luo_damage.c */
enum campaign_class {
	CAMPAIGN_KHO_FDT,
	CAMPAIGN_LUO_FDT,
	CAMPAIGN_MAP_ROOT,
	CAMPAIGN_MAP_TABLE,
	CAMPAIGN_MAP_LEAF,
	CAMPAIGN_HEADER,
	CAMPAIGN_SESSION_BLOCK,
	CAMPAIGN_FLB_BLOCK,
	CAMPAIGN_FLB,
	/* From here on many can be damaged in one jump */
	CAMPAIGN_SESSION,
	CAMPAIGN_FILE_BLOCK,
	CAMPAIGN_FILE,
	CAMPAIGN_MEMORY_BLOCK,
	CAMPAIGN_MEMORY,
	CAMPAIGN_OWNER_LIST,
	CAMPAIGN_MEMFD,
	CAMPAIGN_MEMFD_LIST,
	CAMPAIGN_CLASSES,
};

/* What is left of a file's contents if the sums of what was damaged fit */
enum campaign_kept {
	CAMPAIGN_KEPT,		/* all that is handed out is right */
	CAMPAIGN_FORGED,	/* it tells of other memory: nothing to compare */
	CAMPAIGN_RENAMED,	/* nobody finds it any more */
};

/**
 * struct campaign_case - one order to the old kernel
 * @class: what is damaged
 * @nr: which one, counted from the first one that may be
 * @sealed: the sum fits nevertheless
 * @orphan: the file's handler is unknown to the next kernel, in addition
 * @kept: what that means if @sealed
 * @name: what is shown
 * @order: how it is damaged, as a word and arguments
 * @op: in what way
 */
struct campaign_case {
	enum campaign_class class;
	unsigned int nr;
	bool sealed;
	bool orphan;
	enum campaign_kept kept;
	char name[160];
	const char *op;
	char order[64];
};

/**
 * struct campaign_jump - the cases of one jump
 * @first: the first case
 * @nr: how many
 * @greedy: files that are damaged are retrieved before the others, or given up
 */
struct campaign_jump {
	size_t first;
	size_t nr;
	bool greedy;
};

struct campaign {
	bool is_long;
	__u64 seed;
	struct campaign_case *cases;
	size_t nr_cases;
	struct campaign_jump *jumps;
	size_t nr_jumps;
};

extern const char * const campaign_class_names[CAMPAIGN_CLASSES];

/* @part of @parts is kept, all with 0 of 1 */
void campaign_init(struct campaign *campaign, bool is_long, __u64 seed,
		   unsigned int part, unsigned int parts);

/* How many words the cases think that each of these has; 0 if it may be any */
unsigned int campaign_words(enum campaign_class class);

static inline bool campaign_class_is_local(enum campaign_class class)
{
	return class >= CAMPAIGN_SESSION;
}

/* A number that follows from others, different ones for different @index */
__u64 campaign_random(__u64 seed, __u64 index);

#endif /* _LUO_CAMPAIGN_H */
