// SPDX-License-Identifier: GPL-2.0
/* Messages, arguments and the like */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "luo.h"

char luo_prog[32] = "luo";

static void __printf(1, 0) message(const char *fmt, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", luo_prog);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

void luo_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	message(fmt, args);
	va_end(args);
}

int luo_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	message(fmt, args);
	va_end(args);

	return LUO_ERROR;
}

int luo_usage_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	message(fmt, args);
	va_end(args);

	return luo_bad_option();
}

int luo_bad_option(void)
{
	fprintf(stderr, "Try '%s --help'.\n", luo_prog);

	return LUO_USAGE;
}

int luo_help(const char *text)
{
	fputs(text, stdout);

	return luo_flush();
}

int luo_only_json(int argc, char *argv[], const char *help, bool *json)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int opt;

	*json = false;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			*json = true;
			break;
		case 'h':
			return luo_help(help);
		default:
			return luo_bad_option();
		}
	}
	if (optind < argc)
		return luo_usage_error("what is '%s'?", argv[optind]);

	return -1;
}

int luo_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return LUO_OK;

	return luo_error("stdout: %s", strerror(errno));
}

int luo_read_name(const char *text, char name[LU_NAME_SIZE])
{
	int len = lu_unescape_name(text, name, LU_NAME_SIZE);

	if (len > 0)
		return 0;
	if (!len)
		return luo_usage_error("the name of a session can't be empty");
	if (len == -ENAMETOOLONG)
		return luo_usage_error("a name has at most %d bytes: %s",
				       LU_NAME_SIZE - 1, text);

	return luo_usage_error("%s: a backslash stands before three octal digits,\n"
			       "\\134 is the backslash itself",
			       text);
}

/* Only digits, as strtoull() takes a sign and spaces, too */
static int read_number(const char *text, unsigned long long *value, char **end)
{
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, end, 0);

	return -errno;
}

int luo_read_token(const char *text, unsigned long long *token)
{
	char *end;

	if (read_number(text, token, &end) || *end)
		return luo_usage_error("a token is a number from 0 to 2^64-1, not '%s'",
				       text);

	return 0;
}

int luo_read_size(const char *text, unsigned long long *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (read_number(text, size, &end))
		goto bad;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		int shift = 10 * (unit - units + 1);

		if (*size > (unsigned long long)INT64_MAX >> shift)
			goto bad;
		*size <<= shift;
		end++;
	}
	if (*end || !*size || *size > INT64_MAX)
		goto bad;

	return 0;
bad:
	return luo_usage_error("a size is a number of bytes, or of K, M, G or T, not '%s'",
			       text);
}

const char *luo_show_name(const char *name, char text[LU_ESCAPED_SIZE])
{
	lu_escape_name(name, text, LU_ESCAPED_SIZE);

	return text;
}

void luo_explain_device(int err)
{
	switch (-err) {
	case EBUSY:
		luo_note("/dev/liveupdate is in use: one process at a time can have it open.\n"
			 "An agent that keeps it open has to do this,\n"
			 "or has to be stopped ('fuser -v /dev/liveupdate' names it)");
		break;
	case ENOENT:
		luo_note("there is no /dev/liveupdate: live update is off.\n"
			 "Boot a kernel that has CONFIG_LIVEUPDATE with\n"
			 "'kho=on liveupdate=on'; its log tells what is missing");
		break;
	case EPERM:
	case EACCES:
		luo_note("/dev/liveupdate: %s: it takes CAP_SYS_ADMIN, so try it as root",
			 strerror(-err));
		break;
	default:
		luo_note("/dev/liveupdate: %s: see the kernel's log",
			 strerror(-err));
	}
}

/* Many have it open for a moment only, all those that start at boot for example */
#define BUSY_TRIES	50
#define BUSY_WAIT_US	(100 * 1000)

int luo_open_device(void)
{
	int dev = lu_open(), i;

	for (i = 0; dev == -EBUSY && i < BUSY_TRIES; i++) {
		usleep(BUSY_WAIT_US);
		dev = lu_open();
	}
	if (dev < 0)
		luo_explain_device(dev);

	return dev;
}

int luo_write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t nr;

	while (len) {
		nr = write(fd, p, len);
		if (nr < 0 && errno == EINTR)
			continue;
		if (nr <= 0)
			return nr ? -errno : -EIO;
		p += nr;
		len -= nr;
	}

	return 0;
}

void *luo_realloc_array(void *array, size_t nr, size_t size)
{
	void *more = reallocarray(array, nr, size);

	if (more)
		return more;
	luo_error("no memory");
	exit(LUO_ERROR);
}
