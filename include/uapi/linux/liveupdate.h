/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Live update: keep chosen files across the replacement of the running kernel.
 *
 * A program opens /dev/liveupdate, makes a named session, and preserves files
 * in it. In the next kernel it retrieves the session by name and the files by
 * token. See Documentation/userspace-api/liveupdate.rst.
 */
#ifndef _UAPI_LINUX_LIVEUPDATE_H
#define _UAPI_LINUX_LIVEUPDATE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: Conventions
 *
 * Every command takes a pointer to a struct whose first member is @size, set
 * by user space to the size of the struct that it was compiled with. A @size
 * below that of the command's first version fails with EINVAL. A larger one is
 * accepted as long as everything that the kernel does not know is zero, and
 * fails with E2BIG otherwise.
 */

/* The ioctl type of all commands */
#define LIVEUPDATE_IOCTL_TYPE		0xBA

/* The length of a session's name, with the terminating NUL */
#define LIVEUPDATE_SESSION_NAME_LENGTH	64

/* Commands on /dev/liveupdate start at BASE, those on a session at SESSION_BASE */
enum {
	LIVEUPDATE_CMD_BASE = 0x00,
	LIVEUPDATE_CMD_CREATE_SESSION = LIVEUPDATE_CMD_BASE,
	LIVEUPDATE_CMD_RETRIEVE_SESSION = 0x01,

	LIVEUPDATE_CMD_SESSION_BASE = 0x40,
	LIVEUPDATE_CMD_SESSION_PRESERVE_FD = LIVEUPDATE_CMD_SESSION_BASE,
	LIVEUPDATE_CMD_SESSION_RETRIEVE_FD = 0x41,
	LIVEUPDATE_CMD_SESSION_FINISH = 0x42,
	LIVEUPDATE_CMD_SESSION_GET_NAME = 0x43,

	/* Commands that mainline does not have start at these */
	LIVEUPDATE_CMD_EXT_BASE = 0x20,
	LIVEUPDATE_CMD_DISCARD_SESSION = LIVEUPDATE_CMD_EXT_BASE,
	LIVEUPDATE_CMD_DISCARD_DAMAGED = 0x21,
	LIVEUPDATE_CMD_LIST_SESSIONS = 0x22,
	LIVEUPDATE_CMD_LIST_FILES = 0x23,

	LIVEUPDATE_CMD_SESSION_EXT_BASE = 0x70,
	LIVEUPDATE_CMD_SESSION_DISCARD_FD = LIVEUPDATE_CMD_SESSION_EXT_BASE,
	LIVEUPDATE_CMD_SESSION_LIST_FILES = 0x71,
	LIVEUPDATE_CMD_SESSION_UNPRESERVE_FD = 0x72,
};

/**
 * struct liveupdate_ioctl_create_session - LIVEUPDATE_IOCTL_CREATE_SESSION
 * @size: sizeof(struct liveupdate_ioctl_create_session)
 * @fd: out: a close-on-exec descriptor of the new session
 * @name: the session's name, NUL-terminated, not empty
 *
 * Make a session that files can be preserved in. The session lives as long as
 * its file; with the last reference to that, all of it is undone.
 *
 * Return: 0; EINVAL for a name that is empty or has no NUL; EEXIST for a name
 * that another new session has.
 */
