#!/bin/sh
# What a GPU is needed for, or the stand-in for one: kernels, then the engine end
# to end.  On a real one also what the cpu's own scenarios promise.
set -eu
B=$1
export B
"$(dirname "$0")/kernels.sh" "$B"
if ! "$B/bin/chameleon-holder" --probe 0 | grep -q '^ok '; then
	echo "check-gpu: skipped: no device"
	exit 0
fi
"$B/gpu-facts"
for s in tests/scenario/8*.sh; do
	echo "  scenario $s"
	sh "$s"
done
"$B/bin/chameleon-holder" --probe 0 | grep -q 'stand-in' && exit 0
for s in tests/scenario/10-*.sh tests/scenario/50-*.sh; do
	echo "  scenario $s"
	DEVICE=cuda sh "$s"
done
