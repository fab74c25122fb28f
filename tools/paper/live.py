#!/usr/bin/env python3
"""The paper's systems on the real engine, and the simulator's forecast of each.

One trace, one seed, one run a system: the engine serves it on the cpu backend,
over a link that the loader holds to a rate (emulation); the simulator serves it
at a cost that was measured on the same engine just before.  Writes what both
say, and how far apart they are, as Markdown and as JSON.

    make paper-live
    tools/paper/live.py --under 'chrt -r 1' --rate 20 --systems s-lora,chameleon
"""
import argparse
import json
import math
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import time

SYSTEMS = "s-lora,s-lora-sjf,cache-only,scheduler-only,chameleon"
TOKENS_MAX = 240  # of prompt or answer: both fit the demo's context
RANKS = (8, 16, 32, 64)
END_S = 60
REPORT = """# The engine against its simulator

Written by `make paper-live` (`tools/paper/live.py`), {day}. One trace, one
seed, {turns} a system: the real engine serves it, then the simulator
with the cost model that was measured on the same engine between the runs. The
bars: throughput within {rps_bar} %, P99 TTFT within {p99_bar} %.

{verdicts}
`engine computes` is the share of time in which a step was under way; `steps
told / measured` compares the cost model with the sum of all steps of that run;
`others' share` is what other processes took of all processors meanwhile, and
`stolen` what the hypervisor did.

## Numbers

Times in ms; TBT and E2E are means. TTFT is the client's: it includes sockets
and JSON. Counts of loads and squashes are of the whole run, all else without the
warm-up. An error is simulator over engine, less 1.

{table}
{ratios}
## What was run

* {cores} cores, {machine}; `cpu` backend, {o.threads} computing thread(s); programs
  were started under `{under}`. A machine that is shared disturbs the engine, not
  the simulator: see the shares.
* Model `{o.model}` with {o.adapters} random adapters of ranks 8, 16, 32 and 64
  on all seven modules; popularity Zipf {o.zipf} over all of them, every rank as
  popular.
* {asked} requests, Poisson at {o.rate:g}/s, the first {o.warm_up:g} s not counted;
  prompts and answers log-normal with means of {o.prompt:g} and {o.output:g} tokens
  (sigma 1, at most 240 each); answers have exactly their length, and both worlds
  know it: `policy.predictor=max_tokens`.
* **The link is an emulation**: `loader.link_bytes_per_s={o.link}` holds copies to
  {link} MB/s, so that an adapter of rank 64 takes {rank64} ms to cross it once.
* `memory.device_bytes={o.pool_mib}MiB scheduler.batch_max={o.batch}
  policy.slo_ms={o.slo_ms} policy.refresh_ms={o.refresh_ms}`, for all systems alike.

## The cost model

```
{fitted}
```

Nothing was tuned by system: one model is fitted to all profiles, which lie
before, between and after the runs.

## What this does and does not show

* Requests come by the clock and the engine keeps up, so that both worlds have the
  throughput of the trace unless one of them falls behind: that bar is a weak one.
  Times, hits and loads are the stronger ones.
* The setting was chosen by the simulator so that P99 TTFT depends on the link more
  than on the last per cent of a step's cost. With `--batch 4 --pool-mib 24 --link
  100000000`, where bursts wait for the batch, 5 % more a step are up to 19 % more
  P99 TTFT; two runs there had the three systems without a cache within 7 %,
  and chameleon at +26 and +23 %, cache-only at +24 and -2 %.
* Schedulers hardly differ here: the queue is short. What differs is the cache.
"""
TICKS = os.sysconf("SC_CLK_TCK")


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = p.add_argument
    add("--build", default="build", help="where the programs are")
    add("--work", default="build/paper/live", help="for files on the way")
    add("--out", default="docs/LIVE.md", help="the report")
    add("--systems", default=SYSTEMS)
    add("--repeats", type=int, default=1, help="runs a system; medians count")
    add("--model", default="models/demo")
    add("--cost", help="a cost model; none: profile the engine and fit")
    add("--profile-s", type=float, default=15, help="before each round of it")
    add("--adapters", type=int, default=96, help="of ranks 8, 16, 32, 64")
    add("--rate", type=float, default=60, help="requests a second")
    add("--seconds", type=float, default=60, help="that count, a system")
    add("--warm-up", type=float, default=10, help="seconds before them")
    add("--prompt", type=float, default=85, help="tokens in the mean")
    add("--output", type=float, default=100, help="tokens in the mean")
    add("--zipf", type=float, default=1.0)
    add("--seed", type=int, default=1)
    add("--pool-mib", type=int, default=20)
    add("--batch", type=int, default=8)
    add("--link", type=int, default=80_000_000, help="bytes/s of the link")
    add("--slo-ms", type=int, default=300)
    add("--refresh-ms", type=int, default=5000)
    add("--threads", type=int, default=1, help="that compute")
    add("--under", default="", metavar="WORDS",
        help="what all programs are started with, as 'chrt -r 1'")
    return p.parse_args()


