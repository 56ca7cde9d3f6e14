// SPDX-License-Identifier: GPL-2.0
/* luo kexec: check what will survive, and start the next kernel */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kexec.h>
#include <linux/reboot.h>

#include "kexec.h"
#include "state.h"

static const char help[] =
"usage: luo kexec --kernel FILE [--initrd FILE] COMMAND-LINE [OPTION]...\n"
"       luo kexec --exec [OPTION]...\n"
"\n"
"Say what will and what will not survive, and start the next kernel at once.\n"
"Nothing is stopped and nothing is unmounted before.\n"
"\n"
"  --kernel FILE      the next kernel: a bzImage, or an Image on arm64\n"
"  --initrd FILE      its initrd\n"
"\n"
"COMMAND-LINE, for the next kernel:\n"
"  --reuse-cmdline    the one of this kernel\n"
"  --command-line S   this one\n"
"  --append S         more words behind it\n"
"\n"
"  --load             only load it\n"
"  --exec             only start the one that is loaded\n"
"  --dry-run          only say what would be done\n"
"  --yes              don't ask\n"
"  --force            do it even if it is refused\n"
"  --json             say it as JSON\n"
"  --help             this\n"
"\n"
"Exit status: 0 loaded, or the dry run found nothing wrong; 1 refused, or the\n"
"kernel has refused, in which case all goes on as before; 2 wrong call.\n";

struct request {
	struct kexec_plan plan;
	bool dry_run, yes, force, json;
};

bool kexec_plan_option(struct kexec_plan *plan, int opt, const char *arg)
{
	switch (opt) {
	case 'k':
		plan->kernel = arg;
		return true;
	case 'i':
		plan->initrd = arg;
		return true;
	case 'r':
		plan->reuse = true;
		return true;
	case 'c':
		plan->text = arg;
		return true;
	case 'a':
		plan->append = arg;
		return true;
	default:
		return false;
	}
}

bool kexec_plan_given(const struct kexec_plan *plan)
{
	return plan->kernel || plan->initrd || plan->reuse || plan->text ||
	       plan->append;
}

int kexec_plan_complete(const struct kexec_plan *plan)
{
	if (!plan->kernel)
		return luo_usage_error("which --kernel?");
	if (plan->reuse == !!plan->text)
		return luo_usage_error("either --reuse-cmdline or --command-line");

	return LUO_OK;
}

bool luo_kexec_loaded(void)
{
	FILE *file = fopen("/sys/kernel/kexec_loaded", "re");
	int c;

	if (!file)
		return false;
	c = fgetc(file);
	fclose(file);

	return c == '1';
}

static int explain_load(int err)
{
	switch (err) {
	case EPERM:
		return luo_error("loading the kernel: it takes CAP_SYS_BOOT,\n"
				 "and may be forbidden by lockdown or kernel.kexec_load_disabled");
	case EADDRNOTAVAIL:
		return luo_error("the next kernel and its initrd do not fit into the memory\n"
				 "that is set aside for it:\n"
				 "reboot once with a larger kho_scratch=");
	case E2BIG:
		return luo_error("the machine's memory is in too many pieces for the next\n"
				 "kernel to be told");
	case ENOEXEC:
		return luo_error("loading the kernel: it is no image that this kernel knows");
	case EBUSY:
		return luo_error("somebody else is loading a kernel: try again");
	default:
		return luo_error("loading the kernel: %s: see the kernel's log",
				 strerror(err));
	}
}

int kexec_load(const struct kexec_plan *plan)
{
	unsigned long flags = plan->initrd ? 0 : KEXEC_FILE_NO_INITRAMFS;
	int kernel, initrd = -1, err = 0;

	kernel = open(plan->kernel, O_RDONLY | O_CLOEXEC);
	if (kernel < 0)
		return luo_error("%s: %s", plan->kernel, strerror(errno));
	if (plan->initrd)
		initrd = open(plan->initrd, O_RDONLY | O_CLOEXEC);
	if (plan->initrd && initrd < 0) {
		err = luo_error("%s: %s", plan->initrd, strerror(errno));
		goto out;
	}

	/* The length counts the NUL */
	if (syscall(SYS_kexec_file_load, kernel, initrd,
		    strlen(plan->cmdline) + 1, plan->cmdline, flags))
		err = explain_load(errno);
out:
	if (initrd >= 0)
		close(initrd);
	close(kernel);

	return err;
}

