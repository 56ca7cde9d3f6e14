// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the map of preserved memory.
 *
 * All maps here are private ones: what is put into them is just numbers, and
 * nothing is preserved. What the map looks like to the next kernel is checked
 * against the ABI header, without the help of the code under test.
 */

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "kho_map.h"

#define LEAF_PAGES	BIT(KHO_MAP_LEAF_SHIFT)
#define TABLE_SHIFT	(KHO_MAP_LEAF_SHIFT + KHO_MAP_TABLE_SHIFT)
#define TABLE_PAGES	BIT(TABLE_SHIFT)
#define SUBTREE_PAGES	BIT(TABLE_SHIFT + KHO_MAP_TABLE_SHIFT)
#define MAP_PAGES	BIT(KHO_MAP_PHYS_BITS - PAGE_SHIFT)
#define TABLE_ENTRIES	BIT(KHO_MAP_TABLE_SHIFT)
#define ROOT_ENTRIES	BIT(KHO_MAP_ROOT_SHIFT)
#define LEAF_LEVEL	3

/* The order of a 1 GiB page, the largest piece that is ever preserved */
#define GIGANTIC_ORDER	(30 - PAGE_SHIFT)

/* In the middle of nowhere: the last leaf of a table and of a subtree ends */
#define EDGE		(3 * SUBTREE_PAGES)

static struct kho_map *test_map(struct kunit *test)
{
	return test->priv;
}

static int map_test_init(struct kunit *test)
{
	struct kho_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, map);
	KUNIT_ASSERT_EQ(test, kho_map_init(map), 0);
	test->priv = map;
	return 0;
}

static void map_test_exit(struct kunit *test)
{
	struct kho_map *map = test_map(test);

	if (map && map->root)
		kho_map_destroy(map);
}

static u64 words_sum(const u64 *word, unsigned int nr, unsigned int stride)
{
	u64 sum = KHO_MAP_SUM_SEED;

	for (unsigned int i = 0; i < nr; i++)
		sum += word[i * stride] * ((2ULL * i + 1) * KHO_MAP_SUM_PRIME);
	return sum;
}

/* The sum that a reference to a block must have; level 0 is the root */
static u64 block_sum(const void *block, unsigned int level)
{
	if (level == LEAF_LEVEL)
		return words_sum(block, PAGE_SIZE / sizeof(u64), 1);
	if (level)
		return words_sum(block, TABLE_ENTRIES, 2);
	return words_sum(&((const struct kho_map_root *)block)->entry[0].phys,
			 ROOT_ENTRIES, 2);
}

static struct kho_map_entry *block_entries(void *block, unsigned int level)
{
	if (level)
		return ((struct kho_map_table *)block)->entry;
	return ((struct kho_map_root *)block)->entry;
}

/**
 * struct map_shape - what a walk over a raw map has found
 * @print: a fingerprint of all bits in all leaves
 * @bad_sums: how many sums are not right
 * @pages: how many pages are used
 * @pieces: how many pieces start
 * @blocks: how many tables and leaves there are
 */
struct map_shape {
	u64 print;
	unsigned long bad_sums;
	unsigned long pages;
	unsigned long pieces;
	unsigned long blocks;
};

static void walk_leaf(const struct kho_map_leaf *leaf, unsigned long pfn,
		      struct map_shape *shape)
{
	const u64 *word = leaf->used;

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(u64); i++) {
		/* An empty leaf is as good as none */
		if (!word[i])
			continue;
		shape->print = (shape->print ^ pfn ^ i) * KHO_MAP_SUM_PRIME;
		shape->print = (shape->print ^ word[i]) * KHO_MAP_SUM_PRIME;
		if (i < KHO_MAP_LEAF_WORDS)
			shape->pages += hweight64(word[i]);
		else
			shape->pieces += hweight64(word[i]);
	}
}

static void walk_block(void *block, unsigned int level, unsigned long pfn,
		       u64 sum, struct map_shape *shape)
{
	unsigned int shift = KHO_MAP_LEAF_SHIFT +
			     (LEAF_LEVEL - 1 - level) * KHO_MAP_TABLE_SHIFT;
	struct kho_map_entry *entry;

	if (block_sum(block, level) != sum)
		shape->bad_sums++;
	if (level == LEAF_LEVEL) {
		walk_leaf(block, pfn, shape);
		return;
	}

	entry = block_entries(block, level);
	for (unsigned long i = 0; i < (level ? TABLE_ENTRIES : ROOT_ENTRIES);
	     i++, entry++) {
		if (!entry->phys)
			continue;
		shape->blocks++;
		walk_block(phys_to_virt(entry->phys), level + 1,
			   pfn + (i << shift), entry->sum, shape);
	}
}

static struct map_shape map_shape(struct kho_map *map)
{
	struct map_shape shape = {};

	walk_block(map->root, 0, 0, map->root->sum, &shape);
	return shape;
}

/* Look the entry up that refers to a block, without the map's own look-up */
static struct kho_map_entry *raw_entry(struct kho_map *map, unsigned long pfn,
				       unsigned int level)
{
	struct kho_map_entry *entry;
	void *block = map->root;

	for (unsigned int l = 0; ; l++) {
		unsigned int shift = KHO_MAP_LEAF_SHIFT +
				     (LEAF_LEVEL - 1 - l) * KHO_MAP_TABLE_SHIFT;
		unsigned long nr = l ? TABLE_ENTRIES : ROOT_ENTRIES;

		entry = block_entries(block, l) + ((pfn >> shift) & (nr - 1));
		if (l + 1 == level)
			return entry;
		block = phys_to_virt(entry->phys);
	}
}

static void *raw_block(struct kho_map *map, unsigned long pfn,
		       unsigned int level)
{
	return phys_to_virt(raw_entry(map, pfn, level)->phys);
}

static void expect_shape(struct kunit *test, unsigned long pages,
			 unsigned long pieces)
{
	struct map_shape shape = map_shape(test_map(test));

	KUNIT_EXPECT_EQ(test, shape.bad_sums, 0);
	KUNIT_EXPECT_EQ(test, shape.pages, pages);
	KUNIT_EXPECT_EQ(test, shape.pieces, pieces);
}

static void expect_add(struct kunit *test, unsigned long pfn,
		       unsigned int order, unsigned long nr)
{
	KUNIT_ASSERT_EQ_MSG(test, kho_map_add(test_map(test), pfn, order, nr),
			    0, "add of %lu of order %u at 0x%lx", nr, order,
			    pfn);
}

static void expect_del(struct kunit *test, unsigned long pfn,
		       unsigned int order, unsigned long nr)
{
	KUNIT_ASSERT_EQ_MSG(test, kho_map_del(test_map(test), pfn, order, nr),
			    0, "del of %lu of order %u at 0x%lx", nr, order,
			    pfn);
}

