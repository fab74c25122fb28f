# Prometheus scrapes the engine and knows what `stats` tells; whoever dies, the
# metrics come back and no counter falls; alerts and dashboard are such as
# Prometheus understands.
. tests/scenario/lib.sh

prometheus=
end_all()
{
	status=$?
	[ -z "$prometheus" ] || {
		kill -KILL "$prometheus" 2>/dev/null || :
		wait "$prometheus" 2>/dev/null || :
	}
	set +e # or what comes next ends it
	(exit $status)
	clean_up
}
trap end_all EXIT

metrics_option="--set metrics.listen=127.0.0.1:0"
start
has ' adapters=20 metrics=127' "$dir/1/log"
[ -n "$(metrics)" ] || fail "no metrics in: $(cat "$dir/1/out")"
get /health >"$dir/health" || fail "not well: $(cat "$dir/health")"
quiz --requests 200 --in-flight 16

# sample NAME: its value, as served now.
sample()
{
	get /metrics | awk -v name="$1" '$1 == name { print $2 }'
}

# stat PROCESS NAME: the same as `stats` has it.
stat()
{
	echo '{"op":"stats","id":1}' | ask | tr -d ' ' |
	    sed 's/.*"'"$1"'":{\([^}]*\)}.*/\1/' | tr ',' '\n' |
	    sed -n 's/^"'"$2"'"://p'
}

finished='chameleon_requests_total{state="finished"}'
[ "$(sample "$finished")" = "$(stat frontend finished)" ] ||
    fail "finished: $(sample "$finished"), stats: $(stat frontend finished)"
[ "$(sample "$finished")" = 200 ] || fail "finished: $(sample "$finished")"
# How adapters were used adds up to what the scheduler says of all.
uses=$(get /metrics | awk '/^chameleon_per_adapter_(hit|misse)s_total/ {
	n += $2 } END { print n }')
[ "$uses" = $(($(stat scheduler hits) + $(stat scheduler misses))) ] ||
    fail "uses of adapters: $uses"

# Where the time went: the stages are all of it.
get /metrics | awk '/^chameleon_stage_seconds_sum/ { stages += $2 }
/^vllm:request_(queue|inference)_time_seconds_sum/ { halves += $2 }
/^vllm:e2e_request_latency_seconds_sum/ { whole = $2 }
END { print stages, halves, whole
	exit !(whole > 0 && (stages - whole) ^ 2 < 1e-6 &&
	    (halves - whole) ^ 2 < 1e-6) }' >"$dir/stages" ||
    fail "stages, halves, whole: $(cat "$dir/stages")"

# Where the listener is somebody's already: who has asked for it is told so.
E=2
s=0
launch --set metrics.listen="$(E=1 metrics)"
wait "$(engine_pid)" || s=$?
rm "$dir/2/pid"
[ $s -eq 100 ] || fail "status $s where the metrics' port is taken"
has 'metrics.listen: .*the port is in use' "$dir/2/log"
# Of two that nobody has told a port, one at most has it, and both serve.
metrics_option=
start
E=3
start
has_not 'metrics=' "$dir/3/out"
has 'no metrics are served reason=.*metrics.listen: .*in use' "$dir/3/log"
quiz
stop
E=2
stop
E=1

# ---------------------------------------------------------- with Prometheus

scrape()
{
	cat >"$dir/prometheus.yml" <<-END
	global: {scrape_interval: 500ms, evaluation_interval: 500ms}
	rule_files: ['$PWD/etc/prometheus/rules.yml']
	scrape_configs:
	  - job_name: chameleon
	    static_configs: [{targets: ['$(metrics)']}]
	END
	prometheus --config.file="$dir/prometheus.yml" \
	    --web.listen-address=127.0.0.1:0 \
	    --storage.tsdb.path="$dir/data" >"$dir/prometheus.log" 2>&1 &
	prometheus=$!
	until_true 60 grep -q 'msg="Listening on"' "$dir/prometheus.log"
	at=$(sed -n 's/.*msg="Listening on" address=\([^ ]*\).*/\1/p' \
	    "$dir/prometheus.log" | head -n 1)
}

