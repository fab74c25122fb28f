#!/bin/sh
# Every kernel against its definition.  On the stand-in three times: what depends
# on the order of threads, or on work being done before anybody waits for it,
# differs in one of them.
set -eu
B=$1
if ! "$B/bin/chameleon-holder" --probe 0 | grep -q '^ok '; then
	echo "kernels: skipped: no device: $("$B/bin/chameleon-holder" --probe 0)"
	exit 0
fi
"$B/kernels"
"$B/bin/chameleon-holder" --probe 0 | grep -q 'stand-in' || exit 0
families='attend_alone attend_tile lora lora_ends rope rows
	silu checksum device_sample picks step limits'
CUDASIM_ORDER=down CUDASIM_MODE=eager "$B/kernels" $families
CUDASIM_ORDER=7 CUDASIM_SEED=5 "$B/kernels" $families
