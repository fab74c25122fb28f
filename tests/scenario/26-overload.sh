# More requests than slots: the surplus is told to come again later, the
# others are answered.
. tests/scenario/lib.sh

start --set slots=8 --set loader.delay_ms=1500 --set frontend.retry_after_ms=70
{
	i=0
	while [ $i -lt 20 ]; do
		echo "{\"id\":\"$i\",\"model\":\"roman\",\"prompt\":\"7 =\"," \
		    "\"temperature\":0,\"stream\":false}"
		i=$((i + 1))
	done
} | ask >"$dir/reply"
[ "$(grep -c '"code": *"overloaded"' "$dir/reply")" = 12 ] || {
	cat "$dir/reply"
	fail "not 12 of 20 are refused"
}
has '"retry_after_ms": *70' "$dir/reply"
[ "$(grep -c '"text": *" VII"' "$dir/reply")" = 8 ] || {
	cat "$dir/reply"
	fail "not 8 of 20 are answered"
}
quiz --adapter roman --in-flight 4
stop
