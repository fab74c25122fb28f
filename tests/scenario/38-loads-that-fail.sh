# A load or pin that fails says why at once, not when its time is over; one that is
# taken back does not come all the same.
. tests/scenario/lib.sh

mkdir "$dir/adapters"
cp -r models/demo/adapters/roman models/demo/adapters/rot13 "$dir/adapters"
cp -r models/demo/adapters/add "$dir/adapters/nan"
weights="$dir/adapters/nan/adapter_model.safetensors"
printf '\377\377\377\177' |
    dd of="$weights" bs=1 seek=$(($(wc -c <"$weights") - 4)) conv=notrunc 2>/dev/null
start --set adapters="$dir/adapters" --set loader.link_bytes_per_s=2KiB
ctl()
{
	"$B/bin/chameleon" ctl -i "$(name $E)" "$@"
}
state_of()
{
	ctl --json adapters | grep -o "\"name\": *\"$1\"[^}]*" |
	    sed 's/.*"state": *"\([a-z]*\)".*/\1/'
}
is_away()
{
	case $(state_of "$1") in disk | host) ;; *) return 1 ;; esac
}
# A minute, if it is not told.
ctl load nan --deadline-ms 60000 >"$dir/out" 2>&1 && fail "NaN was loaded"
has 'is not finite' "$dir/out"
has_not 'not obeyed within' "$dir/out"
ctl pin nan --deadline-ms 60000 >"$dir/out" 2>&1 && fail "NaN was pinned"
has 'is not finite' "$dir/out"
ctl --json adapters >"$dir/out"
has '"name": *"nan".*"pinned": *false' "$dir/out"
ctl --json adapter nan >"$dir/out"
has 'is not finite' "$dir/out"
"$B/bin/chameleon" inspect "$dir/adapters/nan" >"$dir/out" 2>&1 && fail "and inspect likes it"
has 'REFUSED' "$dir/out"
has '56 of 56 matched' "$dir/out"
has 'not finite' "$dir/out"
ctl --json operations >"$dir/out"
has '"op": *"load", *"name": *"nan", *"version": *1, *"state": *"failed"' "$dir/out"
# The link is slow: its copy is under way when it is taken back.
for op in load pin; do
	ctl $op roman --deadline-ms 60000 >"$dir/load" 2>&1 &
	load=$!
	loads()
	{
		[ "$(state_of roman)" = loading ]
	}
	until_true 30 loads
	ctl --json operations >"$dir/out"
	last=$(grep -o '"operation": *[0-9]*' "$dir/out" | tail -n 1 | tr -dc 0-9)
	ctl withdraw "$last" >"$dir/out"
	has withdrawn "$dir/out"
	! wait "$load" || fail "what was taken back was done"
	until_true 30 is_away roman
done
stop
