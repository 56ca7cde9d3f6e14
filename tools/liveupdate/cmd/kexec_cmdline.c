// SPDX-License-Identifier: GPL-2.0
/* Kernel command lines */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kexec.h"

/* For the caller to free; NULL with errno set */
static char *read_own(void)
{
	FILE *file = fopen("/proc/cmdline", "re");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getline(&line, &size, file) < 0) {
		free(line);
		line = NULL;
		errno = EIO;
	} else {
		line[strcspn(line, "\n")] = '\0';
	}
	fclose(file);

	return line;
}

char *kexec_make_cmdline(bool reuse, const char *text, const char *append)
{
	char *own = reuse ? read_own() : strdup(text ?: ""), *result;

	if (!own || !append)
		return own;
	if (asprintf(&result, "%s%s%s", own, *own ? " " : "", append) < 0) {
		result = NULL;
		errno = ENOMEM;
	}
	free(own);

	return result;
}

/* Behind the word that starts at @p: a space in quotes is no end of it */
static const char *end_of_word(const char *p)
{
	bool quoted = false;

	for (; *p && (quoted || *p != ' '); p++)
		if (*p == '"')
			quoted = !quoted;

	return p;
}

/* What the kernel takes for true */
static bool is_true(const char *value, size_t len)
{
	if (len && *value == '"') {
		value++;
		len--;
	}
	if (!len)
		return false;
	if (strchr("1yYtT", *value))
		return true;

	return len >= 2 && (value[0] == 'o' || value[0] == 'O') &&
	       (value[1] == 'n' || value[1] == 'N');
}

int kexec_cmdline_bool(const char *cmdline, const char *key)
{
	size_t len = strlen(key);
	const char *p, *end;
	int result = -ENOENT;

	for (p = cmdline; *p; p = end + strspn(end, " ")) {
		end = end_of_word(p);

		/* The rest is for process 1 */
		if (end - p == 2 && !strncmp(p, "--", 2))
			break;
		if (!strncmp(p, key, len) && p[len] == '=')
			result = is_true(p + len + 1, end - p - len - 1);
	}

	return result;
}
