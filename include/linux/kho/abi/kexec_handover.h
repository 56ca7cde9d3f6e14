/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Kexec HandOver (KHO) writes for the next kernel.
 *
 * The boot data carries the physical address of the root FDT. Its properties
 * lead to the map of preserved memory and to the FDTs of those who preserve:
 *
 *	/ {
 *		compatible = KHO_FDT_COMPATIBLE;
 *		preserved-memory-map = <phys of struct kho_map_root>;
 *		NAME {
 *			fdt = <phys of that user's FDT>;
 *		};
 *	};
 *
 * Numbers are in the byte order of the machine: the next kernel runs on it.
 * Any change here needs another KHO_FDT_COMPATIBLE.
 */
#ifndef _LINUX_KHO_ABI_KEXEC_HANDOVER_H
#define _LINUX_KHO_ABI_KEXEC_HANDOVER_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/page.h>

#define KHO_FDT_COMPATIBLE		"kho-extents-v1"
#define KHO_FDT_MEMORY_MAP_PROP_NAME	"preserved-memory-map"
#define KHO_FDT_SUB_TREE_PROP_NAME	"fdt"

/**
 * DOC: The map of preserved memory
 *
 * The map is a radix tree over page frame numbers: a root, two levels of
 * tables, and leaves. A leaf holds two bits for each page: @used says that the
 * page is preserved, @start that a piece (a folio, or a single page) begins at
 * it. The order of a piece follows from where the next one starts.
 *
 * The map is correct at every moment, so there is no step that has to be taken
 * before the jump, and the next kernel reads it in time that is linear in the
 * memory it spans. Leaves and tables are not themselves in the map: who walks
 * it finds them.
 *
 * Each block carries a sum, kept by whoever refers to the block, so that a
 * damaged one is found and set aside alone. See kho_map_sum_word().
 */

/* The bits of a physical address that the map has room for */
#define KHO_MAP_PHYS_BITS	52

#define KHO_MAP_LEAF_WORDS	(PAGE_SIZE / sizeof(u64) / 2)
#define KHO_MAP_LEAF_SHIFT	(PAGE_SHIFT - 4 + 6)
#define KHO_MAP_TABLE_SHIFT	(PAGE_SHIFT - 4)
#define KHO_MAP_ROOT_BITS	(KHO_MAP_PHYS_BITS - PAGE_SHIFT - \
				 KHO_MAP_LEAF_SHIFT - 2 * KHO_MAP_TABLE_SHIFT)
#define KHO_MAP_ROOT_SHIFT	(KHO_MAP_ROOT_BITS > 0 ? KHO_MAP_ROOT_BITS : 0)

#define KHO_MAP_MAGIC		0x70616d2d6f68636bULL
#define KHO_MAP_SUM_SEED	0x6c7561656d696c75ULL
#define KHO_MAP_SUM_PRIME	0x9e3779b97f4a7c15ULL

/**
 * struct kho_map_leaf - which pages of one stretch are preserved
 * @used: a bit for each preserved page
 * @start: a bit for the first page of each piece; always a subset of @used
 */
struct kho_map_leaf {
	u64 used[KHO_MAP_LEAF_WORDS];
	u64 start[KHO_MAP_LEAF_WORDS];
};

/**
 * struct kho_map_entry - reference to a block of the map
 * @phys: physical address of the leaf or table, 0 if there is none
 * @sum: sum over all words of a leaf, or over the @phys words of a table
 */
struct kho_map_entry {
	u64 phys;
	u64 sum;
};

/**
 * struct kho_map_table - references to tables or leaves, by page frame number
 * @entry: the references
 */
struct kho_map_table {
	struct kho_map_entry entry[1 << KHO_MAP_TABLE_SHIFT];
};

/**
 * struct kho_map_root - the top of the map
 * @magic: KHO_MAP_MAGIC
 * @sum: sum over the @phys words of @entry
 * @entry: references to tables
 */
