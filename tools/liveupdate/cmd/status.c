// SPDX-License-Identifier: GPL-2.0
/* luo status: whether live update is on, and how it went */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hold_client.h"
#include "kexec.h"
#include "state.h"

static const char help[] =
"usage: luo status [--json]\n"
"\n"
"Tell whether live update is on, how many led to this kernel, what sessions\n"
"there are, and whether anything was damaged. Some of it comes from debugfs.\n"
"\n"
"  --json  as JSON\n"
"  --help  this\n"
"\n"
"Exit status: 0 live update is on, 1 it is off or something is wrong, 2 wrong\n"
"call.\n";

struct status {
	struct luo_state state;

	/* What debugfs says, if it says anything */
	struct lu_status kernel;
	bool has_kernel;

	/* How many sessions luo hold has, or a negative errno */
	int held;
	bool loaded;
};

static int count(const struct hold_reply *held, void *arg)
{
	(void)held;
	++*(int *)arg;

	return 0;
}

static int read_status(struct status *status)
{
	int err;

	err = luo_read_state(&status->state, false, false);
	if (err)
		return err;
	status->has_kernel = !lu_get_status(&status->kernel,
					    sizeof(status->kernel));
	status->held = 0;
	err = luo_hold_list(count, &status->held);
	if (err)
		status->held = err;
	status->loaded = luo_kexec_loaded();

	return 0;
}

static size_t count_sessions(const struct luo_state *state, const char *word)
{
	size_t i, nr = 0;

	for (i = 0; i < state->nr_sessions; i++)
		nr += !strcmp(luo_session_word(&state->sessions[i].info), word);

	return nr;
}

/* The lines of a file in debugfs; @fn cuts them up as it likes */
static void read_lines(const char *name, void (*fn)(char *line, void *arg),
		       void *arg)
{
	int fd = lu_debugfs_open(name);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return;
	while (getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		fn(line, arg);
	}
	free(line);
	fclose(file);
}

static void json_handler(char *line, void *arg)
{
	struct json_object *object = luo_json_new();
	unsigned long long files;
	char module[64];

	if (sscanf(line, "%*s files %llu module %63s", &files,
		   module) == 2) {
		luo_json_add_number(object, "files", files);
		luo_json_add_string(object, "module", strcmp(module, "-") ?
				    module : NULL);
	}
	luo_json_add_string(object, "name", strtok(line, " "));
	luo_json_append(arg, object);
}

static void json_flb(char *line, void *arg)
{
	struct json_object *object = luo_json_new();

	luo_json_add_string(object, "name", strtok(line, " "));
	luo_json_append(arg, object);
}

static void add_kernel(struct json_object *object, const struct status *status)
{
	struct json_object *quarantine;

	if (!status->has_kernel) {
		luo_json_add(object, "updates", NULL);
		luo_json_add(object, "previous", NULL);
		luo_json_add(object, "quarantine", NULL);
		return;
	}
	quarantine = luo_json_new();
	luo_json_add_number(quarantine, "files",
			    status->kernel.quarantine_files);
	luo_json_add_number(quarantine, "bytes",
			    status->kernel.quarantine_bytes);
	luo_json_add_number(object, "updates", status->kernel.updates);
	luo_json_add_string(object, "previous", *status->kernel.previous ?
			    status->kernel.previous : NULL);
	luo_json_add(object, "quarantine", quarantine);
}

static int print_json(const struct status *status)
{
	static const char * const words[] = { "new", "arrived", "retrieved" };
	struct json_object *object = luo_json_new();
	struct json_object *sessions = luo_json_new();
	struct json_object *handlers = luo_json_new_array();
	struct json_object *flbs = luo_json_new_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		luo_json_add_number(sessions, words[i],
				    count_sessions(&status->state, words[i]));
	read_lines("handlers", json_handler, handlers);
	read_lines("flbs", json_flb, flbs);

	luo_json_add_string(object, "source", status->state.source);
	add_kernel(object, status);
	luo_json_add(object, "sessions", sessions);
	luo_json_add(object, "handlers", handlers);
	luo_json_add(object, "flbs", flbs);
	luo_json_add_bool(object, "hold", status->held >= 0);
	luo_json_add_number(object, "held",
			    status->held > 0 ? status->held : 0);
	luo_json_add_bool(object, "kexec_loaded", status->loaded);

	return luo_json_print(object);
}

static void print_line(char *line, void *arg)
{
	printf("%-16s%s\n", (const char *)arg, line);
}

static void print_kernel(const struct status *status)
{
	const struct lu_status *kernel = &status->kernel;

	if (!status->has_kernel) {
		puts("updates:        unknown: it takes debugfs and root");
		return;
	}
	printf("updates:        %llu\n", kernel->updates);
	printf("previous:       %s\n", *kernel->previous ? kernel->previous :
						    "none");
	printf("quarantine:     %llu damaged files, %llu bytes%s\n",
	       kernel->quarantine_files, kernel->quarantine_bytes,
	       kernel->quarantine_files ?
	       " ('luo discard --damaged' gives them up)" : "");
}

static int print_text(const struct status *status)
{
	const struct luo_state *state = &status->state;

	puts("live update:    on");
	print_kernel(status);
	printf("sessions:       %zu new, %zu arrived, %zu retrieved\n",
	       count_sessions(state, "new"), count_sessions(state, "arrived"),
	       count_sessions(state, "retrieved"));
	read_lines("handlers", print_line, (void *)"handler:");
	read_lines("flbs", print_line, (void *)"flb:");
	if (status->held >= 0)
		printf("luo hold:       has %d sessions\n", status->held);
	else
		puts("luo hold:       does not run");
	printf("next kernel:    %s\n", status->loaded ? "loaded" : "not loaded");

	return luo_flush();
}

int luo_status(int argc, char *argv[])
{
	struct status status = { 0 };
	bool json;
	int ret;

	ret = luo_only_json(argc, argv, help, &json);
	if (ret >= 0)
		return ret;

	if (read_status(&status))
		return LUO_ERROR;
	ret = json ? print_json(&status) : print_text(&status);
	luo_free_state(&status.state);

	return ret;
}
