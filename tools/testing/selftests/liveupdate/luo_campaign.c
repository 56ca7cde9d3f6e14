// SPDX-License-Identifier: GPL-2.0
/* The cases of a campaign, see luo_campaign.h */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "luo_campaign.h"
#include "luo_test_util.h"

#define LOW_HALF	0x00000000ffffffffULL
#define HIGH_HALF	0xffffffff00000000ULL
#define WHOLE		0xffffffffffffffffULL

/* Of an extent, see include/linux/kho/abi/kexec_handover.h */
#define PFN_BITS	0x000000ffffffffffULL
#define NR_BITS		0x03ffff0000000000ULL
#define INDEX_BITS	0x03ffffffffffffffULL
#define ORDER_BITS	0xfc00000000000000ULL

/* What there is in an FDT; past its end an order begins at its start again */
#define LUO_FDT_WORDS	18
#define KHO_FDT_WORDS	26

/* At most, for memory of a guest's size */
#define MAX_LEAVES	16

/* Cases that share a jump: a session for each */
#define BATCH		96

/* Of the long campaign; of the short one */
#define RANDOM_LOCAL	512
#define RANDOM_GLOBAL	48
#define RANDOM_SHORT	64

const char * const campaign_class_names[CAMPAIGN_CLASSES] = {
	[CAMPAIGN_KHO_FDT] = "kho-fdt",
	[CAMPAIGN_LUO_FDT] = "luo-fdt",
	[CAMPAIGN_MAP_ROOT] = "map-root",
	[CAMPAIGN_MAP_TABLE] = "map-table",
	[CAMPAIGN_MAP_LEAF] = "map-leaf",
	[CAMPAIGN_HEADER] = "header",
	[CAMPAIGN_SESSION_BLOCK] = "session-block",
	[CAMPAIGN_FLB_BLOCK] = "flb-block",
	[CAMPAIGN_FLB] = "flb",
	[CAMPAIGN_SESSION] = "session",
	[CAMPAIGN_FILE_BLOCK] = "file-block",
	[CAMPAIGN_FILE] = "file",
	[CAMPAIGN_MEMORY_BLOCK] = "memory-block",
	[CAMPAIGN_MEMORY] = "memory",
	[CAMPAIGN_OWNER_LIST] = "owner-list",
	[CAMPAIGN_MEMFD] = "memfd",
	[CAMPAIGN_MEMFD_LIST] = "memfd-list",
};

enum field_type {
	NUMBER,
	ADDRESS,
	FRAME,		/* an address in pages */
	FDT_CELL,
	EXTENT,		/* a record of a list of memory: three fields */
	SUM,
};

static const char * const number_values[] = {
	"plus", "0", "ones", "minus", "1", "high", NULL
};

static const char * const address_values[] = {
	"plus", "0", "self", "other", "ones", "theirs", "outside", "free",
	"unaligned", "scratch", "low", "minus", "1", "high", NULL
};

static const char * const frame_values[] = {
	"plus", "0", "pfn:self", "pfn:other", "ones", "theirs", "pfn:outside",
	"pfn:free", "pfn:scratch", "pfn:low", "minus", "1", "high", NULL
};

/* A cell of an FDT is big endian: this is FDT_PROP */
static const char * const cell_values[] = {
	"0", "ones", "0x03000000", NULL
};

/**
 * struct field - a part of an object
 * @class: the object
 * @nr: which one, see struct campaign_case
 * @word: where the field is
 * @mask: where in that word
 * @name: what it is called
 * @type: what it holds
 * @kept: what is left if it is wrong and the sum fits
 */
struct field {
	enum campaign_class class;
	unsigned int nr;
	unsigned int word;
	__u64 mask;
	const char *name;
	enum field_type type;
	enum campaign_kept kept;
};

/*
 * What is there once only costs a jump for each value. With a sum that does not
 * fit nobody looks at an address.
 */
static const char * const *field_values(const struct field *field, bool sealed)
{
	bool looked_at = sealed || campaign_class_is_local(field->class);

	switch (looked_at || field->type == FDT_CELL ? field->type : NUMBER) {
	case ADDRESS:
		return address_values;
	case FRAME:
		return frame_values;
	case FDT_CELL:
		return cell_values;
	default:
		return number_values;
	}
}

