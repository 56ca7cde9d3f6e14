/* SPDX-License-Identifier: LGPL-2.1 */
/*
 * Live update from user space: keep chosen files across the replacement of the
 * running kernel. See libliveupdate(3).
 *
 * A device, a session and a file are plain file descriptors, which the caller
 * closes, may pass on, and may use with ioctl() of linux/liveupdate.h just as
 * well. Every descriptor that the library returns is close-on-exec.
 *
 * Functions return a negative errno if they fail; errno itself is left in any
 * state. The library keeps no state of its own: all functions may be called from
 * many threads at once, on the same descriptors, too.
 *
 * Structs that are handed to callbacks may grow at their ends in later versions:
 * use what you are given, and make no arrays of them.
 */
#ifndef _LIBLIVEUPDATE_H
#define _LIBLIVEUPDATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lengths of names, each with its final NUL */
#define LU_NAME_SIZE	64
#define LU_HANDLER_SIZE	48
#define LU_RELEASE_SIZE	65

/* What lu_escape_name() needs at most: four characters for each byte, a NUL */
#define LU_ESCAPED_SIZE	(4 * (LU_NAME_SIZE - 1) + 1)

/* Which sessions to list */
#define LU_LIST_NEW		0U
#define LU_LIST_INCOMING	0x1U

/* struct lu_session, flags */
#define LU_SESSION_INCOMING	0x1U
#define LU_SESSION_RETRIEVED	0x2U
#define LU_SESSION_DAMAGED	0x4U

/**
 * struct lu_session - what a list says of a session
 * @id: no other session of its direction has it in this kernel
 * @nr_files: how many files it has
 * @bytes: how much memory is preserved for them
 * @age: how many live updates it came through without being retrieved
 * @flags: LU_SESSION_INCOMING: it came over. LU_SESSION_RETRIEVED: it did, and
 *	somebody has it. LU_SESSION_DAMAGED: some of its files were damaged.
 * @name: any bytes, and a NUL
 */
struct lu_session {
	unsigned long long id;
	unsigned long long nr_files;
	unsigned long long bytes;
	unsigned long long age;
	uint32_t flags;
	char name[LU_NAME_SIZE];
};

/**
 * enum lu_file_state - where a file is on its way
 * @LU_FILE_PRESERVED: it is in a new session
 * @LU_FILE_WAITING: it came over, and was not retrieved yet
 * @LU_FILE_RETRIEVED: it came over, and was
 * @LU_FILE_FAILED: it came over, and its handler could not retrieve it
 * @LU_FILE_NO_HANDLER: it came over, and its handler is not there yet
 */
enum lu_file_state {
	LU_FILE_PRESERVED = 0,
	LU_FILE_WAITING = 1,
	LU_FILE_RETRIEVED = 2,
	LU_FILE_FAILED = 3,
	LU_FILE_NO_HANDLER = 4,
};

/**
 * struct lu_file - what a list says of a file
 * @token: what the program that preserved it called it
 * @bytes: how much memory is preserved for it
 * @state: an enum lu_file_state, or a number that this library does not know
 * @error: with LU_FILE_FAILED the errno, as a positive number; else zero
 * @handler: the name of the handler for such files
 */
struct lu_file {
	unsigned long long token;
	unsigned long long bytes;
	uint32_t state;
	int error;
	char handler[LU_HANDLER_SIZE];
};

/**
 * struct lu_status - what lu_get_status() tells
 * @updates: how many live updates led to this kernel
 * @quarantine_files: how many files came over damaged
 * @quarantine_bytes: how much memory stays reserved for these
 * @previous: the release of the previous kernel, "" if there was none
 */
struct lu_status {
	unsigned long long updates;
	unsigned long long quarantine_files;
	unsigned long long quarantine_bytes;
	char previous[LU_RELEASE_SIZE];
};

/*
 * For lists. What is not zero ends the list, and is what the list returns.
 * Sessions and files may come and go meanwhile, by the callback's doing, too.
 */
typedef int (*lu_session_fn)(const struct lu_session *session, void *arg);
typedef int (*lu_file_fn)(const struct lu_file *file, void *arg);

/* The device */
int lu_open(void);
int lu_discard_damaged(int dev, unsigned long long *bytes);

/* Sessions */
int lu_session_create(int dev, const char *name);
int lu_session_retrieve(int dev, const char *name);
int lu_session_discard(int dev, const char *name);
int lu_session_get_name(int session, char name[LU_NAME_SIZE]);
int lu_session_is_incoming(int session);
int lu_session_finish(int session);

/* Files */
int lu_file_preserve(int session, int fd, unsigned long long token);
int lu_file_unpreserve(int session, unsigned long long token);
int lu_file_retrieve(int session, unsigned long long token);
int lu_file_discard(int session, unsigned long long token);

/* Lists */
int lu_list_sessions(int dev, unsigned int flags, lu_session_fn fn, void *arg);
int lu_list_files(int dev, unsigned int flags, unsigned long long id, lu_file_fn fn,
		  void *arg);
int lu_session_list_files(int session, lu_file_fn fn, void *arg);
const char *lu_file_state_name(uint32_t state);

/* Without the device, which has one opener at a time: for root, from debugfs */
int lu_get_status(struct lu_status *status, size_t size);
int lu_debugfs_open(const char *name);
int lu_debugfs_list_sessions(unsigned int flags, lu_session_fn fn, void *arg);
int lu_debugfs_list_files(unsigned int flags, unsigned long long id, lu_file_fn fn,
			  void *arg);

/* Names have any bytes; this is how they are written */
int lu_escape_name(const char *name, char *buf, size_t size);
int lu_unescape_name(const char *text, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* _LIBLIVEUPDATE_H */
