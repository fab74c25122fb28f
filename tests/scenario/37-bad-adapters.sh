# Adapters that cannot be served harm nobody: one larger than the pool, names that are
# none, links out of the root, files of other kinds, files cut short.
. tests/scenario/lib.sh

mkdir "$dir/adapters" "$dir/outside"
cp -r models/demo/adapters/roman "$dir/adapters"
cp -r models/demo/adapters/rot13 "$dir/outside"
ln -s "$dir/outside/rot13" "$dir/adapters/link"
mkdir "$dir/adapters/odd name" "$dir/adapters/fifo" "$dir/adapters/short" \
    "$dir/adapters/linked"
cp models/demo/adapters/add/adapter_config.json "$dir/adapters/fifo"
mkfifo "$dir/adapters/fifo/adapter_model.safetensors"
cp models/demo/adapters/add/adapter_config.json "$dir/adapters/short"
head -c 5000 models/demo/adapters/add/adapter_model.safetensors \
    >"$dir/adapters/short/adapter_model.safetensors"
cp models/demo/adapters/add/adapter_config.json "$dir/adapters/linked"
ln -s "$PWD/models/demo/adapters/add/adapter_model.safetensors" \
    "$dir/adapters/linked/adapter_model.safetensors"
"$B/bin/chameleon" synth adapter --model models/demo \
    --out "$dir/adapters/large" --rank 512 >"$dir/out"
start --set adapters="$dir/adapters" --set memory.device_bytes=4MiB
says()
{
	printf '%s\n' "{\"id\":\"r\",\"model\":\"$1\",\"prompt\":\"7 =\",\"temperature\":0,\"stream\":false}" |
	    ask >"$dir/out"
	has "$2" "$dir/out"
}
says roman '" VII"'
says link 'adapter_broken'
says fifo 'adapter_broken'
says short 'adapter_broken'
says linked 'adapter_broken'
says large 'out_of_memory'
says 'odd name' 'unknown_adapter'
says '../roman' 'unknown_adapter'
says 'roman/' 'unknown_adapter'
says 'roman@1@1' 'unknown_adapter'
says 'roman@-1' 'unknown_adapter'
says 'roman@99999999999999999999' 'unknown_adapter'
says "$(head -c 300 /dev/zero | tr '\0' a)" 'unknown_adapter'
"$B/bin/chameleon" ctl -i "$(name $E)" load large >"$dir/out" 2>&1 &&
    fail "larger than the pool, and loaded"
has 'chunks of device memory, and there are 2' "$dir/out"
"$B/bin/chameleon" ctl -i "$(name $E)" adapter short >"$dir/out"
has 'refused: ' "$dir/out"
says roman '" VII"'
stop
