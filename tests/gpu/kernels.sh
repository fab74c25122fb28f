#!/bin/sh
# Every kernel against its definition.  On a GPU in one process but for what needs
# several: a context costs a quarter of a second, and there are hundreds of tests.
# On the stand-in three times: what depends on the order of threads, or on work
# being done before anybody waits for it, differs in one of them.
set -eu
B=$1
if ! "$B/bin/chameleon-holder" --probe 0 | grep -q '^ok '; then
	echo "kernels: skipped: no device: $("$B/bin/chameleon-holder" --probe 0)"
	exit 0
fi
# All but those that fork, and those about the stand-in itself.
families=$(sed -n 's/^SUITE(suite_\(.*\))$/\1/p' "$B/tests/kernels/suites.tbl" |
    grep -v -x -e device -e limits -e stand_in -e device_fails)
if ! "$B/bin/chameleon-holder" --probe 0 | grep -q 'stand-in'; then
	CK_FORK=no "$B/kernels" $families
	"$B/kernels" device limits
	exit 0
fi
"$B/kernels"
CUDASIM_ORDER=down CUDASIM_MODE=eager "$B/kernels" $families limits
CUDASIM_ORDER=7 CUDASIM_SEED=5 "$B/kernels" $families limits
