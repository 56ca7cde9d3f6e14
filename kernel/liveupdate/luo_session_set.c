// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two sets of sessions, new (outgoing) ones and those that came over
 * (incoming), each with a name space and ids of its own.
 */

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "luo_session.h"
#include "luo_session_set.h"

struct luo_session_set luo_outgoing;
struct luo_session_set luo_incoming;

static const struct rhashtable_params luo_name_params = {
	.key_len = sizeof_field(struct liveupdate_session, name),
	.key_offset = offsetof(struct liveupdate_session, name),
	.head_offset = offsetof(struct liveupdate_session, hash),
};

/**
 * luo_session_alloc - make a session, in no set yet
 * @set: the set that it will be in
 * @name: its name
 *
 * Return: the session, with a reference for the set; -ENOMEM.
 */
struct liveupdate_session *luo_session_alloc(struct luo_session_set *set,
					     const char *name)
{
	struct liveupdate_session *session;

	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return ERR_PTR(-ENOMEM);

	kref_init(&session->ref);
	luo_file_set_init(&session->files, session);
	mutex_init(&session->mutex);
	session->set = set;
	strscpy_pad(session->name, name);
	return session;
}

static void session_free(struct kref *ref)
{
	struct liveupdate_session *session =
		container_of(ref, struct liveupdate_session, ref);

	luo_file_set_destroy(&session->files);
	mutex_destroy(&session->mutex);
	kfree(session);
}

/**
 * luo_session_put - give up a reference to a session
 * @session: the session; with the last reference it goes, and has no files then
 */
void luo_session_put(struct liveupdate_session *session)
{
	kref_put(&session->ref, session_free);
}

static struct liveupdate_session *set_find_older(struct luo_session_set *set,
						 const char *name)
{
	struct liveupdate_session *session;

	list_for_each_entry(session, &set->sessions, node)
		if (!strcmp(session->name, name))
			return session;
	return NULL;
}

/**
 * luo_set_find - find a session by its name
 * @set: where; its lock is held
 * @name: the name
 *
 * Return: the youngest session of that name, without a reference; or NULL.
 */
struct liveupdate_session *luo_set_find(struct luo_session_set *set,
					const char *name)
{
	char key[LIVEUPDATE_SESSION_NAME_LENGTH];
	struct liveupdate_session *session;

	lockdep_assert_held(&set->lock);

	strscpy_pad(key, name);
	session = rhashtable_lookup_fast(&set->names, key, luo_name_params);
	/* The younger one may be gone */
	if (!session && set->nr_older)
		session = set_find_older(set, name);
	return session;
}

/**
 * luo_set_insert - put a session into its set
 * @set: the set; its lock is held
 * @session: the session; its first reference is the set's from now on
 *
 * A session that is older than another of its name waits until that is gone.
 *
 * Return: 0; -EEXIST if the name is in use, -ENOMEM.
 */
int luo_set_insert(struct luo_session_set *set,
		   struct liveupdate_session *session)
{
	struct liveupdate_session *other = NULL;
	int err = 0;

	lockdep_assert_held(&set->lock);

	if (session->age)
		other = luo_set_find(set, session->name);
	if (other && other->age < session->age)
		session->older = true;
	else
		err = rhashtable_lookup_insert_fast(&set->names, &session->hash,
						    luo_name_params);
	if (err)
		return err;

	session->id = ++set->last_id;
	list_add_tail(&session->node, &set->sessions);
	set->nr++;
	set->nr_older += session->older;
	return 0;
}

/**
 * luo_set_remove - take a session out of its set
 * @set: the set; its lock is held
 * @session: the session; its set's reference goes to the caller
 */
void luo_set_remove(struct luo_session_set *set,
		    struct liveupdate_session *session)
{
	lockdep_assert_held(&set->lock);

	if (!session->older)
		rhashtable_remove_fast(&set->names, &session->hash,
				       luo_name_params);
	list_del(&session->node);
	set->nr_older -= session->older;
	if (!--set->nr)
		luo_blocks_free(&set->blocks);
}

/**
 * luo_set_get - get sessions of a set, by ascending id
 * @set: the set
 * @start: the lowest id
 * @sessions: set to them, with a reference to each
 * @max: how many at most
 *
 * Context: Takes the set's lock.
 *
 * Return: how many.
 */
unsigned int luo_set_get(struct luo_session_set *set, u64 start,
			 struct liveupdate_session **sessions,
			 unsigned int max)
{
	struct liveupdate_session *session;
	unsigned int nr = 0;

	guard(mutex)(&set->lock);

	list_for_each_entry(session, &set->sessions, node) {
		if (session->id < start)
			continue;
		if (nr == max)
			break;
		kref_get(&session->ref);
		sessions[nr++] = session;
	}
	return nr;
}

/**
 * luo_set_direction - which way sessions of a set go
 * @set: the set
 *
 * Return: a word for it.
 */
const char *luo_set_direction(const struct luo_session_set *set)
{
	return set == &luo_incoming ? "incoming" : "outgoing";
}

static int __init set_init(struct luo_session_set *set)
{
	INIT_LIST_HEAD(&set->sessions);
	luo_blocks_init(&set->blocks, sizeof(struct luo_session_ser));
	return rhashtable_init(&set->names, &luo_name_params);
}

/**
 * luo_sessions_init - start without sessions
 *
 * Return: 0 or -ENOMEM.
 */
int __init luo_sessions_init(void)
{
	int err;

	/* Each a class of its own: that of the incoming ones nests inside */
	mutex_init(&luo_outgoing.lock);
	mutex_init(&luo_incoming.lock);

	err = set_init(&luo_outgoing);
	if (err)
		return err;

	err = set_init(&luo_incoming);
	if (err)
		rhashtable_destroy(&luo_outgoing.names);
	return err;
}

/**
 * luo_sessions_exit - undo luo_sessions_init(); there is no session
 */
void __init luo_sessions_exit(void)
{
	rhashtable_destroy(&luo_incoming.names);
	rhashtable_destroy(&luo_outgoing.names);
}