static void expect_same(struct kunit *test, const struct map_shape *before)
{
	struct map_shape after = map_shape(test_map(test));

	KUNIT_EXPECT_EQ(test, after.print, before->print);
	KUNIT_EXPECT_EQ(test, after.bad_sums, 0);
}

static void expect_no_add(struct kunit *test, unsigned long pfn,
			  unsigned int order, unsigned long nr, int err)
{
	struct map_shape before = map_shape(test_map(test));

	KUNIT_EXPECT_EQ_MSG(test, kho_map_add(test_map(test), pfn, order, nr),
			    err, "add of %lu of order %u at 0x%lx", nr, order,
			    pfn);
	expect_same(test, &before);
}

static void expect_no_del(struct kunit *test, unsigned long pfn,
			  unsigned int order, unsigned long nr, int err)
{
	struct map_shape before = map_shape(test_map(test));

	KUNIT_EXPECT_EQ_MSG(test, kho_map_del(test_map(test), pfn, order, nr),
			    err, "del of %lu of order %u at 0x%lx", nr, order,
			    pfn);
	expect_same(test, &before);
}

static void expect_order(struct kunit *test, unsigned long pfn, int order)
{
	KUNIT_EXPECT_EQ_MSG(test, kho_map_order(test_map(test), pfn), order,
			    "order at 0x%lx", pfn);
}

static void expect_range(struct kunit *test, unsigned long pfn,
			 unsigned long end, bool used)
{
	struct kho_map *map = test_map(test);

	KUNIT_EXPECT_EQ(test, kho_map_find(map, pfn, end, !used), end);
	KUNIT_EXPECT_EQ(test, kho_map_find(map, pfn, end, used), pfn);
	KUNIT_EXPECT_EQ(test, kho_map_test(map, pfn), used);
	KUNIT_EXPECT_EQ(test, kho_map_test(map, end - 1), used);
}

/* How an empty map looks is part of the ABI too */
static void map_empty(struct kunit *test)
{
	struct kho_map *map = test_map(test);

	KUNIT_EXPECT_EQ(test, map->root->magic, KHO_MAP_MAGIC);
	KUNIT_EXPECT_EQ(test, map->root->sum, KHO_MAP_SUM_SEED);
	expect_shape(test, 0, 0);

	expect_range(test, 0, TABLE_PAGES, false);
	expect_range(test, MAP_PAGES - TABLE_PAGES, MAP_PAGES, false);
	expect_order(test, 0, -ENOENT);
	expect_order(test, EDGE, -ENOENT);
	expect_no_del(test, EDGE, 0, 1, -ENOENT);
	KUNIT_EXPECT_EQ(test, map_shape(map).blocks, 0);
}

static void one_order(struct kunit *test, unsigned int order)
{
	unsigned long size = 1UL << order;
	unsigned long pfn = EDGE - size;

	expect_add(test, pfn, order, 1);
	expect_shape(test, size, 1);
	expect_order(test, pfn, order);
	expect_range(test, pfn, EDGE, true);
	expect_range(test, pfn - 1, pfn, false);
	expect_range(test, EDGE, EDGE + 1, false);
	if (order)
		expect_order(test, pfn + size / 2, -ENOENT);

	expect_del(test, pfn, order, 1);
	expect_shape(test, 0, 0);
	expect_order(test, pfn, -ENOENT);
	expect_no_del(test, pfn, order, 1, -ENOENT);
}

static void map_orders(struct kunit *test)
{
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++)
		one_order(test, order);

	/* From here on a piece is larger than a leaf */
	for (unsigned int order = KHO_MAP_LEAF_SHIFT; order <= GIGANTIC_ORDER;
	     order++)
		one_order(test, order);
}

/* Pieces that touch each other stay apart, whatever their orders are */
static void map_neighbours(struct kunit *test)
{
	static const unsigned int orders[] = { 9, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	unsigned long pfn = EDGE;
	unsigned long pages = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		expect_add(test, pfn, orders[i], 1);
		pfn += 1UL << orders[i];
		pages += 1UL << orders[i];
	}
	expect_shape(test, pages, ARRAY_SIZE(orders));

	pfn = EDGE;
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		expect_order(test, pfn, orders[i]);
		pfn += 1UL << orders[i];
	}

	pfn = EDGE;
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		expect_del(test, pfn, orders[i], 1);
		pfn += 1UL << orders[i];
	}
	expect_shape(test, 0, 0);
}

/* Each page of the map is found, and none of what it holds */
static void map_last_block(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	unsigned long root = PHYS_PFN(virt_to_phys(map->root));
	unsigned long last = root + PFN_UP(sizeof(*map->root)) - 1;
	unsigned long highest = last;

	KUNIT_EXPECT_EQ(test, kho_map_last_block(map, 0, MAP_PAGES), last);
	KUNIT_EXPECT_EQ(test, kho_map_last_block(map, 0, last), last - 1);
	KUNIT_EXPECT_EQ(test, kho_map_last_block(map, 0, root), root);
	KUNIT_EXPECT_EQ(test, kho_map_last_block(map, last + 1, MAP_PAGES),
			MAP_PAGES);

	expect_add(test, EDGE, 0, 1);
	for (unsigned int level = 1; level <= LEAF_LEVEL; level++) {
		void *block = raw_block(map, EDGE, level);
		unsigned long pfn = PHYS_PFN(virt_to_phys(block));

		KUNIT_EXPECT_EQ(test, kho_map_last_block(map, pfn, pfn + 1),
				pfn);
		highest = max(highest, pfn);
	}
	KUNIT_EXPECT_EQ(test, kho_map_last_block(map, 0, MAP_PAGES), highest);
	KUNIT_EXPECT_EQ(test, kho_map_last_block(map, EDGE, EDGE + 1),
			EDGE + 1);
}

/* Large pieces are found among lone pages, and nothing else is */
static void map_find_large(struct kunit *test)
{
	static const unsigned int orders[] = { 0, 0, 1, 0, 9, 0, 2, 0, 0, 6, 0 };
	struct kho_map *map = test_map(test);
	unsigned long start = EDGE - SZ_1K, end = EDGE + SZ_4K;
	unsigned long pfn = start, found = start;

	KUNIT_EXPECT_EQ(test, kho_map_find_large(map, start, end), end);
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		pfn = ALIGN(pfn, 1UL << orders[i]);
		expect_add(test, pfn, orders[i], 1);
		pfn += 1UL << orders[i];
	}
	KUNIT_ASSERT_LT(test, EDGE, pfn);

	pfn = start;
	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		pfn = ALIGN(pfn, 1UL << orders[i]);
		if (orders[i]) {
			found = kho_map_find_large(map, found, end);
			KUNIT_EXPECT_EQ(test, found, pfn);
			KUNIT_EXPECT_EQ(test, kho_map_find_large(map, start,
								 pfn),
					i == 2 ? pfn : ALIGN(start + 2, 2));
			found += 1UL << orders[i];
		}
		pfn += 1UL << orders[i];
	}
	KUNIT_EXPECT_EQ(test, kho_map_find_large(map, found, end), end);
	KUNIT_EXPECT_EQ(test, kho_map_find_large(map, MAP_PAGES, MAP_PAGES + 1),
			MAP_PAGES + 1);
}

