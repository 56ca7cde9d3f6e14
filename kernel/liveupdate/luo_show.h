/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KERNEL_LIVEUPDATE_LUO_SHOW_H
#define _KERNEL_LIVEUPDATE_LUO_SHOW_H

#include <linux/seq_file.h>
#include <linux/string_helpers.h>

/**
 * luo_show_name - write a name, which can have any byte in it, as one word
 * @m: where
 * @name: the name
 *
 * A terminal does nothing but show it, and luo(1) writes names the same way.
 */
static inline void luo_show_name(struct seq_file *m, const char *name)
{
	seq_escape_str(m, name, ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND,
		       " \\");
}

#endif /* _KERNEL_LIVEUPDATE_LUO_SHOW_H */