#define FIELD(class, nr, word, mask, name, type, kept)			\
	{ CAMPAIGN_##class, nr, word, mask, name, type, CAMPAIGN_##kept }

/* What blocks and records begin with is in block_fields and extent_fields */
static const struct field plain_fields[] = {
	FIELD(SESSION, 0, 0, WHOLE, "name", NUMBER, RENAMED),
	FIELD(SESSION, 0, 7, WHOLE, "name's end", NUMBER, KEPT),
	FIELD(SESSION, 0, 8, WHOLE, "files", ADDRESS, FORGED),
	FIELD(SESSION, 0, 9, WHOLE, "nr_files", NUMBER, KEPT),
	FIELD(SESSION, 0, 10, WHOLE, "age", NUMBER, KEPT),
	FIELD(SESSION, 0, 11, WHOLE, "flags", NUMBER, KEPT),
	FIELD(SESSION, 0, 12, WHOLE, "sum", SUM, KEPT),
	FIELD(FILE, 0, 0, WHOLE, "compatible", NUMBER, KEPT),
	FIELD(FILE, 0, 5, WHOLE, "compatible's end", NUMBER, KEPT),
	FIELD(FILE, 0, 6, WHOLE, "token", NUMBER, KEPT),
	FIELD(FILE, 0, 7, WHOLE, "data", ADDRESS, FORGED),
	FIELD(FILE, 0, 8, WHOLE, "memory[0]", EXTENT, KEPT),
	FIELD(FILE, 0, 9, WHOLE, "memory[1]", EXTENT, KEPT),
	FIELD(FILE, 0, 10, WHOLE, "memory[2]", EXTENT, KEPT),
	FIELD(FILE, 0, 11, WHOLE, "sum", SUM, KEPT),
	FIELD(MEMFD, 0, 0, WHOLE, "size", NUMBER, KEPT),
	FIELD(MEMFD, 0, 1, WHOLE, "pos", NUMBER, KEPT),
	FIELD(MEMFD, 0, 2, WHOLE, "nr_pages", NUMBER, KEPT),
	FIELD(MEMFD, 0, 3, WHOLE, "extents", ADDRESS, FORGED),
	FIELD(MEMFD, 0, 4, LOW_HALF, "mode", NUMBER, KEPT),
	FIELD(MEMFD, 0, 4, HIGH_HALF, "seals", NUMBER, KEPT),
	FIELD(MEMFD, 0, 5, LOW_HALF, "flags", NUMBER, KEPT),
	FIELD(MEMFD, 0, 5, HIGH_HALF, "uid", NUMBER, KEPT),
	FIELD(MEMFD, 0, 6, LOW_HALF, "gid", NUMBER, KEPT),
	FIELD(MEMFD, 0, 6, HIGH_HALF, "reserved", NUMBER, KEPT),
	FIELD(MEMFD, 0, 7, WHOLE, "name", NUMBER, KEPT),
	FIELD(MEMFD, 0, 38, WHOLE, "name's end", NUMBER, KEPT),
	FIELD(MEMFD, 0, 39, WHOLE, "sum", SUM, KEPT),
	FIELD(MEMFD_LIST, 0, 0, WHOLE, "sum", SUM, KEPT),
	FIELD(MEMFD_LIST, 0, 1, WHOLE, "next", ADDRESS, FORGED),
	FIELD(MEMFD_LIST, 0, 2, WHOLE, "nr", NUMBER, FORGED),
	FIELD(MEMFD_LIST, 0, 3, WHOLE, "record[0]", EXTENT, FORGED),
	FIELD(MEMFD_LIST, 0, 4, INDEX_BITS, "record[1].index", NUMBER, FORGED),
	FIELD(MEMFD_LIST, 0, 4, ORDER_BITS, "record[1].order", NUMBER, FORGED),
	FIELD(MEMFD_LIST, 1, 1, WHOLE, "next", ADDRESS, FORGED),
	FIELD(MEMFD_LIST, 1, 2, WHOLE, "nr", NUMBER, FORGED),
	FIELD(OWNER_LIST, 0, 0, WHOLE, "sum", SUM, KEPT),
	FIELD(OWNER_LIST, 0, 1, WHOLE, "next", ADDRESS, KEPT),
	FIELD(OWNER_LIST, 0, 2, WHOLE, "nr", NUMBER, KEPT),
	FIELD(OWNER_LIST, 0, 3, WHOLE, "record[0]", EXTENT, KEPT),
	FIELD(OWNER_LIST, 0, 4, WHOLE, "record[1]", EXTENT, KEPT),
	FIELD(MEMORY, 0, 0, WHOLE, "session", NUMBER, KEPT),
	FIELD(MEMORY, 0, 1, WHOLE, "token", NUMBER, KEPT),
	FIELD(MEMORY, 0, 2, WHOLE, "memory[0]", EXTENT, KEPT),
	FIELD(MEMORY, 0, 3, WHOLE, "memory[1]", EXTENT, KEPT),
	FIELD(MEMORY, 0, 4, WHOLE, "memory[2]", EXTENT, KEPT),
	FIELD(MEMORY, 0, 5, WHOLE, "sum", SUM, KEPT),
	FIELD(HEADER, 0, 0, WHOLE, "magic", NUMBER, KEPT),
	FIELD(HEADER, 0, 1, WHOLE, "update_count", NUMBER, KEPT),
	FIELD(HEADER, 0, 2, WHOLE, "release", NUMBER, KEPT),
	FIELD(HEADER, 0, 10, WHOLE, "release's end", NUMBER, KEPT),
	FIELD(HEADER, 0, 11, WHOLE, "hz", NUMBER, KEPT),
	FIELD(HEADER, 0, 12, WHOLE, "wall", NUMBER, KEPT),
	FIELD(HEADER, 0, 13, WHOLE, "freeze_begin", NUMBER, KEPT),
	FIELD(HEADER, 0, 14, WHOLE, "freeze_end", NUMBER, KEPT),
	FIELD(HEADER, 0, 15, WHOLE, "serialize_end", NUMBER, KEPT),
	FIELD(HEADER, 0, 16, WHOLE, "jump", NUMBER, KEPT),
	FIELD(HEADER, 0, 17, WHOLE, "sessions", ADDRESS, KEPT),
	FIELD(HEADER, 0, 18, WHOLE, "nr_sessions", NUMBER, KEPT),
	FIELD(HEADER, 0, 19, WHOLE, "flbs", ADDRESS, KEPT),
	FIELD(HEADER, 0, 20, WHOLE, "nr_flbs", NUMBER, KEPT),
	FIELD(HEADER, 0, 21, WHOLE, "memory", ADDRESS, KEPT),
	FIELD(HEADER, 0, 22, WHOLE, "nr_memory", NUMBER, KEPT),
	FIELD(HEADER, 0, 23, WHOLE, "sum", SUM, KEPT),
	FIELD(FLB, 0, 0, WHOLE, "compatible", NUMBER, KEPT),
	FIELD(FLB, 0, 6, WHOLE, "handler", NUMBER, KEPT),
	FIELD(FLB, 0, 12, WHOLE, "data", ADDRESS, KEPT),
	FIELD(FLB, 0, 13, WHOLE, "nr_files", NUMBER, KEPT),
	FIELD(FLB, 0, 14, WHOLE, "memory[0]", EXTENT, KEPT),
	FIELD(FLB, 0, 15, WHOLE, "memory[1]", EXTENT, KEPT),
	FIELD(FLB, 0, 16, WHOLE, "memory[2]", EXTENT, KEPT),
	FIELD(FLB, 0, 17, WHOLE, "sum", SUM, KEPT),
	FIELD(MAP_LEAF, 0, 0, WHOLE, "used[0]", NUMBER, KEPT),
	FIELD(MAP_LEAF, 0, 255, WHOLE, "used[255]", NUMBER, KEPT),
	FIELD(MAP_LEAF, 0, 256, WHOLE, "start[0]", NUMBER, KEPT),
	FIELD(MAP_LEAF, 0, 511, WHOLE, "start[255]", NUMBER, KEPT),
	FIELD(MAP_TABLE, 0, 0, WHOLE, "entry[0].phys", ADDRESS, KEPT),
	FIELD(MAP_TABLE, 0, 1, WHOLE, "entry[0].sum", NUMBER, KEPT),
	FIELD(MAP_TABLE, 0, 2, WHOLE, "entry[1].phys", ADDRESS, KEPT),
	FIELD(MAP_TABLE, 1, 30, WHOLE, "entry[15].phys", ADDRESS, KEPT),
	FIELD(MAP_TABLE, 1, 31, WHOLE, "entry[15].sum", NUMBER, KEPT),
	FIELD(MAP_TABLE, 1, 510, WHOLE, "entry[255].phys", ADDRESS, KEPT),
	FIELD(MAP_ROOT, 0, 0, WHOLE, "magic", NUMBER, KEPT),
	FIELD(MAP_ROOT, 0, 1, WHOLE, "sum", SUM, KEPT),
	FIELD(MAP_ROOT, 0, 2, WHOLE, "entry[0].phys", ADDRESS, KEPT),
	FIELD(MAP_ROOT, 0, 3, WHOLE, "entry[0].sum", NUMBER, KEPT),
	FIELD(MAP_ROOT, 0, 4, WHOLE, "entry[1].phys", ADDRESS, KEPT),
};

static const struct {
	enum campaign_class class;
	unsigned int nr;
} blocks[] = {
	{ CAMPAIGN_FILE_BLOCK, 0 },
	{ CAMPAIGN_FILE_BLOCK, 1 },
	{ CAMPAIGN_MEMORY_BLOCK, 0 },
	{ CAMPAIGN_MEMORY_BLOCK, 1 },
	{ CAMPAIGN_SESSION_BLOCK, 1 },
	{ CAMPAIGN_SESSION_BLOCK, 0 },
	{ CAMPAIGN_FLB_BLOCK, 0 },
};

static const struct {
	const char *name;
	enum field_type type;
} block_fields[] = {
	{ "magic", NUMBER }, { "next", ADDRESS }, { "nr", NUMBER },
	{ "sum", SUM },
};

static const struct {
	__u64 mask;
	const char *name;
	enum field_type type;
} extent_fields[] = {
	{ PFN_BITS, "pfn", FRAME }, { NR_BITS, "nr", NUMBER },
	{ ORDER_BITS, "order", NUMBER },
};

#define MAX_FIELDS	512

static struct field fields[MAX_FIELDS];
static size_t nr_fields;

static struct field *add_field(void)
{
	if (nr_fields == MAX_FIELDS)
		ksft_exit_fail_msg("too many fields\n");
	return &fields[nr_fields++];
}

static void add_extent_fields(const struct field *extent)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(extent_fields); i++) {
		struct field *field = add_field();
		char *name;

		if (asprintf(&name, "%s.%s", extent->name,
			     extent_fields[i].name) < 0)
			ksft_exit_fail_perror("asprintf");
		*field = *extent;
		field->mask = extent_fields[i].mask;
		field->name = name;
		field->type = extent_fields[i].type;
	}
}