/* A piece that stands before another one of its own order is not part of it */
static void map_order_next_to_gap(struct kunit *test)
{
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++) {
		unsigned long size = 1UL << order;

		expect_add(test, EDGE, order, 2);
		expect_del(test, EDGE + size, order, 1);
		expect_order(test, EDGE, order);
		expect_del(test, EDGE, order, 1);
	}

	/* Two neighbours that a single larger piece could be taken for */
	expect_add(test, EDGE, 3, 2);
	expect_no_del(test, EDGE, 4, 1, -ENOENT);
	expect_order(test, EDGE, 3);
	expect_order(test, EDGE + 8, 3);
}

static void one_boundary(struct kunit *test, unsigned long boundary,
			 unsigned int order, unsigned long nr)
{
	unsigned long pfn = boundary - ((nr / 2) << order);

	expect_add(test, pfn, order, nr);
	expect_shape(test, nr << order, nr);
	expect_range(test, pfn, pfn + (nr << order), true);
	expect_order(test, pfn, order);
	expect_order(test, boundary - (1UL << order), order);
	expect_order(test, boundary, order);

	/* What a whole extent added can go in parts, and the other way round */
	expect_del(test, boundary, order, nr - nr / 2);
	expect_shape(test, (nr / 2) << order, nr / 2);
	expect_add(test, boundary, order, nr - nr / 2);
	expect_del(test, pfn, order, nr);
	expect_shape(test, 0, 0);
}

static void map_boundaries(struct kunit *test)
{
	static const unsigned long boundaries[] = {
		5 * LEAF_PAGES, 7 * TABLE_PAGES, EDGE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(boundaries); i++) {
		one_boundary(test, boundaries[i], 0, 2);
		one_boundary(test, boundaries[i], 0, 129);
		one_boundary(test, boundaries[i], 0, 2 * LEAF_PAGES + 6);
		one_boundary(test, boundaries[i], 3, 11);
		one_boundary(test, boundaries[i], 6, 7);
		one_boundary(test, boundaries[i], 9, 64);
		one_boundary(test, boundaries[i], MAX_PAGE_ORDER, 33);
	}
	one_boundary(test, EDGE, GIGANTIC_ORDER, 4);
}

static void map_last_page(struct kunit *test)
{
	unsigned long pfn = MAP_PAGES - 1;

	expect_add(test, pfn, 0, 1);
	expect_order(test, pfn, 0);
	expect_range(test, pfn, MAP_PAGES, true);
	expect_no_add(test, pfn, 0, 1, -EBUSY);
	expect_del(test, pfn, 0, 1);

	expect_add(test, MAP_PAGES - 1024, MAX_PAGE_ORDER, 1);
	expect_order(test, MAP_PAGES - 1024, MAX_PAGE_ORDER);
	expect_no_del(test, MAP_PAGES - 1024, MAX_PAGE_ORDER - 1, 1, -ENOENT);
	expect_del(test, MAP_PAGES - 1024, MAX_PAGE_ORDER, 1);

	/* There is nothing behind it */
	expect_order(test, MAP_PAGES, -ENOENT);
	KUNIT_EXPECT_FALSE(test, kho_map_test(test_map(test), MAP_PAGES));
	KUNIT_EXPECT_FALSE(test, kho_map_test(test_map(test), PHYS_PFN(~0ULL)));
}

static void map_first_page(struct kunit *test)
{
	expect_add(test, 0, 0, 1);
	expect_order(test, 0, 0);
	expect_del(test, 0, 0, 1);
	expect_add(test, 0, MAX_PAGE_ORDER, 2);
	expect_order(test, 0, MAX_PAGE_ORDER);
	expect_no_del(test, 0, MAX_PAGE_ORDER - 1, 1, -ENOENT);
	expect_del(test, 0, MAX_PAGE_ORDER, 2);
	expect_shape(test, 0, 0);
}

struct bad_extent {
	unsigned long pfn;
	unsigned int order;
	unsigned long nr;
};

static void map_invalid(struct kunit *test)
{
	static const struct bad_extent bad[] = {
		{ EDGE, 0, 0 },
		{ EDGE, 9, 0 },
		{ EDGE + 1, 1, 1 },
		{ EDGE + 256, 9, 1 },
		{ EDGE + (1UL << 17), GIGANTIC_ORDER, 1 },
		{ MAP_PAGES, 0, 1 },
		{ ~0UL, 0, 1 },
		{ ~0UL << MAX_PAGE_ORDER, MAX_PAGE_ORDER, 1 },
		{ MAP_PAGES - 1, 0, 2 },
		{ MAP_PAGES - 8, 2, 3 },
		{ EDGE, 0, MAP_PAGES - EDGE + 1 },
		/* Sums and shifts that don't fit into a word */
		{ EDGE, 0, ~0UL },
		{ EDGE, 0, ~0UL - EDGE + 1 },
		{ EDGE, 1, 1UL << 63 },
		{ EDGE, 9, 1UL << 55 },
		{ 0, 62, 4 },
		{ 0, 63, 2 },
		{ 0, 63, 1 },
		{ 0, 64, 1 },
		{ EDGE, 64, 1 },
		{ EDGE, ~0U, 1 },
	};

	expect_add(test, EDGE, 0, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		expect_no_add(test, bad[i].pfn, bad[i].order, bad[i].nr,
			      -EINVAL);
		expect_no_del(test, bad[i].pfn, bad[i].order, bad[i].nr,
			      -EINVAL);
	}
	expect_shape(test, 1, 1);
}

static void map_overlaps(struct kunit *test)
{
	unsigned long pfn = EDGE;

	expect_add(test, pfn, 4, 4);

	/* The same, parts of it, and what contains it */
	expect_no_add(test, pfn, 4, 4, -EBUSY);
	expect_no_add(test, pfn, 4, 1, -EBUSY);
	expect_no_add(test, pfn + 16, 4, 1, -EBUSY);
	expect_no_add(test, pfn, 6, 1, -EBUSY);
	expect_no_add(test, pfn, 9, 1, -EBUSY);
	expect_no_add(test, pfn - 512, 9, 2, -EBUSY);
	for (unsigned int i = 0; i < 64; i++)
		expect_no_add(test, pfn + i, 0, 1, -EBUSY);

	/* Only the first or the last page of it */
	expect_no_add(test, pfn - 7, 0, 8, -EBUSY);
	expect_no_add(test, pfn + 63, 0, 8, -EBUSY);
	expect_no_add(test, pfn - 16, 4, 2, -EBUSY);
	expect_no_add(test, pfn + 48, 4, 2, -EBUSY);

	/* And what only touches it is no overlap */
	expect_add(test, pfn - 7, 0, 7);
	expect_add(test, pfn + 64, 0, 8);
	expect_shape(test, 64 + 7 + 8, 4 + 7 + 8);
}

