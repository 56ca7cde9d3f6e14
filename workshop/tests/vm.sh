#!/bin/bash
# vm: what in a serial log counts as trouble, and what does not.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

log() { printf '%s\n' '[    0.000000] Linux version 6.18.15' "$@" '# the end' >"$tmp/log"; }
scan() { "$workshop/vm" --scan "$tmp/log"; }

bad() {
	log "$2"
	check "$1" fails "vm: $1" scan
}
good() {
	log "$1"
	check "no trouble: $1" scan
}

bad panic '[    1.0] Kernel panic - not syncing: Attempted to kill init!'
bad oops '[    1.000001] Oops: general protection fault, kernel NULL pointer dereference'
bad BUG '[    1.000001] BUG: kernel NULL pointer dereference, address: 0000000000000000'
bad BUG '[    1.000001][  T123] kernel BUG at mm/slub.c:1!'
bad warning '[    1.000001] WARNING: CPU: 0 PID: 1 at kernel/kexec_handover.c:1 kho_x+0x1/0x2'
bad 'lockdep report' '[    1.000001] WARNING: possible circular locking dependency detected'
bad 'lockdep report' '[    1.000001] INFO: possible recursive locking detected'
bad 'lockdep report' '[    1.000001] WARNING: suspicious RCU usage'
bad 'KASAN report' '[    1.000001] BUG: KASAN: slab-use-after-free in luo_x+0x1/0x2'
bad 'kmemleak report' 'unreferenced object 0xffff888003d2a000 (size 64):'
bad 'hung task' '[  121.0] INFO: task init:1 blocked for more than 120 seconds.'
bad 'RCU stall' '[   21.0] rcu: INFO: rcu_preempt self-detected stall on CPU'
bad lockup '[   21.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!'
bad 'DMA fault' '[   21.0] DMAR: [DMA Write NO_PASID] Request device [01:00.0] fault addr 0x1000000 [fault reason 0x06]'
good '[    1.000001] luo: restored 1 session'
good '# a test that talks about a WARNING: it is none'
good 'ok 1 - survives a kernel BUG: no'
log '[    1.0] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 expected_one+0x1/0x2'
check "what is allowed is no trouble" "$workshop/vm" --allow 'expected_one' --scan "$tmp/log"
printf '[    1.0] Kernel panic - not syncing: cut off' >"$tmp/log"
check "a last line that is not complete" fails 'vm: panic' scan
check "a guest without a kernel" fails "make kernel" "$workshop/vm"
