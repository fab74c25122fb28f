# How many adapters fit, a forecast that is the same each time, and sentences for what
# cannot be.
. tests/scenario/lib.sh

capacity()
{
	"$B/bin/chameleon" capacity --set device=cpu "$@"
}
capacity >"$dir/out"
has '^20 adapters' "$dir/out"
has 'no forecast of hits and times without --cost' "$dir/out"
law="--adapters 100 --ranks 8,32 --set memory.device_bytes=32MiB"
cost="--cost etc/sim/a40-llama7b.yaml --rate 4"
capacity $law $cost >"$dir/out"
has '^ *8 *50 ' "$dir/out"
has '^ *32 *50 ' "$dir/out"
has 'the cliff is at [0-9.]* requests/s' "$dir/out"
capacity $law $cost >"$dir/again"
cmp -s "$dir/out" "$dir/again" || fail "the same question, another answer"
capacity $law $cost --json - >"$dir/json"
# Half of what fits is warm: a forecast is not of the first touches of each adapter.
grep -A 4 '"by_adapters"' "$dir/json" | grep -q '"hit_rate": \(1\.0\|0\.9[5-9]\)' ||
    fail "few hits though all fit"
grep -A 40 '"by_rate"' "$dir/json" | grep -q '"refused"' || fail "no refusals told"
has '"place_bytes": 262144' "$dir/json"
refuses()
{
	text=$1
	shift
	capacity "$@" >"$dir/out" 2>&1 && fail "not refused: $*"
	has "$text" "$dir/out"
}
mkdir "$dir/empty"
refuses 'no adapter in it' --set adapters="$dir/empty"
refuses 'want --adapters N' --ranks 8
refuses 'want numbers from 1 to 512' --adapters 5 --ranks 8,none
refuses 'at most half of the context' --tokens-most 5000
refuses 'want a number over 0' --rate 0
refuses 'No such file' --cost /nowhere.yaml
