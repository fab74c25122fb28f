# More connections than the engine takes: the surplus is told so, and those
# that are in are served.
. tests/scenario/lib.sh

start --set frontend.connections_max=100
until_true 60 quiz --adapter base
"$B/tools/crowd" "$(address)" 500 >"$dir/crowd"
has 'open 100 refused 400 failed 0' "$dir/crowd"
until_true 60 quiz --requests 64 --connections 4
stop
