# `generate` prints the same answer with and without an engine, and says what
# is wrong in a sentence.
. tests/scenario/lib.sh

start
with=$("$B/bin/chameleon" generate --connect "$(address)" -a roman '1987 =')
without=$("$B/bin/chameleon" generate --model models/demo -a roman '1987 =')
[ "$with" = "$without" ] || fail "'$with' and '$without' differ"
[ "$with" = " MCMLXXXVII" ] || fail "1987 = '$with'"
! "$B/bin/chameleon" generate --connect "$(address)" -a romn x 2>"$dir/err" ||
	fail "an adapter that is not there has answered"
has 'roman' "$dir/err"
! "$B/bin/chameleon" generate --connect 127.0.0.1:1 x 2>"$dir/err" ||
	fail "nobody has answered"
has 'cannot connect to 127.0.0.1:1' "$dir/err"
stop
