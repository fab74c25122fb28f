# A client that asks much and reads nothing is disconnected when its buffer is
# full; the others do not notice.
. tests/scenario/lib.sh

start --set frontend.output_bytes_max=4096
i=0
while [ $i -lt 10000 ]; do
	echo '{"op":"adapters","id":"a"}'
	i=$((i + 1))
done >"$dir/asks"

"$B/tools/ask" "$(address)" --mute --timeout 600 <"$dir/asks" >"$dir/mute" &
mute=$!
quiz --requests 128 --in-flight 16
until_true 200 grep -q 'client disconnected: it ' "$dir/1/log"
kill $mute 2>/dev/null || :
wait $mute || :
quiz --in-flight 16
stop
