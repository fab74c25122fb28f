# What a running engine was asked is recorded, and the simulator replays it; the
# death of a frontend in between costs what was in flight, no more.
. tests/scenario/lib.sh

record()
{
	"$B/bin/chameleon" trace --instance "$(name "$E")" "$@" \
	    >"$dir/stdout" 2>"$dir/summary" &
	recorder=$!
	until_true 20 grep -q recording "$dir/summary"
}
load()
{
	"$B/bin/chameleon" bench --connect "$(address)" --requests "$1" \
	    --rate 200 --adapters zipf:1 --prompt-tokens 4:16 \
	    --output-tokens 1:8 >"$dir/table"
}

start
record --for 100 --out "$dir/live.csv"
load 60
kill_role frontend
until_true 20 reborn frontend
until_true 20 quiz --adapter roman
load 40
kill -INT $recorder
wait $recorder || fail "the recorder ended so: $(cat "$dir/summary")"
cat "$dir/summary"
has ' 0 missed' "$dir/summary"
n=$(grep -c '^[0-9]' "$dir/live.csv")
[ "$n" -ge 100 ] || fail "only $n requests"
[ "$(grep -c '^# adapter ' "$dir/live.csv")" = 20 ] || fail "not 20 adapters"
awk -F, '/^[0-9]/ { if ($1 < last) exit 1; last = $1 }' "$dir/live.csv" ||
	fail "not in order"
"$B/bin/chameleon" sim --cost etc/sim/measured.yaml --trace "$dir/live.csv" \
    >"$dir/table"
has "$n completed, 0 failed" "$dir/table"
"$B/bin/chameleon" sim --cost etc/sim/measured.yaml --trace "$dir/live.csv" \
    --adapter-copies 2 --json "$dir/twice.json" >/dev/null
has '"adapters": *40' "$dir/twice.json"
"$B/bin/chameleon" bench --connect "$(address)" --trace "$dir/live.csv" \
    --trace-speed 10 >"$dir/table"
has "$n completed, 0 failed" "$dir/table"

record --for 100 --requests 5
load 20
wait $recorder || fail "five were not enough"
[ "$(grep -c '^[0-9]' "$dir/stdout")" = 5 ] || fail "not five"
# Where it cannot be written is told at once; what is no file of its own, as a
# device, is written into and never replaced.
for bad in "$dir" /nowhere/live.csv ""; do
	s=0
	"$B/bin/chameleon" trace --instance "$(name "$E")" --out "$bad" \
	    >"$dir/stdout" 2>"$dir/summary" || s=$?
	[ $s -eq 1 ] || fail "status $s of --out '$bad'"
	has_not recording "$dir/summary"
done
ln -s "$dir/through.csv" "$dir/link"
: >"$dir/through.csv"
record --for 100 --requests 5 --out "$dir/link"
load 20
wait $recorder || fail "five were not enough"
[ -h "$dir/link" ] || fail "a link was replaced"
[ "$(grep -c '^[0-9]' "$dir/through.csv")" = 5 ] || fail "not five"

record --for 0.1
s=0
wait $recorder || s=$?
[ $s -eq 1 ] || fail "status $s where nothing was recorded"
stop
