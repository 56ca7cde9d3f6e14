// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update of memfds: contents, size, position, seals, mode and name.
 *
 * While it is preserved, a memfd goes on being used. Its pages are held where
 * they are, its size is frozen, and the pages that are added to it, where there
 * was a hole, are marked. The freeze records the marked ones only, so that the
 * pause does not grow with the size of the file. No page is copied, neither in
 * this kernel nor in the next.
 *
 * hugetlb memfds are recognized, so as to be refused with a clear error.
 */

#define pr_fmt(fmt) "liveupdate: memfd: " fmt

#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/kho/abi/memfd.h>
#include <linux/kho/extents.h>
#include <linux/liveupdate.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/* What of file->f_flags a program would miss */
#define MEMFD_LUO_O_FLAGS	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_NOATIME)

/* Entries that are looked at under one hold of the page cache's lock */
#define MEMFD_LUO_LOOK		512

/* Runs of folios that are found in one look */
#define MEMFD_LUO_RUNS		32

/* Folios that are moved together */
#define MEMFD_LUO_MOVES		64

#define MEMFD_LUO_MAX_INDEX	(MAX_LFS_FILESIZE >> PAGE_SHIFT)

/**
 * struct memfd_luo - a preserved memfd
 * @inode: its inode
 * @file: the file that it was preserved through; the orchestrator holds it
 * @ser: what the next kernel starts from
 * @extents: where its pages are
 * @nr_pages: how many these are
 * @old_gfp: how its pages were allocated before
 * @was_unevictable: it was locked in memory before
 *
 * The session's mutex serializes all use.
 */
struct memfd_luo {
	struct inode *inode;
	struct file *file;
	struct memfd_ser *ser;
	struct kho_extents extents;
	unsigned long nr_pages;
	gfp_t old_gfp;
	bool was_unevictable;
};

static void put_extent(const struct kho_extent *extent)
{
	for (unsigned long i = 0; i < extent->nr; i++)
		folio_put(pfn_folio(extent->pfn + (i << extent->order)));
}

/*
 * Preserve
 */

/*
 * What can't be preserved is marked as added: a freeze that is tried again finds
 * it, and who seals the file knows that nobody holds it. If that was the
 * preserve, the marks go as the size is unfrozen.
 */
static void drop_extent(struct memfd_luo *luo, const struct kho_extent *extent)
{
	XA_STATE(xas, &luo->inode->i_mapping->i_pages, extent->index);
	unsigned int batch = 0;
	void *entry;

	if (!extent->nr)
		return;

	xas_lock_irq(&xas);
	xas_for_each(&xas, entry, extent->index + kho_extent_pages(extent) - 1) {
		xas_set_mark(&xas, SHMEM_TAG_ADDED);
		if (++batch % XA_CHECK_SCHED)
			continue;
		xas_pause(&xas);
		xas_unlock_irq(&xas);
		cond_resched();
		xas_lock_irq(&xas);
	}
	xas_unlock_irq(&xas);
	put_extent(extent);
}

/* An extent takes over one reference to each of its folios, in any case */
static int preserve_extent(struct memfd_luo *luo,
			   const struct kho_extent *extent)
{
	int err;

	if (!extent->nr)
		return 0;

	err = kho_extents_preserve(&luo->extents, extent);
	if (err)
		drop_extent(luo, extent);
	else
		luo->nr_pages += kho_extent_pages(extent);
	return err;
}

/* Do folios go on, in the file and in memory, where an extent ends? */
static bool goes_on(const struct kho_extent *extent, pgoff_t index,
		    unsigned long pfn, unsigned int order)
{
	unsigned long pages = kho_extent_pages(extent);

	return extent->nr && extent->order == order &&
	       extent->index + pages == index && extent->pfn + pages == pfn;
}

/* Add folios to an extent, or preserve that first and begin another */
static int append_run(struct memfd_luo *luo, struct kho_extent *extent,
		      const struct kho_extent *run)
{
	int err;

	if (goes_on(extent, run->index, run->pfn, run->order) &&
	    extent->nr + run->nr <= FIELD_MAX(KHO_EXTENT_NR)) {
		extent->nr += run->nr;
		return 0;
	}

	err = preserve_extent(luo, extent);
	*extent = *run;
	return err;
}

