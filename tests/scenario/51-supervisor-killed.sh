# The supervisor is killed: its children end by themselves, and the next start
# of the same instance cleans up and serves.
. tests/scenario/lib.sh

start
quiz
kill -KILL "$(engine_pid)"
wait "$(engine_pid)" 2>/dev/null || :
nobody()
{
	[ -z "$(children 1)" ]
}
until_true 60 nobody
start
quiz
stop

# Its children are still there when the next one starts.
start
for p in $(children 1); do
	kill -STOP "$p"
done
left=$(children 1)
kill -KILL "$(engine_pid)"
wait "$(engine_pid)" 2>/dev/null || :
start
for p in $left; do
	[ ! -d "/proc/$p" ] || grep -q 'State:.Z' "/proc/$p/status" ||
	    fail "pid $p of the former life is left"
done
quiz
stop
