// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who memory is preserved for.
 *
 * A file handler preserves memory in its callbacks, and only its successor in
 * the next kernel knows where that is. If there is no such successor the memory
 * must not be lost for ever: so while a callback runs, all that its task
 * preserves is logged for the file.
 */

#include <linux/err.h>
#include <linux/hash.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "kho_extents.h"
#include "kho_owner.h"

/**
 * struct kho_owner_bucket - owners that tasks with one hash work for
 * @lock: protects @owners
 * @owners: the owners
 */
struct kho_owner_bucket {
	spinlock_t lock; /* owners */
	struct hlist_head owners;
};

static struct kho_owner_bucket kho_owners[64] = {
	[0 ... 63] = { .lock = __SPIN_LOCK_UNLOCKED(kho_owners.lock) },
};

static struct kho_owner_bucket *task_bucket(void)
{
	return &kho_owners[hash_ptr(current, ilog2(ARRAY_SIZE(kho_owners)))];
}

/**
 * kho_owner_begin - what this task preserves from now on is for an owner
 * @owner: the owner, all zero at first
 *
 * Context: Task. The task works for nobody else.
 */
void kho_owner_begin(struct kho_owner *owner)
{
	struct kho_owner_bucket *bucket = task_bucket();

	owner->task = current;
	spin_lock(&bucket->lock);
	hlist_add_head(&owner->node, &bucket->owners);
	spin_unlock(&bucket->lock);
}

/**
 * kho_owner_end - undo kho_owner_begin()
 * @owner: the owner
 *
 * Context: Task, the same one that began.
 */
void kho_owner_end(struct kho_owner *owner)
{
	struct kho_owner_bucket *bucket = task_bucket();

	spin_lock(&bucket->lock);
	hlist_del_init(&owner->node);
	spin_unlock(&bucket->lock);
}

/* Stays until the task itself ends it */
static struct kho_owner *current_owner(void)
{
	struct kho_owner_bucket *bucket = task_bucket();
	struct kho_owner *owner, *found = NULL;

	spin_lock(&bucket->lock);
	hlist_for_each_entry(owner, &bucket->owners, node)
		if (owner->task == current)
			found = owner;
	spin_unlock(&bucket->lock);
	return found;
}

/* The log begins in the owner itself: few files need more than that */
static int add_record(struct kho_owner *owner, u64 record)
{
	if (owner->nr < ARRAY_SIZE(owner->record)) {
		owner->record[owner->nr++] = record;
		return 0;
	}

	return kho_extents_add(&owner->more, record);
}

/**
 * kho_owner_log - memory was preserved
 * @pfn: page frame number of the first piece
 * @order: order of each piece, or KHO_EXTENT_LIST for the list that begins at
 *	@pfn, and all that is in it
 * @nr: number of pieces
 *
 * Context: May sleep.
 *
 * Return: 0, also if the task works for no owner; -ENOMEM, then the caller takes
 * all of the extent back.
 */
int kho_owner_log(unsigned long pfn, unsigned int order, unsigned long nr)
{
	const unsigned long max = FIELD_MAX(KHO_EXTENT_NR);
	struct kho_owner *owner = current_owner();
	unsigned long done = 0;
	int err = 0;

	while (owner && done < nr && !err) {
		unsigned long n = min(nr - done, max);

		err = add_record(owner, kho_extent_pack(pfn + (done << order),
							order, n));
		if (!err)
			done += n;
	}

	if (err && done)
		kho_owner_unlog(pfn, order, done);
	return err;
}

/*
 * Where a record of the log is: in @chunk or, if that is NULL, in the owner.
 * The owner's records come before those of the first chunk, and after those of
 * the last.
 */
struct kho_owner_place {
	struct kho_extents_chunk *chunk;
	unsigned int i;
};

static unsigned int place_nr(struct kho_owner *owner,
			     const struct kho_owner_place *place)
{
	return place->chunk ? place->chunk->nr : owner->nr;
}

static u64 place_record(struct kho_owner *owner,
			const struct kho_owner_place *place)
{
	return place->chunk ? place->chunk->record[place->i] :
			      owner->record[place->i];
}

static void place_set(struct kho_owner *owner,
		      const struct kho_owner_place *place, u64 record)
{
	if (place->chunk)
		kho_extents_set(place->chunk, place->i, record);
	else
		owner->record[place->i] = record;
}

static struct kho_owner_place next_block(struct kho_owner *owner,
					 const struct kho_owner_place *place)
{
	struct kho_owner_place next = { .chunk = owner->more.first };

	if (place->chunk)
		next.chunk = place->chunk->next ?
			     phys_to_virt(place->chunk->next) : NULL;
	return next;
}

