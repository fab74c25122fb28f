# A request that is cancelled ends at once, waiting or running, by its client or
# an operator; others do not notice.
. tests/scenario/lib.sh

start --set loader.delay_ms=120000
# By an operator: the first request is 0.1.
echo '{"id":"o","model":"roman","prompt":"7 ="}' |
    ask --timeout 110 >"$dir/client" &
client=$!
operator()
{
	echo "$1" | ask_admin --timeout 60 >"$dir/reply"
}
cancelled()
{
	operator '{"op":"cancel","id":"c","request":"0.1"}'
	grep -q '"done": *true' "$dir/reply"
}
until_true 60 cancelled
has '"request": *"0.1","tokens": *0' "$dir/reply"
wait $client || fail "the client has no last line"
has '"finish_reason": *"cancelled"' "$dir/client"
has '"timing"' "$dir/client"
operator '{"op":"cancel","id":"c","request":"0.1"}'
has 'NotFoundError' "$dir/reply"
has 'it has ended' "$dir/reply"
echo '{"op":"cancel","id":"c","request":"0.1"}' | ask >"$dir/reply"
has '"permission"' "$dir/reply"
quiz --adapter base
# Waiting for its adapter.
before=$(date +%s)
printf '%s\n' '{"id":"w","model":"roman","prompt":"7 ="}' \
    '{"op":"cancel","id":"w"}' | ask --lines 1 --timeout 110 >"$dir/reply"
has '"finish_reason": *"cancelled"' "$dir/reply"
[ $(($(date +%s) - before)) -lt 100 ] || fail "it has waited for the adapter"
# Running: the last of many.
{
	i=0
	while [ $i -lt 32 ]; do
		echo "{\"id\":\"$i\",\"prompt\":\"Once\",\"max_tokens\":400," \
		    "\"ignore_eos\":true,\"stream\":false}"
		i=$((i + 1))
	done
	echo '{"op":"cancel","id":"31"}'
} | ask --lines 32 --timeout 120 >"$dir/reply"
[ "$(grep -c '"finish_reason": *"length"' "$dir/reply")" = 31 ] ||
	fail "not 31 are complete"
[ "$(grep -c '"finish_reason": *"cancelled"' "$dir/reply")" = 1 ] ||
	fail "not one is cancelled"
quiz --adapter base
stop
