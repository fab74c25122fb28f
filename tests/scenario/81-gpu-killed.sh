# On a GPU each process that holds its memory is killed under traffic.  Without
# gpuexec or the loader the memory stays; without the holder it is gone, and all
# three begin anew.  Nobody gets a wrong answer, and everybody gets one.
. tests/scenario/lib.sh

needs_gpu
start --set scheduler.batch_max=8
before=$(engine_pid)
for role in gpuexec loader holder gpuexec loader holder; do
	quiz --requests 32 --in-flight 16 --connections 2 --tolerate \
	    --timeout 500 >"$dir/traffic" &
	traffic=$!
	sleep 1
	kill_role $role
	until_true 60 reborn $role
	wait $traffic || {
		cat "$dir/traffic"
		fail "traffic while $role was killed"
	}
	echo "$role: $(head -n 2 "$dir/traffic" | tr '\n' ' ')"
	has 'wrong 0' "$dir/traffic"
done
[ "$(engine_pid)" = "$before" ] || fail "another supervisor"
# The last life may still be on its way: all were answered before it was needed.
quiz --adapter sort --requests 2
# What was found again, and what had to be read again.
[ "$(grep -c 'weights found on the GPU' "$dir/1/log")" -eq 2 ] ||
    fail "weights were not found after a death of gpuexec"
[ "$(grep -c 'weights read on the GPU' "$dir/1/log")" -eq 3 ] ||
    fail "weights were not read after a death of the holder"
has 'pool made device=cuda:0 number=3' "$dir/1/log"
stop
