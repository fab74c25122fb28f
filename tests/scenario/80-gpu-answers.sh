# On a GPU every adapter and the base give the same answers as on the cpu, many
# at a time, adapters and ranks mixed in each step.
. tests/scenario/lib.sh

needs_gpu
start --set scheduler.batch_max=24
has 'device=cuda:0' "$dir/1/out"
quiz --in-flight 32 --connections 2 --timeout 500
quiz --adapter reverse --requests 2 --stream
# Of attention alone.
quiz --adapter double --requests 4
quiz --adapter upper --requests 4
"$B/bin/chameleon" ctl --instance "$(name 1)" overview >"$dir/overview"
has 'cuda:0' "$dir/overview"
stop
