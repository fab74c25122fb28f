# The GPU fails for good in mid-flight, again and again: gpuexec ends with last
# words, comes back, and requests are answered all the same.
. tests/scenario/lib.sh

needs_stand_in
CUDASIM_STICKY=600
export CUDASIM_STICKY
start --set scheduler.batch_max=4
quiz --adapter reverse --requests 6 --in-flight 2 --tolerate --timeout 300 \
    >"$dir/traffic"
cat "$dir/traffic"
has 'wrong 0' "$dir/traffic"
has 'lost 0' "$dir/traffic"
has 'the device has failed reason=.*illegal memory access' "$dir/1/log"
has 'process died role=gpuexec.*exit status 111.*last_words=.*illegal' \
    "$dir/1/log"
stop
