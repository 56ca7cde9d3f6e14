// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel leaves to the next one is damaged, again and again, and never
 * does that hurt: the next kernel boots, has nothing to complain about, and
 * whatever it hands out is right, byte for byte.
 *
 * The same guest goes on from kernel to kernel. Each stage looks at what came
 * over, gives it back, sets up sessions anew and orders damage for the next
 * jump. What belongs to one file or session can be damaged many times in one
 * jump: each case gets a session of its own, where the file that it is about
 * stands between others, which have to come over whole. What there is once only
 * takes a jump for each case.
 *
 * A kernel that can't read the map of preserved memory has no live update. It
 * starts the next one without.
 *
 * usage: kexec_campaign stageN, with luo.campaign=short|long,SEED[,PART,PARTS]
 * on the kernel's command line
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "luo_campaign.h"
#include "luo_sample_util.h"
#include "luo_test_util.h"

#define PAGE		4096
#define DEFAULT_SEED	1
#define DAMAGE		"/sys/kernel/debug/liveupdate_test/damage"

/* Records of files in a block, see struct luo_file_ser; of sessions */
#define FILES_PER_BLOCK		42
#define SESSIONS_PER_BLOCK	39

/* Which file of a session a case is about */
#define TARGET		1

/* Tokens that are off by one meet nobody else's */
#define TOKEN(i)	((i) * 16ULL)

/**
 * struct file_kind - what a file looks like
 * @pages: its size in pages, the last of which it fills but for some bytes
 * @every: every so many pages there is one that is not a hole
 * @lists: chunks of the list of its memory
 * @counter: it is no memfd, but a counter, with a log in a list
 */
struct file_kind {
	unsigned int pages;
	unsigned int every;
	unsigned int lists;
	bool counter;
};

static const struct file_kind tiny_file = {
	.pages = 1, .every = 1, .lists = 1,
};

static const struct file_kind small_file = {
	.pages = 7, .every = 2, .lists = 1,
};

static const struct file_kind long_file = {
	.pages = 599, .every = 2, .lists = 2,
};

static const struct file_kind counter_file = { .counter = true };

/* More than the records of a log that are in the record of the file */
#define COUNTER_PIECES	6

/* What a file or session may be after the jump */
enum expect {
	INTACT,		/* is there, and right */
	LOST,		/* -EIO */
	ANY,		/* right, or a fitting error */
	FORGED,		/* somebody else's memory, or an error */
	ORPHAN,		/* -ENODEV, but what it has can be given back */
};

/**
 * struct campaign_file - a file in a session
 * @kind: what it looks like
 * @expect: what may be left of it
 * @discard: what a discard has to return, if @expect is ORPHAN; 1 if 0 and -EIO
 *	will do
 * @seed: of its contents
 * @fd: the file in the new kernel, or an error
 */
struct campaign_file {
	const struct file_kind *kind;
	enum expect expect;
	int discard;
	__u64 seed;
	int fd;
};

/**
 * struct campaign_session - a session
 * @name: its name
 * @c: what it is damaged with, NULL for nothing
 * @gone: it has to be missing
 * @may_go: it may be missing
 * @fd: the session, or an error
 * @nr_files: files; the token of each is TOKEN() of its number
 * @files: the files
 */
struct campaign_session {
	char name[32];
	const struct campaign_case *c;
	bool gone;
	bool may_go;
	int fd;
	unsigned int nr_files;
	struct campaign_file *files;
};

/**
 * struct world - all that is handed over in one jump
 * @jump: the jump
 * @cases: its cases
 * @sessions: the sessions
 * @nr: how many
 * @forged: some sums fit: what is damaged may claim what belongs to others
 */
struct world {
	const struct campaign_jump *jump;
	const struct campaign_case *cases;
	struct campaign_session *sessions;
	unsigned int nr;
	bool forged;
};

static struct campaign campaign;

/*
 * Contents
 */

static bool page_has_data(const struct file_kind *kind, unsigned int page)
{
	return page % kind->every == 0;
}

static off_t file_size(const struct file_kind *kind)
{
	return (off_t)kind->pages * PAGE - 123;
}

static size_t page_len(const struct file_kind *kind, unsigned int page)
{
	off_t left = file_size(kind) - (off_t)page * PAGE;

	return left < PAGE ? left : PAGE;
}

