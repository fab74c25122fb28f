# A request that is cancelled ends at once, waiting or running; others do not
# notice.
. tests/scenario/lib.sh

start --set loader.delay_ms=120000
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