/**
 * struct memfd_look - what one look at a file's page cache found
 * @index: where to go on
 * @run: folios that can stay where they are, each with a reference
 * @nr: how many runs
 * @pinnable: number of the pageblock that was last found fit to stay in
 * @unsettled: a folio that has to be waited for, with a reference, or NULL
 * @move_end: page index at which folios end that can't stay, and begin at @index;
 *	0 if there are none
 * @moved: folios that were moved to where they can stay, pinned there
 * @nr_moved: how many
 * @more: there may be more at @index
 */
struct memfd_look {
	pgoff_t index;
	struct kho_extent run[MEMFD_LUO_RUNS];
	unsigned int nr;
	unsigned long pinnable;
	struct folio *unsettled;
	pgoff_t move_end;
	struct folio *moved[MEMFD_LUO_MOVES];
	long nr_moved;
	bool more;
};

/*
 * Who replaces a folio, as khugepaged does, has checked before that nobody else
 * has a reference, and holds its lock until it is done. So a folio stays in the
 * file if a reference is taken while it is there and not locked.
 *
 * What was allocated but never written to reads as zeroes, so it has to be.
 */
static bool is_settled(struct folio *folio)
{
	return !folio_test_locked(folio) && folio_test_uptodate(folio);
}

static void settle_folio(struct memfd_luo *luo, struct folio *folio)
{
	folio_lock(folio);
	if (folio->mapping == luo->inode->i_mapping &&
	    !folio_test_uptodate(folio)) {
		folio_zero_range(folio, 0, folio_size(folio));
		flush_dcache_folio(folio);
		folio_mark_uptodate(folio);
	}
	folio_unlock(folio);
	folio_put(folio);
}

/*
 * Memory that has to stay movable can't stay where it is: that is where the
 * next kernel boots. It is the same for a whole pageblock, and takes its time.
 */
static bool can_stay(struct memfd_look *look, struct folio *folio)
{
	unsigned long block = folio_pfn(folio) >> pageblock_order;

	if (likely(block == look->pinnable))
		return true;
	if (!folio_is_longterm_pinnable(folio))
		return false;
	look->pinnable = block;
	return true;
}

/* Return: false if there is no room for it */
static bool add_to_runs(struct memfd_look *look, struct folio *folio)
{
	struct kho_extent *last = look->nr ? &look->run[look->nr - 1] : NULL;
	unsigned long pfn = folio_pfn(folio);
	unsigned int order = folio_order(folio);

	if (last && goes_on(last, folio->index, pfn, order)) {
		last->nr++;
		folio_get(folio);
		return true;
	}

	if (look->nr == MEMFD_LUO_RUNS)
		return false;

	look->run[look->nr++] = (struct kho_extent){
		.index = folio->index,
		.pfn = pfn,
		.nr = 1,
		.order = order,
	};
	folio_get(folio);
	return true;
}

/* The folios that follow each other in the file have to move together */
static pgoff_t find_move_end(struct xa_state *xas, struct folio *folio)
{
	pgoff_t end = folio->index;
	unsigned int nr = 0;

	while (folio && !xa_is_value(folio) && folio->index == end &&
	       nr++ < MEMFD_LUO_MOVES) {
		end = folio_next_index(folio);
		folio = xas_next_entry(xas, ULONG_MAX);
	}
	return end;
}

/* Return: false if the look ends at this folio */
static bool take_folio(struct memfd_look *look, struct xa_state *xas,
		       struct folio *folio)
{
	if (unlikely(!can_stay(look, folio))) {
		look->move_end = find_move_end(xas, folio);
		return false;
	}
	if (unlikely(!is_settled(folio))) {
		folio_get(folio);
		look->unsettled = folio;
		return false;
	}
	return add_to_runs(look, folio);
}

