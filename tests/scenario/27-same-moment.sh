# Two adapters that do not fit beside each other, asked for by turns and all in the
# same moment: nobody waits for ever, whatever the order of admission.
. tests/scenario/lib.sh

mkdir "$dir/adapters"
cp -r models/demo/adapters/add "$dir/adapters/one"
cp -r models/demo/adapters/add "$dir/adapters/two"
for i in 1 2 3 4 5 6; do
	for name in one two; do
		echo "{\"id\":\"$name$i\",\"model\":\"$name\"," \
		    "\"prompt\":\"1$i + 22 =\",\"max_tokens\":24}"
	done
done >"$dir/lines"
for admission in chameleon static sjf fifo; do
	E=$admission
	start --set adapters="$dir/adapters" --set context=128 \
	    --set memory.device_bytes=768KiB --set memory.chunk_bytes=64KiB \
	    --set policy.slo_ms=500 --set policy.admission=$admission
	ask <"$dir/lines" >"$dir/answers"
	[ "$(grep -c '"done": *true' "$dir/answers")" = 12 ] ||
	    fail "$admission: not all were answered: $(cat "$dir/answers")"
	has_not '"error"' "$dir/answers"
	stop
done
