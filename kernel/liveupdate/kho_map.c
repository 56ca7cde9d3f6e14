// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map of preserved memory that one kernel leaves to the next.
 *
 * The layout is described in <linux/kho/abi/kexec_handover.h>. The map is
 * written in place and is complete at every moment; nothing is converted or
 * copied for the jump, and the next kernel goes on using it as it lies there.
 */

#define pr_fmt(fmt) "KHO: " fmt

#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <kunit/visibility.h>

#include "kho_map.h"

/* Stands for a block that was found damaged: all that it covers is kept */
#define KHO_MAP_BAD		1ULL

#define LEAF_PAGES		BIT(KHO_MAP_LEAF_SHIFT)
#define TABLE_ENTRIES		BIT(KHO_MAP_TABLE_SHIFT)
#define ROOT_ENTRIES		BIT(KHO_MAP_ROOT_SHIFT)
#define MAP_PAGES		BIT(KHO_MAP_ROOT_SHIFT + \
				    2 * KHO_MAP_TABLE_SHIFT + \
				    KHO_MAP_LEAF_SHIFT)

/* The levels above the leaves: 0 is the root, 2 refers to leaves */
#define LEVELS			3

static unsigned int entry_index(unsigned long pfn, unsigned int level)
{
	unsigned int shift = KHO_MAP_LEAF_SHIFT +
			     (LEVELS - 1 - level) * KHO_MAP_TABLE_SHIFT;

	return (pfn >> shift) & ((level ? TABLE_ENTRIES : ROOT_ENTRIES) - 1);
}

static void *entry_block(const struct kho_map_entry *entry)
{
	/* Pairs with the release in install_block(): contents before address */
	u64 phys = smp_load_acquire(&entry->phys);

	return phys & PAGE_MASK ? phys_to_virt(phys) : NULL;
}

static bool entry_bad(const struct kho_map_entry *entry)
{
	return READ_ONCE(entry->phys) == KHO_MAP_BAD;
}

/*
 * Taken with interrupts off: the CPU that jumps stops the others through an
 * interrupt, and must not find a leaf that differs from its sum.
 */
static spinlock_t *leaf_lock(struct kho_map *map, unsigned long pfn)
{
	return &map->leaf_lock[hash_long(pfn >> KHO_MAP_LEAF_SHIFT,
					 ilog2(KHO_MAP_LOCKS))];
}

/**
 * kho_alloc_block - allocate a page for what is handed over itself
 * @gfp: how
 *
 * Where memory can come and go, kho_memory.c knows better which to take.
 *
 * Context: As @gfp has it.
 *
 * Return: the page, zeroed; NULL if there is no memory.
 */
void * __weak kho_alloc_block(gfp_t gfp)
{
	return (void *)get_zeroed_page(gfp);
}

static int install_block(struct kho_map_entry *entry, unsigned int index,
			 u64 *table_sum)
{
	/* It can be that many need it: it is charged to none of them */
	void *block = kho_alloc_block(GFP_KERNEL);
	u64 phys;

	if (!block)
		return -ENOMEM;

	phys = virt_to_phys(block);
	entry->sum = KHO_MAP_SUM_SEED;
	*table_sum += kho_map_sum_word(phys, index);
	/* Pairs with the acquire in entry_block() */
	smp_store_release(&entry->phys, phys);
	return 0;
}

/*
 * Find the entry that refers to the leaf of @pfn; with @grow, make what is
 * missing on the way, the leaf included. The caller holds map->grow then.
 */
static struct kho_map_entry *leaf_entry(struct kho_map *map, unsigned long pfn,
					bool grow)
{
	struct kho_map_entry *entry = map->root->entry;
	u64 *table_sum = &map->root->sum;

	for (unsigned int level = 0; ; level++) {
		unsigned int index = entry_index(pfn, level);
		struct kho_map_table *table;

		entry += index;
		if (entry_bad(entry))
			return grow ? ERR_PTR(-EBUSY) : entry;
		if (grow && !entry->phys) {
			int err = install_block(entry, index, table_sum);

			if (err)
				return ERR_PTR(err);
		}
		if (level == LEVELS - 1)
			return entry;

		table = entry_block(entry);
		if (!table)
			return NULL;
		table_sum = &entry->sum;
		entry = table->entry;
	}
}

