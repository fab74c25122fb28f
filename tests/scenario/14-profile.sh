# `bench` measures an engine step by step, and fits the simulator's cost model.
. tests/scenario/lib.sh

start --set loader.link_copies=2
has 'each byte is copied to the device 2 times' "$dir/1/log"
"$B/bin/chameleon" bench --profile "$dir/profile.csv" \
    --instance "$(name 1)" --seconds 0.01 --context 64 2>"$dir/told"
has '^# model: demo' "$dir/profile.csv"
for kind in step load adapter; do
	has "^$kind," "$dir/profile.csv"
done
"$B/bin/chameleon" bench --fit "$dir/profile.csv" \
    --cost-out "$dir/cost.yaml" >"$dir/told"
has '^steps with prompts' "$dir/told"
has '^loads from host' "$dir/told"
has 'the link was emulated' "$dir/told"
has '^step_fixed_ms: ' "$dir/cost.yaml"

# The model is judged by what it was not made from.
"$B/bin/chameleon" bench --connect "$(address)" --requests 100 \
    --concurrency 8 --adapters uniform --output-tokens 8 \
    --samples "$dir/samples.csv" --instance "$(name 1)" >"$dir/told"
"$B/bin/chameleon" bench --fit "$dir/samples.csv" --cost "$dir/cost.yaml" \
    >"$dir/told"
has '^steps of answers' "$dir/told"

# Who may not send adapters away is told so.
! "$B/bin/chameleon" bench --profile "$dir/other.csv" --instance "$(name 1)" \
    --connect "$(address)" 2>"$dir/told" || fail 'a profile over TCP'
has 'leave out --connect' "$dir/told"
stop
