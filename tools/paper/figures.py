"""A function for each kind of figure: runs, a picture, and what to say of it.

Each takes the bench and its entry in experiments.py and gives a Section.  What
is said depends on the numbers: nothing here knows them beforehand.
"""

import bisect
import dataclasses
import math

import experiments as ex
import words as w
from bench import alone_ms
from plot import Plot
from stats import Mean, average, cdf, p99, percentile, share_at_most


@dataclasses.dataclass
class Section:
    lines: list          # Markdown below the heading
    verdict: str         # one word or two
    plot: Plot | None = None


def plot_of(entry, **more):
    return Plot(f"fig{entry['fig']:02}", **more)


def each(results, value):
    """Mean over seeds of what value says of a result."""
    return Mean([value(r) for r in results])


def ttft_s(which):
    return lambda r: r.ttft(which) / 1e3


def column(name):
    return lambda r: r.rows()[name]


def main_runs(bench, s, systems, loads):
    """Runs at the named loads, with every request: shared by many figures."""
    rps = {load: bench.named(s, load) for load in loads}
    got = bench.runs(s, systems, list(dict.fromkeys(rps.values())), rows=True)
    return {(system, load): got[system, rps[load]] for system in systems for load in loads}


# 2, 5: one request at a time, split by what it waits for

def idle_split(bench, s, prompt):
    """{rank: (base, adapter compute, loading)} in ms, of S-LoRA."""
    common = {"lengths": f"uniform:{prompt}:{prompt}", "max_tokens": 16}
    base = s.change(adapters=0, length_scale=1.0, **common)
    jobs = [idle_job(bench, base)] + [
        idle_job(bench, s.change(adapters=4, ranks=str(r), length_scale=1.0, **common))
        for r in ex.RANKS]
    first, *ranks = bench.lab.get(jobs)
    ground = first["ttft_ms"]["p50"]
    out = {}
    for rank, r in zip(ex.RANKS, ranks):
        load = percentile(sorted(r.rows()["load_wait_ms"]), 0.5)
        out[rank] = (ground, r["ttft_ms"]["p50"] - ground - load, load)
    return out


def idle_job(bench, s, system="S-LoRA", requests=40):
    return dataclasses.replace(
        bench.job(s, system, 0.002, 1, rows=True, slo_ms=60000.0, requests=requests),
        duration=None, warm_up=None)


def idle_ttft(bench, e):
    split = idle_split(bench, bench.setup(e["setup"]), e["prompt"])
    rows, good = [], True
    for rank, parts in split.items():
        total = sum(parts)
        good &= abs(total / e["paper_ms"][rank] - 1) <= 0.05
        rows.append([rank, e["paper_ms"][rank], w.num(total, 1), *(w.num(p, 1) for p in parts),
                     w.num(100 * parts[2] / total, 1) + " %"])
    lines = w.table(["rank", "paper, ms", "ours, ms", "base", "adapter compute", "loading",
                     "loading's share"], rows)
    base, compute, load = split[128]
    total = base + compute + load
    lines += ["", f"At rank 128 loading is {100 * load / total:.1f} % (paper 17.5 %), loading and "
              f"adapter compute {100 * (load + compute) / total:.1f} % (about 60 %). The cost "
              f"model was fitted to these five points, so this shows only that it "
              f"{'still gives' if good else 'no longer gives'} them; the prompt has "
              f"{e['prompt']} tokens. Nothing is random here."]
    p = plot_of(e)
    p.bars("TTFT, idle machine", "% of TTFT", [str(r) for r in split], [
        (name, [(100 * parts[i] / sum(parts), 0) for parts in split.values()])
        for i, name in enumerate(["base", "adapter compute", "loading"])], yrange=(0, 110))
    return Section(lines, "fitted" if good else "off", p)


def loading_share(bench, e):
    shares = {}
    for label, name in e["setups"].items():
        split = idle_split(bench, bench.setup(name), e["prompt"])
        shares[label] = {rank: parts[2] / sum(parts) for rank, parts in split.items()}
    lines = w.table(["rank", *shares], [[rank, *(w.num(shares[l][rank]) for l in shares)]
                                        for rank in ex.RANKS])
    label, rank, paper = e["paper_share"]
    ranks_up = all(v[a] < v[b] for v in shares.values() for a, b in zip(ex.RANKS, ex.RANKS[1:]))
    order = list(shares.values())
    cards_up = all(a[r] < b[r] for a, b in zip(order, order[1:]) for r in ex.RANKS)
    lines += ["", f"{label} at rank {rank}: {shares[label][rank]:.2f} (paper {paper}); this one "
              f"point is what the cost of a copy, 75 us, was fitted to, the others follow. The "
              f"share {'grows' if cards_up else 'does not always grow'} with the degree and "
              f"{'grows' if ranks_up else 'does not always grow'} with rank"
              + (", though little with rank: in this model the copies' number is what costs, and "
                 "it does not depend on rank." if ranks_up else
                 ". In this model the copies' number is what costs, and compute grows with rank "
                 "as well.")]
    p = plot_of(e)
    p.lines("loading's share of TTFT", "rank", "share",
            [(label, list(v.items())) for label, v in shares.items()], log="x", yrange=(0, 1),
            xrange=(6, 170), xtics=ex.RANKS,
            style="linespoints pt 7 ps 0.5")
    return Section(lines, "same shape" if ranks_up and cards_up else "partly", p)