/* What was added to leaves before the overlap was met has to go again */
static void map_overlap_late(struct kunit *test)
{
	static const unsigned long busy[] = {
		EDGE - 1, EDGE, EDGE + LEAF_PAGES, EDGE + 3 * LEAF_PAGES - 1,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(busy); i++) {
		expect_add(test, busy[i], 0, 1);
		expect_no_add(test, EDGE - 2 * LEAF_PAGES, 0, 5 * LEAF_PAGES,
			      -EBUSY);
		expect_no_add(test, EDGE - (1UL << GIGANTIC_ORDER),
			      GIGANTIC_ORDER, 2, -EBUSY);
		expect_shape(test, 1, 1);
		expect_order(test, busy[i], 0);
		expect_del(test, busy[i], 0, 1);
	}
	expect_add(test, EDGE - 2 * LEAF_PAGES, 0, 5 * LEAF_PAGES);
}

static void map_del_wrong(struct kunit *test)
{
	unsigned long pfn = EDGE;

	expect_add(test, pfn, 4, 2);

	/* Never added */
	expect_no_del(test, pfn - 1, 0, 1, -ENOENT);
	expect_no_del(test, pfn + 32, 0, 1, -ENOENT);
	expect_no_del(test, pfn + LEAF_PAGES, 0, 1, -ENOENT);
	expect_no_del(test, pfn + TABLE_PAGES, 0, 1, -ENOENT);
	expect_no_del(test, pfn + SUBTREE_PAGES, 0, 1, -ENOENT);

	/* With another order, be it the same pages */
	expect_no_del(test, pfn, 5, 1, -ENOENT);
	expect_no_del(test, pfn, 3, 4, -ENOENT);
	expect_no_del(test, pfn, 0, 32, -ENOENT);
	expect_no_del(test, pfn, 6, 1, -ENOENT);

	/* More than there is */
	expect_no_del(test, pfn, 4, 3, -ENOENT);
	expect_no_del(test, pfn - 16, 4, 3, -ENOENT);
	expect_no_del(test, pfn, 4, 2 * LEAF_PAGES / 16, -ENOENT);

	/* Twice */
	expect_del(test, pfn, 4, 2);
	expect_no_del(test, pfn, 4, 2, -ENOENT);
	expect_no_del(test, pfn, 4, 1, -ENOENT);
	expect_shape(test, 0, 0);
}

/* The head of a piece has the start bit of a smaller one: the tail tells */
static void map_del_part(struct kunit *test)
{
	for (unsigned int order = 1; order <= MAX_PAGE_ORDER; order++) {
		unsigned long size = 1UL << order;

		expect_add(test, EDGE, order, 1);
		for (unsigned int less = 0; less < order; less++) {
			expect_no_del(test, EDGE, less, 1, -ENOENT);
			expect_no_del(test, EDGE + size - (1UL << less), less,
				      1, -ENOENT);
		}
		expect_no_del(test, EDGE + 1, 0, size - 1, -ENOENT);
		expect_del(test, EDGE, order, 1);
	}
}

/* The tail lies in another leaf, table or subtree than the head */
static void map_del_part_of_gigantic(struct kunit *test)
{
	unsigned long pfn = EDGE - (1UL << GIGANTIC_ORDER);

	expect_add(test, pfn, GIGANTIC_ORDER, 2);
	for (unsigned int less = 0; less < GIGANTIC_ORDER; less++) {
		expect_no_del(test, pfn, less, 1, -ENOENT);
		expect_no_del(test, EDGE, less, 1, -ENOENT);
		expect_no_del(test, EDGE - (1UL << less), less, 1, -ENOENT);
	}
	expect_no_del(test, EDGE, GIGANTIC_ORDER + 1, 1, -ENOENT);
	expect_no_del(test, pfn, KHO_MAP_LEAF_SHIFT, 32, -ENOENT);
	expect_del(test, pfn, GIGANTIC_ORDER, 1);
	expect_order(test, EDGE, GIGANTIC_ORDER);
	expect_del(test, EDGE, GIGANTIC_ORDER, 1);
	expect_shape(test, 0, 0);
}

static void map_del_from_extent(struct kunit *test)
{
	expect_add(test, EDGE - 32, 3, 8);
	expect_del(test, EDGE - 8, 3, 2);
	expect_order(test, EDGE - 16, 3);
	expect_range(test, EDGE - 8, EDGE + 8, false);
	expect_order(test, EDGE + 8, 3);
	expect_no_del(test, EDGE - 32, 3, 8, -ENOENT);
	expect_del(test, EDGE - 32, 3, 3);
	expect_del(test, EDGE + 8, 3, 3);
	expect_shape(test, 0, 0);
}

static void map_find_holes(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	unsigned long far = EDGE + 2 * SUBTREE_PAGES + 77;

	expect_add(test, EDGE - 3, 0, 2);
	expect_add(test, EDGE, 0, LEAF_PAGES + 1);
	expect_add(test, far, 0, 1);

	KUNIT_EXPECT_EQ(test, kho_map_find(map, 0, MAP_PAGES, true), EDGE - 3);
	KUNIT_EXPECT_EQ(test, kho_map_find(map, EDGE - 3, far, false),
			EDGE - 1);
	KUNIT_EXPECT_EQ(test, kho_map_find(map, EDGE - 1, far, true), EDGE);
	KUNIT_EXPECT_EQ(test, kho_map_find(map, EDGE, far, false),
			EDGE + LEAF_PAGES + 1);
	KUNIT_EXPECT_EQ(test,
			kho_map_find(map, EDGE + LEAF_PAGES + 1, MAP_PAGES,
				     true),
			far);

	/* Not a page beyond the end, even in the same word */
	KUNIT_EXPECT_EQ(test, kho_map_find(map, 0, EDGE - 3, true), EDGE - 3);
	KUNIT_EXPECT_EQ(test, kho_map_find(map, EDGE - 1, EDGE, true), EDGE);
	KUNIT_EXPECT_EQ(test, kho_map_find(map, EDGE, EDGE + 9, false),
			EDGE + 9);
	KUNIT_EXPECT_EQ(test, kho_map_find(map, far + 1, far + 5, true),
			far + 5);

	/* Of nothing, nothing */
	KUNIT_EXPECT_EQ(test, kho_map_find(map, EDGE, EDGE, true), EDGE);
	KUNIT_EXPECT_EQ(test, kho_map_find(map, EDGE, EDGE, false), EDGE);

	/* What the map has no room for is not in it */
	KUNIT_EXPECT_EQ(test,
			kho_map_find(map, MAP_PAGES, MAP_PAGES + 5, false),
			MAP_PAGES);
	KUNIT_EXPECT_EQ(test,
			kho_map_find(map, MAP_PAGES, MAP_PAGES + 5, true),
			MAP_PAGES + 5);
}

