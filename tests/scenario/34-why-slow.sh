# Every answer says where its time went, and a slow one leaves a line in the log:
# the adapter, memory or the batch, whichever it was.
. tests/scenario/lib.sh

# timing FILE ID: the members of that answer's timing, one a line, in front of
# them where they belong: "ttft_ms 12.345", "queue.memory_ms 0.000".
timing()
{
	grep "\"id\":\"$2\"" "$1" | tail -n 1 |
	    sed -n 's/.*"timing":{\([^{]*\),"queue":{\([^}]*\)},"adapter":{\([^}]*\)}.*/\1\nqueue,\2\nadapter,\3/p' |
	    awk -F, '{
		first = $1 ~ /^(queue|adapter)$/ ? 2 : 1
		for (i = first; i <= NF; i++) {
			gsub(/"/, "", $i)
			sub(/:/, " ", $i)
			print (first == 2 ? $1 "." : "") $i
		}
	    }' >"$dir/timing"
	[ -s "$dir/timing" ] || {
		cat "$1"
		fail "no timing of $2"
	}
}

# is EXPRESSION: over the members, '.' written '_'.
is()
{
	awk -v what="$1" '{ gsub(/\./, "_", $1); printf "%s=%s;", $1, $2 }
	    END { printf "exit !(%s)\n", what }' "$dir/timing" >"$dir/awk"
	awk "BEGIN { $(cat "$dir/awk") }" </dev/null || {
		cat "$dir/timing"
		fail "not so: $1"
	}
}

# The parts add up, to the microsecond.
adds_up()
{
	is "(queue_ms+adapter_ms+prefill_ms-$1)^2 < 1e-8"
	is '(queue_quota_ms+queue_memory_ms+queue_adapter_ms+queue_batch_ms+queue_interval_ms+queue_other_ms-queue_ms)^2 < 1e-8'
	is 'ttft_ms+decode_ms <= total_ms+0.0001'
	is 'longest_gap_ms <= decode_ms'
}

# Its adapter.  The load takes 700 ms, and it is all that is slow.
start --set loader.delay_ms=700 --set frontend.slow_ms=500 \
    --set scheduler.batch_max=1 --set policy.admission=fifo
echo '{"id":"a","model":"roman","prompt":"7 ="}' | ask >"$dir/reply"
has '"source":"disk"' "$dir/reply"
timing "$dir/reply" a
adds_up ttft_ms
is 'ttft_ms >= 700'
has 'slow request request="a" .*adapter=roman .*ttft_ms=' "$dir/1/log"
echo '{"id":"b","model":"roman","prompt":"7 ="}' | ask >"$dir/reply2"
timing "$dir/reply2" b
adds_up ttft_ms
is 'adapter_ms == 0 && adapter_disk_ms == 0 && adapter_copy_ms == 0'
# Too late for it: the error says what it has waited for.
echo '{"id":"l","model":"reverse","prompt":"7 =","timeout_ms":200}' |
    ask >"$dir/late"
has '"code":"deadline"' "$dir/late"
timing "$dir/late" l
adds_up total_ms
is 'ttft_ms == 0 && queue_ms+adapter_ms >= 200'
# The batch: one runs, a second waits.
{
	echo '{"id":"c","prompt":"Once","max_tokens":400,"ignore_eos":true}'
	echo '{"id":"d","prompt":"Once","max_tokens":1}'
} | ask >"$dir/batch"
timing "$dir/batch" d
adds_up ttft_ms

timing "$dir/reply" a
is 'adapter_ms >= 600'
is 'adapter_disk_ms > 0 && adapter_disk_ms+adapter_copy_ms <= ttft_ms'
has 'slow request .* adapter_ms=[0-9]*[0-9][0-9][0-9]\.' "$dir/1/log"
timing "$dir/late" l
is 'queue_adapter_ms+adapter_ms > queue_ms/2'
timing "$dir/batch" d
is 'queue_batch_ms > 0 && queue_batch_ms >= queue_memory_ms+queue_quota_ms'
stop

# Memory: there is room for one long request; a second waits for it.
E=2
start --set context=512 --set memory.device_bytes=2MiB \
    --set memory.chunk_bytes=256KiB --set policy.admission=fifo \
    --set policy.reserve=max
{
	i=0
	while [ $i -lt 8 ]; do
		echo "{\"id\":\"m$i\",\"prompt\":\"Once\",\"max_tokens\":450," \
		    "\"ignore_eos\":true}"
		i=$((i + 1))
	done
} | ask --timeout 120 >"$dir/memory"
timing "$dir/memory" m7
adds_up ttft_ms
is 'queue_memory_ms > queue_ms/2'
stop
