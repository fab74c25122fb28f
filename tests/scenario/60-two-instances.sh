# Two engines side by side do not disturb each other, and none takes the name
# or the port of one that lives.
. tests/scenario/lib.sh

E=1 && start
E=2 && start --set memory.device_bytes=16MiB
(
	E=1
	quiz --requests 1000 --in-flight 16 >"$dir/first" ||
	    echo bad >>"$dir/first"
) &
first=$!
quiz --requests 300 --in-flight 16
kill_role gpuexec
until_true 60 reborn gpuexec
until_true 60 quiz --in-flight 8
stop
E=1
wait $first
has 'right 1000 wrong 0 errors 0 lost 0' "$dir/first"

# The same name again is refused; the living one is left alone.
s=0
"$B/bin/chameleon" serve --set instance="$(name 1)" --set run_dir="$dir" \
    --set listen=127.0.0.1:0 >"$dir/second" 2>&1 || s=$?
[ $s -eq 100 ] || fail "status $s"
has "$(name 1)" "$dir/second"
# So is its port.
s=0
"$B/bin/chameleon" serve --set instance="$(name 3)" --set run_dir="$dir" \
    --set listen="$(address)" >"$dir/third" 2>&1 || s=$?
[ $s -eq 100 ] || [ $s -eq 111 ] || fail "status $s"
has "$(address)" "$dir/third"
quiz
stop
