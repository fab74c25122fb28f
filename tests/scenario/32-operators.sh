# On the admin socket an operator loads and unloads adapters, looks again at
# the directory, and ends the engine.
. tests/scenario/lib.sh

start
one()
{
	echo "$1" | ask_admin --timeout 60 >"$dir/reply"
	has_not '"error"' "$dir/reply"
}
state()
{
	echo '{"op":"adapters","id":"a"}' | ask |
	    tr '{' '\n' | grep '"roman"' | grep -q -- "\"state\": *\"$1\""
}

one '{"op":"ping","id":"p"}'
one '{"op":"load","id":"l","name":"roman"}'
state resident || fail "roman is not resident"
quiz --adapter roman
one '{"op":"unload","id":"u","name":"roman"}'
! state resident || fail "roman is still resident"
quiz --adapter roman
one '{"op":"rescan","id":"r"}'
one '{"op":"stats","id":"s"}'
has '"ttft_ms":{"count":[1-9]' "$dir/reply"
has '"finished_stop":[1-9]' "$dir/reply"
has '"kv_used_bytes":' "$dir/reply"
one '{"op":"adapters","id":"a"}'
has '"where":"device".*"queued":0,"running":0' "$dir/reply"
echo '{"op":"load","id":"l","name":"romn"}' | ask_admin >"$dir/reply"
has 'roman' "$dir/reply"
one '{"op":"drain","id":"d"}'
s=0
wait "$(engine_pid)" || s=$?
[ $s -eq 0 ] || fail "status $s after a drain"
gone
