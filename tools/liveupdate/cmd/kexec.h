/* SPDX-License-Identifier: GPL-2.0 */
/* What luo kexec is made of */
#ifndef _LUO_KEXEC_H
#define _LUO_KEXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct luo_state;

/* What there is to know of a kernel's image */
struct kexec_image {
	/* For people: "x86-64 bzImage" */
	const char *kind;

	/* "" if the image does not tell */
	char release[128];

	/* With the final NUL; 0 if the image does not tell */
	size_t cmdline_size;

	/* NULL, or why this machine can't start it */
	const char *wrong;
};

/* 0 or a negative errno */
int kexec_read_image(const char *path, struct kexec_image *image);

/*
 * The command line of the next kernel: this one's or @text, and @append. For the
 * caller to free; NULL with errno set.
 */
char *kexec_make_cmdline(bool reuse, const char *text, const char *append);

/* 1 or 0 as the last @key=VALUE says, or -ENOENT if there is none */
int kexec_cmdline_bool(const char *cmdline, const char *key);

/* What is asked for, and what was found out about it */
struct kexec_plan {
	const char *kernel, *initrd;

	/* The command line is to be made of these */
	bool reuse;
	const char *text, *append;

	char *cmdline;
	bool load, jump;
	struct kexec_image image;
	struct luo_state *state;

	/* Could the sessions be listed? Is live update on at all? */
	bool knows_sessions, enabled;
};

/*
 * What to load, in the letters that luo's tables of options have for it: take one;
 * false if it is another option
 */
bool kexec_plan_option(struct kexec_plan *plan, int opt, const char *arg);

/* Is any of them there? */
bool kexec_plan_given(const struct kexec_plan *plan);

/* Is it told what to load, and with which command line? LUO_OK or LUO_USAGE */
int kexec_plan_complete(const struct kexec_plan *plan);

/*
 * Find out what can be known before anything is done, and say what will and what
 * will not survive. LUO_OK, or LUO_ERROR after a message: something is not there,
 * or there are reasons not to do it and no @force. To be freed: @plan->cmdline.
 */
int kexec_check(struct kexec_plan *plan, bool json, bool force);

/*
 * Say what will and what will not survive, as text or as JSON. Returns how many
 * reasons there are not to do it, or a negative errno if it could not be said.
 */
int kexec_report(const struct kexec_plan *plan, bool json);

/* Load it: LUO_OK, or LUO_ERROR after a message */
int kexec_load(const struct kexec_plan *plan);

/* Start the one that is loaded, at once: comes back with LUO_ERROR only */
int kexec_jump(void);

/* Is an image loaded? */
bool luo_kexec_loaded(void);

#endif /* _LUO_KEXEC_H */
