# A broken adapter is refused with the reason, to those who ask for it; the
# others answer.
. tests/scenario/lib.sh

mkdir "$dir/adapters"
cp -r models/demo/adapters/* "$dir/adapters"
cd "$dir/adapters"
cp -r roman cut && head -c 1000 roman/adapter_model.safetensors \
    >cut/adapter_model.safetensors
cp -r roman dora && sed 's/"use_dora": *false/"use_dora": true/' \
    roman/adapter_config.json >dora/adapter_config.json
cp -r roman empty && : >empty/adapter_model.safetensors
cp -r roman noconfig && rm noconfig/adapter_config.json
cp -r roman bomb && printf '\377\377\377\377\377\377\377\177{}' \
    >bomb/adapter_model.safetensors
cd - >/dev/null
start --set adapters="$dir/adapters"
for bad in cut dora empty bomb; do
	echo "{\"id\":\"b\",\"model\":\"$bad\",\"prompt\":\"7 =\"}" |
	    ask >"$dir/reply"
	has '"code": *"adapter_\(broken\|failed\)"' "$dir/reply"
	has "$bad" "$dir/reply"
done
quiz --requests 128 --in-flight 16
! "$B/bin/chameleon" inspect "$dir/adapters/cut" 2>"$dir/err" ||
	fail "inspect finds nothing wrong with it"
has 'cut' "$dir/err"
stop