static struct kho_map_leaf *find_leaf(struct kho_map *map, unsigned long pfn,
				      struct kho_map_entry **entryp)
{
	struct kho_map_entry *entry = leaf_entry(map, pfn, false);

	*entryp = entry;
	return entry ? entry_block(entry) : NULL;
}

static struct kho_map_leaf *get_leaf(struct kho_map *map, unsigned long pfn,
				     struct kho_map_entry **entryp)
{
	struct kho_map_leaf *leaf = find_leaf(map, pfn, entryp);

	if (leaf)
		return leaf;

	guard(mutex)(&map->grow);

	*entryp = leaf_entry(map, pfn, true);
	if (IS_ERR(*entryp))
		return ERR_CAST(*entryp);
	return entry_block(*entryp);
}

/**
 * struct leaf_range - a part of an extent that lies in one leaf
 * @pfn: its first page
 * @end: the page after its last
 * @pattern: the bits of a word at which a piece can start
 * @mask: the words in which that is so have none of these bits in their number
 */
struct leaf_range {
	unsigned long pfn;
	unsigned long end;
	u64 pattern;
	unsigned long mask;
};

static struct leaf_range leaf_range(unsigned long pfn, unsigned long end,
				    unsigned int order)
{
	static const u64 pattern[] = {
		~0ULL, 0x5555555555555555ULL, 0x1111111111111111ULL,
		0x0101010101010101ULL, 0x0001000100010001ULL,
		0x0000000100000001ULL, 1ULL,
	};
	unsigned int large = order < ilog2(64) ? 0 : order - ilog2(64);

	return (struct leaf_range){
		.pfn = pfn,
		.end = end,
		.pattern = pattern[order - large],
		.mask = (1UL << large) - 1,
	};
}

/* Both are called for each word, of which a large folio has many */
static __always_inline u64 range_used(const struct leaf_range *range,
				      unsigned long word)
{
	u64 used = ~0ULL;

	if (word * 64 < range->pfn)
		used <<= range->pfn % 64;
	if (range->end - word * 64 < 64)
		used &= ~(~0ULL << (range->end % 64));
	return used;
}

static __always_inline u64 range_start(const struct leaf_range *range,
				       unsigned long word)
{
	return word & range->mask ? 0 : range->pattern;
}

static bool leaf_add(struct kho_map_entry *entry, struct kho_map_leaf *leaf,
		     const struct leaf_range *range)
{
	u64 sum = 0;

	for (unsigned long word = range->pfn / 64; word * 64 < range->end;
	     word++)
		if (leaf->used[word % KHO_MAP_LEAF_WORDS] &
		    range_used(range, word))
			return false;

	for (unsigned long word = range->pfn / 64; word * 64 < range->end;
	     word++) {
		unsigned int i = word % KHO_MAP_LEAF_WORDS;
		u64 used = range_used(range, word);
		u64 start = used & range_start(range, word);

		WRITE_ONCE(leaf->used[i], leaf->used[i] | used);
		WRITE_ONCE(leaf->start[i], leaf->start[i] | start);
		sum += kho_map_sum_word(used, i);
		sum += kho_map_sum_word(start, KHO_MAP_LEAF_WORDS + i);
	}
	entry->sum += sum;
	return true;
}

static bool leaf_match(struct kho_map_leaf *leaf,
		       const struct leaf_range *range)
{
	for (unsigned long word = range->pfn / 64; word * 64 < range->end;
	     word++) {
		unsigned int i = word % KHO_MAP_LEAF_WORDS;
		u64 used = range_used(range, word);

		if (used & ~leaf->used[i] ||
		    used & (leaf->start[i] ^ range_start(range, word)))
			return false;
	}
	return true;
}

