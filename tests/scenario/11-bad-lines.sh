# A line that is wrong is answered with what is wrong in it, and the lines
# around it are answered as ever.
. tests/scenario/lib.sh

start --set frontend.line_bytes_max=2000
reply()
{
	printf '%s\n' "$1" '{"op":"ping","id":"after"}' |
	    ask --lines 2 --timeout 30 >"$dir/reply" || :
	has "$2" "$dir/reply"
	has '"after"' "$dir/reply"
}

reply 'no json' '"code": *"not_json"'
reply '[1, 2]' '"code": *"not_json"'
reply '{"id":"a","prompt":"x","max_tokens":"many"}' '"code": *"wrong_type"'
reply '{"id":"a","prompt":{}}' '"code": *"wrong_type"'
reply '{"id":"a","prompt":"x","temprature":1}' 'temprature'
reply '{"id":"a","prompt":"x","temperature":-1}' '"code": *"out_of_range"'
reply '{"id":"a"}' '"code": *"missing_field"'
reply '{"id":"a","prompt":"x","model":"romn"}' 'roman'
reply '{"id":"a","prompt":[1,2,99999]}' '"code": *"out_of_range"'
reply '{"id":"a","op":"dance"}' '"code": *"unknown_op"'
reply "$(printf '{"id":"a","prompt":"\377"}')" '"code": *"invalid_utf8"'
reply '{"id":"a","op":"unload","name":"roman"}' '"code": *"permission"'
long=$(head -c 3000 /dev/zero | tr '\0' x)
reply "{\"id\":\"a\",\"prompt\":\"$long\"}" '"code": *"line_too_long"'
reply "{\"id\":\"a\",\"prompt\":\"$(echo "$long" | head -c 1500)\"}" \
    '"code": *"context_exceeded"'

# Two of one name in flight: the first goes on.
printf '%s\n' '{"id":"d","prompt":"Once","max_tokens":400,"ignore_eos":true}' \
    '{"id":"d","prompt":"Once","max_tokens":1}' |
    ask --lines 2 >"$dir/reply"
has '"code": *"duplicate_id"' "$dir/reply"
has '"finish_reason": *"length"' "$dir/reply"

quiz --in-flight 8
stop
