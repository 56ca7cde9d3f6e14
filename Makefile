# The workshop of the live update series.  'make' lists what there is to make.
#
# This directory is no kernel tree: it holds what the series adds to one.  The
# work is done by the scripts in workshop/, each of which has a --help.

W := workshop
CACHE := $(or $(LIVEUPDATE_CACHE),$(HOME)/.cache/liveupdate)

.PHONY: help setup demo demo-vfio test test-again test-campaign test-debug \
	test-kcsan bench bench-pause kernel deb test-deb shell series htmldocs check \
	check-quick check-bisect clean-cache
.DEFAULT_GOAL := help

help:
	@echo 'Targets:'
	@echo '  demo          live update the kernel under a virtual machine, and show what'
	@echo '                happened (OUT=dir, NEGATIVE=1 has to fail)'
	@echo '  demo-vfio     a network card that goes on receiving meanwhile (OUT=dir)'
	@echo '  test          run all tests: KUnit, kselftests, scripts'
	@echo '                (TESTS="name ..." only these, CHECK=1 check-quick too,'
	@echo '                DEBUG=1 test-debug too, DEBUG="name ..." these of it)'
	@echo '  test-again    50 live updates in a row, test has fewer'
	@echo '  test-debug    the same with KASAN, lockdep, kmemleak, fault injection'
	@echo '  test-campaign damage all that one kernel leaves to the next, in all ways'
	@echo '                (hours; SEED=number, DEBUG=1 with the debug kernel instead,'
	@echo '                PARTS="0 1 ..." only these of 24 parts)'
	@echo '  test-kcsan    some of them with KCSAN, which looks for data races (TESTS)'
	@echo '  bench         measure what a live update costs, and hold it against bars'
	@echo '                (KERNEL=bzImage this one instead, COMPARE=bzImage this one'
	@echo '                beside it, CASES="name ..." only these, OUT=dir)'
	@echo '  bench-pause   measure how long a virtual machine stands still (OUT=dir)'
	@echo '  kernel        build the kernel, print the path of the bzImage'
	@echo '                (KCONFIG="small ..." fragments on top of tinyconfig, O=dir)'
	@echo '  deb           build Debian packages of a kernel for hosts and of the tools'
	@echo '                (OUT=dir; long)'
	@echo '  test-deb      install them on a Debian host in QEMU, live-update it, go back'
	@echo '                (OUT=dir where they are)'
	@echo '  shell         boot it to an interactive shell'
	@echo '  series        write the patch series as mails to series/ (OUT=dir)'
	@echo '  htmldocs      make HTML of our pages of documentation (OUT=dir)'
	@echo '  check         check style, types, documentation and mails'
	@echo '  check-quick   the parts of it that take seconds'
	@echo '  check-bisect  build every patch of the series (long)'
	@echo '  setup         install the packages that all this needs'
	@echo '  clean-cache   remove everything in $(CACHE)'
	@echo ''
	@echo 'Variables:'
	@echo '  LIVEUPDATE_CACHE  where sources, objects and downloads go'
	@echo '  LINUX_VERSION     the base, one of: $(shell sed -n "s/^\([0-9][^ ]*\).*/\1/p" $(W)/base.conf | tr "\n" " ")'
	@echo '  LINUX_TARBALL     a tarball of the base: no download'
	@echo '  LINUX_SHA256      its checksum, if it is not the one in workshop/base.conf'
	@echo '  LIVEUPDATE_SLOW   a factor for the time limits of guests, a divisor'
	@echo '                    for the frames that they get'

setup:
	@$(W)/setup

demo: setup
	@OUT='$(or $(OUT),demo)' $(W)/demo

demo-vfio: setup
	@OUT='$(or $(OUT),demo)' $(W)/demo-vfio

test: setup
	@$(W)/run-tests $(if $(CHECK),--check) $(if $(DEBUG),--debug=too) \
		$(if $(filter-out 1,$(DEBUG)),--debug-only '$(DEBUG)') $(TESTS)

test-again: setup
	@$(W)/run-tests --append luo.updates=50 again

test-debug: setup
	@$(W)/run-tests --debug=only $(TESTS)

test-campaign: setup
	@$(W)/run-tests $(if $(DEBUG),--debug=only) --campaign '$(or $(SEED),1)' \
		$(if $(PARTS),--parts $(PARTS))

test-kcsan: setup
	@$(W)/run-tests --debug=only --debug-config kcsan \
		$(or $(TESTS),kunit functional memfd stress fuzz)

bench:
	@$(W)/setup --bench
	@$(W)/bench $(if $(KERNEL),--kernel '$(KERNEL)') \
		$(if $(COMPARE),--compare '$(COMPARE)') --out '$(or $(OUT),bench)' \
		$(CASES)

bench-pause: setup
	@$(W)/bench-pause --out '$(or $(OUT),bench)' $(KCONFIG)

# The scripts keep stdout to the result: the path is the last line of all.
kernel: setup
	@$(W)/kernel $(if $(O),--out '$(O)') $(KCONFIG)

deb:
	@$(W)/setup --deb
	@$(W)/deb '$(or $(OUT),deb)'

test-deb:
	@$(W)/setup --deb
	@$(W)/deb-test '$(or $(OUT),deb)'

shell: setup
	@$(W)/shell

series: setup
	@LINUX_VERSION=$$($(W)/fetch) && export LINUX_VERSION && \
		$(W)/series.py write '$(or $(OUT),series)'

htmldocs: setup
	@$(W)/htmldocs '$(or $(OUT),htmldocs)'

check: setup
	@$(W)/check

check-quick: setup
	@$(W)/check --quick

check-bisect: setup
	@$(W)/check --bisect

clean-cache:
	rm -rf '$(CACHE)'
