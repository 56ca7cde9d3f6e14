/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM liveupdate

#if !defined(_TRACE_LIVEUPDATE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_LIVEUPDATE_H

#include <linux/tracepoint.h>
#include <linux/types.h>

/*
 * What each of these has: @session is the session's name, @ns how long it took,
 * @err what came of it, 0 or a negative errno.
 */
DECLARE_EVENT_CLASS(liveupdate_session,
		    TP_PROTO(const char *session, unsigned long nr_files,
			     u64 ns, int err),
		    TP_ARGS(session, nr_files, ns, err),
		    TP_STRUCT__entry(__string(session, session)
				     __field(unsigned long, nr_files)
				     __field(u64, ns)
				     __field(int, err)),
		    TP_fast_assign(__assign_str(session);
				   __entry->nr_files = nr_files;
				   __entry->ns = ns;
				   __entry->err = err;),
		    TP_printk("session=%s files=%lu ns=%llu err=%d",
			      __get_str(session), __entry->nr_files,
			      __entry->ns, __entry->err)
);

/* A new session, and the end of one that did not get to the next kernel */
DEFINE_EVENT(liveupdate_session, liveupdate_session_create,
	     TP_PROTO(const char *session, unsigned long nr_files,
		      u64 ns, int err),
	     TP_ARGS(session, nr_files, ns, err)
);

DEFINE_EVENT(liveupdate_session, liveupdate_session_release,
	     TP_PROTO(const char *session, unsigned long nr_files,
		      u64 ns, int err),
	     TP_ARGS(session, nr_files, ns, err)
);

/* A session that came over */
DEFINE_EVENT(liveupdate_session, liveupdate_session_retrieve,
	     TP_PROTO(const char *session, unsigned long nr_files,
		      u64 ns, int err),
	     TP_ARGS(session, nr_files, ns, err)
);

DEFINE_EVENT(liveupdate_session, liveupdate_session_finish,
	     TP_PROTO(const char *session, unsigned long nr_files,
		      u64 ns, int err),
	     TP_ARGS(session, nr_files, ns, err)
);

DEFINE_EVENT(liveupdate_session, liveupdate_session_discard,
	     TP_PROTO(const char *session, unsigned long nr_files,
		      u64 ns, int err),
	     TP_ARGS(session, nr_files, ns, err)
);

/* @bytes is how much memory is preserved for the file, where that is known */
DECLARE_EVENT_CLASS(liveupdate_file,
		    TP_PROTO(const char *session, u64 token,
			     const char *handler, u64 bytes,
			     u64 ns, int err),
		    TP_ARGS(session, token, handler, bytes, ns, err),
		    TP_STRUCT__entry(__string(session, session)
				     __string(handler, handler)
				     __field(u64, token)
				     __field(u64, bytes)
				     __field(u64, ns)
				     __field(int, err)),
		    TP_fast_assign(__assign_str(session);
				   __assign_str(handler);
				   __entry->token = token;
				   __entry->bytes = bytes;
				   __entry->ns = ns;
				   __entry->err = err;),
		    TP_printk("session=%s token=%llu handler=%s bytes=%llu ns=%llu err=%d",
			      __get_str(session), __entry->token,
			      __get_str(handler), __entry->bytes,
			      __entry->ns, __entry->err)
);

DEFINE_EVENT(liveupdate_file, liveupdate_file_preserve,
	     TP_PROTO(const char *session, u64 token,
		      const char *handler, u64 bytes,
		      u64 ns, int err),
	     TP_ARGS(session, token, handler, bytes, ns, err)
);

DEFINE_EVENT(liveupdate_file, liveupdate_file_unpreserve,
	     TP_PROTO(const char *session, u64 token,
		      const char *handler, u64 bytes,
		      u64 ns, int err),
	     TP_ARGS(session, token, handler, bytes, ns, err)
);

DEFINE_EVENT(liveupdate_file, liveupdate_file_freeze,
	     TP_PROTO(const char *session, u64 token,
		      const char *handler, u64 bytes,
		      u64 ns, int err),
	     TP_ARGS(session, token, handler, bytes, ns, err)
);

DEFINE_EVENT(liveupdate_file, liveupdate_file_unfreeze,
	     TP_PROTO(const char *session, u64 token,
		      const char *handler, u64 bytes,
		      u64 ns, int err),
	     TP_ARGS(session, token, handler, bytes, ns, err)
);

DEFINE_EVENT(liveupdate_file, liveupdate_file_retrieve,
	     TP_PROTO(const char *session, u64 token,
		      const char *handler, u64 bytes,
		      u64 ns, int err),
	     TP_ARGS(session, token, handler, bytes, ns, err)
);

DEFINE_EVENT(liveupdate_file, liveupdate_file_finish,
	     TP_PROTO(const char *session, u64 token,
		      const char *handler, u64 bytes,
		      u64 ns, int err),
	     TP_ARGS(session, token, handler, bytes, ns, err)
);

DEFINE_EVENT(liveupdate_file, liveupdate_file_discard,
	     TP_PROTO(const char *session, u64 token,
		      const char *handler, u64 bytes,
		      u64 ns, int err),
	     TP_ARGS(session, token, handler, bytes, ns, err)
);

DECLARE_EVENT_CLASS(liveupdate_records,
		    TP_PROTO(u64 nr_sessions, u64 ns, int err),
		    TP_ARGS(nr_sessions, ns, err),
		    TP_STRUCT__entry(__field(u64, nr_sessions)
				     __field(u64, ns)
				     __field(int, err)),
		    TP_fast_assign(__entry->nr_sessions = nr_sessions;
				   __entry->ns = ns;
				   __entry->err = err;),
		    TP_printk("sessions=%llu ns=%llu err=%d",
			      __entry->nr_sessions, __entry->ns,
			      __entry->err)
);

/* All is frozen and written for the next kernel; or it is not, and all goes on */
DEFINE_EVENT(liveupdate_records, liveupdate_serialize,
	     TP_PROTO(u64 nr_sessions, u64 ns, int err),
	     TP_ARGS(nr_sessions, ns, err)
);

/* What the previous kernel wrote was read */
DEFINE_EVENT(liveupdate_records, liveupdate_deserialize,
	     TP_PROTO(u64 nr_sessions, u64 ns, int err),
	     TP_ARGS(nr_sessions, ns, err)
);

/* The last that the old kernel does */
TRACE_EVENT(liveupdate_jump,
	    TP_PROTO(u64 update),
	    TP_ARGS(update),
	    TP_STRUCT__entry(__field(u64, update)),
	    TP_fast_assign(__entry->update = update;),
	    TP_printk("update=%llu",
		      __entry->update)
);

/* What happened when, in both kernels, by one clock: @ns since the freeze */
TRACE_EVENT(liveupdate_timeline,
	    TP_PROTO(u64 ns, bool old, const char *what,
		     const char *session),
	    TP_ARGS(ns, old, what, session),
	    TP_STRUCT__entry(__field(u64, ns)
			     __field(bool, old)
			     __string(what, what)
			     __string(session, session)),
	    TP_fast_assign(__entry->ns = ns;
			   __entry->old = old;
			   __assign_str(what);
			   __assign_str(session);),
	    TP_printk("ns=%llu kernel=%s event=%s session=%s",
		      __entry->ns, __entry->old ? "old" : "new",
		      __get_str(what), __get_str(session))
);

#endif /* _TRACE_LIVEUPDATE_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