def input_length(bench, e):
    s = bench.setup(e["setup"])
    curves, jobs = {}, []
    for rank in [0, *ex.RANKS]:
        for n in e["lengths"]:
            work = {"lengths": f"uniform:{n}:{n}", "length_scale": 1.0, "adapters": int(rank > 0),
                    "max_tokens": 16}
            work.update({"ranks": str(rank)} if rank else {})
            jobs.append(idle_job(bench, s.change(**work), "Chameleon", 6))
    got = iter(bench.lab.get(jobs))
    for rank in [0, *ex.RANKS]:
        # The last has found its adapter resident.
        curves[rank] = [(n, next(got).rows()["ttft_ms"][-1] / 1e3) for n in e["lengths"]]
    ends = [e["lengths"][0], e["lengths"][-1]]
    rows = [["none" if not rank else rank] + [w.num(dict(c)[n], 3) for n in ends]
            for rank, c in curves.items()]
    fan = [dict(curves[128])[n] - dict(curves[8])[n] for n in ends]
    lines = w.table(["rank", *(f"TTFT at {n} tokens, s" for n in ends)], rows)
    lines += ["", f"Between ranks 8 and 128 lie {fan[0]:.3f} s at {ends[0]} tokens and "
              f"{fan[1]:.3f} s at {ends[1]}: the lines "
              f"{'fan out' if fan[1] > 1.5 * fan[0] else 'do not fan out'}. The terms are the "
              "cost model's, so the shape is built in; only the top, "
              f"{dict(curves[128])[ends[1]]:.2f} s, is a check against the paper's axis."]
    p = plot_of(e)
    p.lines("weights resident", "tokens of input", "TTFT, s",
            [("no adapter" if not rank else f"rank {rank}", c) for rank, c in curves.items()],
            xtics=[500, 1000, 1500, 2000])
    return Section(lines, "same shape" if fan[1] > 1.5 * fan[0] else "differs", p)


# 4

def link_traffic(bench, e):
    s = bench.setup(e["setup"])
    knee = bench.base_knee(s)
    loads = [round(knee * x, 3) for x in e["loads"]]
    traffic, tail = {}, {}
    for n in e["adapters"]:
        work = s.change(adapters=n, ranks=str(e["rank"]), zipf=0.0)
        got = bench.runs(work, ["S-LoRA"], loads, slo_ms=bench.slo(s))
        for load in loads:
            r = got["S-LoRA", load]
            traffic[n, load] = each(r, lambda x: x["load_bytes"] / (s.seconds + s.warm_up) / 2**30)
            tail[n, load] = [x.ttft() for x in r]
    unit = traffic[e["adapters"][0], loads[0]].mean
    rows = [[f"{load:g}", *(w.mean(traffic[n, load]) for n in e["adapters"])] for load in loads]
    lines = w.table(["load, requests/s",
                     *(f"{n} adapter{'s' * (n > 1)}, GiB/s" for n in e["adapters"])], rows)
    top, words = loads[-1], []
    ratios = {n: w.ratio(tail[1, top], tail[n, top]) for n in e["paper_ratio"]}
    for n, paper in e["paper_ratio"].items():
        words.append(f"{n} adapters {w.mean(ratios[n])} (paper {paper})")
    grows = (all(traffic[a, l].mean < traffic[b, l].mean for l in loads
                 for a, b in zip(e["adapters"], e["adapters"][1:]))
             and all(traffic[n, a].mean < traffic[n, b].mean for n in e["adapters"][1:]
                     for a, b in zip(loads, loads[1:])))
    terms = bench.terms(s)
    busiest = max(m.mean for m in traffic.values()) * 2**30 / terms["link_bytes_per_s"]
    lines += ["", f"P99 TTFT at {top:g} requests/s against one adapter: {w.listing(words)}. "
              f"Traffic {'grows' if grows else 'does not always grow'} with adapters and load. "
              f"The link is busy {100 * busiest:.0f} % of the time at most: on average it is far "
              "from saturated, so what a load costs must come from bursts or from stalls."]
    near = all(w.near(ratios[n], p, 0.2) == "close" for n, p in e["paper_ratio"].items())
    p = plot_of(e)
    p.lines("S-LoRA; 1 adapter at the least load = 1", "requests/s",
            "relative traffic",
            [(f"{n} adapter{'s' * (n > 1)}", [(l, traffic[n, l].mean / unit, traffic[n, l].half / unit)
                                for l in loads]) for n in e["adapters"]])
    return Section(lines, "reproduced" if grows and near else "same shape" if grows else "differs",
                   p)


# 6

