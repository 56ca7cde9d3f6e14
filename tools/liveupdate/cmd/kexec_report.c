// SPDX-License-Identifier: GPL-2.0
/* What will and what will not survive the kexec */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kexec.h"
#include "state.h"

/* Lines that are about all of it */
struct remarks {
	char **lines;
	size_t nr;
};

struct report {
	/* Reasons not to do it, which --force overrides; and what is good to know */
	struct remarks refusals, notes;
};

static void __printf(2, 3) remark(struct remarks *remarks,
				  const char *fmt, ...)
{
	va_list args;
	int ret;

	remarks->lines = luo_realloc_array(remarks->lines, remarks->nr + 1,
					   sizeof(*remarks->lines));
	va_start(args, fmt);
	ret = vasprintf(&remarks->lines[remarks->nr], fmt, args);
	va_end(args);
	if (ret >= 0)
		remarks->nr++;
}

static void free_remarks(struct remarks *remarks)
{
	while (remarks->nr)
		free(remarks->lines[--remarks->nr]);
	free(remarks->lines);
}

/*
 * "survives": it is in a session of this kernel. "carried": nobody has retrieved
 * it, and so it goes on as it is. "lost": it was retrieved, and is an ordinary
 * file now. "none": there is no file in it.
 */
static const char *fate_of_session(const struct luo_session_state *session)
{
	size_t retrieved = luo_count_files(session, LU_FILE_RETRIEVED);
	size_t failed = luo_count_files(session, LU_FILE_FAILED);

	if (!luo_is_incoming(session))
		return "survives";
	if (!(session->info.flags & LU_SESSION_RETRIEVED))
		return "carried";
	if (!session->nr_files)
		return "none";

	return retrieved + failed == session->nr_files ? "lost" :
	       retrieved + failed ? "partly" : "carried";
}

static bool is_fate(const struct luo_session_state *session, const char *fate)
{
	return !strcmp(fate_of_session(session), fate);
}

static void check_image(const struct kexec_plan *plan, struct report *report)
{
	const struct kexec_image *image = &plan->image;
	size_t len = strlen(plan->cmdline) + 1;

	if (image->wrong)
		remark(&report->refusals, "%s: %s", plan->kernel, image->wrong);
	if (image->cmdline_size && len > image->cmdline_size)
		remark(&report->refusals,
		       "the command line has %zu bytes, the next kernel takes %zu",
		       len, image->cmdline_size);
	if (!plan->initrd)
		remark(&report->notes,
		       "there is no --initrd: the next kernel has to do without");
}

/* Where this kernel needs no parameter, the next one may need none either */
static void check_switch(const struct kexec_plan *plan, const char *key,
			 const char *own, struct report *report)
{
	int value = kexec_cmdline_bool(plan->cmdline, key);

	if (!value)
		remark(&report->refusals,
		       "the next kernel's command line has %s= off: nothing can be retrieved, and what was preserved stays out of use",
		       key);
	else if (value < 0 && own && kexec_cmdline_bool(own, key) > 0)
		remark(&report->refusals,
		       "'%s=on' is missing in the next kernel's command line: add it with --append, or use --reuse-cmdline",
		       key);
	else if (value < 0)
		remark(&report->notes,
		       "'%s=on' is missing in the next kernel's command line: it has to be its default, as it is this kernel's",
		       key);
}

static void check_cmdline(const struct kexec_plan *plan, struct report *report)
{
	char *own = kexec_make_cmdline(true, NULL, NULL);

	check_switch(plan, "kho", own, report);
	check_switch(plan, "liveupdate", own, report);
	free(own);
}

static void check_session(const struct luo_session_state *session,
			  struct report *report)
{
	char text[LU_ESCAPED_SIZE];

	luo_show_name(session->info.name, text);
	if (is_fate(session, "survives") && !session->nr_files)
		remark(&report->notes, "session %s has no files", text);
	if (is_fate(session, "lost") || is_fate(session, "partly"))
		remark(&report->notes,
		       "session %s came over, and files that were retrieved from it do not survive unless they are preserved in a new session",
		       text);
	if (session->info.flags & LU_SESSION_DAMAGED)
		remark(&report->notes, "session %s has files that were damaged",
		       text);
}