static int make_file(const struct campaign_file *file)
{
	const struct file_kind *kind = file->kind;
	unsigned int page;
	int fd, err = 0;

	if (kind->counter)
		return counter_new(file->seed >> 1);

	fd = luo_memfd("campaign", MFD_ALLOW_SEALING, file_size(kind));
	for (page = 0; fd >= 0 && page < kind->pages && !err; page++)
		if (page_has_data(kind, page))
			err = luo_write_pattern(fd, (off_t)page * PAGE,
						page_len(kind, page),
						file->seed);
	return err ?: fd;
}

/* All that can be read of it is as it was written, byte for byte */
static bool contents_right(const struct campaign_file *file, bool whole)
{
	const struct file_kind *kind = file->kind;
	int fd = file->fd, access = fcntl(fd, F_GETFL) & O_ACCMODE;
	unsigned int page, pages = 0;
	struct stat st;
	int err = 0;

	if (fstat(fd, &st))
		return false;
	/* What is wrong about the way it is open hides the contents */
	if (access != O_RDONLY && access != O_RDWR)
		fd = luo_reopen(fd, O_RDONLY);
	if (fd < 0)
		return false;

	for (page = 0; page < kind->pages && !err; page++) {
		off_t start = (off_t)page * PAGE;
		size_t len = page_len(kind, page);

		pages += page_has_data(kind, page);
		if (start + (off_t)len > st.st_size && whole)
			err = -EFBIG;
		else if (start + (off_t)len <= st.st_size)
			err = luo_verify_pattern(fd, start, len,
						 page_has_data(kind, page) ?
						 file->seed : 0);
	}
	if (fd != file->fd)
		close(fd);
	if (!err && whole)
		err = st.st_size != file_size(kind) ||
		      st.st_blocks != pages * (PAGE / 512);
	return !err;
}

/*
 * What is handed over
 */

static struct campaign_session *add_session(struct world *world,
					    const char *name,
					    unsigned int nr_files,
					    const struct campaign_case *c)
{
	struct campaign_session *session;
	unsigned int i;

	world->sessions = realloc(world->sessions,
				  (world->nr + 1) * sizeof(*world->sessions));
	if (!world->sessions)
		ksft_exit_fail_perror("realloc");
	session = &world->sessions[world->nr];
	*session = (struct campaign_session){ .c = c, .nr_files = nr_files };
	/* A name with a bit that is wrong is not that of another one */
	snprintf(session->name, sizeof(session->name), "%s%u of %zu %04llx",
		 name, world->nr, (size_t)(world->jump - campaign.jumps),
		 campaign_random(campaign.seed, world->nr) & 0xffff);
	session->files = calloc(nr_files, sizeof(*session->files));
	if (!session->files)
		ksft_exit_fail_perror("calloc");
	for (i = 0; i < nr_files; i++)
		session->files[i] = (struct campaign_file){
			.kind = &small_file,
			.seed = campaign_random(campaign.seed,
						world->jump->first * 1000003 +
						world->nr * 1009 + i) | 1,
			.fd = -ENOENT,
		};
	world->nr++;
	return session;
}

static void set_expect(struct campaign_session *session, unsigned int first,
		       enum expect expect)
{
	unsigned int i;

	for (i = first; i < session->nr_files; i++)
		session->files[i].expect = expect;
}

/* What the damage to its session may cost: nothing of the others */
static void expect_session(struct campaign_session *session)
{
	const struct campaign_case *c = session->c;

	session->gone = !c->sealed || c->kept == CAMPAIGN_RENAMED;
	session->may_go = true;
	set_expect(session, 0, c->kept == CAMPAIGN_FORGED ? FORGED : ANY);
}

/* A block can be led to that is another session's, in which tokens are the same */
static void expect_file_block(struct campaign_session *session)
{
	const struct campaign_case *c = session->c;

	set_expect(session, c->nr ? FILES_PER_BLOCK : 0,
		   !c->sealed ? LOST :
		   c->kept == CAMPAIGN_FORGED ? FORGED : ANY);
}

static void expect_target(struct campaign_session *session)
{
	struct campaign_file *target = &session->files[TARGET];
	const struct campaign_case *c = session->c;

	target->expect = !c->sealed ? LOST :
			 c->kept == CAMPAIGN_FORGED ? FORGED : ANY;
	/* The index is only asked about files that can't be read */
	if (c->class == CAMPAIGN_MEMORY)
		target->expect = LOST;
	if (c->class == CAMPAIGN_MEMORY_BLOCK)
		target->expect = INTACT;
	if (c->orphan) {
		target->expect = ORPHAN;
		target->discard = c->sealed ? 1 : -EIO;
	}
}

