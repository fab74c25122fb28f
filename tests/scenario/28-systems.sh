# The paper's systems can be served, too: what a simulator would know of lengths is
# learned here, and every answer is right.
. tests/scenario/lib.sh

for system in s-lora chameleon best; do
	E=$system
	start --system $system
	quiz --requests 128 --in-flight 32 --connections 2
	echo '{"op":"get","id":1,"key":"policy.predictor"}' | ask_admin \
	    >"$dir/reply"
	has '"value":"learned","from":"system"' "$dir/reply"
	stop
done