/**
 * struct memfd_node - how far a node of the page cache was looked at
 * @node: the node
 * @seen: entries of it that were seen
 */
struct memfd_node {
	struct xa_node *node;
	unsigned int seen;
};

/*
 * A file with large holes has nodes with little in them: once all of a node was
 * seen, go on behind it, and not slot by slot.
 */
static struct folio *next_folio(struct xa_state *xas, struct memfd_node *last)
{
	struct xa_node *node = xas->xa_node;

	if (node != last->node)
		*last = (struct memfd_node){ .node = node };

	if (xas_is_node(xas) && !node->shift && ++last->seen == node->count) {
		xas_set(xas, (xas->xa_index | XA_CHUNK_MASK) + 1);
		return xas_find(xas, ULONG_MAX);
	}

	return xas_next_entry(xas, ULONG_MAX);
}

/* Look for folios that were there when the file was frozen */
static void look_at_all(struct memfd_luo *luo, struct memfd_look *look)
{
	XA_STATE(xas, &luo->inode->i_mapping->i_pages, look->index);
	struct memfd_node last = {};
	unsigned int left = MEMFD_LUO_LOOK;
	struct folio *folio;
	bool marks;

	xas_lock_irq(&xas);
	/* What was added since is not for now */
	marks = mapping_tagged(luo->inode->i_mapping, SHMEM_TAG_ADDED);
	folio = xas_find(&xas, ULONG_MAX);
	while (folio && left--) {
		look->index = xas.xa_index;
		if (!xa_is_value(folio) &&
		    !(marks && xas_get_mark(&xas, SHMEM_TAG_ADDED)) &&
		    !take_folio(look, &xas, folio))
			break;
		folio = next_folio(&xas, &last);
		look->index = xas.xa_index;
	}
	look->more = folio;
	xas_unlock_irq(&xas);
}

/* Look for folios that were added since the file was frozen */
static void look_at_added(struct memfd_luo *luo, struct memfd_look *look)
{
	XA_STATE(xas, &luo->inode->i_mapping->i_pages, look->index);
	unsigned int left = MEMFD_LUO_LOOK;
	struct folio *folio;

	xas_lock_irq(&xas);
	folio = xas_find_marked(&xas, ULONG_MAX, SHMEM_TAG_ADDED);
	while (folio && left--) {
		look->index = xas.xa_index;
		if (!xa_is_value(folio) && !take_folio(look, &xas, folio))
			break;
		xas_clear_mark(&xas, SHMEM_TAG_ADDED);
		folio = xas_next_marked(&xas, ULONG_MAX, SHMEM_TAG_ADDED);
		look->index = xas.xa_index;
	}
	look->more = folio;
	xas_unlock_irq(&xas);
}

static void unpin_moved(struct memfd_look *look)
{
	if (look->nr_moved > 0)
		unpin_folios(look->moved, look->nr_moved);
	look->nr_moved = 0;
}

/* Move what can't stay, and keep it there until the next look */
static int move_folios(struct memfd_luo *luo, struct memfd_look *look)
{
	loff_t start = (loff_t)look->index << PAGE_SHIFT;
	loff_t end = min((loff_t)look->move_end << PAGE_SHIFT,
			 i_size_read(luo->inode));
	pgoff_t offset;

	look->nr_moved = memfd_pin_folios(luo->file, start, end - 1,
					  look->moved, MEMFD_LUO_MOVES,
					  &offset);
	return min(look->nr_moved, 0L);
}

/* What the look found goes to @extent, or is let go of if that fails */
static int use_look(struct memfd_luo *luo, struct memfd_look *look,
		    struct kho_extent *extent)
{
	int err = 0;

	for (unsigned int i = 0; i < look->nr; i++) {
		if (err)
			drop_extent(luo, &look->run[i]);
		else
			err = append_run(luo, extent, &look->run[i]);
	}
	look->nr = 0;

	if (look->unsettled)
		settle_folio(luo, look->unsettled);
	else if (look->move_end && !err)
		err = move_folios(luo, look);
	look->unsettled = NULL;
	look->move_end = 0;
	return err;
}