static void add_case_session(struct world *world, const struct campaign_case *c)
{
	bool blocks = c->class == CAMPAIGN_FILE_BLOCK;
	struct campaign_session *session =
		add_session(world, "c", blocks ? FILES_PER_BLOCK + 2 : 3, c);
	unsigned int i;

	if (c->class == CAMPAIGN_SESSION)
		expect_session(session);
	else if (blocks)
		expect_file_block(session);
	else
		expect_target(session);

	for (i = 0; blocks && i < session->nr_files; i++)
		session->files[i].kind = &tiny_file;
	if (c->class == CAMPAIGN_MEMFD_LIST)
		session->files[TARGET].kind = &long_file;
	else if (c->class == CAMPAIGN_OWNER_LIST)
		session->files[TARGET].kind = &counter_file;
}

static void add_guards(struct world *world)
{
	struct campaign_session *session = add_session(world, "guard", 3, NULL);

	session->files[1].kind = &long_file;
}

/* What there is once only: what is damaged may be all */
static void expect_global(struct world *world)
{
	const struct campaign_case *c = &world->cases[0];
	unsigned int i, first = 0;

	if (c->class == CAMPAIGN_FLB || c->class == CAMPAIGN_FLB_BLOCK)
		return;
	if (c->class == CAMPAIGN_SESSION_BLOCK && c->nr)
		first = SESSIONS_PER_BLOCK;
	for (i = first; i < world->nr; i++) {
		struct campaign_session *session = &world->sessions[i];

		session->may_go = true;
		session->gone = !c->sealed && c->op &&
				(c->class == CAMPAIGN_HEADER ||
				 c->class == CAMPAIGN_SESSION_BLOCK);
		set_expect(session, 0, ANY);
	}
}

static struct world make_world(const struct campaign_jump *jump)
{
	struct world world = {
		.jump = jump,
		.cases = &campaign.cases[jump->first],
	};
	size_t i;

	if (campaign_class_is_local(world.cases[0].class)) {
		for (i = 0; i < jump->nr; i++) {
			add_case_session(&world, &world.cases[i]);
			world.forged |= world.cases[i].sealed;
		}
		add_guards(&world);
		return world;
	}

	if (world.cases[0].class == CAMPAIGN_SESSION_BLOCK)
		for (i = 0; i < SESSIONS_PER_BLOCK; i++)
			add_session(&world, "s", 1, NULL);
	add_guards(&world);
	add_guards(&world);
	expect_global(&world);
	return world;
}

/*
 * The old kernel
 */

/* The numbers of the first objects of a session */
struct numbers {
	unsigned int nr[CAMPAIGN_CLASSES];
};

static void count_session(struct numbers *n,
			  const struct campaign_session *session)
{
	unsigned int i;

	n->nr[CAMPAIGN_SESSION]++;
	n->nr[CAMPAIGN_FILE_BLOCK] +=
		(session->nr_files + FILES_PER_BLOCK - 1) / FILES_PER_BLOCK;
	n->nr[CAMPAIGN_FILE] += session->nr_files;
	n->nr[CAMPAIGN_MEMORY] += session->nr_files;
	for (i = 0; i < session->nr_files; i++) {
		const struct file_kind *kind = session->files[i].kind;

		n->nr[CAMPAIGN_MEMFD] += !kind->counter;
		n->nr[CAMPAIGN_OWNER_LIST] += kind->counter;
		n->nr[CAMPAIGN_MEMFD_LIST] += kind->lists;
	}
}

/* From the first object of a session to the one that the case is about */
static unsigned int target_offset(const struct campaign_session *session)
{
	const struct campaign_case *c = session->c;

	switch (c->class) {
	case CAMPAIGN_FILE:
	case CAMPAIGN_MEMORY:
	case CAMPAIGN_MEMFD:
		return TARGET;
	case CAMPAIGN_MEMFD_LIST:
		return session->files[0].kind->lists + c->nr;
	case CAMPAIGN_FILE_BLOCK:
	case CAMPAIGN_MEMORY_BLOCK:
		return c->nr;
	default:
		return 0;
	}
}

