# What is wrong in a configuration is said with file, line and range, before
# anything starts.
. tests/scenario/lib.sh

refused()
{
	s=0
	"$B/bin/chameleon" serve "$@" --set instance="$(name 9)" \
	    --set run_dir="$dir" >"$dir/out" 2>"$dir/err" || s=$?
	[ $s -eq 100 ] || {
		cat "$dir/err"
		fail "status $s of: $*"
	}
}

printf 'model: models/demo\nscheduler:\n  batch_max: 0\n' >"$dir/a.yaml"
refused -c "$dir/a.yaml"
has 'a.yaml:3: scheduler.batch_max: 0: want 1..4096 requests' "$dir/err"
printf 'modle: models/demo\n' >"$dir/b.yaml"
refused -c "$dir/b.yaml"
has "b.yaml:1: unknown setting 'modle'; did you mean 'model'?" "$dir/err"
refused -c "$dir/none.yaml"
has 'none.yaml' "$dir/err"
refused --set model=models/none
has 'models/none' "$dir/err"
refused --set slots=many
has 'slots: many: want 1..65536 requests' "$dir/err"
refused --set memory.device_bytes=1KiB
has 'memory.device_bytes' "$dir/err"
refused --set model=models/demo --set state_dir="$dir/none/state"
has "state_dir: '.*/none/state' is not there and cannot be made; make it" "$dir/err"
s=0
"$B/bin/chameleon" check --set model=models/demo \
    --set state_dir="$dir/none/state" 2>"$dir/err" || s=$?
[ $s -eq 1 ] || fail "status $s of a check"
has 'state_dir: ' "$dir/err"
refused --set listen=nowhere
has 'nowhere' "$dir/err"
"$B/bin/chameleon" check --set model=models/demo >"$dir/plan"
has '^sum ' "$dir/plan"
"$B/bin/chameleon" check -c etc/chameleon.yaml >"$dir/plan"