# Of a result: title, how it is written, where it is.
COLUMNS = [
    ("requests/s", "{:.2f}", lambda r: r["throughput_rps"]),
    ("TTFT P50", "{:.2f}", lambda r: r["ttft_ms"]["p50"]),
    ("P90", "{:.2f}", lambda r: r["ttft_ms"]["p90"]),
    ("P99", "{:.2f}", lambda r: r["ttft_ms"]["p99"]),
    ("TBT", "{:.3f}", lambda r: r["tbt_ms"]["mean"]),
    ("E2E", "{:.2f}", lambda r: r["e2e_ms"]["mean"]),
    ("hits", "{:.3f}", lambda r: r["hit_rate"]),
    ("loads", "{:.0f}", lambda r: r["loads"]),
    ("squashed", "{:.0f}", lambda r: r["squashed"]),
]
RPS_BAR, P99_BAR = 0.10, 0.20


class Live:
    """Programs, files and settings of it all."""

    def __init__(self, o):
        self.o = o
        self.dir = pathlib.Path(o.work).resolve()
        self.dir.mkdir(parents=True, exist_ok=True)
        self.program = str(pathlib.Path(o.build).resolve() / "bin/chameleon")
        self.trace = self.dir / "trace.csv"
        self.cost = pathlib.Path(o.cost) if o.cost else self.dir / "cost.yaml"
        self.log = open(self.dir / "log.txt", "w")

    def call(self, *words):
        """Runs the program to its end and returns what it printed."""
        line = self.under() + [self.program] + [str(w) for w in words]
        print("+", " ".join(line), file=self.log, flush=True)
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True,
                              stderr=self.log, check=False)
        if done.returncode != 0:
            sys.exit(f"live: failed ({done.returncode}): {' '.join(line)}\n"
                     f"see {self.log.name}")
        return done.stdout

    def under(self):
        return self.o.under.split()

    def policy(self):
        """Settings that engine and simulator share, beside the system's."""
        return ["policy.predictor=max_tokens",
                f"policy.slo_ms={self.o.slo_ms}",
                "policy.layer_stream=no",  # the simulator waits for the whole
                f"policy.refresh_ms={self.o.refresh_ms}",
                f"loader.link_bytes_per_s={self.o.link}"]

    def engine(self):
        """The engine's own, beside these."""
        return [f"model={self.o.model}", f"adapters={self.dir}/adapters",
                f"threads={self.o.threads}", "listen=127.0.0.1:0", "metrics.listen=",
                f"scheduler.batch_max={self.o.batch}"]


class Engine:
    """An engine that runs while the block does."""

    def __init__(self, live, name, sets, system=None):
        self.live, self.instance = live, f"live-{os.getpid()}-{name}"
        words = [live.program, "serve"]
        words += ["--system", system] if system else []
        for s in [f"instance={self.instance}"] + live.engine() + sets:
            words += ["--set", s]
        self.words = live.under() + words

    def __enter__(self):
        print("+", " ".join(self.words), file=self.live.log, flush=True)
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE,
                                        stderr=self.live.log, text=True)
        line = self.process.stdout.readline().split()
        if not line or line[0] != "ready":
            self.process.wait()
            sys.exit(f"live: no engine; see {self.live.log.name}")
        self.address = dict(w.split("=", 1) for w in line[1:])["listen"]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def ticks(self):
        """Of the processor, so far: the supervisor's and its children's."""
        total = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                words = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if self.process.pid in (int(stat.parent.name), int(words[1])):
                total += int(words[11]) + int(words[12])
        return total


class Machine:
    """Who used the processors between two moments."""

    def __init__(self, engine):
        self.engine = engine
        self.before = self.now()

    def now(self):
        with open("/proc/stat") as f:
            n = [int(w) for w in f.readline().split()[1:9]]
        ours = os.times()
        return {"all": sum(n), "idle": n[3] + n[4], "steal": n[7],
                "engine": self.engine.ticks(),
                "client": (ours.children_user + ours.children_system) * TICKS}

    def shares(self):
        """Each as a share of all processors; others: not ours, not stolen."""
        now = self.now()
        n = {k: now[k] - self.before[k] for k in now}
        n["others"] = (n["all"] - n["idle"] - n["steal"] - n["engine"] -
                       n["client"])
        return {k: max(0.0, n[k] / n["all"]) for k in n if k != "all"}