struct kho_map_root {
	u64 magic;
	u64 sum;
	struct kho_map_entry entry[1 << KHO_MAP_ROOT_SHIFT];
};

/**
 * kho_map_sum_word - what one word adds to the sum of its block
 * @word: the value, or the difference of two values
 * @index: its place in the block, in words that count
 *
 * A sum starts at KHO_MAP_SUM_SEED and adds this for each word, modulo 2^64.
 * The factor is odd, so a change of a single word never goes unseen; and the
 * sum is linear, so that it can follow each change of a word at once.
 *
 * Return: the summand.
 */
static inline u64 kho_map_sum_word(u64 word, unsigned int index)
{
	return word * ((2ULL * index + 1) * KHO_MAP_SUM_PRIME);
}

/**
 * DOC: Lists of preserved memory
 *
 * Where the memory of a file lies is told by a chain of pages, the chunks, of
 * records. A record is one u64. An extent says that pieces of one order follow
 * each other in memory and, if the list is about what is in a file, there too;
 * where in the file follows from the records before it. A seek, which has
 * KHO_EXTENT_SEEK in place of an order, sets the page index at which the next
 * extent goes. A record with KHO_EXTENT_LIST in that place leads to the first
 * chunk of another list, by its page frame number. 0 stands for an extent that
 * was taken back.
 */
#define KHO_EXTENT_PFN		GENMASK_ULL(39, 0)
#define KHO_EXTENT_NR		GENMASK_ULL(57, 40)
#define KHO_EXTENT_INDEX	GENMASK_ULL(57, 0)
#define KHO_EXTENT_ORDER	GENMASK_ULL(63, 58)
#define KHO_EXTENT_LIST		62
#define KHO_EXTENT_SEEK		63

#define KHO_EXTENTS_PER_CHUNK	(PAGE_SIZE / sizeof(u64) - 3)

/**
 * struct kho_extents_chunk - a preserved page of records
 * @sum: KHO_MAP_SUM_SEED, plus kho_map_sum_word() of each word after this one,
 *	counted from 0
 * @next: physical address of the next chunk, 0 at the end
 * @nr: number of records
 * @record: the records; those after @nr are 0
 */
struct kho_extents_chunk {
	u64 sum;
	u64 next;
	u64 nr;
	u64 record[KHO_EXTENTS_PER_CHUNK];
};

/*
 * Who memory is preserved for is told by this many records, as of a list. The
 * last can only lead to a list of more.
 */
#define KHO_OWNER_RECORDS	3

/**
 * DOC: Memory that was allocated with vmalloc
 *
 * The pieces' addresses are in a chain of pages. Each chunk page and each
 * piece is preserved as order-0 pages.
 */

struct kho_vmalloc_chunk;

/**
 * struct kho_vmalloc_hdr - head of a chunk
 * @next: physical address of the next chunk, 0 at the end
 */
struct kho_vmalloc_hdr {
	u64 next;
};

#define KHO_VMALLOC_SIZE \
	((PAGE_SIZE - sizeof(struct kho_vmalloc_hdr)) / sizeof(u64))

/**
 * struct kho_vmalloc_chunk - addresses of the pieces of a vmalloc area
 * @hdr: links the chunks
 * @phys: the pieces' addresses, ended by 0 where the chunk is not full
 */
struct kho_vmalloc_chunk {
	struct kho_vmalloc_hdr hdr;
	u64 phys[KHO_VMALLOC_SIZE];
};

static_assert(sizeof(struct kho_map_leaf) == PAGE_SIZE);
static_assert(sizeof(struct kho_map_table) == PAGE_SIZE);
static_assert(sizeof(struct kho_vmalloc_chunk) == PAGE_SIZE);
static_assert(sizeof(struct kho_extents_chunk) == PAGE_SIZE);

#endif /* _LINUX_KHO_ABI_KEXEC_HANDOVER_H */
