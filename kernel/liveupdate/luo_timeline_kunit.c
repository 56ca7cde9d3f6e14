// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the clocks that a timeline goes by.
 */

#include <kunit/test.h>
#include <linux/kho/abi/luo.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "luo_timeline.h"

#define HZ_OF_OLD	2500000000ULL
#define WALL		1700000000000000000ULL

/* In cycles: a freeze, a jump 2 s after it, and a new kernel 1 s after that */
#define BEGIN		(1000 * HZ_OF_OLD)
#define JUMP		(1002 * HZ_OF_OLD)
#define START		(1003 * HZ_OF_OLD)

static const struct luo_timeline_ser left = {
	.hz = HZ_OF_OLD,
	.wall = WALL,
	.freeze_begin = BEGIN,
	.freeze_end = BEGIN + HZ_OF_OLD,
	.serialize_end = BEGIN + HZ_OF_OLD,
	.jump = JUMP,
};

static void clocks_run_on(struct kunit *test)
{
	struct luo_clocks clocks;

	luo_clocks_set(&clocks, &left, START, 0);
	KUNIT_EXPECT_FALSE(test, clocks.restarted);
	KUNIT_EXPECT_EQ(test, 0, luo_clocks_ns(&clocks, BEGIN, true));
	KUNIT_EXPECT_EQ(test, 2 * NSEC_PER_SEC,
			luo_clocks_ns(&clocks, JUMP, true));
	KUNIT_EXPECT_EQ(test, 3 * NSEC_PER_SEC,
			luo_clocks_ns(&clocks, START, false));
	/* To the nanosecond */
	KUNIT_EXPECT_EQ(test, 3 * NSEC_PER_SEC + 2,
			luo_clocks_ns(&clocks, START + 5, false));
}

/* The new counter begins near zero; the wall clock says 4 s since the freeze */
static void clocks_restart(struct kunit *test)
{
	struct luo_clocks clocks;

	luo_clocks_set(&clocks, &left, 1000, WALL + 4 * NSEC_PER_SEC);
	KUNIT_EXPECT_TRUE(test, clocks.restarted);
	KUNIT_EXPECT_EQ(test, 2 * NSEC_PER_SEC,
			luo_clocks_ns(&clocks, JUMP, true));
	KUNIT_EXPECT_EQ(test, 4 * NSEC_PER_SEC,
			luo_clocks_ns(&clocks, 1000, false));
	KUNIT_EXPECT_EQ(test, 5 * NSEC_PER_SEC,
			luo_clocks_ns(&clocks, 1000 + HZ_OF_OLD, false));
}

/* A clock of whole seconds can be behind, but the jump was before the start */
static void clocks_restart_behind(struct kunit *test)
{
	static const u64 walls[] = { 0, WALL - 1, WALL, WALL + NSEC_PER_SEC };
	struct luo_clocks clocks;

	for (unsigned int i = 0; i < ARRAY_SIZE(walls); i++) {
		luo_clocks_set(&clocks, &left, 0, walls[i]);
		KUNIT_EXPECT_TRUE(test, clocks.restarted);
		KUNIT_EXPECT_EQ(test, 2 * NSEC_PER_SEC,
				luo_clocks_ns(&clocks, 0, false));
	}
}

/* A counter that is far ahead is another one as well */
static void clocks_ahead(struct kunit *test)
{
	struct luo_clocks clocks;

	luo_clocks_set(&clocks, &left, JUMP + 3599 * HZ_OF_OLD, WALL);
	KUNIT_EXPECT_FALSE(test, clocks.restarted);
	luo_clocks_set(&clocks, &left, JUMP + 3600 * HZ_OF_OLD, WALL);
	KUNIT_EXPECT_TRUE(test, clocks.restarted);
}

/* Whatever the old kernel says, there is an answer */
static void clocks_nonsense(struct kunit *test)
{
	static const u64 values[] = { 0, 1, HZ_OF_OLD, U64_MAX - 1, U64_MAX };
	struct luo_timeline_ser ser;
	struct luo_clocks clocks;

	for (unsigned int i = 0; i < 5 * 5 * 5 * 5; i++) {
		ser = (struct luo_timeline_ser){
			.hz = values[i % 5],
			.wall = values[i / 5 % 5],
			.freeze_begin = values[i / 25 % 5],
			.jump = values[i / 125 % 5],
		};
		for (unsigned int j = 0; j < 5; j++) {
			luo_clocks_set(&clocks, &ser, values[j], WALL);
			KUNIT_EXPECT_EQ(test, ser.hz, clocks.hz);
			if (!clocks.hz)
				continue;
			luo_clocks_ns(&clocks, values[j], true);
			luo_clocks_ns(&clocks, values[4 - j], false);
		}
	}
}

static struct kunit_case luo_timeline_cases[] = {
	KUNIT_CASE(clocks_run_on),
	KUNIT_CASE(clocks_restart),
	KUNIT_CASE(clocks_restart_behind),
	KUNIT_CASE(clocks_ahead),
	KUNIT_CASE(clocks_nonsense),
	{}
};

static struct kunit_suite luo_timeline_suite = {
	.name = "luo_timeline",
	.test_cases = luo_timeline_cases,
};

kunit_test_suite(luo_timeline_suite);
