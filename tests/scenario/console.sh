# What scenarios of the console share: a terminal of its own, under tmux, that is
# looked at until it shows something.  After lib.sh.
if ! command -v tmux >/dev/null; then
	echo "skipped: tmux is absent"
	exit 0
fi

mux()
{
	env -u TMUX LC_ALL=C.UTF-8 tmux -f /dev/null -S "$dir/tmux" "$@"
}

# The terminal ends before the directory of its socket goes.
close_terminal()
{
	was=$?
	mux kill-server 2>/dev/null || :
	set +e
	(exit $was)
	clean_up
}
trap close_terminal EXIT

on_screen()
{
	mux capture-pane -p -t top >"$dir/screen"
	grep -q -- "$1" "$dir/screen"
}

not_on_screen()
{
	! on_screen "$1"
}

# sees TEXT: at last; or fails and shows the screen.
sees()
{
	tries=600
	until on_screen "$1"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || {
			cat "$dir/screen"
			fail "never on the screen: $1"
		}
		sleep 0.1
	done
}

# Until it is not there any more.
misses()
{
	until_true 60 not_on_screen "$1"
}

keys()
{
	mux send-keys -t top "$@"
}