static void check_sessions(const struct kexec_plan *plan, struct report *report)
{
	const struct luo_state *state = plan->state;
	size_t i;

	if (!plan->enabled) {
		remark(&report->notes,
		       "live update is off in this kernel: nothing survives");
		return;
	}
	if (!plan->knows_sessions) {
		remark(&report->refusals,
		       "it is not known what sessions there are");
		return;
	}
	for (i = 0; i < state->nr_sessions; i++)
		check_session(&state->sessions[i], report);
	if (!state->nr_sessions)
		remark(&report->notes,
		       "there is no session: nothing survives");
}

static void check_loaded(const struct kexec_plan *plan, struct report *report)
{
	if (plan->load)
		return;
	if (!luo_kexec_loaded())
		remark(&report->refusals,
		       "no kernel is loaded: give --kernel, or load one first");
	else
		remark(&report->notes,
		       "the image is loaded already: what it is, and its command line, is not known");
}

static void print_remarks(const struct remarks *remarks, const char *word)
{
	size_t i;

	for (i = 0; i < remarks->nr; i++)
		printf("%s %s\n", word, remarks->lines[i]);
}

static void print_session(const struct luo_session_state *session)
{
	char text[LU_ESCAPED_SIZE];

	printf("%-13s session %s: %zu files, %llu bytes\n",
	       fate_of_session(session),
	       luo_show_name(session->info.name, text), session->nr_files,
	       session->info.bytes);
}

static int print_text(const struct kexec_plan *plan,
		      const struct report *report)
{
	const struct luo_state *state = plan->state;
	size_t i;

	if (plan->load) {
		printf("next kernel:  %s (%s%s%s)\n", plan->kernel,
		       plan->image.kind, *plan->image.release ? ", " : "",
		       plan->image.release);
		printf("initrd:       %s\n", plan->initrd ?: "none");
		printf("command line: %s\n", plan->cmdline);
	}
	for (i = 0; i < state->nr_sessions; i++)
		print_session(&state->sessions[i]);
	print_remarks(&report->notes, "note:        ");
	print_remarks(&report->refusals, "refused:     ");

	return luo_flush();
}

static struct json_object *json_remarks(const struct remarks *remarks)
{
	struct json_object *array = luo_json_new_array();
	size_t i;

	for (i = 0; i < remarks->nr; i++)
		luo_json_append(array,
				json_object_new_string(remarks->lines[i]));

	return array;
}

static struct json_object *json_sessions(const struct luo_state *state)
{
	struct json_object *array = luo_json_new_array(), *session;
	size_t i;

	for (i = 0; i < state->nr_sessions; i++) {
		session = luo_json_session(&state->sessions[i]);
		luo_json_add_string(session, "fate",
				    fate_of_session(&state->sessions[i]));
		luo_json_append(array, session);
	}

	return array;
}

static int print_json(const struct kexec_plan *plan,
		      const struct report *report)
{
	struct json_object *object = luo_json_new();

	luo_json_add_string(object, "kernel", plan->kernel);
	luo_json_add_string(object, "kind", plan->image.kind);
	luo_json_add_string(object, "release", *plan->image.release ?
			    plan->image.release : NULL);
	luo_json_add_string(object, "initrd", plan->initrd);
	luo_json_add_string(object, "command_line", plan->cmdline);
	luo_json_add(object, "sessions", json_sessions(plan->state));
	luo_json_add(object, "notes", json_remarks(&report->notes));
	luo_json_add(object, "refused", json_remarks(&report->refusals));

	return luo_json_print(object);
}

int kexec_report(const struct kexec_plan *plan, bool json)
{
	struct report report = { 0 };
	int ret;

	check_loaded(plan, &report);
	if (plan->load)
		check_image(plan, &report);
	if (plan->load && plan->enabled)
		check_cmdline(plan, &report);
	check_sessions(plan, &report);

	ret = json ? print_json(plan, &report) : print_text(plan, &report);
	ret = ret ? -EIO : (int)report.refusals.nr;
	free_remarks(&report.refusals);
	free_remarks(&report.notes);

	return ret;
}
