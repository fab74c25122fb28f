# Each process in turn is killed under traffic: it comes back, every request
# ends with a right answer or an error, and afterwards all is as before.
. tests/scenario/lib.sh

start
before=$(engine_pid)
for role in scheduler loader gpuexec frontend scheduler frontend gpuexec; do
	quiz --requests 2000 --in-flight 32 --connections 4 --tolerate \
	    --timeout 500 >"$dir/traffic" &
	traffic=$!
	sleep 0.3
	kill_role $role
	until_true 60 reborn $role
	wait $traffic || {
		cat "$dir/traffic"
		fail "traffic while $role was killed"
	}
	echo "$role: $(head -n 2 "$dir/traffic" | tr '\n' ' ')"
	has 'wrong 0' "$dir/traffic"
	until_true 60 quiz --requests 64 --connections 2
done
[ "$(engine_pid)" = "$before" ] || fail "another supervisor"
stop