static bool leaf_del(struct kho_map_entry *entry, struct kho_map_leaf *leaf,
		     const struct leaf_range *range)
{
	u64 sum = 0;

	if (!leaf_match(leaf, range))
		return false;

	for (unsigned long word = range->pfn / 64; word * 64 < range->end;
	     word++) {
		unsigned int i = word % KHO_MAP_LEAF_WORDS;
		u64 used = range_used(range, word);

		sum += kho_map_sum_word(used, i);
		sum += kho_map_sum_word(used & leaf->start[i],
					KHO_MAP_LEAF_WORDS + i);
		WRITE_ONCE(leaf->used[i], leaf->used[i] & ~used);
		WRITE_ONCE(leaf->start[i], leaf->start[i] & ~used);
	}
	entry->sum -= sum;
	return true;
}

static unsigned long leaf_end(unsigned long pfn, unsigned long end)
{
	return min(end, ALIGN_DOWN(pfn, LEAF_PAGES) + LEAF_PAGES);
}

static bool extent_valid(unsigned long pfn, unsigned int order,
			 unsigned long nr)
{
	if (!nr || order >= BITS_PER_LONG || !IS_ALIGNED(pfn, 1UL << order))
		return false;
	return pfn < MAP_PAGES && nr <= (MAP_PAGES - pfn) >> order;
}

/* Is a part of an extent in one leaf all there? With @del, take it out then */
static bool match_in_leaf(struct kho_map *map, unsigned long pfn,
			  unsigned long end, unsigned int order, bool del)
{
	struct leaf_range range = leaf_range(pfn, end, order);
	struct kho_map_entry *entry;
	struct kho_map_leaf *leaf = find_leaf(map, pfn, &entry);
	unsigned long flags;
	bool found;

	if (!leaf)
		return false;

	spin_lock_irqsave(leaf_lock(map, pfn), flags);
	found = del ? leaf_del(entry, leaf, &range) : leaf_match(leaf, &range);
	spin_unlock_irqrestore(leaf_lock(map, pfn), flags);
	return found;
}

/* Take out what the map is known to have */
static void remove_extent(struct kho_map *map, unsigned long pfn,
			  unsigned long end, unsigned int order)
{
	while (pfn < end) {
		unsigned long stop = leaf_end(pfn, end);

		WARN_ON_ONCE(!match_in_leaf(map, pfn, stop, order, true));
		pfn = stop;
	}
}

/**
 * kho_map_add - put an extent of equal pieces into a map
 * @map: the map
 * @pfn: page frame number of the first piece, aligned to @order
 * @order: each piece is of (1 << @order) pages
 * @nr: how many pieces follow each other
 *
 * Context: May sleep. Takes map->grow and the leaves' locks.
 *
 * Return: 0; -EBUSY if any of the pages is in the map already, -EINVAL for an
 * extent that no map can hold, -ENOMEM. On an error the map is as it was.
 */
int kho_map_add(struct kho_map *map, unsigned long pfn, unsigned int order,
		unsigned long nr)
{
	unsigned long start = pfn;
	unsigned long end;
	int err = 0;

	if (!extent_valid(pfn, order, nr))
		return -EINVAL;

	end = pfn + (nr << order);
	while (pfn < end) {
		unsigned long stop = leaf_end(pfn, end);
		struct leaf_range range = leaf_range(pfn, stop, order);
		struct kho_map_entry *entry;
		struct kho_map_leaf *leaf = get_leaf(map, pfn, &entry);

		if (IS_ERR(leaf)) {
			err = PTR_ERR(leaf);
			break;
		}
		scoped_guard(spinlock_irqsave, leaf_lock(map, pfn)) {
			if (!leaf_add(entry, leaf, &range))
				err = -EBUSY;
		}
		if (err)
			break;
		pfn = stop;
	}

	if (err)
		remove_extent(map, start, pfn, order);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_add);