/* All folios that are there, or with @added those that were added since then */
static int preserve_folios(struct memfd_luo *luo, bool added)
{
	struct memfd_look *look __free(kfree) = NULL;
	struct kho_extent extent = {};
	int err;

	if (added && !mapping_tagged(luo->inode->i_mapping, SHMEM_TAG_ADDED))
		return 0;

	look = kzalloc(sizeof(*look), GFP_KERNEL);
	if (!look)
		return -ENOMEM;

	look->pinnable = ULONG_MAX;
	do {
		if (added)
			look_at_added(luo, look);
		else
			look_at_all(luo, look);
		unpin_moved(look);
		err = use_look(luo, look, &extent);
		cond_resched();
	} while (look->more && !err);
	unpin_moved(look);

	if (!err)
		return preserve_extent(luo, &extent);
	drop_extent(luo, &extent);
	return err;
}

static void unpreserve_folios(struct memfd_luo *luo)
{
	kho_extents_unpreserve(&luo->extents, put_extent);
	luo->nr_pages = 0;
}

/* Is nothing of the file missing, or no more where it was? */
static bool all_recorded(struct memfd_luo *luo)
{
	struct address_space *mapping = luo->inode->i_mapping;

	return mapping->nrpages == luo->nr_pages &&
	       !mapping_tagged(mapping, SHMEM_TAG_ADDED) &&
	       !READ_ONCE(SHMEM_I(luo->inode)->swapped);
}

static int swap_in(struct memfd_luo *luo)
{
	XA_STATE(xas, &luo->inode->i_mapping->i_pages, 0);
	void *entry;

	if (!READ_ONCE(SHMEM_I(luo->inode)->swapped))
		return 0;

	rcu_read_lock();
	xas_for_each(&xas, entry, ULONG_MAX) {
		pgoff_t index = xas.xa_index;
		struct folio *folio;

		if (xas_retry(&xas, entry) || !xa_is_value(entry))
			continue;

		/* The entry can be large, and the rest of it still be swapped */
		xas_set(&xas, index + 1);
		rcu_read_unlock();
		folio = shmem_read_folio(luo->inode->i_mapping, index);
		if (IS_ERR(folio))
			return PTR_ERR(folio);
		folio_put(folio);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	return 0;
}

/* No page of the file moves, nor is any swapped out, that is not yet held */
static void hold_mapping(struct memfd_luo *luo)
{
	struct address_space *mapping = luo->inode->i_mapping;

	luo->old_gfp = mapping_gfp_mask(mapping);
	mapping_set_gfp_mask(mapping, luo->old_gfp & ~__GFP_MOVABLE);
	luo->was_unevictable = mapping_unevictable(mapping);
	mapping_set_unevictable(mapping);
}

static void release_mapping(struct memfd_luo *luo)
{
	struct address_space *mapping = luo->inode->i_mapping;

	mapping_set_gfp_mask(mapping, luo->old_gfp);
	if (!luo->was_unevictable) {
		mapping_clear_unevictable(mapping);
		shmem_unlock_mapping(mapping);
	}
}

static int preserve_contents(struct memfd_luo *luo)
{
	struct inode *inode = luo->inode;
	pgoff_t end = DIV_ROUND_UP(i_size_read(inode), PAGE_SIZE);
	int err;

	/* What was allocated beyond the end can't be seen, and is not kept */
	if (SHMEM_I(inode)->fallocend > end) {
		shmem_truncate_range(inode, i_size_read(inode), (loff_t)-1);
		SHMEM_I(inode)->fallocend = end;
	}

	hold_mapping(luo);
	err = swap_in(luo);
	if (err)
		goto err_release;

	shmem_freeze_size(inode);
	err = preserve_folios(luo, false);
	if (!err)
		return 0;

	unpreserve_folios(luo);
	shmem_unfreeze_size(inode);
err_release:
	release_mapping(luo);
	return err;
}

static int memfd_luo_preserve(struct liveupdate_file_op_args *args)
{
	struct memfd_luo *luo __free(kfree) = NULL;
	struct inode *inode = file_inode(args->file);
	int err;

	if (is_file_hugepages(args->file)) {
		pr_info_ratelimited("memory of hugetlb memfds can't be preserved yet\n");
		return -EOPNOTSUPP;
	}

	luo = kzalloc(sizeof(*luo), GFP_KERNEL_ACCOUNT);
	if (!luo)
		return -ENOMEM;

	luo->inode = inode;
	luo->file = args->file;
	luo->ser = kho_alloc_preserve(sizeof(*luo->ser));
	if (IS_ERR(luo->ser))
		return PTR_ERR(luo->ser);

	inode_lock(inode);
	err = preserve_contents(luo);
	inode_unlock(inode);
	if (err) {
		kho_unpreserve_free(luo->ser);
		return err;
	}

	args->serialized_data = virt_to_phys(luo->ser);
	args->private_data = no_free_ptr(luo);
	return 0;
}

static void memfd_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	struct memfd_luo *luo = args->private_data;

	inode_lock(luo->inode);
	unpreserve_folios(luo);
	shmem_unfreeze_size(luo->inode);
	release_mapping(luo);
	inode_unlock(luo->inode);

	kho_unpreserve_free(luo->ser);
	kfree(luo);
}

