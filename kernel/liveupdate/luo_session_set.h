/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to luo_session*.c */
#ifndef _KERNEL_LIVEUPDATE_LUO_SESSION_SET_H
#define _KERNEL_LIVEUPDATE_LUO_SESSION_SET_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <uapi/linux/liveupdate.h>

#include "luo_block.h"
#include "luo_file.h"

struct luo_list;

/**
 * struct luo_session_set - all sessions of one direction
 * @lock: protects all of this and the sessions' @retrieved; nests outside of
 *	the sessions' mutexes
 * @sessions: the sessions, in the order of their creation; those that were
 *	carried over come last, by age
 * @names: the sessions by name, the youngest of each name
 * @nr: how many
 * @last_id: the id of the last session that was added
 * @nr_older: how many have the name of a younger one, and so are not in @names
 * @blocks: room for the records of outgoing sessions
 * @deserialized: what came over has been read
 * @damaged: some of that could not be read
 */
struct luo_session_set {
	struct mutex lock; /* all below */
	struct list_head sessions;
	struct rhashtable names;
	unsigned long nr;
	u64 last_id;
	unsigned long nr_older;
	struct luo_blocks blocks;
	bool deserialized;
	bool damaged;
};

/**
 * struct liveupdate_session - a session
 * @node: link in its set
 * @ref: one while it is in its set, one for each who looks at it meanwhile
 * @hash: link in its set's names
 * @set: luo_outgoing or luo_incoming
 * @mutex: protects @files, and is held over the handlers' callbacks
 * @files: its files
 * @id: it is the only one in its set with this number, and in the order of these
 * @age: how many live updates it came through without being retrieved
 * @number: number of the record that it came with
 * @older: there is a younger session of its name
 * @retrieved: somebody has the file of this incoming session
 * @finished: all files of this incoming session have finished; under @mutex
 * @carried: it goes to the next kernel as it came; under luo_freeze_rwsem
 * @name: its name, padded with NULs
 */
struct liveupdate_session {
	struct list_head node;
	struct kref ref;
	struct rhash_head hash;
	struct luo_session_set *set;
	struct mutex mutex; /* files */
	struct luo_file_set files;
	u64 id;
	u64 age;
	u64 number;
	bool older;
	bool retrieved;
	bool finished;
	bool carried;
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

extern struct luo_session_set luo_outgoing;
extern struct luo_session_set luo_incoming;

struct liveupdate_session *luo_session_alloc(struct luo_session_set *set,
					     const char *name);
void luo_session_put(struct liveupdate_session *session);

struct liveupdate_session *luo_set_find(struct luo_session_set *set,
					const char *name);
int luo_set_insert(struct luo_session_set *set,
		   struct liveupdate_session *session);
void luo_set_remove(struct luo_session_set *set,
		    struct liveupdate_session *session);
unsigned int luo_set_get(struct luo_session_set *set, u64 start,
			 struct liveupdate_session **sessions,
			 unsigned int max);
const char *luo_set_direction(const struct luo_session_set *set);

void luo_session_list(struct liveupdate_session *session, u64 start,
		      struct luo_list *list);

#endif /* _KERNEL_LIVEUPDATE_LUO_SESSION_SET_H */
