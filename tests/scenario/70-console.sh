# The console in a terminal: an operator pins an adapter by its keys, filters and
# sorts, makes the window larger, and sees any process and the whole engine die
# and come back.
. tests/scenario/lib.sh

. tests/scenario/console.sh
start

pinned()
{
	echo '{"op":"adapters","id":"a"}' | ask | tr '{' '\n' |
	    grep '"roman"' | grep -q '"pinned": *true'
}

# A shell around it shows what it leaves behind.
mux new-session -d -s top -x 80 -y 24 "env -u NO_COLOR TERM=screen-256color \
    $B/bin/chameleon top --instance $(name 1) --interval-ms 200; \
    echo \"left with \$?\"; stty -a | grep -o '[-]*icanon'; cat"
sees '\[1 overview\]'
sees 'nothing is wrong'

# Keys that act: the engine obeys, and says so.
keys 3
sees 'ADAPTER▲'
keys / r o m a n
sees '/roman_'
misses 'pig-latin'
keys Enter
sees "1 of 20 adapters with 'roman'"
keys p
sees 'pin roman: done'
pinned || fail "the engine does not know of the pin"
sees 'roman .*resident P'
# What the engine refuses is told in its words.
keys x
sees 'unload roman: sure?'
keys y
sees 'unload roman: .*pinned'
keys u
sees 'unpin roman: done'
! pinned || fail "it is still pinned"
keys Escape
sees 'pig-latin'

# Sorting, and a larger window.
keys '>' '>'
sees 'RK▼'
mux resize-window -t top -x 200 -y 60
sees 'WORTH'
mux resize-window -t top -x 30 -y 8
sees '30x8, want 40x10'
mux resize-window -t top -x 80 -y 24
sees 'RK▼'

# A request that is stuck says why within three keys, and can be ended.
stuck=$(role_pid gpuexec)
kill -STOP "$stuck"
echo '{"id":"stuck","model":"roman","prompt":"1987 =","max_tokens":4}' |
    ask --timeout 60 >"$dir/answer" &
asker=$!
keys 4
sees 'roman  *[0-9]  *placed'
keys Enter
sees 'by its client "stuck"'
sees 'was placed .* ago, after waiting'
sees 'silent for'
keys c
sees 'cancel [0-9.]*: sure?'
keys y
sees 'cancel [0-9.]*: done'
kill -CONT "$stuck"
wait "$asker"
has cancelled "$dir/answer"

# Policies are chosen from those there are.
keys 1
keys E
sees '\[value\]'
keys Right Enter
sees 'set policy.eviction to none: sure?'
keys y
sees 'set policy.eviction to none: done'

# Each process dies under its eyes.
keys 5
for role in monitor loader gpuexec scheduler frontend; do
	sees "^$role  *run "
	kill_role $role
	until_true 60 reborn $role
	sees "^$role  *run  *$(role_pid $role) "
done
sees '^frontend  *run .* 2  *1 '
# The connection to the frontend that died is made anew.
keys 3
sees 'ADAPTER\|RK'
keys / r o m a n Enter
sees "1 of 20 adapters with 'roman'"
keys p
sees 'pin roman: done'

# The whole engine dies, and another life of it is found.
kill -KILL "$(engine_pid)"
wait "$(engine_pid)" 2>/dev/null || :
sees "instance $(name 1) has ended .* ago; waiting for it to come back"
sees 'roman'
keys p

start
sees "instance $(name 1) is back\|1 of 20 adapters"
misses 'has ended'
keys 1
sees 'nothing is wrong'

# It ends in order while it is watched.
stop
sees "instance $(name 1) has ended"

# It is left, and the terminal is as it was.
keys q
sees 'left with 0'
sees '^icanon'
