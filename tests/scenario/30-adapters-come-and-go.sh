# Under traffic an adapter is added, answers, is removed, and is unknown: no
# restart, and the traffic is right throughout.
. tests/scenario/lib.sh

mkdir "$dir/adapters"
cp -r models/demo/adapters/* "$dir/adapters"
rm -r "$dir/adapters/roman"
grep -v '"adapter": *"roman"' $expect >"$dir/others.jsonl"
start --set adapters="$dir/adapters"
(
	while [ -d "$dir" ] && [ ! -f "$dir/enough" ]; do
		"$B/tools/quiz" "$(address)" --expect "$dir/others.jsonl" \
		    --requests 300 --in-flight 16 --connections 2 ||
		    echo bad
	done >"$dir/traffic"
) &
traffic=$!
reads()
{
	echo '{"id":"r","model":"roman","prompt":"7 =","temperature":0,"stream":false}' |
	    ask | grep -q -- "$1"
}
until_true 10 reads '"code": *"unknown_adapter"'
cp -r models/demo/adapters/roman "$dir/coming"
mv "$dir/coming" "$dir/adapters/roman"
until_true 30 reads '"text": *" VII"'
rm -r "$dir/adapters/roman"
until_true 30 reads '"code": *"unknown_adapter"'
# Another adapter under the same name is another adapter.
cp -r models/demo/adapters/rot13 "$dir/coming"
mv "$dir/coming" "$dir/adapters/roman"
until_true 30 reads '"done": *true'
! reads '"text": *" VII"' || fail "the old adapter still answers"
: >"$dir/enough"
wait $traffic
has_not bad "$dir/traffic"
has 'right 300 wrong 0 errors 0 lost 0' "$dir/traffic"
stop
