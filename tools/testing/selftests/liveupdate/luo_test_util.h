/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers shared by the live update tests: the ioctls as functions, memfds with
 * contents that can be checked, kexec, and checks for tests that run outside of
 * the kselftest harness because they end in another kernel.
 */
#ifndef _LUO_TEST_UTIL_H
#define _LUO_TEST_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/liveupdate.h>

#include "../kselftest.h"

#define LUO_DEVICE	"/dev/liveupdate"

/* Not yet in the headers of every C library that the tests are built with */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC	0x0010U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC	0x0020
#endif

#define KIB		1024L
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define TIB		(1024 * GIB)

/*
 * The wrappers return what the call gives, a descriptor or 0, and a negative
 * errno if it fails, so that one comparison checks both.
 */
int luo_open_device(void);
int luo_create_session(int dev, const char *name);
int luo_retrieve_session(int dev, const char *name);
int luo_preserve(int session, int fd, __u64 token);
int luo_retrieve(int session, __u64 token);
int luo_finish(int session);
int luo_discard(int session, __u64 token);
int luo_discard_session(int dev, const char *name);
long long luo_discard_damaged(int dev);
int luo_unpreserve(int session, __u64 token);

/* How many were listed, of at most @nr from @start on */
int luo_list_sessions(int dev, __u32 flags, __u64 start,
		      struct liveupdate_session_info *infos, __u32 nr);
int luo_list_files(int dev, __u32 flags, __u64 id, __u64 start,
		   struct liveupdate_file_info *infos, __u32 nr);
int luo_session_list_files(int session, __u64 start,
			   struct liveupdate_file_info *infos, __u32 nr);

int luo_get_name(int session, char name[LIVEUPDATE_SESSION_NAME_LENGTH]);
int luo_ioctl(int fd, unsigned long cmd, void *arg);

/* For who can do nothing without it: gives up if it can't be opened */
int luo_need_device(void);

/* Descriptors that the process has open, or a negative errno */
int luo_count_fds(void);

/* Allow as many descriptors as the tests with many files need */
int luo_raise_fd_limit(unsigned int nr);

/* A memfd of @size bytes, all of it a hole; or a negative errno */
int luo_memfd(const char *name, unsigned int flags, off_t size);

/* The same object through another open file */
int luo_reopen(int fd, int flags);

/*
 * Contents depend on a seed and on the offset only, so that any part of a file
 * can be checked in any order and in another kernel. Seed 0 stands for zeros.
 */
void luo_pattern(void *buf, size_t len, __u64 seed, off_t offset);
int luo_write_pattern(int fd, off_t offset, size_t len, __u64 seed);
int luo_map_pattern(int fd, off_t offset, size_t len, __u64 seed);
int luo_verify_pattern(int fd, off_t offset, size_t len, __u64 seed);

/* The text of a file, less a final newline; and back again, in one write */
int luo_read_text(const char *path, char *buf, size_t len);
int luo_write_text(const char *path, const char *text);

/* All of a text file, for the caller to free; an empty text if it can't be read */
char *luo_read_all(const char *path);

/* All of a file in debugfs, in liveupdate/, for the caller to free */
char *luo_read_debugfs(const char *name);

/* All that is in the kernel's log, for the caller to free */
char *luo_read_log(void);

/* How often the kernel's log has this text */
unsigned int luo_count_in_log(const char *text);

/*
 * Check that live update has put no address into the log, which everybody may
 * be allowed to read
 */
void luo_check_log(void);

/* A value from /proc/meminfo in KiB, or -ENOENT */
long luo_meminfo(const char *key);

/*
 * Free memory in KiB, or a negative errno. Unlike MemFree this counts what the
 * processors keep at hand, which is a lot just after much was freed.
 */
long luo_free_memory(void);

/*
 * Freed memory may take a moment to arrive where it is counted: wait until
 * there are @kib of it, or give up.
 */
bool luo_wait_for_free_memory(long kib);

/* The value of @key in /proc/cmdline, the last one if there are several */
int luo_cmdline_value(const char *key, char *buf, size_t len);

/*
 * Load /boot/bzImage and /boot/initrd for the next kernel, with this kernel's
 * command line, luo.stage counted up by one, and @append, which may be NULL.
 */
int luo_kexec_load(const char *append);

/* The same with another kernel than /boot/bzImage */
int luo_kexec_load_image(const char *image, const char *append);

/* As the crash kernel, which is started when this kernel crashes */
int luo_kexec_load_crash(const char *append);

/*
 * Load an image that can't take sessions along, with the older system call. It
 * resets the machine if the kernel jumps to it all the same.
 */
int luo_kexec_load_classic(void);
int luo_kexec_unload_classic(void);

/* Only returns if the kernel refuses: a negative errno */
int luo_kexec_jump(void);

/*
 * Arguments that have to be refused, whatever the command: @good is a valid
 * argument of @min bytes. Nothing may happen and no descriptor may be left.
 * What is wrong is printed; returns the number of such lines.
 */
int luo_try_bad_args(int fd, unsigned long cmd, const void *good, size_t min);

/* For a call that succeeds but whose reply cannot be written */
int luo_try_readonly_reply(int fd, unsigned long cmd, const void *good,
			   size_t min);

/*
 * Checks for the stages of the tests across kexec. A check prints what is wrong
 * and returns whether it held; luo_report() makes one TAP line out of all
 * checks since the one before.
 */
bool luo_check(bool ok, const char *file, int line, const char *what);
bool luo_check_eq(long long expected, long long seen, const char *file,
		  int line, const char *what);
void __printf(1, 2) luo_report(const char *fmt, ...);
void __printf(1, 2) luo_report_skip(const char *fmt, ...);
void luo_plan(unsigned int plan);
void __noreturn luo_finish_stage(void);
void __noreturn luo_leave_kernel(void);

/* Use what can be had of the memory, as a running system would; and report */
void luo_check_memory(void);

#define LUO_MAX_STAGES	5

/* What one kernel after the other does */
struct luo_case {
	const char *name;

	/* A NULL entry ends it, if there is room for one */
	void (*stages[LUO_MAX_STAGES])(void);
};

/*
 * Run what a program is called for: "CASE stageN", or "stageN" for the case
 * without a name. A stage does not come back; if there is none like that this
 * says so, and returns the exit status.
 */
int luo_run_case(const struct luo_case *cases, size_t nr, int argc,
		 char *argv[]);

#define CHECK(cond)	luo_check(!!(cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ(expected, seen)					\
	luo_check_eq((expected), (seen), __FILE__, __LINE__,		\
		     #seen " is not " #expected)

#endif /* _LUO_TEST_UTIL_H */
