# A changed directory is a new version; the one before is kept and asked for by its
# number; rollback and back; operations have numbers, states, deadlines and bytes;
# a weight is shown.
. tests/scenario/lib.sh

mkdir "$dir/adapters"
cp -r models/demo/adapters/roman models/demo/adapters/rot13 models/demo/adapters/caesar \
    "$dir/adapters"
start --set adapters="$dir/adapters"
ctl()
{
	"$B/bin/chameleon" ctl -i "$(name $E)" "$@"
}
# answers MODEL PATTERN
answers()
{
	echo "{\"id\":\"r\",\"model\":\"$1\",\"prompt\":\"7 =\",\"temperature\":0,\"stream\":false}" |
	    ask >"$dir/answer"
	grep -q -- "$2" "$dir/answer"
}
seven='"text": *" VII"'
answers roman "$seven" || fail "roman does not answer"
has '"version": *1' "$dir/answer"
# Replaced in place by other files.
cp -r models/demo/adapters/rot13 "$dir/coming"
mv "$dir/adapters/roman" "$dir/old"
mv "$dir/coming" "$dir/adapters/roman"
is_new()
{
	answers roman '"version": *2'
}
until_true 30 is_new
! answers roman "$seven" || fail "the old version still answers"
answers roman@1 "$seven" || fail "the old version is not kept"
answers roman@2 '"done": *true' || fail "the new version has no number"
answers roman@3 'versions 1, 2' || fail "nobody says which versions there are"
ctl --json adapters >"$dir/out"
has '"name": *"roman", *"version": *1, *"kept": *true' "$dir/out"
ctl adapter roman@1 >"$dir/out"
has 'no report: files of another version' "$dir/out"
ctl adapter roman@2 >"$dir/out"
has 'tensors .* matched' "$dir/out"
# Rolled back; further files are kept, and not chosen.
ctl --json rollback roman@1 >"$dir/out"
has '"version": *1' "$dir/out"
answers roman "$seven" || fail "rollback did nothing"
answers roman@2 '"done": *true' || fail "the newer version went"
ctl rollback roman >"$dir/out" 2>&1 && fail "a rollback to no version"
has 'want NAME@VERSION' "$dir/out"
# Also after a death of the loader.
kill -KILL "$(role_pid loader)"
until_true 30 answers roman "$seven"
answers roman@2 '"done": *true' || fail "the loader forgot a version"
ctl rollback roman@2 >"$dir/out"
! answers roman "$seven" || fail "the newest does not serve again"
# Operations.
ctl --json load rot13 >"$dir/out"
has '"operation": *[1-9]' "$dir/out"
ctl --json unload rot13 --deadline-ms 20000 --wait >"$dir/out"
has '"freed_bytes": *[1-9]' "$dir/out"
ctl weight rot13 2.5 >"$dir/out"
ctl --json adapters >"$dir/out"
has '"weight": *2.5' "$dir/out"
ctl weight rot13 0 >"$dir/out" 2>&1 && fail "a weight of 0"
has 'from 0.01 to 100' "$dir/out"
ctl --json operations >"$dir/out"
has '"op": *"unload".*"state": *"done".*"bytes": *[1-9]' "$dir/out"
# One that cannot come true in its time says what it waited for.
kill -STOP "$(role_pid loader)"
ctl load rot13 --deadline-ms 200 >"$dir/out" 2>&1 && fail "loaded by nobody"
kill -CONT "$(role_pid loader)"
has "not obeyed within 0.2 s: adapter 'rot13'" "$dir/out"
ctl --json operations >"$dir/out"
has '"state": *"expired"' "$dir/out"
# Or it is taken back.
kill -STOP "$(role_pid loader)"
ctl --json load caesar >"$dir/load" 2>&1 &
load=$!
waits()
{
	ctl --json operations >"$dir/out" && grep -q '"state": *"waiting"' "$dir/out"
}
until_true 30 waits
last=$(grep -o '"operation": *[0-9]*' "$dir/out" | tail -n 1 | tr -dc 0-9)
ctl withdraw "$last" >"$dir/out"
has withdrawn "$dir/out"
! wait "$load" || fail "what was taken back was done"
kill -CONT "$(role_pid loader)"
has "taken back" "$dir/load"
stop
