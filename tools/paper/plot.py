"""Figures by gnuplot: the same data give the same bytes."""

import math
import os
import subprocess

COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb",
           "#000000"]
TERMINAL = "svg size {width},{height} font 'Helvetica,12' background '#ffffff' noenhanced"
PNG = "pngcairo size {width},{height} font 'Helvetica,11' noenhanced"


def number(x):
    return f"{x:.5g}" if math.isfinite(x) else "NaN"


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


class Plot:
    """One figure of one or more panels side by side."""

    def __init__(self, name, panel_width=420, height=300):
        self.name, self.panel_width, self.height = name, panel_width, height
        self.panels = []

    def lines(self, title, x, y, series, limit=None, **axes):
        """series: (label, [(x, y) or (x, y, half)])."""
        self.panels.append(("lines", title, x, y, series, limit, axes))

    def bars(self, title, y, groups, series, limit=None, **axes):
        """series: (label, [(value, half) for each group])."""
        self.panels.append(("bars", title, "", y, (groups, series), limit, axes))

    def script(self, png=None):
        size = {"width": self.panel_width * len(self.panels), "height": self.height}
        out = [f"set terminal {(PNG if png else TERMINAL).format(**size)}",
               f"set output {quoted(png or self.name + '.svg')}",
               f"set multiplot layout 1,{len(self.panels)}"]
        for i, panel in enumerate(self.panels):
            out += draw(i, *panel)
        return "\n".join([*out, "unset multiplot", "unset output", ""])

    def write(self, folder, png=None):
        """Into folder as SVG, and into the folder png as PNG."""
        with_png = os.path.join(png, self.name + ".png") if png else None
        for script in [self.script()] + ([self.script(with_png)] if png else []):
            subprocess.run(["gnuplot"], input=script, text=True, cwd=folder, check=True,
                           env={**os.environ, "LC_ALL": "C.UTF-8"})


def draw(i, kind, title, x, y, data, limit, axes):
    out = ["reset", "set border 3 lc '#888888'", "set tics nomirror out", "set grid y lc '#dddddd'",
           f"set title {quoted(title)}", f"set xlabel {quoted(x)} offset 0,0.4", f"set ylabel {quoted(y)}",
           "set key outside bottom center horizontal reverse Left samplen 1.5 width 1"]
    for name in ("xrange", "yrange"):
        if name in axes:
            low, high = axes[name]
            out.append(f"set {name} [{'*' if low is None else number(low)}:"
                       f"{'*' if high is None else number(high)}]")
    if "xtics" in axes:
        out.append("set xtics (" + ", ".join(number(v) for v in axes["xtics"]) + ")")
    if axes.get("log"):
        out.append(f"set logscale {axes['log']}")
    return out + (line_panel if kind == "lines" else bar_panel)(i, data, limit, axes)


def line_panel(i, series, limit, axes):
    out, plots = [], []
    for k, (label, points) in enumerate(series):
        block = f"$d{i}_{k}"
        out += [f"{block} << END", *(" ".join(number(v) for v in p) for p in points), "END"]
        look = f"lc rgb {quoted(COLOURS[k % len(COLOURS)])}"
        if points and len(points[0]) > 2:
            plots.append(f"{block} using 1:2:3 with yerrorlines {look} pt 7 ps 0.4 "
                         f"title {quoted(label)}")
        else:
            plots.append(f"{block} using 1:2 with {axes.get('style', 'lines')} {look} lw 1.6 "
                         f"title {quoted(label)}")
    if limit is not None:
        plots.append(f"{number(limit[1])} with lines dt 2 lc '#888888' title {quoted(limit[0])}")
    return out + ["plot " + ", \\\n  ".join(plots)] if plots else out


def bar_panel(i, data, limit, axes):
    groups, series = data
    width = 0.8 / max(1, len(series))
    ticks = ", ".join(f"{quoted(g)} {k}" for k, g in enumerate(groups))
    out = [f"set xtics ({ticks})", f"set xrange [-0.6:{len(groups) - 0.4}]",
           f"set boxwidth {width * 0.9:.4f}", "set style fill solid 0.85 noborder"]
    if "yrange" not in axes:
        out.append("set yrange [0:*]")
    plots = []
    for k, (label, points) in enumerate(series):
        block = f"$d{i}_{k}"
        at = (k - (len(series) - 1) / 2) * width
        out += [f"{block} << END",
                *(f"{g + at:.4f} {number(v)} {number(h)}" for g, (v, h) in enumerate(points)), "END"]
        colour = quoted(COLOURS[k % len(COLOURS)])
        plots.append(f"{block} using 1:2 with boxes lc rgb {colour} title {quoted(label)}")
        if any(h > 0 for _, h in points):
            plots.append(f"{block} using 1:($2-$3):(0):(2*$3) with vectors nohead lc '#333333' "
                         "notitle")
    if limit is not None:
        plots.append(f"{number(limit[1])} with lines dt 2 lc '#888888' title {quoted(limit[0])}")
    return out + ["plot " + ", \\\n  ".join(plots)]