/* The cases are about all fields that there are */
static void check_layout(void)
{
	char text[512], *line, *rest = text, name[32];
	unsigned int words, class, found = 0;

	CHECK_EQ(0, luo_read_text(DAMAGE, text, sizeof(text)));
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%31s %u", name, &words) != 2)
			continue;
		for (class = 0; class < CAMPAIGN_CLASSES; class++)
			if (!strcmp(campaign_class_names[class], name))
				found += CHECK_EQ(words, campaign_words(class));
	}
	CHECK_EQ(6, found);
	luo_report("what the kernel writes is what is damaged");
}

static void order(int damage, const struct campaign_case *c, unsigned int nr)
{
	char line[160];
	int len;

	len = snprintf(line, sizeof(line), "%s %s %u %s%s\n", c->op,
		       campaign_class_names[c->class], nr, c->order,
		       c->sealed ? " sealed" : "");
	CHECK_EQ(len, write(damage, line, len));
}

/* What the case needs to be of any consequence */
static void order_more(int damage, const struct campaign_case *c,
		       unsigned int nr)
{
	char line[80];
	int len = 0;

	/* No kernel has a handler of this name */
	if (c->orphan)
		len = snprintf(line, sizeof(line),
			       "set file %u 0 0xff 0x21 sealed\n", nr);
	else if (c->class == CAMPAIGN_MEMORY)
		len = snprintf(line, sizeof(line), "flip file %u 0 0\n", nr);
	if (len)
		CHECK_EQ(len, write(damage, line, len));
}

static void order_damage(const struct world *world)
{
	int damage = open(DAMAGE, O_WRONLY | O_CLOEXEC);
	struct numbers numbers = {};
	unsigned int i;

	CHECK(damage >= 0);
	if (!campaign_class_is_local(world->cases[0].class))
		order(damage, &world->cases[0], world->cases[0].nr);

	for (i = 0; i < world->nr; i++) {
		const struct campaign_session *session = &world->sessions[i];
		const struct campaign_case *c = session->c;

		if (c)
			order_more(damage, c, numbers.nr[CAMPAIGN_FILE] +
				   TARGET);
		if (c)
			order(damage, c, numbers.nr[c->class] +
			      target_offset(session));
		count_session(&numbers, session);
	}
	close(damage);
}

static void keep_session(int dev, const struct campaign_session *session)
{
	int fd = luo_create_session(dev, session->name);
	unsigned int i;

	CHECK(fd >= 0);
	for (i = 0; i < session->nr_files; i++) {
		const struct campaign_file *file = &session->files[i];
		int memfd = make_file(file);

		CHECK(memfd >= 0);
		CHECK_EQ(0, luo_preserve(fd, memfd, TOKEN(i)));
		close(memfd);
	}
}

static bool uses_counters(const struct world *world)
{
	unsigned int i;

	for (i = 0; i < world->nr; i++)
		if (world->sessions[i].c &&
		    world->sessions[i].c->class == CAMPAIGN_OWNER_LIST)
			return true;
	return false;
}

static bool uses_flb(const struct world *world)
{
	return world->cases[0].class == CAMPAIGN_FLB ||
	       world->cases[0].class == CAMPAIGN_FLB_BLOCK;
}

/* A file whose handler has an FLB */
static void keep_pair(int dev)
{
	int session = luo_create_session(dev, "pair"), counter, pair;

	CHECK(session >= 0);
	counter = counter_new(42);
	pair = pair_new(counter);
	CHECK_EQ(0, luo_preserve(session, counter, 0));
	CHECK_EQ(0, luo_preserve(session, pair, 1));
	close(counter);
	close(pair);
}

static void need_modules(void)
{
	/* They may be in use for what came over damaged, see check_pair() */
	CHECK(module_refs(PAIR_MODULE) >= 0 || modules_load());
	CHECK_EQ(0, module_set_param(COUNTER_MODULE, "pieces", COUNTER_PIECES));
}

static void leave_kernel(const struct campaign_jump *jump, int dev)
{
	struct world world = make_world(jump);
	unsigned int i;

	if (uses_counters(&world) || uses_flb(&world))
		need_modules();
	for (i = 0; i < world.nr; i++)
		keep_session(dev, &world.sessions[i]);
	if (uses_flb(&world))
		keep_pair(dev);
	CHECK_EQ(0, luo_kexec_load(NULL));
	order_damage(&world);
}

