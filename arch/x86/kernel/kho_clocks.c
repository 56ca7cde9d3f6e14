// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rates of a machine's clocks, from one kernel to the next: they take long to
 * find out, and a kexec does not change them.
 */

#define pr_fmt(fmt) "KHO: " fmt

#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kho/abi/luo.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/apic.h>
#include <asm/kho_clocks.h>
#include <asm/tsc.h>
#include <asm/x86_init.h>

/* No processor's counter is slower or faster than that */
#define TSC_KHZ_MIN	1000
#define TSC_KHZ_MAX	100000000

static bool kho_clocks_on __initdata = true;

/* What came, and how much of it: nothing, if the previous kernel has left none */
static struct kho_clocks kho_clocks __initdata;
static size_t kho_clocks_size __initdata;

static int __init kho_clocks_param(char *arg)
{
	return kstrtobool(arg, &kho_clocks_on);
}
early_param("kho_clocks", kho_clocks_param);

/**
 * kho_clocks_leave - tell the next kernel what this one knows
 * @clocks: out: a struct kho_clocks, at whatever address; its rates are zero
 *	where they are not known or not constant
 *
 * Context: Process context, when an image is loaded.
 */
void kho_clocks_leave(void *clocks)
{
	struct kho_clocks left = { .compatible = KHO_CLOCKS_COMPATIBLE };

	if (!check_tsc_unstable()) {
		left.tsc_khz = tsc_khz;
		left.cpu_khz = cpu_khz;
		left.lapic_hz = (u64)lapic_timer_period * HZ;
	}
	left.sum = luo_sum(&left, sizeof(left));

	memcpy(clocks, &left, sizeof(left));
}

/**
 * kho_clocks_arrive - the previous kernel has left rates
 * @clocks: these, of whatever format; they are copied
 * @size: how much there is, in bytes
 *
 * Context: Early boot, before the parameters are known.
 */
void __init kho_clocks_arrive(const void *clocks, size_t size)
{
	kho_clocks_size = size;
	memcpy(&kho_clocks, clocks, min(size, sizeof(kho_clocks)));
}

static bool __init kho_clocks_intact(void)
{
	static const char compatible[sizeof(kho_clocks.compatible)] __initconst =
		KHO_CLOCKS_COMPATIBLE;

	return kho_clocks_size == sizeof(kho_clocks) &&
	       !memcmp(kho_clocks.compatible, compatible, sizeof(compatible)) &&
	       kho_clocks.sum == luo_sum(&kho_clocks, sizeof(kho_clocks));
}

/**
 * kho_clocks_take - use rates that the previous kernel has left
 * @tsc: out: rate of the time stamp counter in kHz
 * @cpu: out: that of the processor
 *
 * A hypervisor that tells the rates knows better: it may have moved this machine
 * to another one. The rate of the local APIC's timer comes along.
 *
 * Context: Early boot, when the parameters are known and the clocks are not.
 *
 * Return: false if there are none to be used.
 */
bool __init kho_clocks_take(unsigned int *tsc, unsigned int *cpu)
{
	if (!kho_clocks_on || !kho_clocks_size ||
	    x86_platform.calibrate_tsc != native_calibrate_tsc)
		return false;
	if (!kho_clocks_intact()) {
		pr_warn("the previous kernel's rates of the clocks are damaged or of another format, they are measured\n");
		return false;
	}
	if (kho_clocks.tsc_khz < TSC_KHZ_MIN ||
	    kho_clocks.tsc_khz > TSC_KHZ_MAX || !kho_clocks.cpu_khz)
		return false;

	*tsc = kho_clocks.tsc_khz;
	*cpu = kho_clocks.cpu_khz;
	if (kho_clocks.lapic_hz / HZ <= UINT_MAX)
		lapic_timer_period = kho_clocks.lapic_hz / HZ;
	pr_info("rates of the clocks are those of the previous kernel\n");
	return true;
}