/* Bits that no add can have made, with a sum that is right */
static void map_order_nonsense(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	struct kho_map_leaf *leaf;

	expect_add(test, EDGE, 2, 1);
	leaf = raw_block(map, EDGE, LEAF_LEVEL);

	/* Three pages long */
	leaf->used[0] = 0x7;
	expect_order(test, EDGE, -EUCLEAN);

	/* Two pages long, where it can only be one */
	leaf->used[0] = 0x6;
	leaf->start[0] = 0x2;
	expect_order(test, EDGE + 1, -EUCLEAN);
	expect_order(test, EDGE, -ENOENT);
	expect_order(test, EDGE + 2, -ENOENT);
}

/*
 * A reference model: an array with the state of each page of a window.
 */
#define WINDOW_PAGES	(4 * LEAF_PAGES)
#define WINDOW_BASE	(EDGE - WINDOW_PAGES / 2)
#define MODEL_FREE	(-1)
#define MODEL_TAIL	(-2)
#define MODEL_OPS	2000
#define MODEL_COMPARE	400

struct model {
	struct rnd_state rnd;
	unsigned long extents[4];
	s8 page[WINDOW_PAGES];
};

struct extent {
	unsigned long index;
	unsigned int order;
	unsigned long nr;
};

static bool model_can_add(const struct model *model, const struct extent *ext)
{
	for (unsigned long i = 0; i < ext->nr << ext->order; i++)
		if (model->page[ext->index + i] != MODEL_FREE)
			return false;
	return true;
}

static bool model_can_del(const struct model *model, const struct extent *ext)
{
	for (unsigned long i = 0; i < ext->nr; i++)
		if (model->page[ext->index + (i << ext->order)] !=
		    (s8)ext->order)
			return false;
	return true;
}

static void model_set(struct model *model, const struct extent *ext, bool add)
{
	unsigned long mask = (1UL << ext->order) - 1;

	for (unsigned long i = 0; i < ext->nr << ext->order; i++) {
		s8 state = i & mask ? MODEL_TAIL : (s8)ext->order;

		model->page[ext->index + i] = add ? state : MODEL_FREE;
	}
}

static u32 model_random(struct model *model, u32 below)
{
	return prandom_u32_state(&model->rnd) % below;
}

static struct extent random_extent(struct model *model)
{
	struct extent ext = {
		.order = model_random(model, 16),
	};
	unsigned long room;

	/* Mostly small ones, or a few large ones would fill the window */
	if (ext.order > 4 && model_random(model, 3))
		ext.order %= 5;
	ext.index = model_random(model, WINDOW_PAGES >> ext.order) << ext.order;
	room = (WINDOW_PAGES - ext.index) >> ext.order;
	ext.nr = 1 + model_random(model, min(room, 200UL));
	return ext;
}

/* Most random extents are not there: go to the next piece, and take its run */
static struct extent present_extent(struct model *model)
{
	struct extent ext = { .index = model_random(model, WINDOW_PAGES) };
	unsigned long run = 0;
	s8 order;

	while (ext.index < WINDOW_PAGES && model->page[ext.index] < 0)
		ext.index++;
	if (ext.index == WINDOW_PAGES)
		return random_extent(model);

	order = model->page[ext.index];
	ext.order = order;
	while (ext.index + (run << ext.order) < WINDOW_PAGES &&
	       model->page[ext.index + (run << ext.order)] == order)
		run++;
	ext.nr = 1 + model_random(model, run);
	return ext;
}

static void model_add(struct kunit *test, struct model *model)
{
	struct extent ext = random_extent(model);
	unsigned long pfn = WINDOW_BASE + ext.index;

	if (model_can_add(model, &ext)) {
		expect_add(test, pfn, ext.order, ext.nr);
		model_set(model, &ext, true);
		model->extents[0]++;
	} else {
		expect_no_add(test, pfn, ext.order, ext.nr, -EBUSY);
		model->extents[1]++;
	}
}

static void model_del(struct kunit *test, struct model *model)
{
	struct extent ext = model_random(model, 3) ? present_extent(model) :
						     random_extent(model);
	unsigned long pfn = WINDOW_BASE + ext.index;

	if (model_can_del(model, &ext)) {
		expect_del(test, pfn, ext.order, ext.nr);
		model_set(model, &ext, false);
		model->extents[2]++;
	} else {
		expect_no_del(test, pfn, ext.order, ext.nr, -ENOENT);
		model->extents[3]++;
	}
}

static void model_compare(struct kunit *test, const struct model *model)
{
	struct kho_map *map = test_map(test);

	for (unsigned long i = 0; i < WINDOW_PAGES; i++) {
		unsigned long pfn = WINDOW_BASE + i;
		s8 state = model->page[i];
		int order = kho_map_order(map, pfn);

		KUNIT_ASSERT_EQ_MSG(test, kho_map_test(map, pfn),
				    state != MODEL_FREE, "page 0x%lx", pfn);
		KUNIT_ASSERT_EQ_MSG(test, order, state < 0 ? -ENOENT : state,
				    "page 0x%lx", pfn);
	}
	KUNIT_ASSERT_EQ(test, map_shape(map).bad_sums, 0);
}

static void map_random(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, model);
	prandom_seed_state(&model->rnd, 20260101);
	memset(model->page, MODEL_FREE, sizeof(model->page));

	for (unsigned int i = 1; i <= MODEL_OPS; i++) {
		if (model_random(model, 2))
			model_add(test, model);
		else
			model_del(test, model);
		if (i % MODEL_COMPARE == 0)
			model_compare(test, model);
	}

	/* Each of these has to happen often for the test to mean anything */
	for (unsigned int i = 0; i < ARRAY_SIZE(model->extents); i++)
		KUNIT_EXPECT_GT(test, model->extents[i], MODEL_OPS / 20);
}

/*
 * Taking a map over, and damage to it.
 */
static bool all_valid(phys_addr_t phys, size_t size)
{
	return true;
}

static bool none_valid(phys_addr_t phys, size_t size)
{
	return false;
}

static phys_addr_t refused_phys;