/*
 * The new kernel
 */

/* The kernel could not read the map, and so has no live update */
static bool is_opaque(void)
{
	return luo_count_in_log("all memory but scratch stays out of use");
}

static void use_memory(void)
{
	size_t size = luo_meminfo("MemAvailable") / 2 * KIB;
	char *mem = malloc(size);

	CHECK(mem);
	if (mem)
		memset(mem, 0x5a, size);
	free(mem);
}

static bool error_fits(int err)
{
	return err == -EIO || err == -ENOENT || err == -ENODEV;
}

static void check_file(const struct campaign_file *file, bool may_be_claimed)
{
	enum expect expect = file->expect;

	if (expect == INTACT && may_be_claimed)
		expect = ANY;

	switch (expect) {
	case INTACT:
		if (CHECK(file->fd >= 0))
			CHECK(contents_right(file, true));
		break;
	case LOST:
		CHECK_EQ(-EIO, file->fd);
		break;
	case ANY:
		if (file->fd >= 0)
			CHECK(contents_right(file, file->expect == INTACT));
		else
			CHECK(error_fits(file->fd));
		break;
	case FORGED:
		CHECK(file->fd >= 0 || error_fits(file->fd));
		break;
	case ORPHAN:
		CHECK_EQ(-ENODEV, file->fd);
		break;
	}
}

/* The sessions themselves: each that is not named in a case is there */
static void retrieve_sessions(struct world *world, int dev)
{
	unsigned int i;

	for (i = 0; i < world->nr; i++)
		world->sessions[i].fd =
			luo_retrieve_session(dev, world->sessions[i].name);
}

static void discard_file(struct campaign_session *session, unsigned int i)
{
	struct campaign_file *file = &session->files[i];
	int ret = luo_discard(session->fd, TOKEN(i));

	if (file->expect != ORPHAN)
		CHECK(!ret || ret == -ENOENT || ret == -EIO);
	else if (file->discard == 1)
		CHECK(!ret || ret == -EIO);
	else
		CHECK_EQ(file->discard, ret);
}

/* Of what may be there or not, some is discarded without a look at it */
static bool is_given_up(const struct campaign_session *session,
			const struct campaign_file *file)
{
	return (file->expect == ANY || file->expect == FORGED) && session->c &&
	       file->seed & 2;
}

static void retrieve_files(struct campaign_session *session, bool intact,
			   bool leave)
{
	unsigned int i;

	for (i = 0; i < session->nr_files && session->fd >= 0; i++) {
		struct campaign_file *file = &session->files[i];
		bool expected = file->expect == INTACT;

		if (expected != intact)
			continue;
		if (!is_given_up(session, file))
			file->fd = luo_retrieve(session->fd, TOKEN(i));
		if (file->fd < 0 && !leave)
			discard_file(session, i);
	}
}

static bool is_missing(const struct campaign_session *session)
{
	return (session->fd == -EIO || session->fd == -ENOENT) &&
	       session->may_go;
}

static void check_session(const struct world *world,
			  const struct campaign_session *session)
{
	/* What is first to ask for memory gets it, whosever it was */
	bool claims = world->forged && world->jump->greedy;
	unsigned int i;

	if (session->gone)
		CHECK(session->fd < 0);
	if (is_missing(session))
		return;
	if (!CHECK(session->fd >= 0))
		return;
	for (i = 0; i < session->nr_files; i++)
		check_file(&session->files[i], claims);
}

/* What is in the log shows that the damage was done, and seen */
static void check_global(const struct campaign_case *c)
{
	if (c->sealed || !strcmp(c->op, "cut"))
		return;
	if (c->class == CAMPAIGN_HEADER)
		CHECK(luo_count_in_log("the previous kernel's header is damaged"));
	else if (c->class == CAMPAIGN_SESSION_BLOCK)
		CHECK(luo_count_in_log("sessions are damaged, their memory stays"));
	else if (c->class == CAMPAIGN_MAP_ROOT)
		CHECK(luo_count_in_log("map of preserved memory can't be read") ||
		      luo_count_in_log("is damaged, what it covers stays reserved"));
	else if (c->class == CAMPAIGN_MAP_LEAF)
		CHECK(luo_count_in_log("is damaged, what it covers stays reserved"));
	else if (c->class == CAMPAIGN_FLB || c->class == CAMPAIGN_FLB_BLOCK)
		CHECK(luo_count_in_log("a record of an FLB is damaged") &&
		      luo_count_in_log("KiB of files and FLBs that are damaged"));
}

