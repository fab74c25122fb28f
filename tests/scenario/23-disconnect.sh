# A client that goes away takes its requests with it, waiting or running: their
# slots are free again.
. tests/scenario/lib.sh

start --set slots=8 --set loader.delay_ms=60000
all_free()
{
	echo '{"op":"stats","id":"s"}' | ask | grep -q '"free": *8'
}
leave() # MORE FIELDS
{
	{
		i=0
		while [ $i -lt 7 ]; do
			echo "{\"id\":\"$i\",\"prompt\":\"7 =\"$1," \
			    "\"max_tokens\":450,\"ignore_eos\":true}"
			i=$((i + 1))
		done
		echo '{"op":"ping","id":"p"}'
	} | ask --lines 1 >"$dir/reply"
	has '"p"' "$dir/reply"
	until_true 50 all_free
}

leave ',"model":"roman"'
leave ',"model":"roman"'
leave ''
leave ''
quiz --adapter base --in-flight 4
stop
