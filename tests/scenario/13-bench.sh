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
stop