static bool has_piece(u64 record, unsigned long pfn, unsigned int order)
{
	struct kho_extent extent = kho_extent_unpack(record);

	return extent.nr && extent.order == order && pfn >= extent.pfn &&
	       (pfn - extent.pfn) >> order < extent.nr;
}

/* From @place on, in its block */
static bool scan_block(struct kho_owner *owner, struct kho_owner_place *place,
		       unsigned long pfn, unsigned int order)
{
	for (; place->i < place_nr(owner, place); place->i++)
		if (has_piece(place_record(owner, place), pfn, order))
			return true;
	return false;
}

/*
 * Find the record that a piece is in. Mostly that is next to the one found
 * before, as memory is taken back in the order of its preserve or in the reverse
 * order, so that is where to begin; and all around from there.
 */
static bool find_record(struct kho_owner *owner, unsigned long pfn,
			unsigned int order, struct kho_owner_place *place)
{
	struct kho_extents_chunk *start = owner->found;

	*place = (struct kho_owner_place){
		.chunk = start,
		.i = owner->found_index - (owner->found_index > 0),
	};
	do {
		if (scan_block(owner, place, pfn, order))
			return true;
		*place = next_block(owner, place);
	} while (place->chunk != start);

	return scan_block(owner, place, pfn, order);
}

/* Return: how many pieces were taken out of the log, 0 if it has none of them */
static unsigned long unlog_some(struct kho_owner *owner, unsigned long pfn,
				unsigned int order, unsigned long nr)
{
	struct kho_owner_place place;
	struct kho_extent extent;
	unsigned long before, n;

	if (!find_record(owner, pfn, order, &place))
		return 0;

	owner->found = place.chunk;
	owner->found_index = place.i;

	extent = kho_extent_unpack(place_record(owner, &place));
	before = (pfn - extent.pfn) >> order;
	n = min(nr, extent.nr - before);
	if (!before && n < extent.nr) {
		extent.pfn += n << order;
		extent.nr -= n;
	} else {
		/*
		 * What follows is left out: it is not worth an allocation that
		 * could fail. To log too little is a leak in the worst case, to
		 * log too much would give away what is somebody else's.
		 */
		extent.nr = before;
	}
	place_set(owner, &place, !extent.nr ? 0 :
		  kho_extent_pack(extent.pfn, extent.order, extent.nr));
	return n;
}

/**
 * kho_owner_unlog - memory is not preserved any more
 * @pfn: page frame number of the first piece
 * @order: order of each piece, or KHO_EXTENT_LIST
 * @nr: number of pieces
 *
 * Context: Any.
 */
void kho_owner_unlog(unsigned long pfn, unsigned int order, unsigned long nr)
{
	struct kho_owner *owner = current_owner();

	while (owner && nr) {
		unsigned long n = unlog_some(owner, pfn, order, nr);

		/* It was preserved for nobody, or has been left out before */
		if (!n)
			n = 1;
		pfn += n << order;
		nr -= n;
	}
}

/**
 * kho_owner_serialize - what to tell the next kernel
 * @owner: the owner
 * @memory: set to the log
 */
void kho_owner_serialize(const struct kho_owner *owner,
			 u64 memory[KHO_OWNER_RECORDS])
{
	phys_addr_t more = kho_extents_phys(&owner->more);

	memcpy(memory, owner->record, sizeof(owner->record));
	memory[KHO_OWNER_RECORDS - 1] = !more ? 0 :
		kho_extent_pack(PHYS_PFN(more), KHO_EXTENT_LIST, 1);
}

/**
 * kho_owner_free - nothing is preserved for an owner any more
 * @owner: the owner
 *
 * Context: Any that may take a spinlock.
 */
void kho_owner_free(struct kho_owner *owner)
{
	kho_extents_free(&owner->more);
	*owner = (struct kho_owner){};
}

/**
 * struct kho_owner_walk - a walk through a log
 * @visit: called for each extent, and for each page of a list once all in it was
 *	visited; an error ends the walk
 * @left: how many more extents @visit may be called for
 * @give_back: @visit gives memory back to the system
 * @own: the log is this kernel's own, and did not come over
 * @pages: what @visit has found
 * @carried: extents that @visit has preserved once more
 */
struct kho_owner_walk {
	int (*visit)(const struct kho_extent *extent,
		     struct kho_owner_walk *walk);
	unsigned long left;
	unsigned long carried;
	bool give_back;
	bool own;
	u64 pages;
};

static int visit_extent(const struct kho_extent *extent,
			struct kho_owner_walk *walk)
{
	/* A seek, which is about a place in a file, or what can't be */
	if (!extent->nr || extent->order > MAX_PAGE_ORDER)
		return 0;

	/* A list can be a cycle */
	if (!walk->left)
		return -E2BIG;
	walk->left--;
	return walk->visit(extent, walk);
}

