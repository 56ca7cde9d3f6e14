// SPDX-License-Identifier: GPL-2.0-only
/*
 * How sessions go from one kernel to the next: what came over is read, what
 * nobody has taken of it is carried on, and all is frozen and written.
 */

#define pr_fmt(fmt) "liveupdate: " fmt

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/liveupdate.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "luo_block.h"
#include "luo_core.h"
#include "luo_file.h"
#include "luo_flb.h"
#include "luo_index.h"
#include "luo_quarantine.h"
#include "luo_session.h"
#include "luo_session_set.h"
#include "luo_timeline.h"
#include "luo_trace.h"

static void free_incoming(struct liveupdate_session *session)
{
	scoped_guard(mutex, &session->mutex)
		luo_file_set_forget(&session->files);
	luo_session_put(session);
}

static int add_incoming(const struct luo_session_ser *ser, u64 number)
{
	struct liveupdate_session *session;
	int err;

	if (!ser->name[0] ||
	    strnlen(ser->name, sizeof(ser->name)) == sizeof(ser->name))
		return -EIO;

	session = luo_session_alloc(&luo_incoming, ser->name);
	if (IS_ERR(session))
		return PTR_ERR(session);

	session->age = ser->age;
	session->number = number;
	session->files.damaged = ser->flags & LUO_SESSION_DAMAGED;
	scoped_guard(mutex, &session->mutex)
		err = luo_file_set_deserialize(&session->files, ser->files,
					       ser->nr_files);
	if (!err)
		err = luo_set_insert(&luo_incoming, session);
	if (err)
		free_incoming(session);

	/* Two sessions of one name and age can't be, so this is not right */
	return err == -EEXIST ? -EIO : err;
}

static void forget_incoming(void)
{
	struct liveupdate_session *session, *next;

	lockdep_assert_held(&luo_incoming.lock);

	list_for_each_entry_safe(session, next, &luo_incoming.sessions, node) {
		luo_set_remove(&luo_incoming, session);
		free_incoming(session);
	}
}

static int read_records(const struct luo_header_ser *header)
{
	struct luo_reader reader;
	const void *record;
	u64 number = 0;
	u64 damaged;
	int ret;

	luo_reader_start(&reader, header->sessions, header->nr_sessions,
			 sizeof(struct luo_session_ser));
	while ((ret = luo_reader_next(&reader, &record))) {
		if (ret > 0)
			ret = add_incoming(record, number);
		number++;
		cond_resched();
		if (ret < 0 && ret != -EIO && ret != -EUCLEAN)
			return ret;
	}

	damaged = header->nr_sessions - luo_incoming.nr;
	luo_incoming.damaged = damaged;
	if (damaged)
		pr_err("%llu of %llu sessions are damaged, their memory stays reserved\n",
		       damaged, header->nr_sessions);
	return 0;
}

static bool owner_known(const struct luo_memory_ser *ser, void *arg)
{
	struct liveupdate_session *session;
	struct xarray *sessions = arg;

	if (ser->session == LUO_FLB_MEMORY)
		return luo_flb_has_memory(ser->memory);

	session = xa_load(sessions, ser->session);
	if (!session)
		return false;

	guard(mutex)(&session->mutex);

	return luo_file_set_has(&session->files, ser->token);
}

static int read_quarantine(const struct luo_header_ser *header)
{
	struct liveupdate_session *session;
	struct xarray sessions;
	int err = 0;

	xa_init(&sessions);
	list_for_each_entry(session, &luo_incoming.sessions, node) {
		err = xa_err(xa_store(&sessions, session->number, session,
				      GFP_KERNEL));
		if (err)
			break;
	}
	if (!err)
		err = luo_quarantine_read(header, owner_known, &sessions);
	xa_destroy(&sessions);
	return err;
}

/* If the index has more than that, something is damaged or was in quarantine */
static u64 nr_incoming_owners(void)
{
	struct liveupdate_session *session;
	u64 nr = luo_flb_nr_incoming();

	list_for_each_entry(session, &luo_incoming.sessions, node)
		nr += session->files.nr;
	return nr;
}

/* Whom to tell that the handlers of all files that came over have seen them */
static BLOCKING_NOTIFIER_HEAD(luo_arrival_chain);

/**
 * liveupdate_register_arrival_notifier - be told that all has arrived
 * @nb: its priority is one of enum liveupdate_arrival
 *
 * It is called once, as the device is first opened, after the arrive of all files
 * that came over and were not damaged, and before user space can have any of them,
 * or discard what is damaged. What runs then, and has nobody who has spoken for it,
 * must be stopped: the memory that it writes to may be given back from there on. It
 * is not called if nothing came over.
 *
 * Context: May sleep. It is called with the lock of the set of incoming sessions held,
 * so it must not wait for who opens the device.
 *
 * Return: 0; -EEXIST if it is registered; -EOPNOTSUPP if live update is off.
 */
