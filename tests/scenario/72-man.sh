# Manual pages are clean roff, and bash completes what the tables have.
. tests/scenario/lib.sh

"$B/bin/chameleon" man --into "$dir/man"
for page in "$dir"/man/*; do
	groff -ww -man -Tutf8 -z "$page" >"$dir/warnings" 2>&1
	[ ! -s "$dir/warnings" ] || {
		cat "$dir/warnings"
		fail "$page is not clean"
	}
done
for c in $("$B/bin/chameleon" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	[ -s "$dir/man/chameleon-$c.1" ] || fail "$c has no page"
done
has 'explain' "$dir/man/chameleon-ctl.1"
has 'SLOT' "$dir/man/chameleon-ctl.1"
has 'policy.eviction' "$dir/man/chameleon.yaml.5"
has 'COLUMNS OF ended' "$dir/man/chameleon-ctl.1"
has 'keep it on the device' "$dir/man/chameleon-top.1"

"$B/bin/chameleon" completion bash >"$dir/completion"
# complete WORDS...: what is offered for the last of them.
complete()
{
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
	    _chameleon; echo ${COMPREPLY[@]}' - "$dir/completion" \
	    "$B/bin/chameleon" "$@"
}
offers()
{
	want=$1
	shift
	got=$(complete "$@")
	[ "$got" = "$want" ] || fail "completes $* to '$got', not '$want'"
}
offers 'bench' be
offers 'explain' ctl ex
offers '--instance' ctl --ins
offers 'policy.eviction' ctl set policy.evicti
offers 'lru lfu' ctl set policy.eviction l
offers 'policy.eviction=' serve --set policy.evicti
offers 'f32' logits --dtype f3
offers 'serve' help ser
offers 's-lora-sjf' serve --system s-lora-s
offers 'json' serve --log j
offers 'used_ms' ctl adapters --sort us
offers '-ttft_ms' ctl ended --sort -tt
start
offers "$(name "$E")" ctl --instance "$(name "$E")"
offers "$(name "$E")" top -i "$(name "$E")"
offers 'roman' ctl --instance "$(name "$E")" pin rom
offers 'roman' ctl -i "$(name "$E")" pin rom
quiz --requests 1
offers '0.1' ctl -i "$(name "$E")" explain 0.
stop
offers '' ctl --instance "$(name "$E")" pin rom