/* Does a piece that is in the map go on from the page before @pfn to @pfn? */
static bool continues(struct kho_map *map, unsigned long pfn)
{
	unsigned int bit = pfn & (LEAF_PAGES - 1);
	struct kho_map_entry *entry;
	struct kho_map_leaf *leaf;
	unsigned long flags;
	u64 inner;

	if (pfn >= MAP_PAGES)
		return false;

	leaf = find_leaf(map, pfn, &entry);
	if (!leaf)
		return false;

	spin_lock_irqsave(leaf_lock(map, pfn), flags);
	inner = leaf->used[bit / 64] & ~leaf->start[bit / 64];
	spin_unlock_irqrestore(leaf_lock(map, pfn), flags);
	return inner & BIT_ULL(bit % 64);
}

static bool extent_match(struct kho_map *map, unsigned long pfn,
			 unsigned long end, unsigned int order)
{
	while (pfn < end) {
		unsigned long stop = leaf_end(pfn, end);

		if (!match_in_leaf(map, pfn, stop, order, false))
			return false;
		pfn = stop;
	}
	return true;
}

/**
 * kho_map_holds - is an extent of equal pieces in a map?
 * @map: the map
 * @pfn: page frame number of the first piece
 * @order: each piece is of (1 << @order) pages
 * @nr: how many pieces follow each other
 *
 * Context: Any. The answer is about this moment.
 *
 * Return: true if kho_map_del() could take out just these pieces.
 */
bool kho_map_holds(struct kho_map *map, unsigned long pfn, unsigned int order,
		   unsigned long nr)
{
	unsigned long end = pfn + (nr << order);

	return extent_valid(pfn, order, nr) && !continues(map, end) &&
	       extent_match(map, pfn, end, order);
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_holds);

/* Undo match_in_leaf() with @del: what these leaves had, they have room for */
static void put_back_extent(struct kho_map *map, unsigned long pfn,
			    unsigned long end, unsigned int order)
{
	while (pfn < end) {
		unsigned long stop = leaf_end(pfn, end);
		struct leaf_range range = leaf_range(pfn, stop, order);
		struct kho_map_entry *entry;
		struct kho_map_leaf *leaf = find_leaf(map, pfn, &entry);

		scoped_guard(spinlock_irqsave, leaf_lock(map, pfn))
			WARN_ON_ONCE(!leaf_add(entry, leaf, &range));
		pfn = stop;
	}
}

/**
 * kho_map_del - take an extent of equal pieces out of a map
 * @map: the map
 * @pfn: page frame number of the first piece
 * @order: each piece is of (1 << @order) pages
 * @nr: how many pieces follow each other
 *
 * Only whole pieces can be taken out, with the order they were put in with.
 *
 * Context: Any. Two callers that take out the same
 * single piece at the same time: one of them gets it.
 *
 * Return: 0; -ENOENT if the map does not hold just these pieces, in which case
 * it is as it was; -EINVAL for an extent that no map can hold.
 */
int kho_map_del(struct kho_map *map, unsigned long pfn, unsigned int order,
		unsigned long nr)
{
	unsigned long start = pfn;
	unsigned long end;

	if (!extent_valid(pfn, order, nr))
		return -EINVAL;

	end = pfn + (nr << order);
	if (continues(map, end))
		return -ENOENT;

	while (pfn < end && match_in_leaf(map, pfn, leaf_end(pfn, end), order,
					  true))
		pfn = leaf_end(pfn, end);
	if (pfn == end)
		return 0;

	put_back_extent(map, start, pfn, order);
	return -ENOENT;
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_del);

/*
 * The first bit at or after @bit that is set, or with @invert ~0 is not. The
 * bits of other pages may change meanwhile, under the leaf's lock.
 */
