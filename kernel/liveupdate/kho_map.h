/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_KHO_MAP_H
#define _KERNEL_LIVEUPDATE_KHO_MAP_H

#include <linux/kho/abi/kexec_handover.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Enough that CPUs which preserve different memory rarely meet */
#define KHO_MAP_LOCKS 64

/**
 * struct kho_map - the preserved pages of one handover
 * @root: the part that is handed over; written under @grow and @leaf_lock
 * @grow: serializes adding tables and leaves, which are never taken away
 *	while the map lives, so that looking one up takes no lock
 * @leaf_lock: each protects the bits and the sum of the leaves that hash to it
 */
struct kho_map {
	struct kho_map_root *root;
	struct mutex grow; /* adding blocks */
	spinlock_t leaf_lock[KHO_MAP_LOCKS]; /* bits and sums of leaves */
};

int kho_map_init(struct kho_map *map);
void kho_map_destroy(struct kho_map *map);

int kho_map_add(struct kho_map *map, unsigned long pfn, unsigned int order,
		unsigned long nr);
int kho_map_del(struct kho_map *map, unsigned long pfn, unsigned int order,
		unsigned long nr);
bool kho_map_holds(struct kho_map *map, unsigned long pfn, unsigned int order,
		   unsigned long nr);
int kho_map_order(struct kho_map *map, unsigned long pfn);
unsigned long kho_map_find_large(struct kho_map *map, unsigned long pfn,
				 unsigned long end);
bool kho_map_test(struct kho_map *map, unsigned long pfn);
unsigned long kho_map_find(struct kho_map *map, unsigned long pfn,
			   unsigned long end, bool used);

int kho_map_attach(struct kho_map *map, phys_addr_t root,
		   bool (*valid)(phys_addr_t phys, size_t size));
unsigned long kho_map_last_block(struct kho_map *map, unsigned long pfn,
				 unsigned long end);
void kho_map_visit_blocks(struct kho_map *map,
			  void (*visit)(phys_addr_t phys, size_t size,
					void *arg),
			  void *arg);
void kho_map_mark_blocks(struct kho_map *map,
			 void (*reserve)(phys_addr_t phys, size_t size));

void *kho_alloc_block(gfp_t gfp);

#endif /* _KERNEL_LIVEUPDATE_KHO_MAP_H */