def make_adapters(live):
    """So named that in the order of names every rank is as popular."""
    for i in range(live.o.adapters):
        rank = RANKS[i % len(RANKS)]
        out = live.dir / "adapters" / f"a{i:03d}-r{rank}"
        if not out.exists():
            live.call("synth", "adapter", "--model", live.o.model, "--rank",
                      rank, "--seed", i + 1, "--out", out)


def profile(live, part):
    """What steps and loads cost: an engine with room, on a link unhindered."""
    out = live.dir / f"profile-{part}.csv"
    with Engine(live, "profile", []) as e:
        live.call("bench", "--profile", out, "--instance", e.instance,
                  "--seconds", live.o.profile_s, "--seed", part + 1)
    return out


def fit(live, parts):
    """One cost model from all parts: the machine is not the same all along."""
    heads, rows = [], []
    for part in parts:
        lines = part.read_text().splitlines()
        marks = [line for line in lines if line.startswith("#")]
        heads.append(dict(m[2:].split(": ", 1) for m in marks if ": " in m))
        rows += lines[len(marks):] if not rows else lines[len(marks) + 1:]
    for key in ("lone_us", "beside_us"):
        heads[0][key] = round(statistics.median(int(h[key]) for h in heads))
    head = [marks[0]] + [f"# {k}: {v}" for k, v in heads[0].items()]
    whole = live.dir / "profile.csv"
    whole.write_text("\n".join(head + rows) + "\n")
    return live.call("bench", "--fit", whole, "--cost-out", live.cost)


def draw_tokens(rng, mean, sigma, most):
    n = rng.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)
    return min(most, max(1, round(n)))


def write_trace(live):
    """Poisson arrivals, log-normal lengths; the bench adds the adapters."""
    o, rng, at = live.o, random.Random(live.o.seed), 0.0
    plain = live.dir / "lengths.csv"
    with open(plain, "w") as f:
        while at < o.warm_up + o.seconds:
            print(f"{at:.6f},{draw_tokens(rng, o.prompt, 1, TOKENS_MAX)},"
                  f"{draw_tokens(rng, o.output, 1, TOKENS_MAX)}", file=f)
            at += rng.expovariate(o.rate)
    with Engine(live, "trace", []) as e:
        live.call("bench", "--connect", e.address, "--trace", plain,
                  "--adapters", f"zipf:{o.zipf}", "--seed", o.seed,
                  "--write-trace", live.trace)


def busy(path):
    """Share of the time in which the engine computed, from its samples."""
    took, first, last = 0, None, 0
    with open(path) as f:
        rows = (line.rstrip("\n").split(",") for line in f
                if not line.startswith("#"))
        head = next(rows)
        at = {name: i for i, name in enumerate(head)}
        for row in rows:
            if row[at["kind"]] != "step":
                continue
            start = int(row[at["started_ns"]])
            took += int(row[at["took_ns"]]) + int(row[at["gap_ns"]] or 0)
            first, last = first or start, start
    return took / (last - first) if first and last > first else 0


def run_engine(live, system, turn):
    o, samples = live.o, live.dir / f"samples-{system}-{turn}.csv"
    sets = live.policy() + [f"memory.device_bytes={o.pool_mib}MiB"]
    with Engine(live, system, sets, system) as e:
        machine = Machine(e)
        text = live.call("bench", "--connect", e.address, "--trace",
                         live.trace, "--warm-up", o.warm_up, "--seed", o.seed,
                         "--system", system, "--json", "-", "--instance",
                         e.instance, "--samples", samples, "--csv",
                         samples.with_name(f"engine-{system}-{turn}.csv"))
        result = json.loads(text)
        result["machine"] = machine.shares()
    result["busy"] = busy(samples)
    result["samples"] = str(samples)
    return result


def judge_steps(live, samples):
    """Sums of steps as the cost model tells them, over the measured ones."""
    text = live.call("bench", "--fit", samples, "--cost", live.cost)
    for line in text.splitlines():
        if line.startswith("32 steps in a row"):
            return float(line.split()[-1])
    return 0


def run_sim(live, system):
    o = live.o
    sets = [w for s in live.policy() for w in ("--set", s)]
    cost = {"pool_bytes": o.pool_mib << 20, "batch_max": o.batch}
    costs = [w for k, v in cost.items() for w in ("--cost-set", f"{k}={v}")]
    return json.loads(live.call(
        "sim", "--cost", live.cost, "--system", system, "--trace", live.trace,
        "--max-tokens", "output", "--warm-up", o.warm_up, "--seed", o.seed,
        "--slo-ms", o.slo_ms, "--json", "-", "--quiet", "--csv",
        live.dir / f"sim-{system}.csv", *sets, *costs))


def error(engine, sim):
    return sim / engine - 1 if engine else 0.0