/* Before its records: one of them can be about the chunk itself */
static int enter_chunk(phys_addr_t phys, struct kho_owner_walk *walk)
{
	cond_resched();
	if (walk->give_back && kho_restore_extent(PHYS_PFN(phys), 0, 1))
		return -EIO;
	return 0;
}

/* After its records, be they read or not */
static int leave_chunk(phys_addr_t phys, struct kho_owner_walk *walk, int err)
{
	const struct kho_extent page = { .pfn = PHYS_PFN(phys), .nr = 1 };

	if (walk->give_back) {
		__free_page(pfn_to_page(page.pfn));
		walk->pages++;
		return err;
	}
	return err ?: visit_extent(&page, walk);
}

static struct kho_extents_chunk *get_chunk(phys_addr_t phys,
					   const struct kho_owner_walk *walk)
{
	return walk->own ? phys_to_virt(phys) : kho_extents_chunk(phys);
}

/* A list can lead to lists, but these to no more */
static int walk_list(phys_addr_t first, unsigned int depth,
		     struct kho_owner_walk *walk)
{
	while (first) {
		struct kho_extents_chunk *chunk = get_chunk(first, walk);
		phys_addr_t next;
		int err;

		if (!chunk)
			return -EIO;

		err = enter_chunk(first, walk);
		if (err)
			return err;
		for (unsigned int i = 0; i < chunk->nr && !err; i++) {
			struct kho_extent extent =
				kho_extent_unpack(chunk->record[i]);

			if (extent.order == KHO_EXTENT_LIST && depth)
				err = walk_list(PFN_PHYS(extent.pfn), depth - 1,
						walk);
			else
				err = visit_extent(&extent, walk);
		}
		next = chunk->next;
		err = leave_chunk(first, walk, err);
		if (err)
			return err;
		first = next;
	}
	return 0;
}

static int walk_record(u64 record, struct kho_owner_walk *walk)
{
	struct kho_extent extent = kho_extent_unpack(record);

	if (extent.order == KHO_EXTENT_LIST)
		return walk_list(PFN_PHYS(extent.pfn), 1, walk);
	return visit_extent(&extent, walk);
}

/* Return: the first error, which ends it: that of a visit, -EIO for a damaged list */
static int walk_log(const u64 memory[KHO_OWNER_RECORDS],
		    struct kho_owner_walk *walk)
{
	int err = 0;

	for (unsigned int i = 0; i < KHO_OWNER_RECORDS && !err; i++)
		err = walk_record(memory[i], walk);
	return err;
}

/* What one record leads to is visited even if another's list is damaged */
static int walk_all(const u64 memory[KHO_OWNER_RECORDS],
		    struct kho_owner_walk *walk)
{
	int ret = 0;

	for (unsigned int i = 0; i < KHO_OWNER_RECORDS; i++) {
		int err = walk_record(memory[i], walk);

		ret = ret ?: err;
	}
	return ret;
}

/* One by one: some may have been restored before something failed */
static int discard_extent(const struct kho_extent *extent,
			  struct kho_owner_walk *walk)
{
	for (unsigned long i = 0; i < extent->nr; i++) {
		unsigned long pfn = extent->pfn + (i << extent->order);

		if (kho_restore_extent(pfn, extent->order, 1))
			continue;
		folio_put(pfn_folio(pfn));
		walk->pages += 1UL << extent->order;
	}
	return 0;
}

/**
 * kho_owner_discard - give all memory of an owner that came over to the system
 * @memory: the log
 * @bytes: set to how much that was
 *
 * Context: May sleep.
 *
 * Return: 0; -EIO if the log is damaged: what that leads to stays reserved.
 */
int kho_owner_discard(const u64 memory[KHO_OWNER_RECORDS], u64 *bytes)
{
	struct kho_owner_walk walk = {
		.visit = discard_extent,
		.left = ULONG_MAX,
		.give_back = true,
	};
	int err = walk_all(memory, &walk);

	*bytes = walk.pages << PAGE_SHIFT;
	return err;
}

static int count_extent(const struct kho_extent *extent,
			struct kho_owner_walk *walk)
{
	walk->pages += kho_extent_pages(extent);
	return 0;
}

/**
 * kho_owner_preserved - how much memory is preserved for an owner
 * @owner: the owner, which nobody works for meanwhile
 *
 * Context: May sleep.
 *
 * Return: bytes, with the lists that describe it.
 */
u64 kho_owner_preserved(const struct kho_owner *owner)
{
	struct kho_owner_walk walk = {
		.visit = count_extent,
		.left = ULONG_MAX,
		.own = true,
	};
	u64 memory[KHO_OWNER_RECORDS];

	kho_owner_serialize(owner, memory);
	walk_all(memory, &walk);
	return walk.pages << PAGE_SHIFT;
}

