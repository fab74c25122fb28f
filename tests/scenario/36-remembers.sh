# Pins, weights, versions and rollbacks outlive the engine; a damaged file of them is
# set aside; a version whose bytes have gone is not replaced by another in silence.
. tests/scenario/lib.sh

mkdir "$dir/adapters" "$dir/state"
cp -r models/demo/adapters/roman models/demo/adapters/rot13 "$dir/adapters"
begin()
{
	start --set adapters="$dir/adapters" --set state_dir="$dir/state"
}
ctl()
{
	"$B/bin/chameleon" ctl -i "$(name $E)" "$@"
}
answers()
{
	echo "{\"id\":\"r\",\"model\":\"$1\",\"prompt\":\"7 =\",\"temperature\":0,\"stream\":false}" |
	    ask >"$dir/answer"
	grep -q -- "$2" "$dir/answer"
}
shows()
{
	ctl --json adapters >"$dir/out" && grep -q -- "$1" "$dir/out"
}
remembers()
{
	grep -q -- "$1" "$dir/state/$(name $E).state.json"
}
rot13='"name": *"rot13", *"version": *1, *"kept": *false, *"weight": *3.5'
begin
ctl pin rot13 >"$dir/out"
ctl weight rot13 3.5 >"$dir/out"
answers roman '" VII"' || fail "roman does not answer"
cp -r models/demo/adapters/rot13 "$dir/coming"
mv "$dir/adapters/roman" "$dir/old"
mv "$dir/coming" "$dir/adapters/roman"
until_true 30 answers roman '"version": *2'
until_true 30 remembers '"version": 2'
until_true 30 remembers '"pinned": true'
stop
begin
until_true 30 shows "$rot13"
until_true 30 shows '"name": *"rot13".*"pinned": *true'
answers roman '"version": *2' || fail "its version was forgotten"
# Another version comes, and is rolled back; then its bytes go with the engine.
cp -r models/demo/adapters/add "$dir/coming"
rm -r "$dir/adapters/roman"
mv "$dir/coming" "$dir/adapters/roman"
until_true 30 answers roman '"version": *3'
ctl rollback roman@2 >"$dir/out"
answers roman '"version": *2' || fail "rollback did nothing"
until_true 30 remembers '"serves": 2'
stop
begin
answers roman 'the version that was to serve it is gone; there are versions 3' ||
    fail "another version serves it in silence"
has "warn.*nobody serves the name of an adapter.*rollback roman@3'" "$dir/$E/log"
s=0
ctl load roman 2>"$dir/err" || s=$?
[ $s -eq 1 ] || fail "status $s where nobody serves the name"
has 'there are versions 3: let one serve it by' "$dir/err"
# However often it starts, until an operator says so.
until_true 30 remembers '"serves": 0'
stop
begin
answers roman 'the version that was to serve it is gone; there are versions 3' ||
    fail "after two starts another version serves it in silence"
answers roman@3 '"done": *true' || fail "the newest cannot be asked for"
ctl rollback roman@3 >"$dir/out"
answers roman '"version": *3' || fail "the newest does not serve"
stop
echo 'not {"json' >"$dir/state/$(name $E).state.json"
begin
has 'is set aside' "$dir/$E/log"
[ -f "$dir/state/$(name $E).state.json.bad" ] || fail "it is not set aside"
answers roman '"done": *true' || fail "no start without it"
stop
# A FIFO holds up nobody; and what could not be written is, when it can be.
state="$dir/state/$(name $E).state.json"
rm -f "$state"
mkfifo "$state"
begin
has 'is not a regular file' "$dir/$E/log"
answers roman '"done": *true' || fail "no start beside a FIFO"
mkdir "$state.coming"
ctl weight roman 3 >"$dir/out"
until_true 30 grep -q 'is not remembered over a restart' "$dir/$E/log"
rmdir "$state.coming"
until_true 30 remembers '"weight": 3'
stop
