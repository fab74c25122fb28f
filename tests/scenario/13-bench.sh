# `bench` loads an engine and reports what came back, as a table and as JSON.
. tests/scenario/lib.sh

start
"$B/bin/chameleon" bench --connect "$(address)" --requests 40 \
    --concurrency 8 --adapters round-robin --prompt-tokens 4:16 \
    --output-tokens 8 --json "$dir/result.json" >"$dir/table"
has '40 completed, 0 failed' "$dir/table"
for key in requests completed failed duration_s throughput_rps tokens_per_s \
    ttft_ms tbt_ms e2e_ms hit_rate mean p50 p90 p99 loads load_bytes squashed \
    worst_wait_ms seed system; do
	has "\"$key\":" "$dir/result.json"
done
"$B/bin/chameleon" bench --connect "$(address)" --requests 30 --rate 200 \
    --adapters zipf:1.1 --output-tokens 4 --json - 2>"$dir/table" |
	grep -q '"completed": 30,' || fail "not all of 30 at a rate"
printf '%s\n' TIMESTAMP,ContextTokens,GeneratedTokens \
    '2023-11-16 18:15:46.68,37,4' '2023-11-16 18:15:46.99,39,10' \
    >"$dir/trace.csv"
"$B/bin/chameleon" bench --connect "$(address)" --trace "$dir/trace.csv" \
    >"$dir/table"
has '2 completed, 0 failed' "$dir/table"

# What is written names its adapters, and engine and simulator replay it.
"$B/bin/chameleon" bench --connect "$(address)" --requests 30 --rate 100 \
    --adapters zipf:1 --prompt-tokens 4:16 --output-tokens 4:8 \
    --write-trace "$dir/named.csv" >"$dir/table"
has '# adapter .* rank=.* bytes=' "$dir/named.csv"
"$B/bin/chameleon" bench --connect "$(address)" --trace "$dir/named.csv" \
    --warm-up 0.1 --json "$dir/engine.json" >"$dir/table"
has '"with_adapter"\|hit rate' "$dir/table"
"$B/bin/chameleon" sim --cost etc/sim/measured.yaml --system chameleon \
    --trace "$dir/named.csv" --warm-up 0.1 --set policy.predictor=max_tokens \
    --max-tokens output --json "$dir/sim.json" >"$dir/table"
for key in requests completed failed; do
	[ "$(grep "^  \"$key\"" "$dir/engine.json")" = \
	    "$(grep "^  \"$key\"" "$dir/sim.json")" ] ||
		fail "engine and simulator count other $key"
done
stop
