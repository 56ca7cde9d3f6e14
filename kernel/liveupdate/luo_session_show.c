// SPDX-License-Identifier: GPL-2.0-only
/* What sessions there are, for debugfs and for programs */

#include <linux/cleanup.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "luo_file.h"
#include "luo_list.h"
#include "luo_session.h"
#include "luo_session_set.h"
#include "luo_show.h"

/**
 * luo_session_list - say what files a session has
 * @session: the session
 * @start: the lowest token to list
 * @list: gets a struct liveupdate_file_info for each, until it is full
 *
 * Context: luo_freeze_rwsem is held for reading. Takes the session's mutex.
 */
void luo_session_list(struct liveupdate_session *session, u64 start,
		      struct luo_list *list)
{
	guard(mutex)(&session->mutex);

	luo_file_set_list(&session->files, start, list);
}

static void describe_session(struct liveupdate_session *session,
			     struct liveupdate_session_info *info)
{
	bool incoming = session->set == &luo_incoming;

	guard(mutex)(&session->mutex);

	info->id = session->id;
	info->nr_files = session->files.nr;
	info->bytes = luo_file_set_bytes(&session->files);
	info->age = session->age;
	info->flags = incoming ? LIVEUPDATE_SESSION_INCOMING : 0;
	if (READ_ONCE(session->retrieved))
		info->flags |= LIVEUPDATE_SESSION_RETRIEVED;
	if (session->files.damaged)
		info->flags |= LIVEUPDATE_SESSION_DAMAGED;
	memcpy(info->name, session->name, sizeof(info->name));
}

static void show_session(struct liveupdate_session *session,
			 struct seq_file *m)
{
	struct liveupdate_session_info info = {};

	describe_session(session, &info);
	seq_printf(m, "%s id %llu age %llu files %llu bytes %llu%s%s name ",
		   luo_set_direction(session->set), info.id, info.age,
		   info.nr_files, info.bytes,
		   info.flags & LIVEUPDATE_SESSION_RETRIEVED ? " retrieved" : "",
		   info.flags & LIVEUPDATE_SESSION_DAMAGED ? " damaged" : "");
	luo_show_name(m, session->name);
	seq_putc(m, '\n');
}

static void show_files(struct liveupdate_session *session, struct seq_file *m)
{
	char prefix[48];

	snprintf(prefix, sizeof(prefix), "%s session %llu ",
		 luo_set_direction(session->set), session->id);

	guard(mutex)(&session->mutex);

	luo_file_set_show(&session->files, prefix, m);
}

/* What a session is busy with must not keep others from being made meanwhile */
static void show_set(struct luo_session_set *set, struct seq_file *m,
		     void (*show)(struct liveupdate_session *session,
				  struct seq_file *m))
{
	struct liveupdate_session *sessions[32];
	unsigned int nr, i;
	u64 start = 0;

	while ((nr = luo_set_get(set, start, sessions, ARRAY_SIZE(sessions)))) {
		start = sessions[nr - 1]->id + 1;
		for (i = 0; i < nr; i++) {
			show(sessions[i], m);
			luo_session_put(sessions[i]);
		}
		cond_resched();
	}
}

/**
 * luo_sessions_show - say what sessions there are, a line for each
 * @m: where
 *
 * Context: luo_freeze_rwsem is held for reading.
 */
void luo_sessions_show(struct seq_file *m)
{
	show_set(&luo_outgoing, m, show_session);
	show_set(&luo_incoming, m, show_session);
}

/**
 * luo_sessions_show_files - say what files all sessions have, a line for each
 * @m: where
 *
 * Context: luo_freeze_rwsem is held for reading.
 */
void luo_sessions_show_files(struct seq_file *m)
{
	show_set(&luo_outgoing, m, show_files);
	show_set(&luo_incoming, m, show_files);
}

/**
 * luo_sessions_list - say what sessions there are
 * @incoming: those that came over, else new ones
 * @start: the lowest id to list
 * @list: gets a struct liveupdate_session_info for each, until it is full
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: 0 or -ENOMEM.
 */
int luo_sessions_list(bool incoming, u64 start, struct luo_list *list)
{
	struct luo_session_set *set = incoming ? &luo_incoming : &luo_outgoing;
	struct liveupdate_session **sessions;
	unsigned int nr, i;

	sessions = kvmalloc_array(list->max, sizeof(*sessions), GFP_KERNEL);
	if (!sessions)
		return -ENOMEM;

	nr = luo_set_get(set, start, sessions, list->max);
	for (i = 0; i < nr; i++) {
		describe_session(sessions[i], luo_list_add(list));
		luo_session_put(sessions[i]);
	}
	kvfree(sessions);
	return 0;
}

/**
 * luo_sessions_list_files - say what files a session has
 * @incoming: it came over, else it is a new one
 * @id: its id
 * @start: the lowest token to list
 * @list: gets a struct liveupdate_file_info for each, until it is full
 *
 * Context: luo_freeze_rwsem is held for reading.
 *
 * Return: 0; -ENOENT if there is no such session.
 */
int luo_sessions_list_files(bool incoming, u64 id, u64 start,
			    struct luo_list *list)
{
	struct luo_session_set *set = incoming ? &luo_incoming : &luo_outgoing;
	struct liveupdate_session *session;
	int err = 0;

	if (!luo_set_get(set, id, &session, 1))
		return -ENOENT;

	if (session->id == id)
		luo_session_list(session, start, list);
	else
		err = -ENOENT;
	luo_session_put(session);
	return err;
}
