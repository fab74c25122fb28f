# A client that asks much and reads nothing is disconnected when its buffer is
# full; the others do not notice.  The kernel may tell it only when it next tries
# whether there is room, which can take a minute.
. tests/scenario/lib.sh

start --set frontend.output_bytes_max=4096
i=0
while [ $i -lt 20000 ]; do
	echo '{"op":"adapters","id":"a"}'
	i=$((i + 1))
done >"$dir/asks"
(
	s=0
	"$B/tools/ask" "$(address)" --mute --timeout 150 <"$dir/asks" || s=$?
	echo $s >"$dir/status"
) &
mute=$!
quiz --requests 128 --in-flight 16
wait $mute
[ "$(cat "$dir/status")" = 3 ] || fail "it was not disconnected"
quiz --in-flight 16
stop
