"""Writes docs/PAPER.md."""

import bars as bars_module
import calibration
import experiments as ex
import words as w
from stats import Mean

HEAD = """<!-- Written by tools/paper; `make paper` writes it anew. Do not edit. -->
# The paper's results beside ours

Chameleon (Iliakopoulou and others, MICRO 2025, arXiv 2411.17741) in the simulator: the engine's own
scheduler in virtual time, on a cost model of the paper's machine. Everything here is simulated; no
A40 or A100 was used. Simulators of this kind are off by about 5 % in throughput and 20 % in TTFT when
they are calibrated against the machine itself, which this one is not; ratios of two systems under
one seed are what to look at.
"""

GOLDEN = ("batches_are_those_of_the_paper", "tests/unit/check_admit_turn.c")


def setup_lines(bench, options):
    s = bench.setup("a40")
    work = dict(s.work)
    knee = Mean(bench.knees_of(s, ["S-LoRA"])["S-LoRA"])
    loads = ", ".join(f"{name} {share:.2f} = {bench.load(s, share):.2f}"
                      for name, share in ex.LOADS.items())
    lines = []
    if options.quick:
        lines += ["**This is a quick run for development: "
                  f"{len(bench.seeds)} seeds of {s.seconds:g} s. Its numbers are noise.**", ""]
    return lines + [
        "| | |", "|---|---|",
        f"| machine | `{s.cost}`, fitted pool of "
        f"{calibration.pool_tokens(bench, s):,} tokens (nominal: 60,000, see Calibration) |",
        f"| lengths | Azure conversation trace 2023, over {1 / work['length-scale']:g} |",
        f"| arrivals | Poisson; {s.seconds:g} s after {s.warm_up:g} s of warm-up; machines other "
        f"than the A40, calibration: {min(s.seconds, ex.SHORT_S):g} s |",
        f"| adapters | {work['adapters']} of ranks {work['ranks']}, as many and as often of each; "
        f"Zipf {work['zipf']:g} within a rank |",
        "| predictor | the true length for 80 % of requests, else a draw from the trace |",
        f"| seeds | {len(bench.seeds)}, the same for all systems; ± is 95 % confidence of the mean "
        "(Student's t), of ratios paired by seed |",
        f"| SLO | {bench.slo(s) / 1e3:.2f} s to the first token: 5 times the mean response time of "
        "requests alone on this cost model; the paper's is 5 s |",
        f"| knee | the largest load with P99 TTFT within the SLO; S-LoRA's: {w.mean(knee)} "
        "requests/s (paper 8.6) |",
        f"| loads, requests/s | {loads}; the paper's 6, 8, 9 and 9.5 over its 8.6. "
        f"Full, {bench.named(s, 'full'):.2f}, is Chameleon's knee |",
        "",
        "*S-LoRA* is S-LoRA as its public code does it, prefetch on: admission every 10 steps, every "
        "byte copied twice, memory reserved for the longest answer. *fixed S-LoRA*: one copy, "
        "admission at every step; *predicted*: also the predicted answer reserved; *+ LRU*: with an "
        "adapter cache. *NoCache* and *NoSched* are Chameleon without the one or the other. "
        + calibration.best_words(bench),
        "",
        "**close** means within 10 % of the paper in throughput, 20 % in TTFT, 10 points in "
        "percentages; **within the noise** that the paper's number lies inside our confidence; **more** "
        "and **less** say on which side of the paper's number ours lies; `<` parts means whose confidences do not "
        "overlap, `~` others.",
    ]


def bar_lines(bars):
    return ["## Bars", "", *bars.table(), "", bars.weaker(), "", bars.stronger(), "",
            calibration.without_stalls(bars.bench), ""]


def result_lines(bars):
    return ["## Tables", "", "Chameleon, its ablations and every baseline (hits of a system that "
            "keeps nothing are adapters that were in use or prefetched).", "", *bars.results(), "",
            "Against each baseline; the step from S-LoRA to fixed S-LoRA is not Chameleon's merit.",
            "", *bars.against(), "",
            "Evictions under Chameleon's scheduler. The paper: GDSF is clearly worse at 9.5 "
            "requests/s, without a number.", "", *bars.gdsf(), ""]


def figure_lines(entry, section):
    name = f"fig{entry['fig']:02}"
    return [f"## Figure {entry['fig']}: {entry['title']}", "",
            f"*Paper:* {entry['paper']}", "", f"*Ours:* **{section.verdict}**.", "",
            *section.lines, "", f"![figure {entry['fig']}](paper/{name}.svg)", ""]


def golden_lines():
    test, path = GOLDEN
    return ["## Figure 10: Admission examples", "",
            f"A unit test: `{test}` in `{path}` holds the turn over queues to four cases, two of "
            "which are the figure's.", ""]


def calibration_lines(bench):
    return [
        "## Calibration", "",
        "### The machine", "", f"Every term of `{bench.setup('a40').cost}`, in its words.", "",
        *calibration.constant_table(bench.setup("a40").cost), "",
        "### The stalls and reservations, by name", "",
        "Nothing else differs between systems but their policies.", "",
        *calibration.settings(bench), "",
        "### What each does to the knees", "",
        f"One at a time over what is used, {bench.setup('a40-short').seconds:g} s each, SLO as "
        "above. The last row is the ratio without any of them.", "",
        *calibration.stalls(bench), "",
        "### Pool and lengths", "",
        "Ratios are knees over S-LoRA's on the same machine and work, each with its own SLO.", "",
        *calibration.scales(bench), "",
        "### Popularity", "", *calibration.popularity(bench), "",
        "### Choices that the paper leaves open", "",
        "One at a time over Chameleon as used above.", "", *calibration.choices(bench), ""]


def missing_lines():
    return ["## Not here", "",
            "- Figures 1 and 9 are drawings.",
            "- WildChat-1M and LMSYS-Chat-1M lengths are not at hand (figure 21).",
            "- The paper's A100 results have no public machine model to check against: figures 5, 23, "
            "24, 25 use models derived from data sheets (`tools/paper/costs.py`).",
            "- Bar heights of the paper's figures cannot be recovered; only printed and stated "
            "numbers stand here.", ""]


def summary(sections):
    rows = [[f"[{e['fig']}](#figure-{e['fig']}-{anchor(e['title'])})", e["title"], s.verdict]
            for e, s in sections]
    return ["## Figures at a glance", "", *w.table(["figure", "what", "verdict"], rows), ""]


def anchor(title):
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def document(bench, options, sections):
    bars = bars_module.Bars(bench)
    lines = [HEAD, *setup_lines(bench, options), "", *bar_lines(bars), *summary(sections),
             *result_lines(bars)]
    done = False
    for entry, section in sections:
        if entry["fig"] > 10 and not done:
            lines += golden_lines()
            done = True
        lines += figure_lines(entry, section)
    return "\n".join([*lines, *calibration_lines(bench), *missing_lines()])
