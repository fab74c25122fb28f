# `chameleon ctl` shows what an engine does, also while its processes hang, and
# asks it for everything that operators may ask; a script can tell how it ended.
. tests/scenario/lib.sh

# ctl STATUS ARGUMENTS...: ends with that status; output in out, sentence in err.
ctl()
{
	want=$1
	shift
	s=0
	"$B/bin/chameleon" ctl --instance "$(name "$E")" "$@" \
	    >"$dir/out" 2>"$dir/err" </dev/null || s=$?
	[ $s -eq "$want" ] || {
		cat "$dir/out" "$dir/err"
		fail "ctl $* ended with $s, not $want"
	}
}
# column NAME FILE: the column of that header.
column()
{
	awk -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) n = i }
	    NR > 1 { print $n }' "$2"
}
open_ones()
{
	ctl 0 requests
	[ "$(column request "$dir/out" | wc -l)" = "$1" ]
}
# The monitor makes a point a second.
finished_in_history()
{
	ctl 0 history
	[ "$(column finished "$dir/out" | awk '{ n += $1 } END { print n + 0 }')" \
	    -gt 0 ]
}

ctl 3 status
has 'is not running' "$dir/err"
start
ctl 0 status
has 'serving' "$dir/out"
quiz --requests 40 --in-flight 8

# What is shown.
ctl 0 overview
has '^state  *serving' "$dir/out"
ctl 0 overview --json
has '"meters":{"frontend":{"accepted":40,' "$dir/out"
ctl 0 adapters --sort -rank
[ "$(column rank "$dir/out" | head -n 1)" = 64 ] || fail "64 is not first"
[ "$(column name "$dir/out" | grep -c .)" = 20 ] || fail "not 20 adapters"
ctl 0 adapters --filter roman --json
has '^{"adapters":\[{"name":"roman",.*"rank":16,.*}\]}$' "$dir/out"
ctl 2 adapters --sort nothing
has 'name version kept weight rank' "$dir/err"
ctl 0 queues
[ "$(column queue "$dir/out" | head -n 1)" = 0 ] || fail "no queue 0"
ctl 0 processes
[ "$(column state "$dir/out" | sort -u)" = run ] || fail "not all run"
ctl 0 rings
[ "$(column used "$dir/out" | grep -c .)" -ge 6 ] || fail "rings are missing"
ctl 0 ended
[ "$(column end "$dir/out" | grep -c stop)" = 40 ] || fail "not 40 have ended"
until_true 20 finished_in_history
ctl 0 events --json
has '^{"events":\[' "$dir/out"
ctl 2 evnts
has "no command 'evnts'; did you mean 'events'" "$dir/err"
ctl 2 adapters roman
has 'takes nothing behind it' "$dir/err"
ctl 2 weight roman abc
has "weight 'abc': want a number" "$dir/err"
ctl 2 withdraw x
has "want the number of one that waits" "$dir/err"
ctl 2 rollback roman
has 'want NAME@VERSION' "$dir/err"
ctl 2 load roman --deadline-ms 0
has 'want 1..86400000' "$dir/err"

# What is asked for.
ctl 0 load roman
[ "$(column state "$dir/out")" = resident ] || fail "roman is not resident"
bytes=$(column bytes "$dir/out")
ctl 0 adapter roman
held=$(sed -n 's/.*device  *\([0-9,]*\) in 1 chunk$/\1/p' "$dir/out" | tr -d ,)
[ "$held" = "$bytes" ] || fail "its report says '$held' on the device"
ctl 1 load romn
has "did you mean 'roman'" "$dir/err"
ctl 0 pin roman
ctl 0 adapters --filter roman
[ "$(column pinned "$dir/out")" = yes ] || fail "roman is not pinned"
ctl 1 unload roman
has 'unpin it first' "$dir/err"
ctl 0 unpin roman
ctl 0 unload roman --json
has '"freed_bytes":[1-9]' "$dir/out"
ctl 0 adapter roman
has 'device  *not there$' "$dir/out"
ctl 1 weight roman 1000
has 'from 0.01 to 100' "$dir/err"
ctl 1 withdraw 999
ctl 0 set policy.eviction gdsf
ctl 0 get policy.eviction
[ "$(column value "$dir/out")" = gdsf ] || fail "it is not set"
ctl 0 settings --filter operator
[ "$(column key "$dir/out")" = policy.eviction ] || fail "it is not listed"
ctl 1 set slots 3
has 'restart' "$dir/err"
ctl 1 get slts
has "did you mean 'slots'" "$dir/err"
ctl 0 rescan
[ "$(column listed "$dir/out")" = 20 ] || fail "not 20 are listed"

