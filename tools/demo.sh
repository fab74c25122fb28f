#!/bin/sh
# Serves models/demo and asks every adapter, one after the other and then all
# at once.  tools/demo.sh BUILD-DIRECTORY; ends with 0 if all were right.
set -eu
B=${1:-build}
dir=$(mktemp -d "${TMPDIR:-/tmp}/chameleon-demo.XXXXXX")
mkdir -m 700 "$dir/run"
trap 'kill "$pid" 2>/dev/null || :; wait "$pid" 2>/dev/null || :; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

echo "starting: $B/bin/chameleon serve --set model=models/demo"
: >"$dir/out"
"$B/bin/chameleon" serve --set instance="demo-$$" --set run_dir="$dir/run" \
    --set model=models/demo --set adapters=models/demo/adapters \
    --set listen=127.0.0.1:0 --set metrics.listen= >"$dir/out" 2>"$dir/log" &
pid=$!
until grep -q '^ready ' "$dir/out"; do
	kill -0 $pid 2>/dev/null || {
		cat "$dir/log" >&2
		exit 1
	}
	sleep 0.1
done
cat "$dir/out"
address=$(sed -n 's/^ready .*listen=\([^ ]*\).*/\1/p' "$dir/out")

# One held-out question for each adapter, and one for the base.
awk '{ a = $0; sub(/.*"adapter": */, "", a); sub(/[,}].*/, "", a)
	if (!(a in seen)) print; seen[a] = 1 }' models/demo/expect.jsonl \
    >"$dir/one.jsonl"

status=0
printf '\n%-12s %4s  %-34s %-34s\n' adapter rank prompt answer
"$B/tools/quiz" "$address" --expect "$dir/one.jsonl" --in-flight 1 --table \
    >"$dir/answers" || status=1
while read -r line; do
	name=${line%% *}
	config=models/demo/adapters/$name/adapter_config.json
	rank=
	[ ! -f "$config" ] ||
	    rank=$(sed -n 's/.*"r": *\([0-9]*\).*/\1/p' "$config")
	case $line in
	asked*) printf '\none after the other:  %s\n' "$line" ;;
	*)
		rest=${line#"$name"}
		rest=${rest#"${rest%%[! ]*}"}
		printf '%-12s %4s  %s\n' "$name" "$rank" "$rest"
		;;
	esac
done <"$dir/answers"

printf 'all at once:          '
"$B/tools/quiz" "$address" --expect models/demo/expect.jsonl --requests 500 \
    --in-flight 64 --connections 8 || status=1
exit $status
