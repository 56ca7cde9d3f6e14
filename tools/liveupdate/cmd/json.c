// SPDX-License-Identifier: GPL-2.0
/* What is the same in all JSON that luo prints: see luo(1) */

#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "luo.h"

static struct json_object *need(struct json_object *object)
{
	if (object)
		return object;
	luo_error("no memory");
	exit(LUO_ERROR);
}

struct json_object *luo_json_new(void)
{
	return need(json_object_new_object());
}

struct json_object *luo_json_new_array(void)
{
	return need(json_object_new_array());
}

void luo_json_add(struct json_object *object, const char *key,
		  struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		need(NULL);
}

void luo_json_append(struct json_object *array, struct json_object *value)
{
	if (json_object_array_add(array, value))
		need(NULL);
}

/*
 * The length of the UTF-8 sequence that starts here, or 0 if it is none: too
 * long for what it says, cut off, a surrogate, or beyond Unicode.
 */
static int utf8_length(const unsigned char *p)
{
	static const unsigned int smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int code;
	int len, i;

	if (*p < 0x80)
		return 1;
	len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	code = *p & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < smallest[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;

	return len;
}

static bool is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	int len;

	for (; *p; p += len) {
		len = utf8_length(p);
		if (!len)
			return false;
	}

	return true;
}

void luo_json_add_string(struct json_object *object, const char *key,
			 const char *text)
{
	/* The key stays, so that a reader needs no other case */
	luo_json_add(object, key, text && is_utf8(text) ?
		     need(json_object_new_string(text)) : NULL);
}

void luo_json_add_bool(struct json_object *object, const char *key, bool value)
{
	luo_json_add(object, key, need(json_object_new_boolean(value)));
}

void luo_json_add_number(struct json_object *object, const char *key,
			 unsigned long long value)
{
	luo_json_add(object, key, need(json_object_new_uint64(value)));
}

void luo_json_add_token(struct json_object *object, const char *key,
			unsigned long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", value);
	luo_json_add_string(object, key, text);
}

void luo_json_add_name(struct json_object *object, const char *name)
{
	char text[LU_ESCAPED_SIZE];

	luo_json_add_string(object, "name", name);
	luo_json_add_string(object, "escaped", luo_show_name(name, text));
}

int luo_json_print(struct json_object *object)
{
	const char *text;

	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_SPACED |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		need(NULL);
	puts(text);
	json_object_put(object);

	return luo_flush();
}
