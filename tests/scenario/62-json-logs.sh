# The log of a whole life, a start, requests, a broken adapter, a death and a
# drain, is an object a line, whoever writes it; and it says what happened.
. tests/scenario/lib.sh

# logged N KEY=VALUE...: at least so many lines of the log have these.
logged()
{
	least=$1
	shift
	"$B/tools/json_lines" "$dir/1/log" "$@" >"$dir/count" || {
		cat "$dir/count"
		fail "a line is no object"
	}
	[ "$(cat "$dir/count")" -ge "$least" ]
}
says()
{
	logged "$@" || fail "$(cat "$dir/count") lines have: $*"
}

mkdir "$dir/adapters"
cp -r models/demo/adapters/* "$dir/adapters"
cp -r models/demo/adapters/roman "$dir/adapters/cut"
head -c 1000 models/demo/adapters/roman/adapter_model.safetensors \
    >"$dir/adapters/cut/adapter_model.safetensors"
printf 'policy:\n  eviction: lru\n' >"$dir/conf.yaml"
start --log json --set log=debug -c "$dir/conf.yaml" \
    --set adapters="$dir/adapters"
says 1 event=ready who=supervisor instance="$(name 1)"
says 1 event='adapter is broken' level=warn adapter=cut
says 1 event='catalogue is read' who=loader adapters=20 broken=1

# Requests, one of which means harm.
cat >"$dir/ask" <<-'END'
	{"id":"a\" b=1\n{","model":"cut","prompt":"7 =","max_tokens":4}
	{"id":17,"model":"no\nsuch","prompt":"7 =","max_tokens":4}
	{"id":"r","model":"roman","prompt":"7 =","max_tokens":4}
END
ask <"$dir/ask" >"$dir/reply"
has '"id": *"r"' "$dir/reply"
until_true 20 logged 1 event='adapter loaded' adapter=roman from=disk

# An adapter comes, and goes.
cp -r models/demo/adapters/roman "$dir/late"
mv "$dir/late" "$dir/adapters/late"
until_true 20 logged 1 event='adapter listed' level=info adapter=late version=1
rm -r "$dir/adapters/late"
until_true 20 logged 1 event='adapter retired' adapter=late because=removed

# A death.
kill_role gpuexec
until_true 60 reborn gpuexec
until_true 60 quiz --requests 16
says 1 event='process died' level=warn role=gpuexec by='signal 9 (SIGKILL)'
says 1 event='process started' role=gpuexec life=2

# Settings, right and wrong.
printf 'policy:\n  eviction: gdsf\n' >"$dir/conf.yaml"
kill -HUP "$(engine_pid)"
until_true 20 logged 1 event='setting changed' setting=policy.eviction \
    was=lru now=gdsf by=reload
printf 'policy:\n  eviction: "a\\"b=1"\n' >"$dir/conf.yaml"
kill -HUP "$(engine_pid)"
until_true 20 logged 1 event='the settings stay as they were' level=error
stop
says 1 event=ended status=0
says 5 event='process ended'

# One that cannot start says so in the same form, once it knows the form.
s=0
"$B/bin/chameleon" serve --log json --set instance="$(name 2)" \
    --set model="$dir/none" 2>"$dir/1/log" || s=$?
[ $s -eq 100 ] || fail "status $s"
says 1 event='cannot start' level=error

# As text: the same, for people.
E=2
start --log text --set adapters="$dir/adapters"
stop
has '^20[0-9-]*T[0-9:.]*Z supervisor info  ready listen=' "$dir/2/log"
has ' loader warn  adapter is broken adapter=cut reason="' "$dir/2/log"

! "$B/bin/chameleon" serve --log xml 2>"$dir/err" || fail "what is xml?"
has 'log_format.*text|json' "$dir/err"
