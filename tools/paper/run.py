#!/usr/bin/env python3
"""Run the paper's experiments in the simulator; write docs/PAPER.md and docs/paper/*.svg.

    tools/paper/run.py [--only fig11,fig17] [--seeds 5] [--quick] [--trace CSV] [--png DIR]

Results are kept under build/paper by command line, binary and files read, so
that what was run is not run again.  With --only the page goes to standard
output and docs/ gets only those figures.
"""

import argparse
import os
import shutil
import sys
import time

import costs
import experiments as ex
import figures
import report
from bench import Bench
from lab import Lab


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--only", default="", help="figures, as fig11,fig17; also bars, calibration")
    p.add_argument("--seeds", type=int, help=f"default {ex.SEEDS}")
    p.add_argument("--quick", action="store_true", help="2 seeds, short runs, into build/paper")
    p.add_argument("--trace", help=f"default {ex.TRACE_DEFAULT}")
    p.add_argument("--binary", default="build/bin/chameleon")
    p.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs side by side")
    p.add_argument("--png", help="pictures as PNG, too, into this folder")
    p.add_argument("--quiet", action="store_true")
    return p.parse_args()


def check(o):
    """What is missing, in sentences."""
    missing = []
    if shutil.which("gnuplot") is None:
        missing.append("gnuplot is missing: apt-get install gnuplot-nox")
    if not os.path.exists(o.binary):
        missing.append(f"{o.binary} is missing: make")
    if not os.path.exists(o.trace):
        missing.append(f"the trace is missing at {o.trace}: fetch {ex.TRACE_FROM}, and say "
                       "where it is with --trace (make paper PAPER='--trace FILE')")
    if missing:
        sys.exit("".join(f"paper: {text}\n" for text in missing).rstrip())


def find_trace(o):
    """The default lies beside the checkout; beside the main one for a worktree."""
    if o.trace:
        return os.path.abspath(o.trace)
    return os.path.normpath(os.path.join(costs.ROOT, ex.TRACE_DEFAULT))


def wanted(o):
    names = {x.strip() for x in o.only.split(",") if x.strip()}
    known = {f"fig{e['fig']:02}" for e in ex.EXPERIMENTS} | {"bars", "calibration"}
    names = {f"fig{int(n[3:]):02}" if n[3:].isdigit() else n for n in names}
    if names - known:
        sys.exit(f"paper: no {', '.join(sorted(names - known))}: want {', '.join(sorted(known))}")
    return names


def draw(section, folder, png):
    if section.plot is not None:
        section.plot.write(folder, png)


def main():
    o = options()
    if o.seeds is not None and o.seeds < 1:
        sys.exit("paper: --seeds: want at least 1")
    names = wanted(o)
    os.chdir(costs.ROOT)
    o.trace = find_trace(o)
    o.binary = os.path.abspath(o.binary)
    check(o)
    build = os.path.join(costs.ROOT, "build/paper")
    docs = os.path.join(build, "quick") if o.quick else os.path.join(costs.ROOT, "docs")
    pictures = os.path.join(docs, "paper")
    os.makedirs(pictures, exist_ok=True)
    png = os.path.abspath(o.png) if o.png else None
    if png:
        os.makedirs(png, exist_ok=True)
    lab = Lab(o.binary, o.trace, costs.ROOT, build, max(1, o.jobs), o.quiet)
    bench = Bench(lab, o.seeds or (2 if o.quick else ex.SEEDS), o.quick)
    sections = []
    for entry in ex.EXPERIMENTS:
        name = f"fig{entry['fig']:02}"
        if names and name not in names:
            continue
        lab.what = name
        section = figures.KINDS[entry["kind"]](bench, entry)
        draw(section, pictures, png)
        sections.append((entry, section))
    lab.what = "bars and calibration"
    if names:
        lines = []
        if "bars" in names:
            bars = report.bars_module.Bars(bench)
            lines += [*report.bar_lines(bars), *report.result_lines(bars)]
        for entry, section in sections:
            lines += report.figure_lines(entry, section)
        if "calibration" in names:
            lines += report.calibration_lines(bench)
        print("\n".join(lines))
    else:
        text = report.document(bench, o, sections)
        with open(os.path.join(docs, "PAPER.md"), "w", encoding="utf-8") as file:
            file.write(text)
    passed = int(time.monotonic() - lab.start)
    print(f"paper: {lab.made} runs made, {lab.found} found, {passed // 60}:{passed % 60:02} min",
          file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"paper: a run did not end well:\n{error}")
    except KeyboardInterrupt:
        sys.exit("paper: interrupted; what was run is kept")
