#!/bin/sh
# pictures.sh BUILD [DIRECTORY]: pictures of each view of the console, made from
# the real one in tmux, on an engine under load.  For the documents; by default
# into docs/pictures.
set -eu
cd "$(dirname "$0")/.."
B=$1
out=${2:-docs/pictures}
dir=$(mktemp -d "${TMPDIR:-/tmp}/chameleon-pictures.XXXXXX")
tmux="tmux -L pictures-$$ -f /dev/null"
engine=
load=

finish()
{
	status=$?
	$tmux kill-server 2>/dev/null || :
	for p in $load $engine; do
		kill "$p" 2>/dev/null || :
		wait "$p" 2>/dev/null || :
	done
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

# shoot NAME KEYS...: presses keys, waits for the picture to come to rest.
shoot()
{
	name=$1
	shift
	for k in "$@"; do
		$tmux send-keys -t console "$k"
		sleep 0.3
	done
	sleep 1.5
	$tmux capture-pane -e -p -t console |
	    python3 tools/picture.py --size 100x30 \
		--title "chameleon top, $name" >"$out/$name.svg"
	echo "$out/$name.svg"
}

mkdir -p "$out" "$dir/run"
chmod 700 "$dir/run"
"$B/bin/chameleon" serve --set instance="pictures-$$" \
    --set run_dir="$dir/run" --set listen=127.0.0.1:0 --set metrics.listen= \
    --set memory.device_bytes=24MiB --set loader.delay_ms=20 \
    >"$dir/out" 2>"$dir/log" &
engine=$!
until grep -q '^ready ' "$dir/out"; do
	kill -0 $engine
	sleep 0.1
done
"$B/bin/chameleon" bench \
    --connect "$(sed -n 's/^ready .*listen=\([^ ]*\).*/\1/p' "$dir/out")" \
    --requests 1000000 --concurrency 96 --connections 8 --adapters zipf:0.8 \
    --prompt-tokens 10:200 --output-tokens 10:250 >"$dir/load" 2>&1 &
load=$!
sleep "${SECONDS_BEFORE:-150}" # for curves with some past
"$B/bin/chameleon" ctl pin roman --instance "pictures-$$"
LC_ALL=C.UTF-8 $tmux new-session -d -s console -x 100 -y 30 \
    "$B/bin/chameleon top --instance pictures-$$"
sleep 2
shoot overview 1
shoot queues 2
shoot adapters 3
shoot requests 4
shoot explain / waiting Enter Space Enter
shoot processes Escape Space Escape 5
shoot events 6
shoot help '?'