def memory(bench, e):
    s = bench.setup(e["setup"])
    knee = bench.base_knee(s)
    p = plot_of(e)
    rows, idle_at = [], {}
    for label, (name, share) in e["loads"].items():
        s = bench.setup(name)
        pool = bench.terms(s)["pool_bytes"] / 1e9
        job = dataclasses.replace(
            bench.job(s.change(arrivals="trace"), "S-LoRA", round(knee * share, 3), 1,
                      memory=True, slo_ms=bench.slo(s)),
            duration=s.warm_up + e["seconds"], warm_up=None)
        looks = [x for x in bench.lab.one(job).memory()
                 if s.warm_up <= x[0] <= s.warm_up + e["seconds"]]
        looks = looks[::max(1, len(looks) // 350)]
        t0, base = s.warm_up, e["weights_gb"]
        idle = [(pool - x[1] - x[2]) / pool for x in looks]
        idle_at[label] = average(idle)
        p.lines(f"S-LoRA, {label}", "s", "GB", [
            ("+ adapters in use", [(x[0] - t0, base + x[1] + x[2]) for x in looks]),
            ("+ KV", [(x[0] - t0, base + x[1]) for x in looks]),
            ("weights", [(x[0] - t0, base) for x in looks])],
                limit=("all there is", base + pool), yrange=(0, (base + pool) * 1.4))
        rows.append([label, f"{knee * share:.2f}", f"{100 * average(idle):.0f} %",
                     f"{100 * min(idle):.0f} %",
                     f"{100 * share_at_most(idle, 0.1):.0f} %"])
    lines = w.table(["the paper's load, our pool", "ours, requests/s", "idle on average", "least idle",
                     "time with under 10 % idle"], rows)
    low, high, nominal = idle_at.values()
    same = low > 0.5 and high < low
    lines += ["", f"Arrivals at the trace's own times, stretched to the load, one seed, "
              f"{e['seconds']} s after {s.warm_up:g} s. "
              f"At the lower load {100 * low:.0f} % of the fitted pool is idle on average and "
              f"{100 * nominal:.0f} % of the nominal one, at the higher {100 * high:.0f} % of the "
              "fitted: what the paper's machine used beside weights, KV and adapters is not known."]
    return Section(lines, "same shape" if same else "differs", p)


# 7

def alone(bench, e):
    s = bench.setup(e["setup"])
    n = 300 if bench.quick else 3000
    with_lora, without = bench.lab.get([
        idle_job(bench, s, requests=n), idle_job(bench, s.change(adapters=0), requests=n)])
    p = plot_of(e)
    rows = []
    for name, title in [("ttft_ms", "TTFT"), ("e2e_ms", "end to end")]:
        p.lines(title, "s", "share of requests",
                [(label, [(x / 1e3, q) for x, q in cdf(r.rows()[name])])
                 for label, r in [("with adapters", with_lora), ("without", without)]],
                yrange=(0, 1))
        for label, r in [("with", with_lora), ("without", without)]:
            v = sorted(r.rows()[name])
            rows.append([title, label, w.num(percentile(v, .5) / 1e3, 3),
                         w.num(percentile(v, .99) / 1e3, 3),
                         w.num(percentile(v, .99) / percentile(v, .5), 1)])
    lines = w.table(["", "adapters", "P50, s", "P99, s", "P99 / P50"], rows)
    heavy = all(float(r[4]) > 2 for r in rows)
    longer = float(rows[0][3]) > float(rows[1][3]) and float(rows[2][3]) > float(rows[3][3])
    lines += ["", f"{n:,} requests far apart, one seed. The tails are "
              f"{'heavy' if heavy else 'not heavy'}, and "
              f"{'longer' if longer else 'not longer'} with adapters. The lengths are the "
              "trace's, divided, so the shape is the trace's."]
    return Section(lines, "same shape" if heavy and longer else "partly", p)


# 8 and the bar of short requests

def slowdowns(bench, s, result):
    terms = bench.terms(s)
    rows = result.rows()
    return [e2e / alone_ms(terms, int(p), int(o), int(r)) for e2e, p, o, r in
            zip(rows["e2e_ms"], rows["prompt_tokens"], rows["output_tokens"], rows["rank"])]


def slowdown(bench, e):
    s = bench.setup(e["setup"])
    got = main_runs(bench, s, e["systems"], e["loads"])
    p = plot_of(e)
    rows, tails = [], {}
    for load in e["loads"]:
        curves = []
        for system in e["systems"]:
            all_ = [slowdowns(bench, s, r) for r in got[system, load]]
            tails[system, load] = Mean([p99(v) for v in all_])
            rows.append([load, system, w.mean(Mean([percentile(sorted(v), .5) for v in all_])),
                         w.mean(tails[system, load])])
            curves.append((system, cdf(all_[0])))
        p.lines(f"{load} load", "slowdown", "share of requests", curves, yrange=(0, 1),
                xrange=(1, None), log="x")
    lines = w.table(["load", "system", "P50", "P99"], rows)
    high = {x: tails[x, "high"] for x in e["systems"]}
    paper_set = {k: v for k, v in high.items() if k != "best"}
    left = min(paper_set, key=lambda k: paper_set[k].mean) == "Chameleon"
    chunk = high["Chunk-Prefill"].mean >= 0.9 * high["S-LoRA"].mean
    lines += ["", f"P99 slowdown at high load: {w.by_order(high)}. "
              f"Chameleon is {'leftmost' if left else 'not leftmost'} of the paper's four; "
              f"chunked prefill is {'no better than' if chunk else 'better than'} FIFO, which is "
              f"{'what the paper says' if chunk else 'not what the paper says'}. The time alone "
              "is the cost model's, adapter loaded first."]
    return Section(lines, "same shape" if left and chunk else "partly" if left or chunk
                   else "differs", p)


# 11, 12, 13

METRICS = {"ttft_p99": lambda r: r.ttft("p99") / 1e3, "ttft_p50": lambda r: r.ttft("p50") / 1e3,
           "tbt_p99": lambda r: r["tbt_ms"]["p99"]}


def sweep_runs(bench, s, systems):
    """{system: {rps: results}}: whole loads from 5 on until well past the SLO."""
    out = {system: {} for system in systems}
    going, load = list(systems), 5.0
    while going and load <= 24:
        got = bench.runs(s, going, [load])
        for system in list(going):
            out[system][load] = got[system, load]
            if Mean([r.ttft() for r in got[system, load]]).mean > 2.5 * bench.slo(s):
                going.remove(system)
        load += 1.0
    return out


def sweep(bench, e):
    s = bench.setup(e["setup"])
    runs = sweep_runs(bench, s, e["systems"])
    metric = METRICS[e["metric"]]
    points = {system: {load: each(r, metric) for load, r in by_load.items()}
              for system, by_load in runs.items()}
    p = plot_of(e, panel_width=640, height=380)
    limit = ("SLO", bench.slo(s) / 1e3) if e["top"] else ("150 ms", 150)
    p.lines(e["title"], "requests/s", e["y"],
            [(system, [(load, m.mean, m.half) for load, m in v.items()])
             for system, v in points.items()], limit=limit,
            yrange=(0, max(e["top"], limit[1] * 1.5) if e["top"] else None))
    text = {"ttft_p99": crossings, "ttft_p50": medians, "tbt_p99": gaps}[e["metric"]]
    lines, verdict = text(bench, s, e, points)
    return Section(lines, verdict, p)


def crossings(bench, s, e, _):
    knees = bench.knees_of(s, ex.MAIN)
    rows, fine = [], True
    for system in ex.MAIN:
        m, r = Mean(knees[system]), w.ratio(knees["S-LoRA"], knees[system])
        paper = ex.THROUGHPUT.get(system)
        word = w.near(r, paper[1], 0.1) if paper else ""
        fine &= word in ("", "close")
        rows.append([system, f"{paper[0]} ({paper[1]}x)" if paper else "not in the paper",
                     w.mean(m), w.mean(r) + "x", word])
    lines = w.table(["", "paper, requests/s", "ours, requests/s", "over S-LoRA", ""], rows)
    return lines + ["", f"SLO {bench.slo(s) / 1e3:.2f} s: five times the mean response time of "
                    "requests alone on this cost model (paper: 5 s). Past the crossing a mean "
                    "depends on how long the run is."], "reproduced" if fine else "differs"


def medians(bench, s, e, _):
    got = main_runs(bench, s, ["S-LoRA", "Chameleon", "best"], ["low", "medium", "high"])
    rows, words = [], []
    for load in ["low", "medium", "high"]:
        base = [r.ttft("p50") for r in got["S-LoRA", load]]
        cuts = [w.cut(base, [r.ttft("p50") for r in got[x, load]]) for x in ["Chameleon", "best"]]
        words.append(w.near_cut(cuts[0], ex.CUTS[load][1]))
        rows.append([load, f"{ex.CUTS[load][1]} %", w.percent(cuts[0]), words[-1],
                     w.percent(cuts[1])])
    lines = w.table(["load", "paper", "Chameleon", "", "best"], rows)
    return lines + ["", "Reduction of P50 TTFT against S-LoRA."], \
        "reproduced" if set(words) == {"close"} else "same direction" \
        if not {"none", "opposite"} & set(words) else "differs"


def request_gaps(result):
    """P99 over requests of their mean time between tokens."""
    rows = result.rows()
    return p99([(e - t) / (o - 1) for e, t, o in
                zip(rows["e2e_ms"], rows["ttft_ms"], rows["output_tokens"]) if o > 1])


def gaps(bench, s, e, points):
    systems = e["systems"]
    got = main_runs(bench, s, systems, ["low", "medium", "high"])
    rows, under, lower = [], True, True
    for load in ["low", "medium", "high"]:
        means = {x: (each(got[x, load], lambda r: r["tbt_ms"]["p99"]),
                     each(got[x, load], request_gaps)) for x in systems}
        lower &= means["Chameleon"][0].mean < means["S-LoRA"][0].mean
        under &= all(means[x][0].mean < 150 for x in ("S-LoRA", "Chameleon"))
        rows += [[load, x, w.mean(a, 1), w.mean(b, 1)] for x, (a, b) in means.items()]
    lines = w.table(["load", "system", "P99 of all gaps, ms", "P99 of requests' mean gaps, ms"],
                    rows)
    return lines + ["", f"By all gaps, both systems are {'under' if under else 'not under'} 150 ms "
                    f"and Chameleon is {'lower' if lower else 'not lower'} at every load. Prompts "
                    "have steps of their own in this cost model, as in S-LoRA's code, and every "
                    "running answer waits for them; the paper does not say over which gaps it "
                    "takes its percentile."], \
        "reproduced" if under and lower else "partly" if under or lower else "differs"


# 14

def critical_load(bench, e):
    s = bench.setup(e["setup"])
    got = main_runs(bench, s, e["systems"], [e["load"]])
    rows, curves, means = [], [], {}
    for system in e["systems"]:
        r = got[system, e["load"]]
        zero = each(r, lambda x: 100 * share_at_most(x.rows()["load_wait_ms"], 0.001))
        top = each(r, lambda x: percentile(sorted(x.rows()["load_wait_ms"]), 0.999))
        means[system] = zero, top
        rows.append([system, w.percent(zero), w.percent(each(r, lambda x: 100 * x["hit_rate"])),
                     w.mean(each(r, lambda x: p99(x.rows()["load_wait_ms"]))), w.mean(top)])
        curves.append((system, cdf(r[0].rows()["load_wait_ms"])))
    lines = w.table(["", "do not wait", "found it resident", "P99, ms", "P99.9, ms"], rows)
    zero, top = means["Chameleon"]
    lines += ["", f"Time for the adapter alone, of a request's wait, at {e['load']} load (the "
              f"paper does not name its load). Chameleon: {zero.mean:.0f} % do not wait (paper "
              f"75 %), and the longest are {top.mean:.1f} ms (paper 6 ms); S-LoRA's longest are "
              f"{means['S-LoRA'][1].mean:.1f} ms (paper 30 ms). A load that ends before the "
              "request's turn comes waits for nothing, whether the adapter was kept or not."]
    good = zero.mean >= 70 and top.mean <= 7.2
    p = plot_of(e)
    p.lines("wait for the adapter", "ms", "share of requests", curves, yrange=(0, 1))
    return Section(lines, "reproduced" if good else "partly" if zero.mean >= 70 else "differs", p)


# 15, 19

def windows(results, start, window, seconds):
    """(middle of a window in s, mean over seeds of its P99 TTFT, half)."""
    n = max(1, int(seconds // window))
    per_seed = []
    for r in results:
        bins = [[] for _ in range(n)]
        rows = r.rows()
        for at, ttft in zip(rows["at_s"], rows["ttft_ms"]):
            bins[min(n - 1, int((at - start) // window))].append(ttft / 1e3)
        per_seed.append([p99(b) for b in bins])
    out = []
    for i in range(n):
        m = Mean([v[i] for v in per_seed])
        out.append(((i + 0.5) * window, m.mean, m.half))
    return out


def timeline(bench, e):
    s = bench.setup(e["setup"])
    p = plot_of(e, panel_width=560, height=340)
    rows, ends, worst, whole = [], {}, {}, {}
    for panel in e["panels"]:
        got = main_runs(bench, s, panel, [e["load"]])
        curves = []
        for system in panel:
            r = got[system, e["load"]]
            curve = windows(r, s.warm_up, e["window_s"], s.seconds)
            curves.append((system, curve))
            k = max(1, len(curve) // 4)
            ends[system] = average([c[1] for c in curve[:k]]), average([c[1] for c in curve[-k:]])
            worst[system] = max(c[1] for c in curve)
            whole[system] = each(r, ttft_s("p99"))
            rows.append([system, w.mean(whole[system]), *(w.num(x) for x in ends[system]),
                         w.num(worst[system])])
        p.lines(f"{e['load']} load", "s", "P99 TTFT, s", curves,
                limit=("SLO", bench.slo(s) / 1e3), **e["axes"])
    lines = w.table(["", "P99 TTFT, s", "first quarter", "last quarter", "worst window"], rows)
    words = (climbs if e["fig"] == 15 else accuracies)(ends, whole)
    lines += ["", words[0] + f" Windows of {e['window_s']} s, mean over seeds, "
              f"{bench.named(s, e['load']):.2f} requests/s"
              + (", the knee of Chameleon; at the paper's high load it is far below its knee and "
                 "nothing differs." if e["load"] == "full" else ".")]
    return Section(lines, words[1], p)


def climbs(ends, whole):
    rising = [x for x in ("S-LoRA", "S-LoRA + SJF") if ends[x][1] > 1.5 * ends[x][0]]
    others = [x for x in ends if ends[x][1] > 1.5 * ends[x][0] and x not in rising]
    paper = {k: whole[k] for k in ("S-LoRA", "S-LoRA + SJF", "NoCache", "Chameleon")}
    lowest = min(paper, key=lambda k: paper[k].mean) == "Chameleon"
    far = whole["NoCache"].mean < 0.5 * whole["S-LoRA"].mean
    text = (f"{w.listing(rising) if rising else 'Neither S-LoRA nor S-LoRA + SJF'} "
            f"{'climb' if len(rising) == 2 else 'climbs'} from the first quarter to the last"
            + (f", and so does {w.listing(others)}" if others else "")
            + f"; NoCache is {'far lower than' if far else 'not far below'} S-LoRA, and Chameleon "
            f"{'is' if lowest else 'is not'} lowest of the paper's four."
            " The climb is that of a load 5 % past the knee, so it shows in long runs alone.")
    held = [len(rising) == 2, far, lowest]
    return text, "reproduced" if all(held) else "partly" if any(held) else "differs"


def accuracies(_, whole):
    a = {x: whole[f"accuracy {x} %"] for x in (100, 80, 60)}
    o = {x: whole[f"OutputOnly {x} %"] for x in (100, 80, 60)}
    alike = abs(a[80].mean / a[100].mean - 1) <= 0.1
    hurts = a[60].low > a[100].high
    more = o[60].mean - o[100].mean > a[60].mean - a[100].mean
    text = (f"80 % is {'about as good as' if alike else 'not as good as'} 100 % "
            f"({w.mean(a[80])} against {w.mean(a[100])} s); 60 % "
            f"{'hurts' if hurts else 'hurts no more than the noise'} "
            f"({w.mean(a[60])} s); OutputOnly {'suffers more' if more else 'does not suffer more'} "
            f"({w.mean(o[100])} s to {w.mean(o[60])} s). Our arrivals are Poisson and have no "
            "burst near 300 s, where the paper sees the harm of 60 %.")
    held = [alike, hurts, more]
    return text, "reproduced" if all(held) else "partly" if any(held) else "differs"


# 16 and the bar of short requests: classes by the paper's weighted size with the
# true length of the answer, three by k-means over the run's requests; the same
# requests come to every system, so that all are cut alike.

CLASSES = ["small", "medium", "large"]


def classes(result):
    """{request: class} of a run, the smallest first."""
    rows = result.rows()
    tops = [max(rows[x], default=1) for x in ("prompt_tokens", "output_tokens", "rank")]
    sizes = [(0.4 * p / tops[0] + 0.6 * o / tops[1]) * max(r, 8) / max(tops[2], 8) for p, o, r in
             zip(rows["prompt_tokens"], rows["output_tokens"], rows["rank"])]
    cuts = k_means(sizes, len(CLASSES))
    return {int(i): sum(x >= c for c in cuts) for i, x in zip(rows["request"], sizes)}


def k_means(values, k, rounds=200):
    """Cuts half-way between the means of k classes, from even shares on."""
    ordered = sorted(values)
    means = [percentile(ordered, (i + 0.5) / k) for i in range(k)]
    cuts = []
    for _ in range(rounds):
        new = [(a + b) / 2 for a, b in zip(means, means[1:])]
        if new == cuts:
            break
        cuts, edges = new, [0, *(bisect.bisect_left(ordered, c) for c in new), len(ordered)]
        means = [average(ordered[a:b]) if b > a else means[i]
                 for i, (a, b) in enumerate(zip(edges, edges[1:]))]
    return cuts


def by_class(cuts, result, values):
    out = [[] for _ in CLASSES]
    for i, v in zip(result.rows()["request"], values):
        if int(i) in cuts:
            out[cuts[int(i)]].append(v)
    return out


def class_means(cuts_by_seed, results, values, reduce):
    """[Mean over seeds of reduce(values of the class)] for each class."""
    per_seed = [[reduce(v) for v in by_class(cuts, r, values(r))]
                for cuts, r in zip(cuts_by_seed, results)]
    return [Mean([x[k] for x in per_seed]) for k in range(len(CLASSES))]


def queueing(bench, e):
    s = bench.setup(e["setup"])
    got = main_runs(bench, s, e["systems"], e["loads"])
    p = plot_of(e, panel_width=480)
    rows, share, waits = [], {}, {}
    for load in e["loads"]:
        cuts = [classes(r) for r in got["Chameleon", load]]
        for system in e["systems"]:
            r = got[system, load]
            wait = class_means(cuts, r, lambda x: [v / 1e3 for v in x.rows()["wait_ms"]], average)
            whole = class_means(cuts, r, lambda x: [v / 1e3 for v in x.rows()["e2e_ms"]], average)
            share[system, load] = [100 * a.mean / b.mean for a, b in zip(wait, whole)]
            waits[system, load] = wait
            rows.append([f"{load}, {bench.named(s, load):.2f}/s", system, *map(w.mean, wait),
                         *(f"{x:.1f} %" for x in share[system, load])])
        p.bars(f"{load} load", "mean wait, s (cut at 5)", CLASSES,
               [(x, [(m.mean, m.half) for m in waits[x, load]]) for x in e["systems"]],
               yrange=(0, 5))
    lines = w.table(["load", "system", *(f"{c}, s" for c in CLASSES),
                     *(f"{c}, of E2E" for c in CLASSES)], rows)
    most = {load: max(share["Chameleon", load]) for load in e["loads"]}
    sjf = [m.mean for m in waits["S-LoRA + SJF", "high"]]
    bad = sjf[-1] > 1.2 * sjf[0]
    lines += ["", "Chameleon's requests wait at most by class "
              + w.listing(f"{x:.1f} % of their time at {load} load" for load, x in most.items())
              + f" (paper: below 8 %, high). SJF is {'worse' if bad else 'no worse'} for large "
              "requests than for small ones. Full is the knee of Chameleon. Classes are by the "
              "paper's weighted size, three by k-means; waiting is from arrival to placement, "
              "with the adapter's loading."]
    low = most["high"] < 8
    return Section(lines, "reproduced" if low and bad else "partly" if low or bad else "differs", p)


# 17, 18

def by_rank(bench, e):
    s = bench.setup(e["setup"])
    got = main_runs(bench, s, e["systems"], [e["load"]])
    cuts, relative = {}, {}
    for system in e["systems"]:
        per = []
        for base, r in zip(got[e["against"], e["load"]], got[system, e["load"]]):
            per.append([p99(v) / p99(b) for v, b in zip(ranked(r), ranked(base))])
        relative[system] = [Mean([x[k] for x in per]) for k in range(len(ex.RANKS) + 1)]
        cuts[system] = w.cut([r.ttft() for r in got[e["against"], e["load"]]],
                             [r.ttft() for r in got[system, e["load"]]])
    rows = [[x, f"-{e['paper_cuts'][x]} %" if x in e["paper_cuts"] else "",
             f"{-cuts[x].mean:.1f} ± {cuts[x].half:.1f} %",
             w.near_cut(cuts[x], e["paper_cuts"][x]) if x in e["paper_cuts"] else "",
             *(w.mean(m) for m in relative[x])] for x in e["systems"] if x != e["against"]]
    lines = w.table(["", "paper", "P99 TTFT", "", *(f"rank {r}" for r in ex.RANKS), "total"], rows)
    text, verdict = policy_words(e, got, cuts, relative)
    if "also" in e:
        text += policies_at(bench, s, e)
    p = plot_of(e, panel_width=720)
    p.bars(f"{e['load']} load", f"P99 TTFT over {e['against']}'s",
           [*(f"rank {r}" for r in ex.RANKS), "total"],
           [(x, [(m.mean, m.half) for m in relative[x]]) for x in e["systems"]
            if x != e["against"]])
    return Section(lines + ["", text], verdict, p)


def policies_at(bench, s, e):
    """The policies against each other at another load."""
    names = [x for x in e["systems"] if x != e["against"]]
    got = main_runs(bench, s, names, [e["also"]])
    cuts = {x: w.cut([r.ttft() for r in got["LRU", e["also"]]],
                     [r.ttft() for r in got[x, e["also"]]]) for x in names if x != "LRU"}
    return (f" At {e['also']} load, {bench.named(s, e['also']):.2f} requests/s, against LRU: "
            + ", ".join(f"{x} saves {w.percent(m)}" for x, m in cuts.items()) + " of P99 TTFT.")


def ranked(result):
    rows = result.rows()
    out = [[t for t, r in zip(rows["ttft_ms"], rows["rank"]) if r == rank] for rank in ex.RANKS]
    return out + [rows["ttft_ms"]]


def policy_words(e, got, cuts, relative):
    if "further" in e:
        new, old, paper = e["further"]
        m = w.cut([r.ttft() for r in got[old, e["load"]]], [r.ttft() for r in got[new, e["load"]]])
        return (f"Prefetch saves a further {w.percent(m)} of P99 TTFT (paper {paper} %)"
                + (": within the noise." if m.low <= 0 <= m.high else
                   ": it costs more than it saves." if m.mean < 0 else "."),
                "reproduced" if m.low > 0 and abs(m.mean - paper) < 10 else
                "same direction" if m.low > 0 else "opposite" if m.high < 0 else "none")
    order = w.by_order({k: cuts[k] for k in e["paper_cuts"]})
    seen = [cuts[k].mean for k in ("LRU", "FairShare", "Chameleon")]
    right = seen[0] < seen[1] < seen[2]
    sure = "~" not in order
    d = w.cut([m.mean for m in [relative["FairShare"][4]]],
              [m.mean for m in [relative["Chameleon"][4]]]).mean
    return (f"By what they save: {order}. This {'is' if right else 'is not'} the paper's order"
            + (", but not outside the noise" if right and not sure else "")
            + f". At rank 128 Chameleon is {d:.1f} % below FairShare (paper 12 %).",
            "reproduced" if right and sure else "same order" if right else "differs")


# 20

def adapters(bench, e):
    s = bench.setup(e["setup"])
    rps, slo = bench.load(s, ex.LOADS[e["load"]]), bench.slo(s)
    p = plot_of(e, panel_width=440)
    rows, holds = [], {}
    for label, zipf in [("ranks alike", 0.0), ("power law of ranks", 1.0)]:
        series = {x: [] for x in e["systems"]}
        for n in e["adapters"]:
            got = bench.runs(s.change(adapters=n, rank_zipf=zipf), e["systems"], [rps],
                             rows=n == 100 and not zipf, slo_ms=slo)
            for x in e["systems"]:
                m = each(got[x, rps], ttft_s("p99"))
                series[x].append((n, m.mean, m.half))
                if m.mean <= slo / 1e3:
                    holds[x, label] = n
            rows.append([label, n, *(w.mean(Mean([r.ttft() / 1e3 for r in got[x, rps]]))
                                     for x in e["systems"])])
        p.lines(label, "adapters", "P99 TTFT, s", list(series.items()),
                limit=("SLO", slo / 1e3), yrange=(0.1, None), log="y")
    lines = w.table(["", "adapters", *(f"{x}, P99 TTFT, s" for x in e["systems"])], rows)
    bars, more = [], []
    for label, (rank_zipf, zipf) in e["popularity"].items():
        got = bench.runs(s.change(rank_zipf=rank_zipf, zipf=zipf), e["systems"], [rps],
                         rows=label == "U-P", slo_ms=slo)
        bars.append([each(got[x, rps], ttft_s("p99")) for x in e["systems"]])
        more.append([label, *(w.mean(m) for m in bars[-1])])
    lines += ["", *w.table(["ranks-adapters", *(f"{x}, P99 TTFT, s" for x in e["systems"])], more)]
    p.bars("popularity of ranks, of adapters", "P99 TTFT, s", list(e["popularity"]),
           [(x, [(b[i].mean, b[i].half) for b in bars]) for i, x in enumerate(e["systems"])],
           yrange=(0.1, None), log="y")
    limit = {k: holds.get(k, 0) for k in [(x, label) for x in e["systems"] for label in
                                          ("ranks alike", "power law of ranks")]}
    words = [f"{x} to {limit[x, 'ranks alike'] or 'no number'} (ranks alike) and "
             f"{limit[x, 'power law of ranks'] or 'no number'} (power law)" for x in e["systems"]]
    best = all(min(range(len(bars)), key=lambda k: bars[k][i].mean) == 2 for i in (0, 1))
    lines += ["", f"Within the SLO at {rps:.2f} requests/s: {'; '.join(words)}. Both systems are "
              f"{'best' if best else 'not both best'} at P-P."]
    ahead = limit["Chameleon", "ranks alike"] > limit["S-LoRA", "ranks alike"]
    return Section(lines, "same shape" if ahead and best else "partly" if ahead or best else
                   "differs", p)


# 21

def workloads(bench, e):
    rps = bench.load(bench.setup(e["base"]), ex.LOADS[e["load"]])
    rows, bars, limits, met = [], [], [], {}
    for label, name in e["setups"].items():
        s = bench.setup(name)
        slo = bench.slo(s) / 1e3
        got = bench.runs(s, e["systems"], [rps], rows=name == e["base"])
        means = {x: each(got[x, rps], ttft_s("p99")) for x in e["systems"]}
        met[label] = {x: m.mean <= slo for x, m in means.items()}
        bars.append(means)
        limits.append(slo)
        rows.append([label, w.num(slo), *(w.mean(m) for m in means.values())])
    lines = w.table(["work", "SLO, s", *(f"{x}, s" for x in e["systems"])], rows)
    base = [k for k, v in met.items() if not v["S-LoRA"]]
    ours = [k for k, v in met.items() if v["Chameleon"]]
    lines += ["", f"At {rps:.2f} requests/s, all constants unchanged. S-LoRA misses "
              f"the SLO on {w.listing(base) or 'none'}; Chameleon meets it on "
              f"{w.listing(ours) or 'none'}. WildChat's lengths are not at hand; LMSYS-like "
              "lengths are a log-normal law with the means S-LoRA's paper gives for LMSYS (85 in, "
              "165 out), not the data."]
    p = plot_of(e, panel_width=520)
    p.bars("P99 TTFT", "s", list(e["setups"]),
           [(x, [(b[x].mean, b[x].half) for b in bars]) for x in e["systems"]],
           yrange=(0.05, None), log="y")
    whole = len(base) == len(met) and len(ours) == len(met)
    return Section(lines, "reproduced, of two" if whole else "partly" if base or ours else
                   "differs", p)


# 22

def static(bench, e):
    s = bench.setup(e["setup"])
    got = main_runs(bench, s, ["Static", "Chameleon"], e["loads"])
    rows, bars, words = [], [], []
    for load in e["loads"]:
        m = w.ratio([r.ttft() for r in got["Static", load]],
                    [r.ttft() for r in got["Chameleon", load]])
        paper = e["paper_ratio"].get(load)
        words.append(w.near(m, paper, 0.1) if paper else "")
        bars.append((m.mean, m.half))
        rows.append([f"{load}, {bench.named(s, load):.2f}/s", paper or "", w.mean(m), words[-1]])
    lines = w.table(["load", "paper", "ours", ""], rows)
    lines += ["", "P99 TTFT of Chameleon over that of four queues of equal width and tokens; "
              "below 1 Chameleon's are better. Full is the knee of Chameleon, not in the paper."]
    p = plot_of(e)
    p.bars("P99 TTFT, Chameleon over Static", "ratio", e["loads"], [("Chameleon", bars)],
           limit=("Static", 1))
    return Section(lines, "reproduced" if set(words) <= {"close", ""} else "differs", p)


# 23, 24, 25

def machines(bench, e):
    setups = {label: bench.setup(name) for label, name in e["setups"].items()}
    systems = ["S-LoRA", "fixed S-LoRA + LRU", "Chameleon", "best"]
    knees = bench.knees({(label, x): (s, x, {}) for label, s in setups.items() for x in systems})
    ratios = {(label, x): w.ratio(knees[label, "S-LoRA"], knees[label, x])
              for label in setups for x in systems[1:]}
    cuts = {label: machine_cuts(bench, s) for label, s in setups.items()}
    rows, words = [], []
    for label, s in setups.items():
        paper = e["paper_ratio"].get(label)
        mine = ratios[label, "Chameleon"]
        words.append(w.near(mine, paper, 0.1) if paper else "")
        rows.append([label, dict(s.work)["adapters"], f"{bench.slo(s) / 1e3:.1f}",
                     w.mean(Mean(knees[label, "S-LoRA"])), f"{paper}x" if paper else "",
                     w.mean(mine) + "x", words[-1], w.mean(ratios[label, "fixed S-LoRA + LRU"]) + "x",
                     w.mean(ratios[label, "best"]) + "x"])
    lines = w.table(["", "adapters", "SLO, s", "S-LoRA, requests/s", "paper", "Chameleon", "",
                     "fixed S-LoRA + LRU", "best"], rows)
    lines += ["", *w.table(
        ["P99 TTFT saved against S-LoRA", "low", "medium", "high", "mean", "paper"],
        [[label, *(w.percent(m) for m in c),
          w.percent(Mean([m.mean for m in c if m])).split(" ±")[0],
          cut_of_paper(e, label)] for label, c in cuts.items()])]
    p = plot_of(e, panel_width=max(420, 105 * len(setups)))
    p.bars("throughput over S-LoRA's", "ratio", list(setups),
           [(x, [(ratios[l, x].mean, ratios[l, x].half) for l in setups]) for x in systems[1:]],
           limit=("S-LoRA", 1))
    p.bars("P99 TTFT, Chameleon over S-LoRA", "ratio", list(setups),
           [(load, [(1 - cuts[l][i].mean / 100, cuts[l][i].half / 100) for l in setups])
            for i, load in enumerate(["low", "medium", "high"])], yrange=(0, 1.4))
    text, verdict = machine_words(e, list(setups), knees, ratios, cuts, words)
    return Section(lines + ["", text], verdict, p)


def machine_cuts(bench, s):
    """P99 TTFT that Chameleon saves at low, medium and high load."""
    loads = [bench.load(s, ex.LOADS[x]) for x in ("low", "medium", "high")]
    got = bench.runs(s, ["S-LoRA", "Chameleon"], loads)
    return [w.cut([r.ttft() for r in got["S-LoRA", load]],
                  [r.ttft() for r in got["Chameleon", load]]) for load in loads]


def cut_of_paper(e, label):
    if label in e.get("paper_cut", {}):
        return f"{e['paper_cut'][label]} % on average"
    if label in e.get("paper_high", {}):
        return f"{e['paper_high'][label]} % at high load"
    return ""


def link_words(knees, labels):
    slower = [b for a, b in zip(labels, labels[1:])
              if Mean(knees[b, "S-LoRA"]).mean < Mean(knees[a, "S-LoRA"]).mean]
    if not slower:
        return ""
    return (f"S-LoRA carries less load at {w.listing(slower)} than with fewer cards: what a load "
            "costs those that run was fitted on the A40 and does not shrink with the number of "
            "cards here, while steps do. No real system is likely to behave so. ")


def machine_words(e, labels, knees, ratios, cuts, words):
    values = [ratios[l, "Chameleon"].mean for l in labels]
    if e["fig"] == 24:
        grows = values[0] < values[1] < values[2]
        text = (f"For 7B the gain {'grows' if grows else 'does not grow'} with memory. ")
        good = grows
    elif e["fig"] == 25:
        highs = [cuts[l][2].mean for l in labels]
        good = all(a < b for a, b in zip(highs, highs[1:]))
        words = [w.near_cut(cuts[l][2], paper) for l, paper in e["paper_high"].items()]
        text = (f"At high load the gain {'grows' if good else 'does not grow'} with the degree of "
                "tensor parallelism. " + link_words(knees, labels))
    else:
        good = set(words) == {"close"}
        text = ("The ratios are near the paper's. " if good else
                f"The ratios are not the paper's; Chameleon is "
                f"{'ahead on every model' if min(values) > 1 else 'not ahead on every model'}. ")
    most = max(ratios[l, "Chameleon"].mean for l in labels)
    verdict = ("same direction" if good and most > 3 else
               "reproduced" if good and set(words) <= {"close", ""} else
               "same shape" if good else "differs")
    if most > 3:
        text += (f"A throughput of {most:.1f} times S-LoRA's is beyond all the paper tells: the "
                 "fitted stall weighs too much here. ")
    return text + ("These machines' costs are derived from the A40's by data sheets alone, and "
                   "loads are multiples of each machine's own knee: take the shape, not the "
                   "numbers."), verdict


KINDS = {f.__name__: f for f in (
    idle_ttft, loading_share, input_length, link_traffic, memory, alone, slowdown, sweep,
    critical_load, timeline, queueing, by_rank, adapters, workloads, static, machines)}