/*
 * Freeze
 */

/* Something has happened that the marks don't tell: start over */
static int preserve_anew(struct memfd_luo *luo)
{
	int err;

	unpreserve_folios(luo);
	shmem_unfreeze_size(luo->inode);

	err = swap_in(luo);
	if (err)
		return err;

	shmem_freeze_size(luo->inode);
	err = preserve_folios(luo, false);
	if (!err)
		return 0;

	/* Nothing, rather than a part: the next freeze starts over, too */
	unpreserve_folios(luo);
	shmem_unfreeze_size(luo->inode);
	return err;
}

static void fill_ser(struct memfd_luo *luo)
{
	struct file *file = luo->file;
	struct memfd_ser *ser = luo->ser;

	ser->size = i_size_read(luo->inode);
	ser->pos = file->f_pos;
	ser->nr_pages = luo->nr_pages;
	ser->extents = kho_extents_phys(&luo->extents);
	ser->mode = luo->inode->i_mode & S_IALLUGO;
	ser->seals = memfd_get_seals(file);
	ser->flags = file->f_flags & MEMFD_LUO_O_FLAGS;
	ser->uid = from_kuid(&init_user_ns, luo->inode->i_uid);
	ser->gid = from_kgid(&init_user_ns, luo->inode->i_gid);
	strscpy_pad(ser->name, file->f_path.dentry->d_name.name);
	ser->sum = luo_sum(ser, sizeof(*ser));
}

/* Stop the file from getting pages, and record the last that it got */
static int freeze_pages(struct memfd_luo *luo)
{
	int err = 0;

	shmem_freeze_pages(luo->inode);
	if (!all_recorded(luo))
		err = preserve_folios(luo, true);
	if (!err && !all_recorded(luo))
		err = -EBUSY;
	if (err)
		shmem_unfreeze_pages(luo->inode);
	return err;
}

static int memfd_luo_freeze(struct liveupdate_file_op_args *args)
{
	struct memfd_luo *luo = args->private_data;
	int err;

	inode_lock(luo->inode);
	/* Most of what was added is done while others can go on */
	err = preserve_folios(luo, true);
	if (!err)
		err = freeze_pages(luo);
	if (err == -EBUSY) {
		err = preserve_anew(luo);
		if (!err)
			err = freeze_pages(luo);
	}
	if (!err)
		fill_ser(luo);
	inode_unlock(luo->inode);
	return err;
}

/*
 * What the freeze recorded stays preserved. The inode is not locked here: who
 * waits for the pages may have done that.
 */
static void memfd_luo_unfreeze(struct liveupdate_file_op_args *args)
{
	struct memfd_luo *luo = args->private_data;

	shmem_unfreeze_pages(luo->inode);
}

/*
 * Retrieve
 */