static void check_pair(int dev, bool sealed)
{
	int session = luo_retrieve_session(dev, "pair"), counter, pair;

	CHECK(modules_load());
	CHECK(session >= 0);
	pair = luo_retrieve(session, 1);
	counter = luo_retrieve(session, 0);
	CHECK_EQ(42, counter_value(counter));
	CHECK(pair >= 0 || pair == -EIO);
	if (pair >= 0)
		CHECK_EQ(42, pair_value(pair));
	CHECK_EQ(0, luo_finish(session));
	close(pair);
	close(counter);
	close(session);
	/* A count of files that is wrong keeps the FLB, and so its module */
	if (!sealed)
		CHECK(modules_unload());
}

/* A file that is left, and may have no handler, keeps its session */
static bool has_left(const struct campaign_session *session)
{
	unsigned int i;

	for (i = 0; i < session->nr_files; i++)
		if (session->files[i].fd < 0)
			return true;
	return false;
}

static void finish_session(struct campaign_session *session, bool leave)
{
	int ret;

	if (session->fd < 0)
		return;
	ret = luo_finish(session->fd);
	CHECK(!ret || (ret == -EBUSY && leave && has_left(session)));
	close(session->fd);
}

/* After every other jump, what can't be had is left for the next kernel */
static bool leaves_garbage(const struct campaign_jump *jump)
{
	return (jump - campaign.jumps) % 2;
}

/* What was left by the kernel before, and the memory of what was damaged */
static void discard_garbage(const struct campaign_jump *jump, int dev)
{
	struct liveupdate_ioctl_discard_damaged damaged = {
		.size = sizeof(damaged),
	};
	struct world world;
	unsigned int i;

	if (leaves_garbage(jump))
		return;

	CHECK_EQ(0, luo_ioctl(dev, LIVEUPDATE_IOCTL_DISCARD_DAMAGED, &damaged));
	if (jump == campaign.jumps)
		return;

	world = make_world(jump - 1);
	for (i = 0; i < world.nr; i++) {
		struct liveupdate_ioctl_discard_session session = {
			.size = sizeof(session),
		};
		int ret;

		strcpy((char *)session.name, world.sessions[i].name);
		ret = luo_ioctl(dev, LIVEUPDATE_IOCTL_DISCARD_SESSION,
				&session);
		CHECK(!ret || ret == -ENOENT || ret == -EIO);
	}
}

static void check_again(const struct campaign_session *session)
{
	unsigned int i;

	for (i = 0; i < session->nr_files; i++) {
		struct campaign_file *file = &session->files[i];

		if (file->fd < 0)
			continue;
		if (file->expect == INTACT)
			CHECK(contents_right(file, true));
		close(file->fd);
	}
}

/* The name of what failed stands before what has failed about it */
static void report(const struct world *world, const struct campaign_case *c)
{
	luo_report("jump %zu%s, seed %llu: %s",
		   (size_t)(world->jump - campaign.jumps),
		   world->jump->greedy ? ", damaged first" : "", campaign.seed,
		   c ? c->name : "what was not damaged");
}

