/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands of luo share */
#ifndef _LUO_H
#define _LUO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kernel.h>

#include <libliveupdate.h>

#define LUO_VERSION	"1.0"

/* Exit statuses; luo run has more */
enum {
	LUO_OK = 0,
	LUO_ERROR = 1,
	LUO_USAGE = 2,
};

/* "luo list", for messages */
extern char luo_prog[32];

/* Both print a message and return the exit status */
int __printf(1, 2) luo_error(const char *fmt, ...);
int __printf(1, 2) luo_usage_error(const char *fmt, ...);

/* Only print it */
void __printf(1, 2) luo_note(const char *fmt, ...);

/* For a command's --help, and for an option that getopt_long() didn't know */
int luo_help(const char *text);
int luo_bad_option(void);

/* Commands with --json, --help and no more: -1 to go on, or the exit status */
int luo_only_json(int argc, char *argv[], const char *help, bool *json);

/* Was all of stdout written? LUO_OK or LUO_ERROR */
int luo_flush(void);

/* Arguments: 0, or LUO_USAGE after a message */
int luo_read_name(const char *text, char name[LU_NAME_SIZE]);
int luo_read_token(const char *text, unsigned long long *token);
int luo_read_size(const char *text, unsigned long long *size);

/* What to call a session in a message; returns @text */
const char *luo_show_name(const char *name, char text[LU_ESCAPED_SIZE]);

/* The device, or a negative errno after a message that says what to do */
int luo_open_device(void);
void luo_explain_device(int err);

/* All of @len bytes: 0 or a negative errno */
int luo_write_all(int fd, const void *buf, size_t len);

void *luo_realloc_array(void *array, size_t nr, size_t size);

/* The commands */
int luo_discard(int argc, char *argv[]);
int luo_finish(int argc, char *argv[]);
int luo_get(int argc, char *argv[]);
int luo_hold(int argc, char *argv[]);
int luo_kexec(int argc, char *argv[]);
int luo_list(int argc, char *argv[]);
int luo_put(int argc, char *argv[]);
int luo_run(int argc, char *argv[]);
int luo_status(int argc, char *argv[]);
int luo_timeline(int argc, char *argv[]);
int luo_vm(int argc, char *argv[]);

#endif /* _LUO_H */
