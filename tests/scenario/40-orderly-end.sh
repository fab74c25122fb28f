# After SIGTERM what is accepted is answered, nothing more is taken, and
# nothing is left.
. tests/scenario/lib.sh

start --set loader.delay_ms=1500
(
	quiz --requests 32 --adapter roman >"$dir/asked" ||
	    echo bad >>"$dir/asked"
) &
asked=$!
taken()
{
	echo '{"op":"stats","id":"s"}' | ask | grep -q '"accepted": *32'
}
until_true 30 taken
kill -TERM "$(engine_pid)"
echo '{"id":"late","prompt":"7 ="}' | ask >"$dir/late" 2>&1 || :
has_not '"done"' "$dir/late"
wait $asked
has 'right 32 wrong 0 errors 0 lost 0' "$dir/asked"
s=0
wait "$(engine_pid)" || s=$?
[ $s -eq 0 ] || fail "status $s"
gone

# The second signal does not wait.
start --set loader.delay_ms=100000
(quiz --requests 4 --adapter roman --tolerate >"$dir/asked" || :) &
asked=$!
sleep 1
kill -TERM "$(engine_pid)"
sleep 0.5
before=$(date +%s)
kill -TERM "$(engine_pid)"
wait "$(engine_pid)" || :
wait $asked
[ $(($(date +%s) - before)) -lt 20 ] || fail "the second signal has waited"
has_not 'without end' "$dir/asked"
gone