static void add_block_fields(enum campaign_class class, unsigned int nr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(block_fields); i++)
		*add_field() = (struct field){
			.class = class,
			.nr = nr,
			.word = i,
			.mask = WHOLE,
			.name = block_fields[i].name,
			.type = block_fields[i].type,
		};
}

static void find_fields(void)
{
	size_t i;

	nr_fields = 0;
	for (i = 0; i < ARRAY_SIZE(plain_fields); i++)
		if (plain_fields[i].type == EXTENT)
			add_extent_fields(&plain_fields[i]);
		else
			*add_field() = plain_fields[i];
	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		add_block_fields(blocks[i].class, blocks[i].nr);
}

unsigned int campaign_words(enum campaign_class class)
{
	size_t i;

	for (i = 0; i < nr_fields; i++)
		if (fields[i].class == class && fields[i].type == SUM)
			return fields[i].word ? fields[i].word + 1 : 0;
	return 0;
}

__u64 campaign_random(__u64 seed, __u64 index)
{
	__u64 z = seed + (index + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static struct campaign_case *add_case(struct campaign *campaign)
{
	size_t nr = campaign->nr_cases + 1;

	campaign->cases = realloc(campaign->cases,
				  nr * sizeof(*campaign->cases));
	if (!campaign->cases)
		ksft_exit_fail_perror("realloc");
	campaign->nr_cases = nr;
	campaign->cases[nr - 1] = (struct campaign_case){};
	return &campaign->cases[nr - 1];
}

static void add_jump(struct campaign *campaign, size_t first, size_t nr,
		     bool greedy)
{
	size_t nr_jumps = campaign->nr_jumps + 1;

	campaign->jumps = realloc(campaign->jumps,
				  nr_jumps * sizeof(*campaign->jumps));
	if (!campaign->jumps)
		ksft_exit_fail_perror("realloc");
	campaign->nr_jumps = nr_jumps;
	campaign->jumps[nr_jumps - 1] = (struct campaign_jump){
		.first = first,
		.nr = nr,
		.greedy = greedy,
	};
}

/* Jumps for the cases from @first on */
static void add_jumps(struct campaign *campaign, size_t first, bool greedy)
{
	while (first < campaign->nr_cases) {
		size_t nr = campaign->nr_cases - first;

		if (!campaign_class_is_local(campaign->cases[first].class))
			nr = 1;
		else if (nr > BATCH)
			nr = BATCH;
		add_jump(campaign, first, nr, greedy);
		first += nr;
	}
}

static void add_field_case(struct campaign *campaign, const struct field *field,
			   const char *value, bool sealed, bool orphan)
{
	struct campaign_case *c = add_case(campaign);

	c->class = field->class;
	c->nr = field->nr;
	c->sealed = sealed;
	c->orphan = orphan;
	c->kept = field->kept;
	c->op = "set";
	snprintf(c->order, sizeof(c->order), "%u 0x%llx %s", field->word,
		 field->mask, value);
	snprintf(c->name, sizeof(c->name), "%s %u, %s: %s%s%s",
		 campaign_class_names[field->class], field->nr, field->name,
		 value, sealed ? ", sealed" : "", orphan ? ", no handler" : "");
}

/* The log of a file's memory is only used if there is no handler */
static bool field_has_orphans(const struct field *field)
{
	return field->class == CAMPAIGN_OWNER_LIST ||
	       field->class == CAMPAIGN_MEMFD_LIST ||
	       (field->class == CAMPAIGN_FILE && field->word >= 8 &&
		field->word <= 10);
}

/* A sum that is made to fit is not damaged */
static bool field_fits(const struct field *field, bool sealed, bool orphan)
{
	if (sealed && field->type == SUM)
		return false;
	/* Without a handler nobody gets to what is not in the log */
	if (orphan && !field_has_orphans(field))
		return false;
	if (!orphan && field->class == CAMPAIGN_OWNER_LIST)
		return false;
	/* What is not sealed is of no use where the record itself is to fit */
	return !orphan || sealed || field->class != CAMPAIGN_FILE;
}

static void add_cut_case(struct campaign *campaign, enum campaign_class class,
			 unsigned int nr, unsigned int word, bool sealed)
{
	struct campaign_case *c = add_case(campaign);

	c->class = class;
	c->nr = nr;
	c->sealed = sealed;
	c->orphan = class == CAMPAIGN_OWNER_LIST;
	c->kept = CAMPAIGN_FORGED;
	c->op = "cut";
	snprintf(c->order, sizeof(c->order), "%u", word);
	snprintf(c->name, sizeof(c->name), "%s %u: cut at word %u%s",
		 campaign_class_names[class], nr, word,
		 sealed ? ", sealed" : "");
}

/* Each kind of object ends too early: at once, after a word, and later */
static void add_cut_cases(struct campaign *campaign, bool local, bool sealed)
{
	unsigned int class;

	for (class = 0; class < CAMPAIGN_CLASSES; class++) {
		if (campaign_class_is_local(class) != local)
			continue;
		add_cut_case(campaign, class, 0, 0, sealed);
		add_cut_case(campaign, class, 0, 1, sealed);
		add_cut_case(campaign, class, 0, 3, sealed);
	}
}

/* Of the map, each leaf may hold what everything else begins with */
static void add_leaf_cases(struct campaign *campaign)
{
	unsigned int leaf;

	for (leaf = 1; leaf < MAX_LEAVES; leaf++)
		add_cut_case(campaign, CAMPAIGN_MAP_LEAF, leaf, 0, true);
}

/* With @one, one value for each field, another one for each @round */
static void add_field_cases(struct campaign *campaign, bool local, bool sealed,
			    bool orphan, bool one, unsigned int round)
{
	size_t i, nr, v;

	for (i = 0; i < nr_fields; i++) {
		const struct field *field = &fields[i];
		const char * const *values = field_values(field, sealed);

		if (campaign_class_is_local(field->class) != local ||
		    !field_fits(field, sealed, orphan))
			continue;
		for (nr = 0; values[nr]; nr++)
			;
		for (v = 0; v < nr; v++)
			if (!one || v == (i + round) % nr)
				add_field_case(campaign, field, values[v],
					       sealed, orphan);
	}
}

static void add_random_case(struct campaign *campaign, __u64 index,
			    enum campaign_class class)
{
	__u64 random = campaign_random(campaign->seed, index);
	struct campaign_case *c = add_case(campaign);
	unsigned int word = (random >> 8) & 0xffff;
	unsigned int bit = (random >> 24) & 63;

	c->class = class;
	/* Every fourth is a truncation, and every other is sealed */
	c->sealed = random & 0x1;
	c->orphan = class == CAMPAIGN_OWNER_LIST;
	c->kept = CAMPAIGN_FORGED;
	c->op = random & 0xc0 ? "flip" : "cut";
	if (random & 0xc0)
		snprintf(c->order, sizeof(c->order), "%u %u", word, bit);
	else
		snprintf(c->order, sizeof(c->order), "%u", word);
	snprintf(c->name, sizeof(c->name), "random %llu: %s %s %s%s", index,
		 c->op, campaign_class_names[class], c->order,
		 c->sealed ? ", sealed" : "");
}

/* @nr cases, as it comes, of the classes from @first to before @end */
static void add_random_cases(struct campaign *campaign, __u64 index,
			     unsigned int nr, enum campaign_class first,
			     enum campaign_class end)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		__u64 random = campaign_random(~campaign->seed, index + i);

		add_random_case(campaign, index + i,
				first + random % (end - first));
	}
}

