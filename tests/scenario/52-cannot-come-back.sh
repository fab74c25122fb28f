# A process that cannot be started again, since a segment of the engine has been
# removed, is not waited for: every open request is told so, and the engine ends.
. tests/scenario/lib.sh

start
for i in 1 2 3 4 5 6 7 8; do
	echo '{"id":"r'$i'","prompt":"Once upon a time","max_tokens":480,"ignore_eos":true}'
done >"$dir/lines"
open()
{
	echo '{"op":"stats","id":"s"}' | ask | grep -q "\"open\": *$1[,}]"
}

# Held still, so that all eight are open when it dies.
kill -STOP "$(role_pid gpuexec)"
ask <"$dir/lines" >"$dir/replies" &
asking=$!
until_true 20 open 8
rm /dev/shm/chameleon."$(name 1)".scheduler
kill_role gpuexec
status=0
wait "$(engine_pid)" || status=$?
[ $status = 100 ] || fail "the engine ended with $status"
rm "$dir/1/pid"
wait $asking || :
cat "$dir/replies"
[ "$(grep -c '"code": *"shutting_down"' "$dir/replies")" = 8 ] ||
	fail "not all eight were told"
has_not '"done"' "$dir/replies"
has 'so the engine ends' "$dir/1/log"
gone
