# The console says what it lacks where it cannot run, prints one page where there
# is no terminal, shows processes that hang, and leaves the terminal as it was.
. tests/scenario/lib.sh

start
top="$B/bin/chameleon top --instance $(name 1)"

# refused STATUS TEXT COMMAND...
refused()
{
	want=$1
	text=$2
	shift 2
	s=0
	"$@" </dev/null >"$dir/reply" 2>&1 || s=$?
	[ $s -eq "$want" ] || {
		cat "$dir/reply"
		fail "status $s, not $want: $*"
	}
	has "$text" "$dir/reply"
}
refused 1 'needs a terminal; --once prints' $top
refused 3 "$(name 1)" "$B/bin/chameleon" top --once --instance "no-$(name 1)"
refused 2 'want overview, queues' $top --once --view queue
refused 2 "no column 'hit' of adapters; there are name" $top --once \
    --view adapters --sort hit
refused 2 'want COLSxROWS' $top --once --size 80
refused 2 'want 100..60000' $top --interval-ms 5

# One page: text, as wide as asked for.
for view in overview queues adapters requests processes events help; do
	$top --once --view $view --size 80x24 --ascii >"$dir/page"
	[ "$(wc -l <"$dir/page")" -eq 24 ] || fail "$view has not 24 lines"
	has "$view\]" "$dir/page"
	! LC_ALL=C grep -q '[^ -~]' "$dir/page" ||
	    fail "$view has more than ASCII"
	[ "$(awk '{ if (length > n) n = length } END { print n }' \
	    "$dir/page")" -le 80 ] || fail "$view is too wide"
done
$top --once --view adapters --filter roman --sort hits >"$dir/page"
has roman "$dir/page"
has_not pig-latin "$dir/page"

# A process that hangs is shown, with how long it does; so it is when all do.
hung=$(role_pid gpuexec)
kill -STOP "$hung"
silent()
{
	$top --once --view overview >"$dir/page"
	grep -q 'gpuexec:silent' "$dir/page"
}
until_true 20 silent
has 'gpuexec has been silent for' "$dir/page"
all="$(engine_pid) $(children 1)"
kill -STOP $all
$top --once --view processes >"$dir/page"
has '^frontend ' "$dir/page"
kill -CONT $all

. tests/scenario/console.sh
mux new-session -d -s top -x 80 -y 24 "env PS1='shell> ' sh -i"
sees 'shell>'
for term in dumb no-such-terminal; do
	keys "clear; TERM=$term $top; echo left with \$?" Enter
	sees "terminal '$term' (TERM)"
	sees 'left with 1'
done

# Without colours nothing is lost, and nothing is coloured.
keys "clear; NO_COLOR=1 $top" Enter
sees '\[1 overview\]'
! mux capture-pane -e -p -t top | grep -q '\[3[1-7]m' || fail "colours"

# Stopped, and gone on with.
keys C-z
sees 'shell>'
keys 'clear; stty -a | grep -o "[-]*icanon"' Enter
sees '^icanon'
keys 'fg' Enter
sees '\[1 overview\]'

# Ended from outside: the cursor is back, lines are edited, nothing is left.
for p in /proc/[0-9]*; do
	c=$({ tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null) || continue
	case $c in
	*"chameleon top --instance $(name 1) "*) kill -TERM "${p#/proc/}" ;;
	esac
done
sees 'shell>'
keys 'clear; stty -a | grep -o "[-]*icanon"; echo "left"' Enter
sees '^icanon'
sees '^left'
! on_screen overview || fail "the page is still there"
stop