static unsigned long next_in_leaf(const u64 *words, unsigned long bit,
				  u64 invert)
{
	u64 mask = ~0ULL << (bit % 64);

	for (unsigned int i = bit / 64; i < KHO_MAP_LEAF_WORDS; i++) {
		u64 word = (READ_ONCE(words[i]) ^ invert) & mask;

		if (word)
			return i * 64 + __ffs64(word);
		mask = ~0ULL;
	}
	return LEAF_PAGES;
}

/**
 * kho_map_test - is a page in a map?
 * @map: the map
 * @pfn: the page's frame number
 *
 * Context: Any. Takes no lock: the answer is about this moment.
 *
 * Return: true if the map holds the page, or if the part of the map that
 * covers it is damaged.
 */
bool kho_map_test(struct kho_map *map, unsigned long pfn)
{
	return kho_map_find(map, pfn, pfn + 1, true) == pfn;
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_test);

/**
 * kho_map_find - find the next page that is, or is not, in a map
 * @map: the map
 * @pfn: where to start
 * @end: where to stop
 * @used: true to find a page that the map holds, false for one that it does not
 *
 * What a damaged part of the map covers counts as held.
 *
 * Context: Any. Takes no lock.
 *
 * Return: the first such page's frame number in [@pfn, @end), else @end.
 */
unsigned long kho_map_find(struct kho_map *map, unsigned long pfn,
			   unsigned long end, bool used)
{
	while (pfn < end) {
		unsigned long base = ALIGN_DOWN(pfn, LEAF_PAGES);
		struct kho_map_entry *entry = NULL;
		struct kho_map_leaf *leaf = NULL;
		unsigned long bit = pfn - base;

		if (pfn < MAP_PAGES)
			leaf = find_leaf(map, pfn, &entry);
		if (leaf)
			bit = next_in_leaf(leaf->used, bit, used ? 0 : ~0ULL);
		else if (used != (entry && entry_bad(entry)))
			bit = LEAF_PAGES;

		pfn = base + bit;
		if (bit < LEAF_PAGES)
			break;
	}
	return min(pfn, end);
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_find);

static unsigned long find_start(struct kho_map *map, unsigned long pfn,
				unsigned long end)
{
	while (pfn < end) {
		unsigned long base = ALIGN_DOWN(pfn, LEAF_PAGES);
		struct kho_map_entry *entry;
		struct kho_map_leaf *leaf = find_leaf(map, pfn, &entry);
		unsigned long bit = LEAF_PAGES;

		if (leaf)
			bit = next_in_leaf(leaf->start, pfn - base, 0);
		pfn = base + bit;
		if (bit < LEAF_PAGES)
			break;
	}
	return min(pfn, end);
}

/**
 * kho_map_order - the order of a piece
 * @map: the map
 * @pfn: frame number of the piece's first page
 *
 * Context: Any. Takes no lock; the caller knows that the piece stays.
 *
 * Return: the order; -ENOENT if no piece starts at @pfn; -EUCLEAN if what does
 * is not of a size or alignment that a piece can have.
 */
int kho_map_order(struct kho_map *map, unsigned long pfn)
{
	unsigned long max, len;

	if (pfn >= MAP_PAGES || find_start(map, pfn, pfn + 1) != pfn)
		return -ENOENT;

	/* No piece is longer than its alignment */
	max = pfn ? 1UL << __ffs(pfn) : LEAF_PAGES;
	max = min(max, MAP_PAGES - pfn);
	len = find_start(map, pfn + 1, pfn + max) - pfn;
	len = kho_map_find(map, pfn, pfn + len, false) - pfn;
	/* What a damaged part covers counts as used, but not as part of a piece */
	if (!is_power_of_2(len) || continues(map, pfn + len) ||
	    !extent_match(map, pfn, pfn + len, ilog2(len)))
		return -EUCLEAN;
	return ilog2(len);
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_order);