/* Header, memory reservations, structure and strings: all that there is */
static void add_fdt_cases(struct campaign *campaign, enum campaign_class class,
			  unsigned int words)
{
	struct field field = { .class = class, .type = FDT_CELL };
	unsigned int cell, v;
	char name[16];

	for (cell = 0; cell < 2 * words; cell++) {
		snprintf(name, sizeof(name), "cell %u", cell);
		field.name = name;
		field.word = cell / 2;
		field.mask = cell % 2 ? HIGH_HALF : LOW_HALF;
		for (v = 0; cell_values[v]; v++)
			add_field_case(campaign, &field, cell_values[v], false,
				       false);
	}
}

static void init_long(struct campaign *campaign)
{
	size_t first = 0;

	add_field_cases(campaign, true, false, false, false, 0);
	add_field_cases(campaign, true, false, true, false, 0);
	add_cut_cases(campaign, true, false);
	add_jumps(campaign, first, true);

	/* Once before the others, once after them */
	first = campaign->nr_cases;
	add_field_cases(campaign, true, true, false, false, 0);
	add_field_cases(campaign, true, true, true, false, 0);
	add_cut_cases(campaign, true, true);
	add_jumps(campaign, first, false);
	add_jumps(campaign, first, true);

	first = campaign->nr_cases;
	add_random_cases(campaign, 0, RANDOM_LOCAL, CAMPAIGN_SESSION,
			 CAMPAIGN_CLASSES);
	add_jumps(campaign, first, false);

	first = campaign->nr_cases;
	add_field_cases(campaign, false, false, false, false, 0);
	add_field_cases(campaign, false, true, false, false, 0);
	add_cut_cases(campaign, false, false);
	add_cut_cases(campaign, false, true);
	add_leaf_cases(campaign);
	add_random_cases(campaign, RANDOM_LOCAL, RANDOM_GLOBAL, 0,
			 CAMPAIGN_SESSION);
	add_fdt_cases(campaign, CAMPAIGN_LUO_FDT, LUO_FDT_WORDS);
	add_fdt_cases(campaign, CAMPAIGN_KHO_FDT, KHO_FDT_WORDS);
	add_jumps(campaign, first, false);
}

