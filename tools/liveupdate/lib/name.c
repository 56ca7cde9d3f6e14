// SPDX-License-Identifier: LGPL-2.1
/* Names with any bytes, as text */

#include <errno.h>
#include <string.h>

#include "internal.h"

/* What a terminal, a shell and a JSON parser take as it is */
static int is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '\\';
}

/**
 * lu_escape_name - write a name so that it can be shown, and given back
 * @name: any bytes
 * @buf: out: printable ASCII without spaces, in which all else, and a backslash,
 *	is a backslash and three octal digits; may be NULL if @size is 0
 * @size: of @buf; LU_ESCAPED_SIZE is enough for the name of a session
 *
 * Thread-safety: MT-safe.
 *
 * Return: the length, without the final NUL; -ENAMETOOLONG if there is no room,
 * in which case @buf is "" if it has room for that.
 */
LU_API int lu_escape_name(const char *name, char *buf, size_t size)
{
	size_t len = 0, step;
	unsigned char c;

	for (; *name; name++, len += step) {
		c = *name;
		step = is_plain(c) ? 1 : 4;
		if (len + step >= size)
			goto no_room;
		buf[len] = c;
		if (step == 1)
			continue;
		buf[len] = '\\';
		buf[len + 1] = '0' + (c >> 6);
		buf[len + 2] = '0' + ((c >> 3) & 7);
		buf[len + 3] = '0' + (c & 7);
	}
	if (len >= size)
		goto no_room;
	buf[len] = '\0';

	return len;

no_room:
	if (size)
		buf[0] = '\0';
	return -ENAMETOOLONG;
}

/* The byte that the three digits at @text stand for, or a negative errno */
static int octal(const char *text)
{
	int i, value = 0;

	for (i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '7')
			return -EINVAL;
		value = 8 * value + text[i] - '0';
	}

	/* A name has no NUL, and a byte is not larger */
	return value && value <= UINT8_MAX ? value : -EINVAL;
}

/**
 * lu_unescape_name - read what lu_escape_name() or debugfs has written
 * @text: bytes that stand for themselves, and \ooo
 * @buf: out: the name
 * @size: of @buf
 *
 * Thread-safety: MT-safe.
 *
 * Return: the length, without the final NUL; -EINVAL for a backslash without
 * three octal digits of 001 to 377 behind it, -ENAMETOOLONG if there is no room.
 */
LU_API int lu_unescape_name(const char *text, char *buf, size_t size)
{
	size_t len = 0;
	int c;

	while (*text) {
		c = (unsigned char)*text++;
		if (c == '\\') {
			c = octal(text);
			if (c < 0)
				return c;
			text += 3;
		}
		if (len + 1 >= size)
			return -ENAMETOOLONG;
		buf[len++] = c;
	}
	if (!size)
		return -ENAMETOOLONG;
	buf[len] = '\0';

	return len;
}
