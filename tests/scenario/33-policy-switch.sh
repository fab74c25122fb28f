# Under traffic the policy is switched, by operators and by SIGHUP, with no
# restart and no wrong answer; what was set survives deaths, mistakes change
# nothing, and a pinned adapter stays pinned.
. tests/scenario/lib.sh

cat >"$dir/conf.yaml" <<-EOF
	policy:
	  eviction: lru
	  slo_ms: 5000
EOF
start -c "$dir/conf.yaml" --set memory.device_bytes=4MiB \
    --set memory.chunk_bytes=256KiB --set policy.refresh_ms=1000
(
	while [ -d "$dir" ] && [ ! -f "$dir/enough" ]; do
		quiz --requests 300 --in-flight 32 --connections 2 \
		    --tolerate --timeout 200 || echo bad
	done >"$dir/traffic"
) &
traffic=$!

operator()
{
	echo "$1" | ask_admin --timeout 60 >"$dir/reply" || :
}
one()
{
	operator "$1"
	has_not '"error"' "$dir/reply"
}
# is KEY VALUE FROM: what is in force.
is()
{
	one '{"op":"settings","id":"s"}'
	has "{\"key\":\"policy.$1\",\"value\":$2,\"from\":\"$3\"}" "$dir/reply"
}
hangup()
{
	lines=$(wc -l <"$dir/1/log")
	kill -HUP "$(engine_pid)"
	until_true 20 heard "$1"
}
heard()
{
	tail -n +$((lines + 1)) "$dir/1/log" | grep -q -- "$1"
}

# By operators.
is eviction '"lru"' file
is refresh_ms 1000 option
is squash_max 1 default
one '{"op":"set","id":"e","key":"policy.eviction","value":"first"}'
one '{"op":"set","id":"q","key":"policy.slo_ms","value":700}'
is eviction '"first"' operator
is slo_ms 700 operator
has 'setting=policy.eviction was=lru now=first ' "$dir/1/log"
for bad in '"policy.eviction","value":"best" want.one.of' \
    '"policy.evictoin","value":"lru" did.you.mean' \
    '"slots","value":8 needs.a.restart' \
    '"policy.slo_ms","value":0 want.1..86400000'; do
	operator '{"op":"set","id":"x","key":'"${bad% *}"'}'
	has '"error"' "$dir/reply"
	has "${bad##* }" "$dir/reply"
done
one '{"op":"pin","id":"p","name":"roman"}'
has '"pinned": *true' "$dir/reply"

# Whoever dies.
for role in scheduler frontend; do
	kill_role $role
	until_true 60 reborn $role
	until_true 60 quiz --requests 64 --connections 2
	is eviction '"first"' operator
	is slo_ms 700 operator
done
pinned()
{
	echo '{"op":"adapters","id":"a"}' | ask | tr '{' '\n' |
	    grep '"roman"' | grep -q -- '"pinned": *true'
}
pinned || fail "roman is not pinned any more"
# Traffic or not, it is where it was told to be.
resident()
{
	echo '{"op":"adapters","id":"a"}' | ask | tr '{' '\n' |
	    grep '"roman"' | grep -q -- '"state": *"resident"'
}
until_true 20 resident
for i in 1 2 3 4 5 6; do
	sleep 0.2
	resident || fail "a pinned adapter has left"
done
# The new scheduler obeys, too.
one '{"op":"set","id":"e","key":"policy.evict_size","value":0.25}'
one '{"op":"unpin","id":"p","name":"roman"}'
! pinned || fail "roman is still pinned"

# By the file: it replaces what operators set.
cat >"$dir/conf.yaml" <<-EOF
	slots: 99
	policy:
	  eviction: lru
	  slo_ms: 800
	scheduler:
	  spare_blocks: 2
EOF
hangup 'needs a restart settings=scheduler.spare_blocks$'
has 'setting=policy.eviction was=first now=lru ' "$dir/1/log"
has 'setting=policy.slo_ms was=700 now=800 ' "$dir/1/log"
is eviction '"lru"' file
is slo_ms 800 file
is evict_size 0.45 default
one '{"op":"set","id":"e","key":"policy.eviction","value":"first"}'
printf 'policy:\n  slo_ms: 900\n  eviction: best\n' >"$dir/conf.yaml"
hangup "conf.yaml:3: policy.eviction: 'best': want one of"
is eviction '"first"' operator
is slo_ms 800 file
rm "$dir/conf.yaml"
hangup 'the settings stay as they were'
is slo_ms 800 file

: >"$dir/enough"
wait $traffic
has_not bad "$dir/traffic"
has_not 'wrong [1-9]' "$dir/traffic"
has_not "what operators set is left out" "$dir/1/log"
has_not "the rules stay as they were" "$dir/1/log"
stop