/* One for each kind of thing that is there once only, and what is worst */
static const struct {
	enum campaign_class class;
	unsigned int nr;
	const char *name;
	const char *value;
	bool sealed;
} short_global[] = {
	{ CAMPAIGN_HEADER, 0, "sessions", "self", false },
	{ CAMPAIGN_HEADER, 0, "nr_sessions", "ones", true },
	{ CAMPAIGN_SESSION_BLOCK, 1, "nr", "plus", false },
	{ CAMPAIGN_SESSION_BLOCK, 0, "next", "self", true },
	{ CAMPAIGN_FLB, 0, "data", "self", false },
	{ CAMPAIGN_FLB, 0, "nr_files", "ones", true },
	{ CAMPAIGN_HEADER, 0, "hz", "ones", true },
	{ CAMPAIGN_MAP_LEAF, 0, "used[0]", "ones", true },
	{ CAMPAIGN_MAP_LEAF, 0, "used[0]", "plus", false },
	{ CAMPAIGN_MAP_TABLE, 0, "entry[0].phys", "self", true },
	{ CAMPAIGN_MAP_ROOT, 0, "entry[0].phys", "plus", false },
};

static void add_short_global(struct campaign *campaign)
{
	static const struct field luo_magic = FIELD(LUO_FDT, 0, 0, LOW_HALF,
						    "magic", FDT_CELL, KEPT);
	static const struct field kho_magic = FIELD(KHO_FDT, 0, 0, LOW_HALF,
						    "magic", FDT_CELL, KEPT);
	size_t i, f;

	for (i = 0; i < ARRAY_SIZE(short_global); i++) {
		for (f = 0; f < nr_fields; f++)
			if (fields[f].class == short_global[i].class &&
			    fields[f].nr == short_global[i].nr &&
			    !strcmp(fields[f].name, short_global[i].name))
				break;
		if (f == nr_fields)
			ksft_exit_fail_msg("no field %s\n",
					   short_global[i].name);
		add_field_case(campaign, &fields[f], short_global[i].value,
			       short_global[i].sealed, false);
	}
	add_cut_case(campaign, CAMPAIGN_MAP_LEAF, MAX_LEAVES - 1, 0, true);
	add_field_case(campaign, &luo_magic, "0", false, false);
	add_field_case(campaign, &kho_magic, "0", false, false);
}

