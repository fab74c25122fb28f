# Ten thousand connections, more than the engine takes: the surplus is told so,
# and those that are in are served.
. tests/scenario/lib.sh

many=10000
most=$(ulimit -H -n)
if [ "$most" != unlimited ] && [ "$most" -lt $((many + 100)) ]; then
	many=$((most - 100))
	echo "skipped: more than $many connections: only $most descriptors here"
fi
start --set frontend.connections_max=100
until_true 60 quiz --adapter base
"$B/tools/crowd" "$(address)" $many >"$dir/crowd"
has "open 100 refused $((many - 100)) failed 0" "$dir/crowd"
until_true 60 quiz --requests 64 --connections 4
stop