/* The first page at or after @bit that is of a piece, but does not start one */
static unsigned long next_inner(const struct kho_map_leaf *leaf,
				unsigned long bit)
{
	u64 mask = ~0ULL << (bit % 64);

	for (unsigned int i = bit / 64; i < KHO_MAP_LEAF_WORDS; i++) {
		u64 inner = READ_ONCE(leaf->used[i]) &
			    ~READ_ONCE(leaf->start[i]) & mask;

		if (inner)
			return i * 64 + __ffs64(inner);
		mask = ~0ULL;
	}
	return LEAF_PAGES;
}

/**
 * kho_map_find_large - find a piece of more than one page
 * @map: the map
 * @pfn: where to start; no piece begins before and ends after that
 * @end: where to stop
 *
 * Context: Any. Takes no lock; the caller knows that the pieces stay.
 *
 * Return: frame number of the piece's first page; @end if there is none that
 * starts before that.
 */
unsigned long kho_map_find_large(struct kho_map *map, unsigned long pfn,
				 unsigned long end)
{
	while (pfn < end && pfn < MAP_PAGES) {
		unsigned long base = ALIGN_DOWN(pfn, LEAF_PAGES);
		struct kho_map_entry *entry;
		struct kho_map_leaf *leaf = find_leaf(map, pfn, &entry);
		unsigned long bit = LEAF_PAGES;

		if (leaf)
			bit = next_inner(leaf, pfn - base);
		/* The page before that starts it */
		if (bit < LEAF_PAGES)
			return min(base + bit - (base + bit > pfn), end);
		pfn = base + LEAF_PAGES;
	}
	return end;
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_find_large);

static void map_init_locks(struct kho_map *map)
{
	mutex_init(&map->grow);
	for (unsigned int i = 0; i < KHO_MAP_LOCKS; i++)
		spin_lock_init(&map->leaf_lock[i]);
}

/**
 * kho_map_init - make an empty map
 * @map: the map
 *
 * Return: 0 or -ENOMEM.
 */
int kho_map_init(struct kho_map *map)
{
	map->root = alloc_pages_exact(sizeof(*map->root),
				      GFP_KERNEL | __GFP_ZERO);
	if (!map->root)
		return -ENOMEM;

	map->root->magic = KHO_MAP_MAGIC;
	map->root->sum = KHO_MAP_SUM_SEED;
	map_init_locks(map);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_init);

static void destroy_table(struct kho_map_entry *entry, unsigned long nr,
			  unsigned int level)
{
	for (; nr; nr--, entry++) {
		struct kho_map_table *table = entry_block(entry);

		if (!table)
			continue;
		if (level < LEVELS - 1)
			destroy_table(table->entry, TABLE_ENTRIES, level + 1);
		free_page((unsigned long)table);
	}
}

/**
 * kho_map_destroy - free a map that kho_map_init() made
 * @map: the map; nobody else uses it any more
 */
void kho_map_destroy(struct kho_map *map)
{
	destroy_table(map->root->entry, ROOT_ENTRIES, 0);
	free_pages_exact(map->root, sizeof(*map->root));
	map->root = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_destroy);

static u64 table_sum(const struct kho_map_entry *entry, unsigned long nr)
{
	u64 sum = KHO_MAP_SUM_SEED;

	for (unsigned long i = 0; i < nr; i++)
		sum += kho_map_sum_word(entry[i].phys, i);
	return sum;
}

static bool leaf_sane(const struct kho_map_leaf *leaf, u64 expected)
{
	u64 sum = KHO_MAP_SUM_SEED;

	for (unsigned int i = 0; i < KHO_MAP_LEAF_WORDS; i++) {
		if (leaf->start[i] & ~leaf->used[i])
			return false;
		sum += kho_map_sum_word(leaf->used[i], i);
		sum += kho_map_sum_word(leaf->start[i], KHO_MAP_LEAF_WORDS + i);
	}
	return sum == expected;
}