def line(*cells):
    return "| " + " | ".join(cells) + " |\n"


def table(both):
    text = line("system", "", *(c[0] for c in COLUMNS))
    text += "|---|---|" + "--:|" * len(COLUMNS) + "\n"
    for system, (e, s) in both.items():
        for name, r in ("engine", e), ("simulator", s):
            text += line(system if r is e else "", name,
                         *(form.format(get(r)) for _, form, get in COLUMNS))
        text += line("", "error", *(f"{100 * error(get(e), get(s)):+.1f} %"
                                    for _, _, get in COLUMNS))
    return text


def within(e, s):
    """Errors of throughput and P99 TTFT, and whether both are in the bars."""
    rps = error(e["throughput_rps"], s["throughput_rps"])
    p99 = error(e["ttft_ms"]["p99"], s["ttft_ms"]["p99"])
    return rps, p99, abs(rps) <= RPS_BAR and abs(p99) <= P99_BAR


def verdicts(both):
    text = line("system", "requests/s", "P99 TTFT", "within both bars",
                "engine computes", "steps told / measured",
                "others' share", "stolen")
    text += "|---|--:|--:|---|--:|--:|--:|--:|\n"
    for system, (e, s) in both.items():
        rps, p99, good = within(e, s)
        m = e["machine"]
        text += line(system, f"{100 * rps:+.1f} %", f"{100 * p99:+.1f} %",
                     "yes" if good else "**no**", f"{100 * e['busy']:.0f} %",
                     f"{e['steps']:.2f}", f"{100 * m['others']:.0f} %",
                     f"{100 * m['steal']:.0f} %")
    return text


def ratios(both):
    """P99 TTFT of each over that of the first."""
    text = line("P99 TTFT over " + next(iter(both)) + "'s", "engine",
                "simulator") + "|---|--:|--:|\n"
    first = next(iter(both.values()))
    for system, pair in both.items():
        text += line(system, *(f"{r['ttft_ms']['p99'] / f['ttft_ms']['p99']:.2f}"
                               for r, f in zip(pair, first)))
    return text


def report(live, both, fitted):
    o = live.o
    asked = sum(1 for row in live.trace.read_text().splitlines()
                if row[0].isdigit())
    return REPORT.format(
        o=o, turns="one run" if o.repeats == 1 else
        f"the medians of {o.repeats} runs", under=o.under or "nothing",
        table=table(both), verdicts=verdicts(both), ratios=ratios(both), asked=asked,
        fitted=fitted.rstrip() or f"given: {o.cost}", cores=os.cpu_count(),
        machine=cpu_name(), day=time.strftime("%Y-%m-%d"),
        link=f"{o.link / 1e6:g}", rank64=f"{64 * 18.7e3 / o.link * 1e3:.0f}",
        rps_bar=f"{100 * RPS_BAR:.0f}", p99_bar=f"{100 * P99_BAR:.0f}")


def cpu_name():
    with open("/proc/cpuinfo") as f:
        for row in f:
            if row.startswith("model name"):
                return row.split(":", 1)[1].strip()
    return platform.machine()


def measure(live):
    """Runs of every system, by name, with profiles between; and what the fit
    says."""
    systems, parts = live.o.systems.split(","), []
    runs = {system: [] for system in systems}
    for turn in range(live.o.repeats):
        for system in systems:
            if not live.o.cost:
                parts.append(profile(live, len(parts)))
            runs[system].append(run_engine(live, system, turn))
            show(f"{system}, engine", runs[system][-1])
    if live.o.cost:
        return runs, ""
    parts.append(profile(live, len(parts)))
    return runs, fit(live, parts)


def show(name, r):
    print(f"{name:26}" + ", ".join(f"{title} {form.format(get(r))}" for
                                   title, form, get in COLUMNS), flush=True)


def median(runs):
    """One run for several: each number's median."""
    first = runs[0]
    if isinstance(first, dict):
        return {k: median([r[k] for r in runs]) for k in first}
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return statistics.median(runs)
    return first


def main():
    live = Live(options())
    make_adapters(live)
    write_trace(live)
    runs, fitted = measure(live)
    both = {}
    for system, several in runs.items():
        for r in several:
            r["steps"] = judge_steps(live, r["samples"])
        both[system] = median(several), run_sim(live, system)
        show(f"{system}, simulator", both[system][1])
    result = {"options": vars(live.o), "fit": fitted, "runs": runs,
              "systems": both}
    (live.dir / "live.json").write_text(json.dumps(result, indent=1))
    pathlib.Path(live.o.out).write_text(report(live, both, fitted))
    print(f"see {live.o.out}")
    if not all(within(e, s)[2] for e, s in both.values()):
        sys.exit("live: not all within the bars")


if __name__ == "__main__":
    main()