int liveupdate_register_arrival_notifier(struct notifier_block *nb)
{
	if (!liveupdate_enabled())
		return -EOPNOTSUPP;

	return blocking_notifier_chain_register(&luo_arrival_chain, nb);
}
EXPORT_SYMBOL_GPL(liveupdate_register_arrival_notifier);

/**
 * liveupdate_unregister_arrival_notifier - undo that
 * @nb: passed over if it is not registered
 *
 * Context: May sleep.
 */
void liveupdate_unregister_arrival_notifier(struct notifier_block *nb)
{
	blocking_notifier_chain_unregister(&luo_arrival_chain, nb);
}
EXPORT_SYMBOL_GPL(liveupdate_unregister_arrival_notifier);

/* Before user space can have any of it, so that nothing can go back too early */
static int arrive_all(void)
{
	struct liveupdate_session *session;
	int err;

	lockdep_assert_held(&luo_incoming.lock);

	list_for_each_entry(session, &luo_incoming.sessions, node) {
		guard(mutex)(&session->mutex);
		err = luo_file_set_arrive(&session->files);
		if (err)
			return err;
	}
	return 0;
}

static int read_all(const struct luo_header_ser *header)
{
	int err;

	/* Files that finish count down what FLBs need */
	err = luo_flb_deserialize();
	if (err)
		return err;

	err = read_records(header);
	if (!err && header->nr_memory != nr_incoming_owners())
		err = read_quarantine(header);
	if (!err)
		err = arrive_all();
	if (!err)
		return 0;

	luo_quarantine_empty();
	forget_incoming();
	return err;
}

static void free_files(const void *record)
{
	const struct luo_session_ser *ser = record;

	luo_restore_free_blocks(ser->files);
}

/* Everything is read: the records' own memory is not needed any more */
static void free_records(const struct luo_header_ser *header)
{
	luo_restore_free_records(header->sessions,
				 sizeof(struct luo_session_ser), free_files);
	luo_restore_free_blocks(header->memory);
}

/**
 * luo_sessions_deserialize - read the sessions that came over
 *
 * Once; to call it again does nothing. What is damaged is set aside alone.
 *
 * Context: luo_freeze_rwsem is held.
 *
 * Return: 0; -ENOMEM, then nothing has been read and it can be tried again.
 */
int luo_sessions_deserialize(void)
{
	const struct luo_header_ser *header = luo_incoming_header();
	u64 start;
	int err;

	guard(mutex)(&luo_incoming.lock);

	if (luo_incoming.deserialized || !header)
		return 0;

	start = luo_trace_start(deserialize);
	err = read_all(header);
	trace_liveupdate_deserialize(header->nr_sessions, luo_trace_ns(start),
				     err);
	if (err)
		return err;

	blocking_notifier_call_chain(&luo_arrival_chain, 0, NULL);
	free_records(header);
	luo_incoming.deserialized = true;
	luo_timeline_once(LUO_EVENT_DESERIALIZE_END);
	return 0;
}

/* Of what somebody has taken, only what is left in it is worth it */
static bool worth_carrying(struct liveupdate_session *session)
{
	guard(mutex)(&session->mutex);

	return !session->retrieved ||
	       luo_file_set_unretrieved(&session->files);
}

static void uncarry_session(struct liveupdate_session *session)
{
	if (!session->carried)
		return;

	guard(mutex)(&session->mutex);

	luo_file_set_uncarry(&session->files);
	session->carried = false;
}

static void uncarry_incoming(void)
{
	struct liveupdate_session *session;

	lockdep_assert_held(&luo_incoming.lock);

	luo_quarantine_uncarry();
	list_for_each_entry(session, &luo_incoming.sessions, node)
		uncarry_session(session);
	luo_flb_uncarry();
}

static int carry_session(struct liveupdate_session *session)
{
	int err;

	guard(mutex)(&session->mutex);

	err = luo_file_set_carry(&session->files);
	session->carried = !err;
	return err;
}

/* What nobody has retrieved goes on to the next kernel as it is */
static int carry_incoming(void)
{
	struct liveupdate_session *session;
	int err;

	lockdep_assert_held(&luo_incoming.lock);

	list_for_each_entry(session, &luo_incoming.sessions, node) {
		if (!worth_carrying(session))
			continue;
		err = carry_session(session);
		if (err)
			goto err_uncarry;
	}

	err = luo_quarantine_carry();
	if (!err)
		return 0;

err_uncarry:
	uncarry_incoming();
	return err;
}