static int measure_extent(const struct kho_extent *extent,
			  struct kho_owner_walk *walk)
{
	for (unsigned long i = 0; i < extent->nr; i++) {
		unsigned long pfn = extent->pfn + (i << extent->order);

		if (kho_is_restorable(PFN_PHYS(pfn),
				      PAGE_SIZE << extent->order))
			walk->pages += 1UL << extent->order;
	}
	return 0;
}

/**
 * kho_owner_size - how much of an owner's memory that came over is left
 * @memory: the log
 *
 * Context: May sleep.
 *
 * Return: what nobody has restored, in bytes, as far as the log can be read.
 */
u64 kho_owner_size(const u64 memory[KHO_OWNER_RECORDS])
{
	struct kho_owner_walk walk = {
		.visit = measure_extent,
		/* A cycle is visited more than once, but not for ever */
		.left = max_pfn,
	};

	walk_all(memory, &walk);
	return walk.pages << PAGE_SHIFT;
}

static int carry_extent(const struct kho_extent *extent,
			struct kho_owner_walk *walk)
{
	int err = kho_carry_extent(extent->pfn, extent->order, extent->nr);

	walk->carried += !err;
	return err;
}

static void uncarry_pieces(const struct kho_extent *extent, unsigned long nr)
{
	while (nr--)
		kho_uncarry_extent(extent->pfn + (nr << extent->order),
				   extent->order, 1);
}

/* As carry_extent(), but for those pieces only that are left */
static int carry_rest(const struct kho_extent *extent,
		      struct kho_owner_walk *walk)
{
	unsigned long i;
	int err = 0;

	for (i = 0; i < extent->nr; i++) {
		err = kho_carry_extent(extent->pfn + (i << extent->order),
				       extent->order, 1);
		if (err && err != -ENOENT)
			goto err_uncarry;
	}
	walk->carried++;
	return 0;

err_uncarry:
	uncarry_pieces(extent, i);
	return err;
}

static int uncarry_extent(const struct kho_extent *extent,
			  struct kho_owner_walk *walk)
{
	if (kho_uncarry_extent(extent->pfn, extent->order, extent->nr))
		uncarry_pieces(extent, extent->nr);
	return 0;
}

static void uncarry(const u64 memory[KHO_OWNER_RECORDS], unsigned long nr)
{
	struct kho_owner_walk walk = { .visit = uncarry_extent, .left = nr };

	walk_log(memory, &walk);
}

/**
 * kho_owner_carry - preserve an owner's memory that came over once more
 * @memory: the log, which is good for the next kernel too
 *
 * Context: May sleep. Nobody restores any of it until the jump or
 * kho_owner_uncarry().
 *
 * Return: 0; -ENOENT if some of it has been restored, -EIO if the log is damaged,
 * -EBUSY if it is preserved for somebody else as well, -ENOMEM. On an error
 * nothing has changed.
 */
int kho_owner_carry(const u64 memory[KHO_OWNER_RECORDS])
{
	struct kho_owner_walk walk = {
		.visit = carry_extent,
		.left = ULONG_MAX,
	};
	int err = walk_log(memory, &walk);

	if (err)
		uncarry(memory, walk.carried);
	return err;
}

/**
 * kho_owner_carry_rest - as kho_owner_carry(), for an owner that has lost some
 * @memory: the log, which may be damaged: what follows the damage is lost
 *
 * Context: As kho_owner_carry().
 *
 * Return: 0; -EBUSY, -ENOMEM, then nothing has changed.
 */
int kho_owner_carry_rest(const u64 memory[KHO_OWNER_RECORDS])
{
	struct kho_owner_walk walk = {
		.visit = carry_rest,
		.left = ULONG_MAX,
	};
	int err = walk_log(memory, &walk);

	if (!err || err == -EIO)
		return 0;

	uncarry(memory, walk.carried);
	return err;
}

/**
 * kho_owner_uncarry - undo kho_owner_carry() or kho_owner_carry_rest()
 * @memory: the log
 *
 * Context: May sleep.
 */
void kho_owner_uncarry(const u64 memory[KHO_OWNER_RECORDS])
{
	uncarry(memory, ULONG_MAX);
}

/**
 * kho_owner_restore_free - free an owner's log that came over
 * @memory: the log; what is in it belongs to the handler
 *
 * Context: Any that may take a spinlock.
 */
void kho_owner_restore_free(const u64 memory[KHO_OWNER_RECORDS])
{
	struct kho_extent more = kho_extent_unpack(memory[KHO_OWNER_RECORDS - 1]);

	if (more.order == KHO_EXTENT_LIST)
		kho_extents_restore_free(PFN_PHYS(more.pfn));
}
