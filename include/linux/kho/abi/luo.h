/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the Live Update Orchestrator (LUO) writes for the next kernel.
 *
 * KHO's root FDT has a node LUO_FDT_NAME. The FDT that it leads to has
 *
 *	compatible = LUO_FDT_COMPATIBLE;
 *	header = <phys of struct luo_header_ser>;
 *
 * From the header, chains of blocks lead to the sessions and from each of
 * these to its files. An index tells whose memory is where once more, for the
 * case that the record of a session, a file or an FLB is damaged. A block is a preserved
 * page with a struct luo_block_ser at its head and records behind it.
 *
 * Each record has a sum of its own, so that a damaged one is lost alone. Any
 * change here needs another LUO_FDT_COMPATIBLE.
 */
#ifndef _LINUX_KHO_ABI_LUO_H
#define _LINUX_KHO_ABI_LUO_H

#include <linux/kho/abi/kexec_handover.h>
#include <linux/types.h>
#include <uapi/linux/liveupdate.h>

#define LUO_FDT_NAME			"LUO"
#define LUO_FDT_COMPATIBLE		"luo-records-v5"
#define LUO_FDT_HEADER_PROP_NAME	"header"

#define LUO_HEADER_MAGIC		0x7265646165686f6cULL
#define LUO_BLOCK_MAGIC			0x6b636f6c626f756cULL

/* The length of a compatible string, with the terminating NUL */
#define LUO_COMPATIBLE_LENGTH		48

/* The length of a kernel's release, with the terminating NUL and a whole word */
#define LUO_RELEASE_LENGTH		72

/**
 * struct luo_timeline_ser - when what happened in the old kernel
 * @hz: how fast the cycle counter is; 0 if that is not known, and nothing is
 * @wall: wall clock at the freeze, in ns since 1970
 * @freeze_begin: cycle counter when reboot() was called
 * @freeze_end: when all files were frozen
 * @serialize_end: when everything was written
 * @jump: in the last moment
 */
struct luo_timeline_ser {
	u64 hz;
	u64 wall;
	u64 freeze_begin;
	u64 freeze_end;
	u64 serialize_end;
	u64 jump;
};

/**
 * struct luo_header_ser - where everything starts
 * @magic: LUO_HEADER_MAGIC
 * @update_count: how many live updates led to the kernel that reads this
 * @release: release of the kernel that writes this, padded with NULs
 * @timeline: when it did what
 * @sessions: physical address of the first block of sessions, 0 for none
 * @nr_sessions: number of sessions
 * @flbs: physical address of the first block of FLB records, 0 for none
 * @nr_flbs: number of FLB records
 * @memory: physical address of the first block of the index of memory, 0 for
 *	none
 * @nr_memory: number of records in the index: one for each file, each FLB, and for
 *	what was in quarantine
 * @sum: luo_sum() of all before it
 */
struct luo_header_ser {
	u64 magic;
	u64 update_count;
	char release[LUO_RELEASE_LENGTH];
	struct luo_timeline_ser timeline;
	u64 sessions;
	u64 nr_sessions;
	u64 flbs;
	u64 nr_flbs;
	u64 memory;
	u64 nr_memory;
	u64 sum;
};

/**
 * struct luo_block_ser - head of a page of records
 * @magic: LUO_BLOCK_MAGIC
 * @next: physical address of the next block, 0 at the end
 * @nr: number of records in this block
 * @sum: luo_sum() of all before it
 */
struct luo_block_ser {
	u64 magic;
	u64 next;
	u64 nr;
	u64 sum;
};

/**
 * struct luo_session_ser - record of a session
 * @name: its name, padded with NULs
 * @files: physical address of its first block of files, 0 for none
 * @nr_files: number of files
 * @age: how many live updates came and went without anybody who retrieved it
 * @flags: LUO_SESSION_*
 * @sum: luo_sum() of all before it
 *
 * Those that were carried over come last, by age: sessions can have the same
 * name if their ages differ.
 */
struct luo_session_ser {
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	u64 files;
	u64 nr_files;
	u64 age;
	u64 flags;
	u64 sum;
};

/* Some of its files were damaged on the way */
#define LUO_SESSION_DAMAGED	BIT_ULL(0)

/**
 * struct luo_file_ser - record of a file
 * @compatible: the handler's name, padded with NULs
 * @token: the name that user space gave the file
 * @data: the handler's data; mostly the physical address of more of it
 * @memory: what is preserved for the file, as records of a list of memory (see
 *	struct kho_extents_chunk); the last can only lead to a list of more
 * @sum: luo_sum() of all before it
 */
struct luo_file_ser {
	char compatible[LUO_COMPATIBLE_LENGTH];
	u64 token;
	u64 data;
	u64 memory[KHO_OWNER_RECORDS];
	u64 sum;
};

/**
 * struct luo_memory_ser - record of the index: whose some memory is
 * @session: number of the session's record, counted from 0; LUO_FLB_MEMORY for
 *	an FLB, LUO_NO_SESSION for what was in quarantine
 * @token: the file's token, 0 for an FLB
 * @memory: as in the file's record
 * @sum: luo_sum() of all before it
 */
struct luo_memory_ser {
	u64 session;
	u64 token;
	u64 memory[KHO_OWNER_RECORDS];
	u64 sum;
};

#define LUO_NO_SESSION		(~0ULL)
#define LUO_FLB_MEMORY		(~1ULL)

/**
 * struct luo_flb_ser - record of an FLB and one handler whose files need it
 * @compatible: the FLB's name, padded with NULs
 * @handler: the handler's name, padded with NULs
 * @data: the FLB's data, the same in each of its records
 * @nr_files: how many preserved files of that handler need it
 * @memory: what is preserved for the FLB, as in a file's record; the same in
 *	each of its records
 * @sum: luo_sum() of all before it
 */
struct luo_flb_ser {
	char compatible[LUO_COMPATIBLE_LENGTH];
	char handler[LUO_COMPATIBLE_LENGTH];
	u64 data;
	u64 nr_files;
	u64 memory[KHO_OWNER_RECORDS];
	u64 sum;
};

/**
 * luo_sum - sum over a structure that ends with its sum
 * @ser: the structure, of whole u64 words
 * @size: its size, including the sum
 *
 * Return: what the last word has to be.
 */
static inline u64 luo_sum(const void *ser, size_t size)
{
	const u64 *word = ser;
	u64 sum = KHO_MAP_SUM_SEED;

	for (unsigned int i = 0; i + 1 < size / sizeof(u64); i++)
		sum += kho_map_sum_word(word[i], i);
	return sum;
}

#endif /* _LINUX_KHO_ABI_LUO_H */