static struct memfd_ser *get_ser(u64 phys)
{
	struct memfd_ser *ser;

	if (!PAGE_ALIGNED(phys) || !kho_is_restorable(phys, PAGE_SIZE))
		return NULL;

	ser = phys_to_virt(phys);
	if (ser->sum != luo_sum(ser, sizeof(*ser)) ||
	    ser->size > MAX_LFS_FILESIZE || ser->pos > MAX_LFS_FILESIZE ||
	    strnlen(ser->name, sizeof(ser->name)) == sizeof(ser->name) ||
	    strncmp(ser->name, MFD_NAME_PREFIX, strlen(MFD_NAME_PREFIX)))
		return NULL;
	return ser;
}

static bool extent_sane(const struct kho_extent *extent)
{
	return extent->nr && extent->order <= MAX_PAGE_ORDER &&
	       IS_ALIGNED(extent->index, 1UL << extent->order) &&
	       extent->index <= MEMFD_LUO_MAX_INDEX - kho_extent_pages(extent);
}

static int open_extents(struct kho_extents_reader *reader,
			const struct memfd_ser *ser)
{
	/* A chunk has a record at least, an extent one seek before it at most */
	return kho_extents_open(reader, ser->extents,
				min(ser->nr_pages, MEMFD_LUO_MAX_INDEX) * 2);
}

/* Return: 1 with the next extent, 0 after the last, -EIO for what can't be */
static int next_extent(struct kho_extents_reader *reader,
		       struct kho_extent *extent)
{
	int ret = kho_extents_next(reader, extent);

	return ret > 0 && !extent_sane(extent) ? -EIO : ret;
}

/*
 * Another file needs the memory where it is: a device may write to it before user
 * space has told it anew where that is. Held before it gets into the file, so that
 * nobody moves it, swaps it out, or gives it back with a hole that is punched.
 */
static void hold_extent(const struct kho_extent *extent)
{
	for (unsigned long i = 0; i < extent->nr; i++)
		folio_get(pfn_folio(extent->pfn + (i << extent->order)));
}

/* @nr_held is NULL, or counts the extents that are held, also after an error */
static int restore_extent(struct inode *inode, const struct kho_extent *extent,
			  unsigned long *nr_held)
{
	int err;

	if (extent->order && !IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)) {
		pr_err("it has large folios, which this kernel has no support for\n");
		return -EOPNOTSUPP;
	}
	if (extent->order)
		mapping_set_large_folios(inode->i_mapping);

	err = kho_restore_extent(extent->pfn, extent->order, extent->nr);
	if (err)
		return -EIO;
	if (nr_held) {
		hold_extent(extent);
		(*nr_held)++;
	}

	err = shmem_restore_folios(inode, pfn_folio(extent->pfn), extent->nr,
				   extent->index);
	return err == -EEXIST ? -EIO : err;
}

static int restore_contents(struct inode *inode, const struct memfd_ser *ser,
			    unsigned long *nr_held)
{
	struct kho_extents_reader reader;
	struct kho_extent extent;
	u64 nr_pages = 0;
	int ret;

	i_size_write(inode, ser->size);

	ret = open_extents(&reader, ser);
	if (ret)
		return ret;

	while ((ret = next_extent(&reader, &extent)) > 0) {
		ret = restore_extent(inode, &extent, nr_held);
		if (ret)
			return ret;
		nr_pages += kho_extent_pages(&extent);
		cond_resched();
	}
	if (!ret && nr_pages != ser->nr_pages)
		ret = -EIO;
	return ret;
}

static void release_contents(const struct memfd_ser *ser, unsigned long nr_held)
{
	struct kho_extents_reader reader;
	struct kho_extent extent;

	if (!nr_held || open_extents(&reader, ser))
		return;

	while (nr_held-- && next_extent(&reader, &extent) > 0) {
		put_extent(&extent);
		cond_resched();
	}
}