/* Return: how many blocks are damaged */
static int check_table(struct kho_map_entry *entry, unsigned long nr,
		       unsigned int level,
		       bool (*valid)(phys_addr_t phys, size_t size))
{
	int damaged = 0;

	for (unsigned long i = 0; i < nr; i++, entry++) {
		bool sane = false;
		void *block;

		if (!entry->phys)
			continue;
		if (IS_ALIGNED(entry->phys, PAGE_SIZE) &&
		    valid(entry->phys, PAGE_SIZE)) {
			block = phys_to_virt(entry->phys);
			if (level == LEVELS - 1)
				sane = leaf_sane(block, entry->sum);
			else
				sane = table_sum(block, TABLE_ENTRIES) ==
				       entry->sum;
		}
		if (!sane) {
			pr_err("a level %u block is damaged, what it covers stays reserved\n",
			       level + 1);
			entry->phys = KHO_MAP_BAD;
			damaged++;
		} else if (level < LEVELS - 1) {
			damaged += check_table(block, TABLE_ENTRIES, level + 1,
					       valid);
		}
	}
	return damaged;
}

/* Call @visit for each table and leaf below some entries */
static void visit_table(struct kho_map_entry *entry, unsigned long nr,
			unsigned int level,
			void (*visit)(phys_addr_t phys, size_t size, void *arg),
			void *arg)
{
	for (; nr; nr--, entry++) {
		struct kho_map_table *table = entry_block(entry);

		if (!table)
			continue;
		visit(entry->phys, PAGE_SIZE, arg);
		if (level < LEVELS - 1)
			visit_table(table->entry, TABLE_ENTRIES, level + 1,
				    visit, arg);
	}
}

/**
 * kho_map_visit_blocks - go through the memory that a map lies in
 * @map: the map
 * @visit: called for each block of it
 * @arg: for @visit
 *
 * Context: Nobody changes the map.
 */
void kho_map_visit_blocks(struct kho_map *map,
			  void (*visit)(phys_addr_t phys, size_t size,
					void *arg),
			  void *arg)
{
	visit(virt_to_phys(map->root), sizeof(*map->root), arg);
	visit_table(map->root->entry, ROOT_ENTRIES, 0, visit, arg);
}

/* A block is in no map of the kernel that wrote it, see kho_map_mark_blocks() */
static void find_preserved_block(phys_addr_t phys, size_t size, void *arg)
{
	unsigned long pfn = PHYS_PFN(phys);
	struct kho_map **mapp = arg;

	for (unsigned long nr = PFN_UP(size); *mapp && nr; nr--, pfn++) {
		unsigned int bit = pfn & (LEAF_PAGES - 1);
		struct kho_map_entry *entry;
		struct kho_map_leaf *leaf = find_leaf(*mapp, pfn, &entry);

		if (leaf && leaf->used[bit / 64] & BIT_ULL(bit % 64))
			*mapp = NULL;
	}
}

static bool any_block_preserved(struct kho_map *map)
{
	struct kho_map *found = map;

	kho_map_visit_blocks(map, find_preserved_block, &found);
	return !found;
}

/**
 * kho_map_attach - take over the map that the previous kernel left
 * @map: the map
 * @root: the physical address of its root
 * @valid: tells whether an address can be that of a block of the map
 *
 * All of the map is checked. From here on damaged parts count as preserved, so
 * that their memory stays out of use, but hold no piece that could be restored.
 *
 * Context: Early boot; the direct map is there, nothing has been freed yet.
 *
 * Return: the number of damaged blocks, or -EUCLEAN if not even the root is
 * sane, or if the map says that what it lies in itself is preserved.
 */
