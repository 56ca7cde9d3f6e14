/* SPDX-License-Identifier: GPL-2.0 */
/* What is the same in all JSON that luo prints: see luo(1) */
#ifndef _LUO_JSON_H
#define _LUO_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <json-c/json.h>

/* All take over @value, and give up without memory */
struct json_object *luo_json_new(void);
struct json_object *luo_json_new_array(void);
void luo_json_add(struct json_object *object, const char *key,
		  struct json_object *value);
void luo_json_append(struct json_object *array, struct json_object *value);

void luo_json_add_string(struct json_object *object, const char *key,
			 const char *text);
void luo_json_add_bool(struct json_object *object, const char *key, bool value);

/* What is a quantity, or counted up from one */
void luo_json_add_number(struct json_object *object, const char *key,
			 unsigned long long value);

/* What is any 64-bit number: many readers keep only 53 bits, so as a string */
void luo_json_add_token(struct json_object *object, const char *key,
			unsigned long long value);

/* "name", null where it is no UTF-8, and "escaped", which luo takes back */
void luo_json_add_name(struct json_object *object, const char *name);

/* Print and free it; the exit status */
int luo_json_print(struct json_object *object);

#endif /* _LUO_JSON_H */