struct liveupdate_ioctl_create_session {
	__u32 size;
	__s32 fd;
	__u8 name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

#define LIVEUPDATE_IOCTL_CREATE_SESSION \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_CREATE_SESSION)

/**
 * struct liveupdate_ioctl_retrieve_session - LIVEUPDATE_IOCTL_RETRIEVE_SESSION
 * @size: sizeof(struct liveupdate_ioctl_retrieve_session)
 * @fd: out: a close-on-exec descriptor of the session
 * @name: the name that the session was made with
 *
 * Take over a session that came from the previous kernel.
 *
 * Return: 0; ENOENT if none of this name came over; EIO if sessions were damaged
 * so that it may have been one of them; EINVAL if somebody has retrieved it
 * already, or for a name that is empty or has no NUL.
 */
struct liveupdate_ioctl_retrieve_session {
	__u32 size;
	__s32 fd;
	__u8 name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

#define LIVEUPDATE_IOCTL_RETRIEVE_SESSION \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_RETRIEVE_SESSION)

/**
 * struct liveupdate_ioctl_discard_session - LIVEUPDATE_IOCTL_DISCARD_SESSION
 * @size: sizeof(struct liveupdate_ioctl_discard_session)
 * @reserved: must be zero
 * @name: the name that the session was made with
 *
 * Give up a session that came over and that nobody has retrieved: all memory
 * that was preserved for its files goes back to the system. What nobody
 * retrieves and nobody discards is carried over to each next kernel.
 *
 * Return: 0; ENOENT if none of this name came over; EIO if sessions were damaged
 * so that it may have been one of them; EBUSY if somebody has retrieved it, or
 * if the handler of one of its files says that it cannot finish yet; EINVAL for a
 * non-zero @reserved or a name that is empty or has no NUL.
 */
struct liveupdate_ioctl_discard_session {
	__u32 size;
	__u32 reserved;
	__u8 name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

#define LIVEUPDATE_IOCTL_DISCARD_SESSION \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_DISCARD_SESSION)

/**
 * struct liveupdate_ioctl_discard_damaged - LIVEUPDATE_IOCTL_DISCARD_DAMAGED
 * @size: sizeof(struct liveupdate_ioctl_discard_damaged)
 * @reserved: must be zero
 * @bytes: out: how much memory went back to the system
 *
 * Give up the memory of files that came over damaged: that stays reserved, as it
 * is private to somebody, but nobody can have it back.
 *
 * Return: 0; EINVAL for a non-zero @reserved.
 */
struct liveupdate_ioctl_discard_damaged {
	__u32 size;
	__u32 reserved;
	__aligned_u64 bytes;
};

#define LIVEUPDATE_IOCTL_DISCARD_DAMAGED \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_DISCARD_DAMAGED)

/* struct liveupdate_ioctl_list_sessions, flags: those that came over */
#define LIVEUPDATE_LIST_INCOMING	(1U << 0)

/* struct liveupdate_session_info, flags */
#define LIVEUPDATE_SESSION_INCOMING	(1U << 0)
#define LIVEUPDATE_SESSION_RETRIEVED	(1U << 1)
#define LIVEUPDATE_SESSION_DAMAGED	(1U << 2)

/**
 * struct liveupdate_session_info - what LIVEUPDATE_IOCTL_LIST_SESSIONS says of one
 * @id: a number that no other session of its direction has in this kernel; later
 *	ones are higher
 * @nr_files: how many files it has
 * @bytes: how much memory is preserved for them, with what describes it
 * @age: how many live updates it came through without being retrieved
 * @flags: LIVEUPDATE_SESSION_INCOMING: it came over. LIVEUPDATE_SESSION_RETRIEVED:
 *	it did, and somebody has it. LIVEUPDATE_SESSION_DAMAGED: some of its files
 *	were damaged on the way.
 * @reserved: zero
 * @name: its name, padded with NULs. Of several that came over with one name, the
 *	one with the lowest age is retrieved first.
 */
struct liveupdate_session_info {
	__aligned_u64 id;
	__aligned_u64 nr_files;
	__aligned_u64 bytes;
	__aligned_u64 age;
	__u32 flags;
	__u32 reserved;
	__u8 name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

/**
 * struct liveupdate_ioctl_list_sessions - LIVEUPDATE_IOCTL_LIST_SESSIONS
 * @size: sizeof(struct liveupdate_ioctl_list_sessions)
 * @flags: LIVEUPDATE_LIST_INCOMING for those that came over, 0 for new ones
 * @info_size: sizeof(struct liveupdate_session_info); what the kernel does not know
 *	of it is set to zero
 * @nr: in: how many there is room for; out: how many were listed
 * @start: the lowest @id to list; 0 to begin with
 * @infos: pointer to an array of struct liveupdate_session_info
 *
 * Say what sessions there are, by ascending @id. There may be more than were
 * listed, even if there was room: ask again with @start one above the last @id,
 * until @nr comes back as zero.
 *
 * Return: 0; EINVAL for an unknown flag, for an @info_size that is too short or
 * is no multiple of 8.
 */
struct liveupdate_ioctl_list_sessions {
	__u32 size;
	__u32 flags;
	__u32 info_size;
	__u32 nr;
	__aligned_u64 start;
	__aligned_u64 infos;
};

#define LIVEUPDATE_IOCTL_LIST_SESSIONS \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_LIST_SESSIONS)

/* The length of a handler's name, with the terminating NUL */
#define LIVEUPDATE_COMPATIBLE_LENGTH	48

/**
 * enum liveupdate_file_state - where a file is on its way
 * @LIVEUPDATE_FILE_PRESERVED: it is in a new session
 * @LIVEUPDATE_FILE_WAITING: it came over, and was not retrieved yet
 * @LIVEUPDATE_FILE_RETRIEVED: it came over, and was
 * @LIVEUPDATE_FILE_FAILED: it came over, and its handler could not retrieve it
 * @LIVEUPDATE_FILE_NO_HANDLER: it came over, and its handler is not there yet
 */
enum liveupdate_file_state {
	LIVEUPDATE_FILE_PRESERVED = 0,
	LIVEUPDATE_FILE_WAITING = 1,
	LIVEUPDATE_FILE_RETRIEVED = 2,
	LIVEUPDATE_FILE_FAILED = 3,
	LIVEUPDATE_FILE_NO_HANDLER = 4,
};

/**
 * struct liveupdate_file_info - what is said of one in a list
 * @token: what user space called it
 * @bytes: how much memory is preserved for it, with what describes it
 * @state: enum liveupdate_file_state
 * @error: with LIVEUPDATE_FILE_FAILED the errno, as a positive number; else zero
 * @compatible: the name of its handler, padded with NULs
 */
struct liveupdate_file_info {
	__aligned_u64 token;
	__aligned_u64 bytes;
	__u32 state;
	__u32 error;
	__u8 compatible[LIVEUPDATE_COMPATIBLE_LENGTH];
};

/**
 * struct liveupdate_ioctl_list_files - LIVEUPDATE_IOCTL_LIST_FILES
 * @size: sizeof(struct liveupdate_ioctl_list_files)
 * @flags: LIVEUPDATE_LIST_INCOMING if the session came over, else 0
 * @info_size: sizeof(struct liveupdate_file_info); what the kernel does not know
 *	of it is set to zero
 * @nr: in: how many there is room for; out: how many were listed
 * @session: the @id of the session
 * @start: the lowest token to list; 0 to begin with
 * @infos: pointer to an array of struct liveupdate_file_info
 *
 * Say what files a session has, by ascending token, whoever has that session.
 * There may be more than were listed, even if there was room: ask again with
 * @start one above the last token, until @nr comes back as zero or that token
 * was the highest there can be.
 *
 * Return: 0; ENOENT if there is no such session; EINVAL for an unknown flag, for
 * an @info_size that is too short or is no multiple of 8.
 */
struct liveupdate_ioctl_list_files {
	__u32 size;
	__u32 flags;
	__u32 info_size;
	__u32 nr;
	__aligned_u64 session;
	__aligned_u64 start;
	__aligned_u64 infos;
};

#define LIVEUPDATE_IOCTL_LIST_FILES \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_LIST_FILES)

/**
 * struct liveupdate_session_preserve_fd - LIVEUPDATE_SESSION_PRESERVE_FD
 * @size: sizeof(struct liveupdate_session_preserve_fd)
 * @fd: the file to preserve
 * @token: the caller's name for it, unique in the session
 *
 * Put a file into a new session. The session holds a reference to it.
 *
 * Return: 0; EBADF for a bad @fd; ENOENT if no handler takes such a file;
 * EEXIST if the session has @token already; EBUSY if what is behind the file
 * is preserved already, in any session; EINVAL on a retrieved session; else
 * the handler's error.
 */
struct liveupdate_session_preserve_fd {
	__u32 size;
	__s32 fd;
	__aligned_u64 token;
};

#define LIVEUPDATE_SESSION_PRESERVE_FD \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_SESSION_PRESERVE_FD)

/**
 * struct liveupdate_session_retrieve_fd - LIVEUPDATE_SESSION_RETRIEVE_FD
 * @size: sizeof(struct liveupdate_session_retrieve_fd)
 * @fd: out: a close-on-exec descriptor of the file
 * @token: the token that the file was preserved with
 *
 * Get a file out of a retrieved session, in any order. Asked again, it gives
 * another descriptor of the same file.
 *
 * Return: 0; ENOENT for an unknown token; ENODEV while no handler for the file
 * is registered, ENOMEM, ENFILE or EMFILE for want of memory or of open files
 * (it may be asked again after each of these); EINVAL on a new session; else the
 * handler's error, which is remembered and returned again.
 */
struct liveupdate_session_retrieve_fd {
	__u32 size;
	__s32 fd;
	__aligned_u64 token;
};

#define LIVEUPDATE_SESSION_RETRIEVE_FD \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_SESSION_RETRIEVE_FD)

/**
 * struct liveupdate_session_finish - LIVEUPDATE_SESSION_FINISH
 * @size: sizeof(struct liveupdate_session_finish)
 * @reserved: must be zero
 *
 * End the live update for all files of a retrieved session. Files that were
 * retrieved go on as ordinary files; what was not retrieved goes back to the
 * system. After it the session is empty.
 *
 * Return: 0; EBUSY if a file cannot finish yet, in which case none has; EINVAL
 * on a new session or for a non-zero @reserved.
 */
struct liveupdate_session_finish {
	__u32 size;
	__u32 reserved;
};

#define LIVEUPDATE_SESSION_FINISH \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_SESSION_FINISH)

/**
 * struct liveupdate_session_get_name - LIVEUPDATE_SESSION_GET_NAME
 * @size: sizeof(struct liveupdate_session_get_name)
 * @reserved: must be zero
 * @name: out: the session's name, padded with NULs
 *
 * Return: 0; EINVAL for a non-zero @reserved.
 */
struct liveupdate_session_get_name {
	__u32 size;
	__u32 reserved;
	__u8 name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

#define LIVEUPDATE_SESSION_GET_NAME \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_SESSION_GET_NAME)

/**
 * struct liveupdate_session_discard_fd - LIVEUPDATE_SESSION_DISCARD_FD
 * @size: sizeof(struct liveupdate_session_discard_fd)
 * @reserved: must be zero
 * @token: the token that the file was preserved with
 *
 * Give up a file of a retrieved session that was not itself retrieved. This
 * works without the file's handler too, which the session could otherwise not
 * finish without: all memory that was preserved on behalf of the file goes back
 * to the system.
 *
 * Return: 0; ENOENT for an unknown token; EBUSY if the file was retrieved, if
 * its handler says that it cannot finish yet, or if another file of the session
 * needs it, as a device that writes to it does; EINVAL on a new session or for a
 * non-zero @reserved; EIO if the record of the file's memory is damaged: the file
 * is gone then too, and its memory stays reserved.
 */
struct liveupdate_session_discard_fd {
	__u32 size;
	__u32 reserved;
	__aligned_u64 token;
};

#define LIVEUPDATE_SESSION_DISCARD_FD \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_SESSION_DISCARD_FD)

/**
 * struct liveupdate_session_list_files - LIVEUPDATE_SESSION_LIST_FILES
 * @size: sizeof(struct liveupdate_session_list_files)
 * @flags: must be zero
 * @info_size: sizeof(struct liveupdate_file_info); what the kernel does not know
 *	of it is set to zero
 * @nr: in: how many there is room for; out: how many were listed
 * @start: the lowest token to list; 0 to begin with
 * @infos: pointer to an array of struct liveupdate_file_info
 *
 * As LIVEUPDATE_IOCTL_LIST_FILES, for who has the session and not the device.
 *
 * Return: 0; EINVAL for a flag, for an @info_size that is too short or is no
 * multiple of 8.
 */
struct liveupdate_session_list_files {
	__u32 size;
	__u32 flags;
	__u32 info_size;
	__u32 nr;
	__aligned_u64 start;
	__aligned_u64 infos;
};

#define LIVEUPDATE_SESSION_LIST_FILES \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_SESSION_LIST_FILES)

/**
 * struct liveupdate_session_unpreserve_fd - LIVEUPDATE_SESSION_UNPRESERVE_FD
 * @size: sizeof(struct liveupdate_session_unpreserve_fd)
 * @reserved: must be zero
 * @token: the token that the file was preserved with
 *
 * Take a file out of a new session again: its preserve is undone, and the session
 * gives its reference up.
 *
 * Return: 0; ENOENT for an unknown token; EBUSY if another file of the session
 * depends on it; EINVAL on a retrieved session or for a non-zero @reserved.
 */
struct liveupdate_session_unpreserve_fd {
	__u32 size;
	__u32 reserved;
	__aligned_u64 token;
};

#define LIVEUPDATE_SESSION_UNPRESERVE_FD \
	_IO(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_SESSION_UNPRESERVE_FD)

#endif /* _UAPI_LINUX_LIVEUPDATE_H */
