# A GPU that cannot be used: named, it is refused with the reason; `auto` takes
# the cpu and says why.
. tests/scenario/lib.sh

refused()
{
	s=0
	"$B/bin/chameleon" serve --set instance="$(name 9)" \
	    --set run_dir="$dir" --set listen=127.0.0.1:0 \
	    --set metrics.listen= "$@" >"$dir/refused" 2>&1 || s=$?
	[ $s -eq 100 ] || fail "status $s, want 100: $(cat "$dir/refused")"
}

if [ ! -x "$B/bin/chameleon-holder" ]; then
	refused --set device=cuda
	has 'this build has no CUDA backend' "$dir/refused"
	exit 0
fi
refused --set device=cuda:99
has 'device: cuda:99' "$dir/refused"
refused --set device=cuda:x
has 'want auto, cpu, cuda or cuda:N' "$dir/refused"
if ! "$B/bin/chameleon-holder" --probe 0 | grep -q '^ok '; then
	refused --set device=cuda
	has "$("$B/bin/chameleon-holder" --probe 0 | cut -c 1-40)" \
	    "$dir/refused"
	device=auto
	start
	has 'device=cpu' "$dir/1/out"
	quiz --adapter reverse --requests 1
	stop
	exit 0
fi
refused --set device=cuda --set memory.device_bytes=4TiB
has 'memory.device_bytes' "$dir/refused"
refused --set device=cuda --set dtype=f32
has 'dtype: f32' "$dir/refused"