static int explain_jump(int err)
{
	switch (err) {
	case EPERM:
		return luo_error("starting the kernel: it takes CAP_SYS_BOOT, so try it as root");
	case EINVAL:
		return luo_error("starting the kernel: none is loaded");
	case EOPNOTSUPP:
		return luo_error("the image was loaded with kexec_load(),\n"
				 "which carries no sessions: load it with --kernel");
	case ESTALE:
		return luo_error("memory was added or removed since the image was loaded:\n"
				 "load it again");
	case EBUSY:
		return luo_error("something is in use. The kernel's log says what:\n"
				 "retrieve or discard that, or wait, and try again");
	default:
		return luo_error("starting the kernel: %s:\n"
				 "the kernel's log says who refused. All goes on as before",
				 strerror(err));
	}
}

int kexec_jump(void)
{
	/* What was printed must not be lost with this kernel */
	fflush(NULL);
	reboot(LINUX_REBOOT_CMD_KEXEC);

	return explain_jump(errno);
}

static bool confirm(void)
{
	char line[16];

	fputs("Start the next kernel now? [y/N] ", stderr);

	return fgets(line, sizeof(line), stdin) &&
	       (*line == 'y' || *line == 'Y');
}

static int act(const struct request *request)
{
	const struct kexec_plan *plan = &request->plan;
	int ret;

	if (plan->jump && !request->yes && !confirm())
		return luo_error("nothing was done");
	ret = plan->load ? kexec_load(plan) : LUO_OK;
	if (ret || !plan->jump)
		return ret;
	sync();

	return kexec_jump();
}

/* What can be known before anything is done */
static int examine(struct kexec_plan *plan, struct luo_state *state)
{
	int err;

	plan->cmdline = kexec_make_cmdline(plan->reuse, plan->text,
					   plan->append);
	if (!plan->cmdline)
		return luo_error("the command line: %s", strerror(errno));
	if (plan->load) {
		err = kexec_read_image(plan->kernel, &plan->image);
		if (err)
			return luo_error("%s: %s", plan->kernel,
					 strerror(-err));
	}
	if (plan->initrd && access(plan->initrd, R_OK))
		return luo_error("%s: %s", plan->initrd, strerror(errno));

	err = luo_read_state(state, false, true);
	plan->state = state;
	plan->enabled = err != -ENOENT;
	plan->knows_sessions = !err;

	return LUO_OK;
}

int kexec_check(struct kexec_plan *plan, bool json, bool force)
{
	struct luo_state state = { 0 };
	int ret = examine(plan, &state), refusals;

	if (ret)
		return ret;
	refusals = kexec_report(plan, json);
	luo_free_state(&state);
	plan->state = NULL;
	if (refusals < 0)
		return LUO_ERROR;
	if (refusals && !force)
		return luo_error("refused; --force does it all the same");

	return LUO_OK;
}

static int run(struct request *request)
{
	int ret = kexec_check(&request->plan, request->json, request->force);

	return ret || request->dry_run ? ret : act(request);
}

static int check_request(struct request *request, bool load_only,
			 bool exec_only)
{
	struct kexec_plan *plan = &request->plan;

	if (load_only && exec_only)
		return luo_usage_error("--load or --exec? Without either, both are done");
	if (exec_only && kexec_plan_given(plan))
		return luo_usage_error("--exec starts what is loaded already");
	if (!exec_only && kexec_plan_complete(plan))
		return LUO_USAGE;
	plan->load = !exec_only;
	plan->jump = !load_only;

	/* Nobody is there to be asked */
	if (plan->jump && !request->dry_run && !request->yes &&
	    (request->json || !isatty(STDIN_FILENO)))
		return luo_usage_error("--yes or --dry-run?");

	return LUO_OK;
}

int luo_kexec(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "reuse-cmdline", no_argument, NULL, 'r' },
		{ "command-line", required_argument, NULL, 'c' },
		{ "append", required_argument, NULL, 'a' },
		{ "load", no_argument, NULL, 'l' },
		{ "exec", no_argument, NULL, 'e' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "yes", no_argument, NULL, 'y' },
		{ "force", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool load_only = false, exec_only = false;
	struct request request = { 0 };
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (kexec_plan_option(&request.plan, opt, optarg))
			continue;
		switch (opt) {
		case 'l':
			load_only = true;
			break;
		case 'e':
			exec_only = true;
			break;
		case 'n':
			request.dry_run = true;
			break;
		case 'y':
			request.yes = true;
			break;
		case 'f':
			request.force = true;
			break;
		case 'j':
			request.json = true;
			break;
		case 'h':
			return luo_help(help);
		default:
			return luo_bad_option();
		}
	}
	if (optind < argc)
		return luo_usage_error("what is '%s'?", argv[optind]);
	ret = check_request(&request, load_only, exec_only);
	if (ret)
		return ret;
	ret = run(&request);
	free(request.plan.cmdline);

	return ret;
}
