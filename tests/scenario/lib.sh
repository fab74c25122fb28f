# What scenarios share.  Each runs engines of its own under names of its own, in
# a directory of its own, and leaves nothing behind.  Run one by hand with
# `sh tests/scenario/NN-name.sh`, or `SCENARIO=NN build/check scenario`.
set -eu
cd "$(dirname "$0")/../.."

B=${B:-build}
expect=models/demo/expect.jsonl
dir=$(mktemp -d "${TMPDIR:-/tmp}/chameleon-scenario.XXXXXX")
E=1 # the engine that is spoken of
engines=
metrics_option="--set metrics.listen=" # none, unless a scenario wants some
device=${DEVICE:-cpu} # DEVICE=cuda: the same on a GPU, or a stand-in for one

fail()
{
	echo "FAILED: $*"
	for e in $engines; do
		echo "-- log of engine $e"
		tail -n 40 "$dir/$e/log"
	done
	exit 1
}

# Ends only what start() has started.
clean_up()
{
	status=$?
	for e in $engines; do
		[ -f "$dir/$e/pid" ] || continue
		kill -KILL "$(cat "$dir/$e/pid")" 2>/dev/null || :
		wait "$(cat "$dir/$e/pid")" 2>/dev/null || :
		# Its children notice, and end.
		n=0
		while [ $n -lt 100 ] && [ -n "$(children "$e")" ]; do
			sleep 0.1
			n=$((n + 1))
		done
		for p in $(children "$e"); do
			kill -KILL "$p" 2>/dev/null || :
		done
		rm -f /dev/shm/chameleon."$(name "$e")".*
	done
	rm -rf "$dir"
	exit $status
}
trap clean_up EXIT
trap 'exit 1' INT TERM

name()
{
	echo "test-$$-$1"
}

# For scenarios that are about a GPU.
needs_gpu()
{
	device=cuda
	if ! [ -x "$B/bin/chameleon-holder" ] ||
	    ! "$B/bin/chameleon-holder" --probe 0 | grep -q '^ok '; then
		echo "skipped: no device"
		exit 0
	fi
}

# For those that want it to fail, which only the stand-in does when asked.
needs_stand_in()
{
	needs_gpu
	"$B/bin/chameleon-holder" --probe 0 | grep -q 'stand-in' || {
		echo "skipped: a real device"
		exit 0
	}
}

# launch [OPTIONS]: serves without waiting for readiness.
launch()
{
	mkdir -p "$dir/$E/run"
	chmod 700 "$dir/$E/run"
	: >"$dir/$E/out"
	case " $engines " in
	*" $E "*) ;;
	*) engines="$engines $E" ;;
	esac
	"$B/bin/chameleon" serve --set instance="$(name "$E")" \
	    --set run_dir="$dir/$E/run" --set listen=127.0.0.1:0 \
	    $metrics_option --set device="$device" \
	    --set memory.reserve_bytes=64MiB \
	    --set slots=256 --set memory.device_bytes=64MiB "$@" \
	    >>"$dir/$E/out" 2>>"$dir/$E/log" &
	echo $! >"$dir/$E/pid"
}

# start [OPTIONS]: the same, and it can serve.
start()
{
	launch "$@"
	n=0
	until grep -q '^ready ' "$dir/$E/out"; do
		kill -0 "$(engine_pid)" 2>/dev/null || fail "no start"
		n=$((n + 1))
		[ $n -lt 1200 ] || fail "not ready in 120 s"
		sleep 0.1
	done
}

engine_pid()
{
	cat "$dir/$E/pid"
}

address()
{
	sed -n 's/^ready .*listen=\([^ ]*\).*/\1/p' "$dir/$E/out" | tail -n 1
}

metrics()
{
	sed -n 's/^ready .* metrics=\([^ ]*\).*/\1/p' "$dir/$E/out" |
	    tail -n 1
}

admin()
{
	echo "$dir/$E/run/admin.sock"
}

# Pids of the roles of engine $1.
children()
{
	for p in /proc/[0-9]*; do
		c=$({ tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null) || continue
		case $c in
		*chameleon-*" $(name "$1") ") echo "${p#/proc/}" ;;
		esac
	done
}

role_pid()
{
	for p in $(children "$E"); do
		c=$({ tr '\0' ' ' <"/proc/$p/cmdline"; } 2>/dev/null) ||
		    continue
		case $c in
		*chameleon-"$1 "*) echo "$p" ;;
		esac
	done
}

kill_role()
{
	old=$(role_pid "$1")
	[ -n "$old" ] || fail "there is no $1 to kill"
	kill -KILL "$old"
}

# A successor of the process that kill_role has killed.
reborn()
{
	p=$(role_pid "$1")
	[ -n "$p" ] && [ "$p" != "$old" ]
}

# until_true SECONDS COMMAND...
until_true()
{
	tries=$(($1 * 10))
	shift
	while ! "$@" >"$dir/last" 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || {
			cat "$dir/last"
			fail "never true: $*"
		}
		sleep 0.1
	done
}

quiz()
{
	"$B/tools/quiz" "$(address)" --expect $expect "$@"
}

ask()
{
	"$B/tools/ask" "$(address)" "$@"
}

get()
{
	"$B/tools/get" "$(metrics)" "$@"
}

ask_admin()
{
	"$B/tools/ask" "$(admin)" "$@"
}

# has TEXT FILE: or fails, and shows the file.
has()
{
	grep -q -- "$1" "$2" || {
		cat "$2"
		fail "no '$1' in it"
	}
}

has_not()
{
	! grep -q -- "$1" "$2" || {
		cat "$2"
		fail "'$1' in it"
	}
}

# Orderly end; nothing is left of the engine.
stop()
{
	p=$(engine_pid)
	kill -TERM "$p"
	s=0
	wait "$p" || s=$?
	[ $s -eq 0 ] || fail "the engine ended with status $s"
	gone
}

gone()
{
	rm -f "$dir/$E/pid"
	[ -z "$(children "$E")" ] || fail "children are left: $(children "$E")"
	for f in /dev/shm/chameleon."$(name "$E")".*; do
		[ ! -e "$f" ] || fail "$f is left"
	done
}
