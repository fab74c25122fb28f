# The bytes of adapters on the GPU change while nobody looks.  The next loader
# finds it, copies them again, and the answers are right.
. tests/scenario/lib.sh

needs_stand_in
said() # how often, what
{
	[ "$(grep -c "compared with their copies $2" "$dir/1/log")" -eq "$1" ]
}
start --set scheduler.batch_max=4
for a in sort reverse; do
	quiz --adapter $a --requests 1
done
kill_role loader
until_true 60 said 1 'same=2 changed=0'

pool=$(ls -S /dev/shm/cudasim.*."$(role_pid holder)".* | head -n 1)
for at in $(grep -obUa CHLORA01 "$pool" | cut -d : -f 1); do
	printf wrong | dd of="$pool" bs=1 seek=$((at + 300000)) conv=notrunc \
	    2>/dev/null
done
kill_role loader
until_true 60 said 1 'same=0 changed=2'
has 'have changed since they were copied there.*adapter=sort' "$dir/1/log"
for a in sort reverse; do
	quiz --adapter $a --requests 2
done
# A third one finds all well.
kill_role loader
until_true 60 said 2 'same=2 changed=0'
stop