# knows VALUE STATE: what Prometheus has of chameleon_requests_total.
knows()
{
	"$B/tools/get" "$at" '/api/v1/query?query=chameleon_requests_total' |
	    tr '{' '\n' | grep '"state":"'"$2"'"' -A 1 | tr -d '\n' |
	    grep -q '"state":"'"$2"'".*,"'"$1"'"\]'
}

# Ours without a word; of vLLM's it minds the names, which are vLLM's.
lint()
{
	get /metrics >"$dir/page"
	grep -v 'vllm:' "$dir/page" | promtool check metrics >"$dir/lint" 2>&1 ||
	    fail "promtool: $(cat "$dir/lint")"
	[ ! -s "$dir/lint" ] || fail "promtool: $(cat "$dir/lint")"
	promtool check metrics <"$dir/page" 2>&1 |
	    grep -v "^vllm:[a-z0-9_]* metric names should not contain ':'\$" |
	    grep -v '^vllm:iteration_tokens_total non-counter metrics should' \
		>"$dir/lint" || :
	[ ! -s "$dir/lint" ] || fail "promtool: $(cat "$dir/lint")"
}

# Without vLLM's names it has nothing to say at all.
lint_own()
{
	E=4
	start --set metrics.listen=127.0.0.1:0 --set metrics.vllm_names=no
	quiz --requests 20
	get /metrics >"$dir/page"
	promtool check metrics <"$dir/page" >"$dir/lint" 2>&1 ||
	    fail "promtool: $(cat "$dir/lint")"
	[ ! -s "$dir/lint" ] || fail "promtool: $(cat "$dir/lint")"
	stop
	E=1
}

# Every expression of the dashboard, as rules: promtool reads them all.
dashboard()
{
	echo 'groups: [{name: dashboard, rules: ['
	sed -n 's/^ *"expr": \(".*"\),*$/\1/p' etc/grafana/chameleon.json |
	    sed 's/\$__rate_interval/1m/g; s/\$instance/.*/g' |
	    awk '{ printf "{record: \"panel_%d\", expr: %s},\n", NR, $0 }'
	echo ']}]'
}

if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
	lint
	lint_own
	promtool check rules etc/prometheus/rules.yml
	promtool test rules tests/fixtures/rules_test.yml
	promtool check config etc/prometheus/prometheus.yml
	dashboard >"$dir/dashboard.yml"
	promtool check rules "$dir/dashboard.yml" >"$dir/rules" 2>&1 ||
	    fail "dashboard: $(cat "$dir/rules")"
	cat "$dir/rules"
	scrape
	until_true 60 knows 200 finished
	quiz --requests 50
	until_true 60 knows 250 finished
	until_true 60 knows "$(stat frontend refused)" refused
else
	echo "skipped: prometheus is not installed: tools/deps.sh tests"
	quiz --requests 50
fi

# ------------------------------------------------------------ whoever dies

restarts()
{
	[ "$(sample "chameleon_restarts_total{role=\"$1\"}")" = "$2" ]
}

# A page that Prometheus has just been given is given again, so a number may come a
# moment later.
finished_are()
{
	n=$(sample "$finished")
	echo "finished: $n, there were $1"
	[ "$n" = "$1" ]
}

quiz --requests 2000 --in-flight 32 >"$dir/traffic" &
traffic=$!
kill_role monitor
until_true 60 reborn monitor
until_true 60 restarts monitor 1
wait $traffic || fail "traffic while monitor was killed: $(cat "$dir/traffic")"
has 'wrong 0 errors 0 lost 0' "$dir/traffic"
until_true 60 finished_are 2250
for role in loader gpuexec scheduler frontend; do
	kill_role $role
	until_true 60 reborn $role
	until_true 60 restarts $role 1
	until_true 60 get /health
done
quiz --requests 50
until_true 60 finished_are 2300
[ -z "$prometheus" ] || until_true 60 knows 2300 finished
stop
