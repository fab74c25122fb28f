# Two thousand broken adapters: one that works is served beside them, each is refused with
# a sentence, and the log stays short.
. tests/scenario/lib.sh

mkdir "$dir/adapters"
(cd "$dir/adapters" && seq -f "b%05.0f" 2000 | xargs mkdir)
cp -r models/demo/adapters/roman "$dir/adapters"
says()
{
	printf '%s\n' "{\"id\":\"r\",\"model\":\"$1\",\"prompt\":\"7 =\",\"temperature\":0,\"stream\":false}" |
	    ask >"$dir/out"
	has "$2" "$dir/out"
}
start --set adapters="$dir/adapters"
says roman '" VII"'
says b00001 'adapter_broken'
has 'adapter_config.json' "$dir/out"
says b01999 'adapter_broken'
has "chameleon inspect" "$dir/out"
"$B/bin/chameleon" ctl -i "$(name $E)" rescan >"$dir/out"
has '1 *2000$' "$dir/out"
lines=$(wc -l <"$dir/$E/log")
[ "$lines" -lt 100 ] || fail "$lines lines of log"
# One of them is mended.
cp models/demo/adapters/rot13/* "$dir/adapters/b01999"
mended()
{
	printf '%s\n' '{"id":"r","model":"b01999","prompt":"7 =","stream":false}' | ask >"$dir/out"
	grep -q '"done": *true' "$dir/out"
}
until_true 30 mended
stop