static void init_short(struct campaign *campaign)
{
	size_t first = 0;

	add_field_cases(campaign, true, false, false, true, campaign->seed);
	add_jumps(campaign, first, true);

	first = campaign->nr_cases;
	add_field_cases(campaign, true, true, false, true, campaign->seed);
	add_jumps(campaign, first, false);

	first = campaign->nr_cases;
	add_field_cases(campaign, true, true, true, true, campaign->seed + 1);
	add_field_cases(campaign, true, false, true, true, campaign->seed + 1);
	add_jumps(campaign, first, true);

	first = campaign->nr_cases;
	add_random_cases(campaign, 0, RANDOM_SHORT, CAMPAIGN_SESSION,
			 CAMPAIGN_CLASSES);
	add_jumps(campaign, first, false);

	first = campaign->nr_cases;
	add_short_global(campaign);
	add_jumps(campaign, first, false);
}

void campaign_init(struct campaign *campaign, bool is_long, __u64 seed,
		   unsigned int part, unsigned int parts)
{
	size_t first, end;

	*campaign = (struct campaign){ .is_long = is_long, .seed = seed };
	find_fields();
	if (is_long)
		init_long(campaign);
	else
		init_short(campaign);

	first = campaign->nr_jumps * part / parts;
	end = campaign->nr_jumps * (part + 1) / parts;
	campaign->jumps += first;
	campaign->nr_jumps = end - first;
}