# Requests that ended are explained, unknown ones are not.
echo '{"id":"done-1","model":"roman","prompt":"1987 =","max_tokens":8}' |
    ask >"$dir/reply"
ctl 0 explain done-1
has 'It asked adapter roman, version 1' "$dir/out"
has 'first token came after' "$dir/out"
ctl 0 explain done-1 --json
has '"id":"done-1".*"times_ms":{"ttft":' "$dir/out"
ctl 0 ended
[ "$(column id "$dir/out" | head -n 1)" = done-1 ] || fail "not the last first"
ctl 0 ended --sort -ttft_ms --json
has '^{"ended":\[.*"id":"done-1".*"ttft_ms":[0-9]' "$dir/out"
ctl 0 events --filter roman
[ "$(column bytes "$dir/out" | grep -c '^[1-9]')" -gt 0 ] || fail "no bytes"
[ "$(column took_ms "$dir/out" | grep -c '^[0-9]')" -gt 0 ] || fail "no time"
ctl 1 explain done-2
has 'reach back' "$dir/err"

# While nothing is computed: open ones, two of them with the same id.
kill -STOP "$(role_pid gpuexec)"
for id in twin twin lone; do
	echo "{\"id\":\"$id\",\"prompt\":\"Once\",\"max_tokens\":9}" |
	    ask --timeout 110 >>"$dir/replies" &
done
until_true 20 open_ones 3
ctl 0 explain lone
has 'is open' "$dir/out"
ctl 1 cancel twin
has '2 open requests have the id twin: [0-9.]* [0-9.]*; nothing' "$dir/err"
one=$(sed 's/.*twin: \([0-9.]*\) .*/\1/' "$dir/err")
open_ones 3 || fail "one was cancelled all the same"
ctl 0 cancel "$one"
ctl 1 cancel "$one"
ctl 0 cancel lone
kill -CONT "$(role_pid gpuexec)"
until_true 30 open_ones 0
ctl 0 explain "$one"
has 'cancelled' "$dir/out"

# A frontend that hangs is seen, and not waited for.
kill -STOP "$(role_pid frontend)"
ctl 5 pin roman --timeout-ms 0
ctl 0 adapters
ctl 0 overview
kill -CONT "$(role_pid frontend)" 2>/dev/null || :
until_true 30 ctl 0 status

# What could not be said is no success; a reader that has had enough is one.
s=0
"$B/bin/chameleon" ctl --instance "$(name "$E")" adapters >/dev/full \
    2>"$dir/err" || s=$?
[ $s -eq 1 ] || fail "status $s on a full disk"
has 'cannot be written' "$dir/err"
"$B/bin/chameleon" ctl --instance "$(name "$E")" adapters 2>"$dir/err" |
    sed q >"$dir/out"
has_not chameleon: "$dir/err"
s=0
"$B/bin/chameleon" ctl --instance ../odd adapters 2>"$dir/err" || s=$?
[ $s -eq 2 ] || fail "status $s for a name that cannot be one"

ctl 2 drain
has 'want --yes' "$dir/err"
# On a terminal it asks; "no" is an answer.
s=0
echo n | script -qec "$B/bin/chameleon ctl --instance $(name "$E") drain" \
    /dev/null >"$dir/out" || s=$?
[ $s -eq 1 ] || fail "status $s after a no"
has 'nothing was done' "$dir/out"
ctl 0 status
ctl 0 drain --yes
s=0
wait "$(engine_pid)" || s=$?
[ $s -eq 0 ] || fail "status $s after a drain"
gone
ctl 3 status