int kho_map_attach(struct kho_map *map, phys_addr_t root,
		   bool (*valid)(phys_addr_t phys, size_t size))
{
	int damaged;

	if (!root || !IS_ALIGNED(root, PAGE_SIZE) ||
	    !valid(root, sizeof(*map->root)))
		return -EUCLEAN;

	map->root = phys_to_virt(root);
	map_init_locks(map);
	if (map->root->magic != KHO_MAP_MAGIC ||
	    map->root->sum != table_sum(map->root->entry, ROOT_ENTRIES)) {
		map->root = NULL;
		return -EUCLEAN;
	}

	damaged = check_table(map->root->entry, ROOT_ENTRIES, 0, valid);
	return any_block_preserved(map) ? -EUCLEAN : damaged;
}

/* The last page of a block in [pfn, end), or what was found before */
static unsigned long last_in_block(void *block, size_t size,
				   unsigned long pfn, unsigned long end,
				   unsigned long found)
{
	unsigned long first = PHYS_PFN(virt_to_phys(block));
	unsigned long last = first + PFN_UP(size) - 1;

	if (first >= end || last < pfn)
		return found;

	last = min(last, end - 1);
	return found == end ? last : max(found, last);
}

static unsigned long last_in_table(const struct kho_map_entry *entry,
				   unsigned long nr, unsigned int level,
				   unsigned long pfn, unsigned long end,
				   unsigned long found)
{
	for (; nr; nr--, entry++) {
		struct kho_map_table *table = entry_block(entry);

		if (!table)
			continue;
		found = last_in_block(table, PAGE_SIZE, pfn, end, found);
		if (level < LEVELS - 1)
			found = last_in_table(table->entry, TABLE_ENTRIES,
					      level + 1, pfn, end, found);
	}
	return found;
}

/**
 * kho_map_last_block - find the last page that holds the map itself
 * @map: the map
 * @pfn: where to start
 * @end: where to stop
 *
 * All of the map is looked at, so this is for rare use.
 *
 * Context: Any that keeps the map from growing.
 *
 * Return: frame number of the last page in [@pfn, @end) that is a part of the
 * map, else @end.
 */
unsigned long kho_map_last_block(struct kho_map *map, unsigned long pfn,
				 unsigned long end)
{
	unsigned long found = last_in_block(map->root, sizeof(*map->root), pfn,
					    end, end);

	return last_in_table(map->root->entry, ROOT_ENTRIES, 0, pfn, end,
			     found);
}
EXPORT_SYMBOL_IF_KUNIT(kho_map_last_block);

/**
 * struct mark_blocks - what to mark the blocks of a map with
 * @map: the map
 * @reserve: called for a page where nothing is preserved
 */
struct mark_blocks {
	struct kho_map *map;
	void (*reserve)(phys_addr_t phys, size_t size);
};

static void mark_block(phys_addr_t phys, size_t size, void *arg)
{
	const struct mark_blocks *mark = arg;
	unsigned long pfn = PHYS_PFN(phys);

	for (unsigned long nr = PFN_UP(size); nr; nr--, pfn++) {
		struct leaf_range page = leaf_range(pfn, pfn + 1, 0);
		struct kho_map_entry *entry;
		struct kho_map_leaf *leaf = find_leaf(mark->map, pfn, &entry);

		if (leaf)
			leaf_add(entry, leaf, &page);
		else if (!(entry && entry_bad(entry)))
			mark->reserve(PFN_PHYS(pfn), PAGE_SIZE);
	}
}

/**
 * kho_map_mark_blocks - keep the pages that hold an attached map
 * @map: the map
 * @reserve: called for the few pages that lie where nothing is preserved
 *
 * The kernel that wrote the map cannot do this: it would need new blocks for
 * the pages of new blocks.
 *
 * Context: Early boot, once, after kho_map_attach(); single-threaded.
 */
void kho_map_mark_blocks(struct kho_map *map,
			 void (*reserve)(phys_addr_t phys, size_t size))
{
	struct mark_blocks mark = { .map = map, .reserve = reserve };

	kho_map_visit_blocks(map, mark_block, &mark);
}