static void restore_inode(struct inode *inode, const struct memfd_ser *ser)
{
	kuid_t uid = make_kuid(&init_user_ns, ser->uid);
	kgid_t gid = make_kgid(&init_user_ns, ser->gid);

	inode->i_mode = S_IFREG | (ser->mode & S_IALLUGO);
	if (uid_valid(uid))
		inode->i_uid = uid;
	if (gid_valid(gid))
		inode->i_gid = gid;
}

/* Open it once more if it was not open as a new memfd is */
static struct file *open_as_before(struct file *file, unsigned int flags)
{
	struct file *other;

	if (flags == O_RDWR)
		return file;

	other = dentry_open(&file->f_path, flags | O_LARGEFILE, current_cred());
	fput(file);
	return other;
}

static struct file *new_file(const struct memfd_ser *ser)
{
	struct file *file = memfd_alloc_file(ser->name, 0);

	/* That is how shmem says that there was no memory for an inode */
	if (PTR_ERR(file) == -ENOSPC)
		return ERR_PTR(-ENOMEM);
	if (IS_ERR(file))
		return file;
	return open_as_before(file, ser->flags & MEMFD_LUO_O_FLAGS);
}

/*
 * The contents go with the file that they are put into: so this comes only when
 * nothing is left that can fail for want of memory. Until then it can be tried
 * again.
 */
static int memfd_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct memfd_ser *ser = get_ser(args->serialized_data);
	unsigned long nr_held = 0;
	struct file *file;
	int err;

	if (!ser)
		return -EIO;

	file = new_file(ser);
	if (IS_ERR(file))
		return PTR_ERR(file);

	err = restore_contents(file_inode(file), ser,
			       args->needed ? &nr_held : NULL);
	args->private_data = (void *)nr_held;
	if (err) {
		fput(file);
		return err;
	}

	restore_inode(file_inode(file), ser);
	memfd_restore_seals(file, ser->seals);
	file->f_pos = ser->pos;
	args->file = file;
	return 0;
}

static void memfd_luo_finish(struct liveupdate_file_op_args *args)
{
	struct memfd_ser *ser = get_ser(args->serialized_data);

	/* It is taken first, so that no list can give it away */
	if (!ser || !kho_restore_folio(args->serialized_data))
		return;

	/* Who needs it has finished before */
	release_contents(ser, (unsigned long)args->private_data);

	/* What is in no file goes back to the system */
	if (args->retrieve_status <= 0)
		kho_extents_discard(ser->extents);
	else
		kho_extents_restore_free(ser->extents);
	folio_put(virt_to_folio(ser));
}

/*
 * Which files
 */

static bool memfd_luo_can_preserve(struct liveupdate_file_handler *handler,
				   struct file *file)
{
	struct inode *inode = file_inode(file);

	/* Much else is shmem, but only memfds have this name on this mount */
	return S_ISREG(inode->i_mode) &&
	       (inode->i_sb->s_flags & SB_KERNMOUNT) &&
	       (shmem_file(file) || is_file_hugepages(file)) &&
	       !strncmp(file->f_path.dentry->d_name.name, MFD_NAME_PREFIX,
			strlen(MFD_NAME_PREFIX));
}

static unsigned long memfd_luo_get_id(struct file *file)
{
	return (unsigned long)file_inode(file);
}

static const struct liveupdate_file_ops memfd_luo_ops = {
	.can_preserve = memfd_luo_can_preserve,
	.preserve = memfd_luo_preserve,
	.unpreserve = memfd_luo_unpreserve,
	.freeze = memfd_luo_freeze,
	.unfreeze = memfd_luo_unfreeze,
	.retrieve = memfd_luo_retrieve,
	.finish = memfd_luo_finish,
	.get_id = memfd_luo_get_id,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler memfd_luo_handler = {
	.ops = &memfd_luo_ops,
	.compatible = MEMFD_LUO_COMPATIBLE,
};

static int __init memfd_luo_init(void)
{
	int err = liveupdate_register_file_handler(&memfd_luo_handler);

	if (err && err != -EOPNOTSUPP)
		pr_err("can't register: %d\n", err);
	return 0;
}
late_initcall(memfd_luo_init);