/* What came over can be looked at, whatever it is */
static void show_all(void)
{
	static const char * const names[] = {
		"updates", "previous", "sessions", "files", "handlers", "flbs",
		"quarantine", "timeline",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		free(luo_read_debugfs(names[i]));
}

/* One line for each case, and one for what was not damaged */
static void check_world(struct world *world, int dev)
{
	bool greedy = world->jump->greedy;
	bool local = campaign_class_is_local(world->cases[0].class);
	bool leave = leaves_garbage(world->jump);
	unsigned int i;

	retrieve_sessions(world, dev);
	for (i = 0; i < world->nr; i++)
		retrieve_files(&world->sessions[i], !greedy, leave);
	for (i = 0; i < world->nr; i++)
		retrieve_files(&world->sessions[i], greedy, leave);

	if (!local)
		check_global(&world->cases[0]);
	show_all();
	for (i = 0; i < world->nr; i++) {
		check_session(world, &world->sessions[i]);
		if (local && world->sessions[i].c)
			report(world, world->sessions[i].c);
	}

	use_memory();
	for (i = 0; i < world->nr; i++)
		finish_session(&world->sessions[i], leave);
	discard_garbage(world->jump, dev);
	use_memory();
	for (i = 0; i < world->nr; i++)
		check_again(&world->sessions[i]);
	if (uses_flb(world))
		check_pair(dev, world->cases[0].sealed);
	report(world, local ? NULL : &world->cases[0]);
}

/*
 * Stages
 */

/**
 * struct position - where in the campaign this kernel is
 * @done: jumps that are behind, the one that led here included
 * @plain: jumps without a handover, from kernels that could not do one
 * @fresh: the last one was of that kind
 */
struct position {
	size_t done;
	unsigned int plain;
	bool fresh;
};

static struct position find_position(unsigned int stage)
{
	struct position position = {};
	unsigned int fresh = 0;
	char text[32];

	if (!luo_cmdline_value("luo.plain", text, sizeof(text)))
		sscanf(text, "%u,%u", &position.plain, &fresh);
	position.done = stage - 1 - position.plain;
	position.fresh = fresh == stage;
	return position;
}

static void start_fresh_kernel(unsigned int stage,
			       const struct position *position)
{
	char append[32];

	snprintf(append, sizeof(append), "luo.plain=%u,%u", position->plain + 1,
		 stage + 1);
	CHECK_EQ(0, luo_kexec_load(append));
	luo_report("the next kernel starts without a handover");
	ksft_print_cnts();
	ksft_exit_fail_msg("reboot failed: %d\n", luo_kexec_jump());
}

static bool may_be_opaque(const struct campaign_case *c)
{
	return c->class <= CAMPAIGN_MAP_LEAF && c->class != CAMPAIGN_LUO_FDT;
}

static void check_opaque(const struct campaign_jump *jump)
{
	struct world world = make_world(jump);

	CHECK(may_be_opaque(&world.cases[0]));
	CHECK_EQ(-ENOENT, luo_open_device());
	use_memory();
	report(&world, &world.cases[0]);
}

static unsigned int reports(const struct campaign_jump *jump)
{
	const struct campaign_case *c = &campaign.cases[jump->first];

	return campaign_class_is_local(c->class) ? jump->nr + 1 : 1;
}

static void run_stage(unsigned int stage)
{
	struct position position = find_position(stage);
	const struct campaign_jump *last = position.fresh || !position.done ?
		NULL : &campaign.jumps[position.done - 1];
	int dev;

	luo_plan((stage == 1) + (last ? reports(last) : 0) + 1);
	if (stage == 1)
		check_layout();
	if (last && is_opaque()) {
		check_opaque(last);
		start_fresh_kernel(stage, &position);
	}

	dev = luo_need_device();
	if (last) {
		struct world world = make_world(last);

		check_world(&world, dev);
	}

	if (position.done == campaign.nr_jumps) {
		luo_report("the last kernel works");
		printf("# luo-vm-done\n");
		fflush(stdout);
		ksft_finished();
	}
	leave_kernel(&campaign.jumps[position.done], dev);
	luo_report("new sessions for jump %zu of %zu", position.done,
		   campaign.nr_jumps);
	ksft_print_cnts();
	ksft_exit_fail_msg("reboot failed: %d\n", luo_kexec_jump());
}

static void read_parameters(void)
{
	char text[64], kind[8] = "short";
	unsigned int part = 0, parts = 1;
	unsigned long long seed = DEFAULT_SEED;

	if (!luo_cmdline_value("luo.campaign", text, sizeof(text)))
		sscanf(text, "%7[a-z],%llu,%u,%u", kind, &seed, &part, &parts);
	if (!parts || part >= parts)
		ksft_exit_fail_msg("no part %u of %u\n", part, parts);
	campaign_init(&campaign, !strcmp(kind, "long"), seed, part, parts);
	ksft_print_msg("%s campaign, seed %llu, part %u of %u: %zu jumps\n",
		       kind, seed, part, parts, campaign.nr_jumps);
}

int main(int argc, char *argv[])
{
	unsigned int stage;

	if (argc != 2 || sscanf(argv[1], "stage%u", &stage) != 1 || !stage) {
		fprintf(stderr, "usage: %s stageN\n", argv[0]);
		return KSFT_FAIL;
	}

	read_parameters();
	if (luo_raise_fd_limit(16384))
		ksft_exit_fail_perror("RLIMIT_NOFILE");
	run_stage(stage);
	return KSFT_FAIL;
}