/**
 * struct session_writer - what sessions are written with
 * @writer: the writer of their records
 * @index: the writer of the index of memory
 * @nr: how many were written
 */
struct session_writer {
	struct luo_writer writer;
	struct luo_index_writer index;
	u64 nr;
};

static void serialize_session(struct liveupdate_session *session,
			      struct session_writer *out)
{
	struct luo_session_ser ser = {};

	lockdep_assert_held(&session->mutex);

	/* Only what came over has an age, and it gets older */
	if (session->set == &luo_incoming)
		ser.age = session->age + 1;
	if (session->files.damaged)
		ser.flags = LUO_SESSION_DAMAGED;
	memcpy(ser.name, session->name, sizeof(ser.name));
	luo_file_set_serialize(&session->files, &ser, out->nr++, &out->index);
	luo_writer_put(&out->writer, &ser);
}

static int freeze_session(struct liveupdate_session *session,
			  struct session_writer *out)
{
	int err;

	guard(mutex)(&session->mutex);

	err = luo_file_set_freeze(&session->files);
	if (!err)
		serialize_session(session, out);
	return err;
}

static void unfreeze_session(struct liveupdate_session *session)
{
	guard(mutex)(&session->mutex);

	luo_file_set_unfreeze(&session->files);
}

static int freeze_outgoing(struct session_writer *out)
{
	struct liveupdate_session *session;
	int err;

	lockdep_assert_held(&luo_outgoing.lock);

	list_for_each_entry(session, &luo_outgoing.sessions, node) {
		err = freeze_session(session, out);
		if (err)
			goto err_unfreeze;
	}
	return 0;

err_unfreeze:
	list_for_each_entry_continue_reverse(session, &luo_outgoing.sessions,
					     node)
		unfreeze_session(session);
	return err;
}

static void serialize_carried(struct session_writer *out)
{
	struct liveupdate_session *session;
	u64 nr = out->nr;

	lockdep_assert_held(&luo_incoming.lock);

	list_for_each_entry(session, &luo_incoming.sessions, node) {
		if (!session->carried)
			continue;
		guard(mutex)(&session->mutex);
		serialize_session(session, out);
	}
	luo_quarantine_serialize(&out->index);
	if (out->nr > nr)
		pr_info("%llu sessions that nobody has finished are carried over\n",
			out->nr - nr);
}

static void free_spare_blocks(void)
{
	lockdep_assert_held(&luo_outgoing.lock);

	if (!luo_outgoing.nr)
		luo_blocks_free(&luo_outgoing.blocks);
}

/**
 * luo_sessions_freeze - freeze all new sessions and write all records
 * @header: gets where they are and how many
 *
 * Sessions that came over, and that nobody has retrieved, are carried over.
 *
 * Context: luo_freeze_rwsem is held for writing, and stays so until the jump or
 * luo_sessions_unfreeze().
 *
 * Return: 0; a handler's error; -EBUSY if a session that nobody has retrieved
 * can't be carried over, as a driver has what its files need; -ENOMEM. On an
 * error all is as it was.
 */
int luo_sessions_freeze(struct luo_header_ser *header)
{
	struct session_writer out = {};
	int err;

	/* Nobody may have opened the device */
	err = luo_sessions_deserialize();
	if (err)
		return err;

	guard(mutex)(&luo_outgoing.lock);
	guard(mutex)(&luo_incoming.lock);

	err = luo_blocks_reserve(&luo_outgoing.blocks,
				 luo_outgoing.nr + luo_incoming.nr);
	if (!err)
		err = carry_incoming();
	if (err)
		goto err_free;

	luo_writer_start(&out.writer, &luo_outgoing.blocks);
	luo_index_start(&out.index);
	err = freeze_outgoing(&out);
	if (err)
		goto err_uncarry;

	serialize_carried(&out);
	luo_flb_serialize_memory(&out.index);
	header->nr_sessions = out.nr;
	header->sessions = luo_writer_end(&out.writer);
	luo_index_end(&out.index, header);
	return 0;

err_uncarry:
	uncarry_incoming();
err_free:
	free_spare_blocks();
	return err;
}

/**
 * luo_sessions_unfreeze - the jump failed after luo_sessions_freeze()
 *
 * Context: luo_freeze_rwsem is held for writing.
 */
void luo_sessions_unfreeze(void)
{
	struct liveupdate_session *session;

	guard(mutex)(&luo_outgoing.lock);
	guard(mutex)(&luo_incoming.lock);

	list_for_each_entry_reverse(session, &luo_outgoing.sessions, node)
		unfreeze_session(session);
	uncarry_incoming();
	free_spare_blocks();
}
