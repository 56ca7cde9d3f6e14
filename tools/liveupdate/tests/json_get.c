// SPDX-License-Identifier: GPL-2.0
/*
 * For the tests in sh: read JSON from stdin, and print what is at a path of keys
 * and numbers, "sessions 0 name" for example. Of an array it prints the length.
 *
 * The exit status is 1 if it is no JSON or has something behind it, 2 if there is
 * nothing at this path.
 */

#include <stdio.h>
#include <stdlib.h>
#include <json-c/json.h>

/* The whole of stdin, or NULL */
static struct json_object *read_all(void)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;
	static char text[1 << 20];
	size_t len;

	/* The last NUL tells that there is no more of a number */
	len = fread(text, 1, sizeof(text) - 1, stdin);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
					JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, len + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		return NULL;

	return object;
}

static int print(struct json_object *object)
{
	if (json_object_is_type(object, json_type_array))
		printf("%zu\n", json_object_array_length(object));
	else
		puts(object ? json_object_get_string(object) : "null");

	return 0;
}

int main(int argc, char *argv[])
{
	struct json_object *object = read_all(), *next;
	int i;

	if (!object) {
		puts("no JSON");
		return 1;
	}
	for (i = 1; i < argc; i++, object = next) {
		if (json_object_is_type(object, json_type_array))
			next = json_object_array_get_idx(object, atoi(argv[i]));
		else if (!json_object_object_get_ex(object, argv[i], &next))
			next = NULL;
		if (!next && i < argc - 1) {
			printf("nothing at %s\n", argv[i]);
			return 2;
		}
		if (!next && !json_object_object_get_ex(object, argv[i], NULL)) {
			printf("nothing at %s\n", argv[i]);
			return 2;
		}
	}

	return print(object);
}