static bool refuse_one(phys_addr_t phys, size_t size)
{
	return phys != refused_phys;
}

/* Somewhere in four leaves of two tables, under two entries of the root */
static void fill_for_attach(struct kunit *test)
{
	expect_add(test, EDGE - LEAF_PAGES - 512, 9, 1);
	expect_add(test, EDGE - 512, 9, 1);
	expect_add(test, EDGE, 9, 1);
	expect_add(test, EDGE + LEAF_PAGES, 0, 3);
}

static int attach(struct kunit *test, struct kho_map *map)
{
	return kho_map_attach(map, virt_to_phys(test_map(test)->root),
			      all_valid);
}

static void map_attach_good(struct kunit *test)
{
	struct kho_map *old = test_map(test);
	struct kho_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	struct map_shape before;

	KUNIT_ASSERT_NOT_NULL(test, map);
	fill_for_attach(test);
	before = map_shape(old);

	KUNIT_ASSERT_EQ(test, attach(test, map), 0);
	KUNIT_EXPECT_PTR_EQ(test, map->root, old->root);
	expect_same(test, &before);

	/* The new owner can go on changing it */
	KUNIT_EXPECT_EQ(test, kho_map_order(map, EDGE), 9);
	KUNIT_EXPECT_EQ(test, kho_map_del(map, EDGE, 9, 1), 0);
	KUNIT_EXPECT_EQ(test, kho_map_del(map, EDGE, 9, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, kho_map_add(map, 2 * EDGE, 0, 1), 0);
	expect_shape(test, 2 * 512 + 3 + 1, 2 + 3 + 1);
}

static void map_attach_bad_root(struct kunit *test)
{
	struct kho_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	struct kho_map_root *root = test_map(test)->root;
	phys_addr_t phys = virt_to_phys(root);
	u64 *word = (u64 *)root;

	KUNIT_ASSERT_NOT_NULL(test, map);
	fill_for_attach(test);

	KUNIT_EXPECT_EQ(test, kho_map_attach(map, 0, all_valid), -EUCLEAN);
	KUNIT_EXPECT_EQ(test, kho_map_attach(map, phys + 8, all_valid),
			-EUCLEAN);
	KUNIT_EXPECT_EQ(test, kho_map_attach(map, phys, none_valid), -EUCLEAN);

	/* Each bit of the magic, of the sum, and of references in use or not */
	for (unsigned int i = 0; i < 16; i++) {
		/* The sums of tables are not in the root's sum */
		if (i > 1 && i % 2)
			continue;
		for (unsigned int bit = 0; bit < 64; bit++) {
			word[i] ^= BIT_ULL(bit);
			KUNIT_EXPECT_EQ_MSG(test, attach(test, map), -EUCLEAN,
					    "word %u, bit %u", i, bit);
			word[i] ^= BIT_ULL(bit);
		}
	}
	KUNIT_EXPECT_NULL(test, map->root);

	/* And it was for these bits alone */
	KUNIT_EXPECT_EQ(test, attach(test, map), 0);
}

/* What is known of a part of the map that was set aside */
static void expect_set_aside(struct kunit *test, unsigned long pfn,
			     unsigned long end)
{
	expect_range(test, pfn, end, true);
	expect_order(test, pfn, -ENOENT);
	expect_order(test, end - 1, -ENOENT);
	KUNIT_EXPECT_EQ(test, kho_map_add(test_map(test), pfn, 0, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, kho_map_add(test_map(test), end - 1, 0, 1),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, kho_map_del(test_map(test), pfn, 0, 1), -ENOENT);
}

/*
 * Attach with one word changed that has to do with a block; then put it right,
 * so that the next case starts from a good map.
 */
static void one_damage(struct kunit *test, u64 *word, u64 flip,
		       unsigned long pfn, unsigned int level)
{
	struct kho_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	struct kho_map_entry *entry = raw_entry(test_map(test), pfn, level);
	unsigned int shift = KHO_MAP_LEAF_SHIFT +
			     (LEAF_LEVEL - level) * KHO_MAP_TABLE_SHIFT;
	unsigned long start = ALIGN_DOWN(pfn, 1UL << shift);
	unsigned long end = start + (1UL << shift);
	struct map_shape before = map_shape(test_map(test));
	u64 phys = entry->phys;

	KUNIT_ASSERT_NOT_NULL(test, map);
	*word ^= flip;
	KUNIT_EXPECT_EQ(test, attach(test, map), 1);
	expect_set_aside(test, start, end);

	/* And nothing but that */
	if (end <= EDGE) {
		expect_order(test, EDGE, 9);
		expect_range(test, EDGE + LEAF_PAGES, EDGE + LEAF_PAGES + 3,
			     true);
	} else {
		expect_order(test, EDGE - 512, 9);
		expect_range(test, EDGE - LEAF_PAGES, EDGE - 512, false);
	}
	expect_range(test, 0, 1, false);

	entry->phys = phys;
	*word ^= flip;
	expect_same(test, &before);
	KUNIT_EXPECT_EQ(test, attach(test, map), 0);
	expect_same(test, &before);
}

static void map_attach_bad_leaf(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	struct kho_map_leaf *leaf;

	fill_for_attach(test);
	leaf = raw_block(map, EDGE, LEAF_LEVEL);
	for (unsigned int bit = 0; bit < 64; bit += 7) {
		u64 flip = BIT_ULL(bit);

		one_damage(test, &leaf->used[0], flip, EDGE, LEAF_LEVEL);
		one_damage(test, &leaf->start[0], flip, EDGE, LEAF_LEVEL);
		one_damage(test, &leaf->used[KHO_MAP_LEAF_WORDS - 1], flip,
			   EDGE, LEAF_LEVEL);
		one_damage(test, &leaf->start[KHO_MAP_LEAF_WORDS - 1], flip,
			   EDGE, LEAF_LEVEL);
		one_damage(test, &raw_entry(map, EDGE, LEAF_LEVEL)->sum, flip,
			   EDGE, LEAF_LEVEL);
	}

	/* A whole word, so that the number of bits stays the same */
	one_damage(test, &leaf->used[9], ~0ULL, EDGE, LEAF_LEVEL);
}

static void map_attach_bad_table(struct kunit *test)
{
	struct kho_map *map = test_map(test);

	fill_for_attach(test);
	for (unsigned int level = 1; level < LEAF_LEVEL; level++) {
		struct kho_map_table *table = raw_block(map, EDGE - 1, level);
		u64 *sum = &raw_entry(map, EDGE - 1, level)->sum;

		for (unsigned int bit = 0; bit < 64; bit += 7) {
			u64 flip = BIT_ULL(bit);

			one_damage(test, &table->entry[0].phys, flip, EDGE - 1,
				   level);
			one_damage(test,
				   &table->entry[TABLE_ENTRIES - 1].phys, flip,
				   EDGE - 1, level);
			one_damage(test, sum, flip, EDGE - 1, level);
		}
	}
}

/* A start bit without its used bit is nonsense, be the sum right or not */
static void map_attach_start_unused(struct kunit *test)
{
	struct kho_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	struct kho_map_entry *entry;
	struct kho_map_leaf *leaf;
	u64 phys;

	KUNIT_ASSERT_NOT_NULL(test, map);
	fill_for_attach(test);
	entry = raw_entry(test_map(test), EDGE, LEAF_LEVEL);
	leaf = raw_block(test_map(test), EDGE, LEAF_LEVEL);
	phys = entry->phys;

	leaf->start[100] = 1;
	entry->sum = block_sum(leaf, LEAF_LEVEL);
	KUNIT_EXPECT_EQ(test, attach(test, map), 1);
	expect_set_aside(test, EDGE, EDGE + LEAF_PAGES);
	expect_order(test, EDGE - 512, 9);
	entry->phys = phys;
}

static void map_attach_refused_block(struct kunit *test)
{
	struct kho_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	phys_addr_t root = virt_to_phys(test_map(test)->root);
	struct kho_map_entry *entry;

	KUNIT_ASSERT_NOT_NULL(test, map);
	fill_for_attach(test);
	entry = raw_entry(test_map(test), EDGE, LEAF_LEVEL);

	refused_phys = entry->phys;
	KUNIT_EXPECT_EQ(test, kho_map_attach(map, root, refuse_one), 1);
	expect_set_aside(test, EDGE, EDGE + LEAF_PAGES);
	expect_order(test, EDGE - 512, 9);
	expect_order(test, EDGE + LEAF_PAGES, 0);
	entry->phys = refused_phys;
}

/* The reference to a leaf, with the table's sum adapted to it */
static void set_leaf_phys(struct kunit *test, unsigned long pfn, u64 phys)
{
	struct kho_map_entry *table = raw_entry(test_map(test), pfn,
						LEAF_LEVEL - 1);
	struct kho_map_entry *leaf = raw_entry(test_map(test), pfn, LEAF_LEVEL);

	leaf->phys = phys;
	table->sum = block_sum(phys_to_virt(table->phys), LEAF_LEVEL - 1);
}

static void map_attach_unaligned_block(struct kunit *test)
{
	struct kho_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	u64 phys;

	KUNIT_ASSERT_NOT_NULL(test, map);
	fill_for_attach(test);
	phys = raw_entry(test_map(test), EDGE, LEAF_LEVEL)->phys;

	set_leaf_phys(test, EDGE, phys + 8);
	KUNIT_EXPECT_EQ(test, attach(test, map), 1);
	expect_set_aside(test, EDGE, EDGE + LEAF_PAGES);
	expect_order(test, EDGE + LEAF_PAGES, 0);
	set_leaf_phys(test, EDGE, phys);
}

/*
 * How long a piece is may follow from what comes after it. If that is damaged,
 * no length is better than one that could be wrong.
 */
static void map_attach_order_at_damage(struct kunit *test)
{
	unsigned long pfn = 2 * EDGE;
	struct kho_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);
	struct kho_map_leaf *leaf;
	u64 phys;

	KUNIT_ASSERT_NOT_NULL(test, map);

	/* As large as a leaf, and it could be larger by its alignment */
	expect_add(test, pfn, KHO_MAP_LEAF_SHIFT, 2);
	/* Larger than a leaf, and the one in its middle is lost */
	expect_add(test, pfn + 4 * LEAF_PAGES, KHO_MAP_LEAF_SHIFT + 2, 1);

	leaf = raw_block(test_map(test), pfn + LEAF_PAGES, LEAF_LEVEL);
	phys = virt_to_phys(leaf);
	leaf->used[0] ^= 1;
	KUNIT_EXPECT_EQ(test, attach(test, map), 1);
	KUNIT_EXPECT_NE(test, kho_map_order(test_map(test), pfn),
			KHO_MAP_LEAF_SHIFT + 1);
	raw_entry(test_map(test), pfn + LEAF_PAGES, LEAF_LEVEL)->phys = phys;
	leaf->used[0] ^= 1;
	expect_order(test, pfn, KHO_MAP_LEAF_SHIFT);

	pfn += 4 * LEAF_PAGES;
	leaf = raw_block(test_map(test), pfn + LEAF_PAGES, LEAF_LEVEL);
	phys = virt_to_phys(leaf);
	leaf->used[0] ^= 1;
	KUNIT_EXPECT_EQ(test, attach(test, map), 1);
	KUNIT_EXPECT_LT(test, kho_map_order(test_map(test), pfn), 0);
	KUNIT_EXPECT_EQ(test, kho_map_del(test_map(test), pfn,
					  KHO_MAP_LEAF_SHIFT + 2, 1), -ENOENT);
	raw_entry(test_map(test), pfn + LEAF_PAGES, LEAF_LEVEL)->phys = phys;
	leaf->used[0] ^= 1;
	expect_order(test, pfn, KHO_MAP_LEAF_SHIFT + 2);
}

/*
 * Marking the blocks of a map.
 */
#define MAX_RESERVED	64

static struct {
	unsigned long pfn[MAX_RESERVED];
	unsigned int nr;
} reserved;

static void note_reserved(phys_addr_t phys, size_t size)
{
	for (unsigned long i = 0; i < PFN_UP(size); i++, reserved.nr++)
		if (reserved.nr < MAX_RESERVED)
			reserved.pfn[reserved.nr] = PHYS_PFN(phys) + i;
}

static bool is_reserved(unsigned long pfn)
{
	for (unsigned int i = 0; i < min(reserved.nr, MAX_RESERVED); i++)
		if (reserved.pfn[i] == pfn)
			return true;
	return false;
}

/* Each page of a block is either marked as a piece, or reserved, not both */
static void expect_kept(struct kunit *test, void *block, size_t size,
			unsigned long *nr_reserved)
{
	unsigned long pfn = PHYS_PFN(virt_to_phys(block));

	for (unsigned long i = 0; i < PFN_UP(size); i++, pfn++) {
		if (is_reserved(pfn)) {
			expect_range(test, pfn, pfn + 1, false);
			++*nr_reserved;
		} else {
			expect_order(test, pfn, 0);
		}
	}
}

static void expect_blocks_kept(struct kunit *test, void *block,
			       unsigned int level, unsigned long *nr_reserved)
{
	struct kho_map_entry *entry;
	unsigned long nr = level ? TABLE_ENTRIES : ROOT_ENTRIES;

	expect_kept(test, block,
		    level ? PAGE_SIZE : sizeof(struct kho_map_root),
		    nr_reserved);
	if (level == LEAF_LEVEL)
		return;
	for (entry = block_entries(block, level); nr; nr--, entry++)
		if (entry->phys)
			expect_blocks_kept(test, phys_to_virt(entry->phys),
					   level + 1, nr_reserved);
}

static unsigned long mark_and_check(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	unsigned long nr_reserved = 0;

	reserved.nr = 0;
	kho_map_mark_blocks(map, note_reserved);
	KUNIT_ASSERT_LE(test, reserved.nr, MAX_RESERVED);
	expect_blocks_kept(test, map->root, 0, &nr_reserved);

	/* Nothing else, nothing twice, and the sums follow */
	KUNIT_EXPECT_EQ(test, reserved.nr, nr_reserved);
	KUNIT_EXPECT_EQ(test, map_shape(map).bad_sums, 0);
	return nr_reserved;
}

static unsigned long root_pages(void)
{
	return PFN_UP(sizeof(struct kho_map_root));
}

/* Nothing is preserved where the blocks lie */
static void map_mark_far(struct kunit *test)
{
	unsigned long blocks;

	/* Beyond all memory, so in no leaf that could cover a block */
	expect_add(test, MAP_PAGES - 5, 0, 2);
	blocks = map_shape(test_map(test)).blocks;
	KUNIT_EXPECT_EQ(test, blocks, 3);
	KUNIT_EXPECT_EQ(test, mark_and_check(test), root_pages() + blocks);
	expect_shape(test, 2, 2);
}

/* A page of no use, in the memory that blocks come from */
static unsigned long spare_page(struct kunit *test)
{
	void *page = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	return PHYS_PFN(virt_to_phys(page));
}

/* Things are preserved in each leaf that covers a block */
static void map_mark_near(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	struct map_shape before, after;
	unsigned long end;

	/* With a leaf for all memory, no block lies outside of one */
	end = ALIGN(PHYS_PFN(__pa(high_memory - 1)) + 1, LEAF_PAGES);
	for (unsigned long pfn = LEAF_PAGES; pfn <= end; pfn += LEAF_PAGES) {
		expect_add(test, pfn - 1, 0, 1);
		expect_del(test, pfn - 1, 0, 1);
	}
	expect_add(test, spare_page(test), 0, 1);

	before = map_shape(map);
	KUNIT_EXPECT_EQ(test, mark_and_check(test), 0);
	after = map_shape(map);
	KUNIT_EXPECT_EQ(test, after.pages,
			before.pages + before.blocks + root_pages());
	KUNIT_EXPECT_EQ(test, after.pieces, after.pages);
}

/* A corrupted handover may claim that the map's own pages are preserved */
static void map_mark_preserved(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	unsigned long pfn = PHYS_PFN(virt_to_phys(map->root));

	expect_add(test, pfn, 0, 1);
	mark_and_check(test);
	expect_order(test, pfn, 0);
}

/* Who believes that could have the map freed while it is in use */
static void map_attach_preserved_block(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	struct kho_map *new = kunit_kzalloc(test, sizeof(*new), GFP_KERNEL);
	unsigned long root = PHYS_PFN(virt_to_phys(map->root));

	KUNIT_ASSERT_NOT_NULL(test, new);
	expect_add(test, PHYS_PFN(virt_to_phys(new)), 0, 1);
	KUNIT_EXPECT_EQ(test, attach(test, new), 0);
	expect_add(test, root, 0, 1);
	KUNIT_EXPECT_EQ(test, attach(test, new), -EUCLEAN);
}

/* What a damaged part covers is kept anyway */
static void map_mark_damaged(struct kunit *test)
{
	struct kho_map *map = test_map(test);
	struct kho_map *new = kunit_kzalloc(test, sizeof(*new), GFP_KERNEL);
	unsigned long root = PHYS_PFN(virt_to_phys(map->root));
	struct kho_map_entry *entry;
	u64 phys;

	KUNIT_ASSERT_NOT_NULL(test, new);
	expect_add(test, root, 0, 1);
	entry = raw_entry(map, root, LEAF_LEVEL);
	phys = entry->phys;
	entry->sum ^= 1;
	KUNIT_ASSERT_EQ(test, attach(test, new), 1);

	reserved.nr = 0;
	kho_map_mark_blocks(new, note_reserved);
	for (unsigned int i = 0; i < min(reserved.nr, MAX_RESERVED); i++)
		KUNIT_EXPECT_NE(test, reserved.pfn[i] >> KHO_MAP_LEAF_SHIFT,
				root >> KHO_MAP_LEAF_SHIFT);
	KUNIT_EXPECT_FALSE(test, is_reserved(root));
	KUNIT_EXPECT_TRUE(test, kho_map_test(new, root));

	entry->phys = phys;
}

static struct kunit_case kho_map_cases[] = {
	KUNIT_CASE(map_empty),
	KUNIT_CASE(map_orders),
	KUNIT_CASE(map_neighbours),
	KUNIT_CASE(map_order_next_to_gap),
	KUNIT_CASE(map_boundaries),
	KUNIT_CASE(map_last_page),
	KUNIT_CASE(map_first_page),
	KUNIT_CASE(map_invalid),
	KUNIT_CASE(map_overlaps),
	KUNIT_CASE(map_overlap_late),
	KUNIT_CASE(map_del_wrong),
	KUNIT_CASE(map_del_part),
	KUNIT_CASE(map_del_part_of_gigantic),
	KUNIT_CASE(map_del_from_extent),
	KUNIT_CASE(map_find_holes),
	KUNIT_CASE(map_order_nonsense),
	KUNIT_CASE(map_random),
	KUNIT_CASE(map_find_large),
	KUNIT_CASE(map_last_block),
	KUNIT_CASE(map_attach_good),
	KUNIT_CASE(map_attach_bad_root),
	KUNIT_CASE(map_attach_bad_leaf),
	KUNIT_CASE(map_attach_bad_table),
	KUNIT_CASE(map_attach_start_unused),
	KUNIT_CASE(map_attach_refused_block),
	KUNIT_CASE(map_attach_unaligned_block),
	KUNIT_CASE(map_attach_order_at_damage),
	KUNIT_CASE(map_mark_far),
	KUNIT_CASE(map_mark_near),
	KUNIT_CASE(map_mark_preserved),
	KUNIT_CASE(map_attach_preserved_block),
	KUNIT_CASE(map_mark_damaged),
	{}
};

static struct kunit_suite kho_map_suite = {
	.name = "kho_map",
	.init = map_test_init,
	.exit = map_test_exit,
	.test_cases = kho_map_cases,
};

kunit_test_suite(kho_map_suite);

MODULE_DESCRIPTION("KUnit tests of the map of preserved memory");
MODULE_LICENSE("GPL");
