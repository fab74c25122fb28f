#!/bin/sh
# The tests of kernels under compute-sanitizer: accesses, then races in shared
# memory.  One process, so that it sees all of it.
set -eu
B=$1
tool=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null || :)
if [ -z "$tool" ]; then
	echo "sanitize-gpu: skipped: compute-sanitizer is not installed (it comes with the CUDA toolkit)"
	exit 0
fi
if ! "$B/bin/chameleon-holder" --probe 0 | grep -q '^ok '; then
	echo "sanitize-gpu: skipped: no device"
	exit 0
fi
families='attend_alone attend_tile lora lora_ends rope rows
	silu checksum device_sample'
for what in memcheck racecheck; do
	CK_FORK=no "$tool" --tool $what --error-exitcode 1 "$B/kernels" $families
done
