"""How numbers and verdicts read in docs/PAPER.md."""

import math

from stats import Mean


def num(x, digits=2):
    if x is None or (isinstance(x, float) and math.isnan(x)):
        return "none"
    if math.isinf(x):
        return "unbounded"
    return f"{x:,.{digits}f}"


def mean(m, digits=2, unit=""):
    """A Mean with its confidence: 12.90 ± 0.31 requests/s."""
    if m.n == 0:
        return "none"
    text = num(m.mean, digits)
    if m.n > 1 and math.isfinite(m.mean):
        text += f" ± {num(m.half, digits)}"
    return text + (f" {unit}" if unit else "")


def percent(m):
    return mean(m, 1, "%")


def cut(base, other):
    """Reduction in percent, paired by seed."""
    return Mean([100 * (1 - o / b) if math.isfinite(o) and math.isfinite(b) and b > 0 else
                 None for b, o in zip(base, other)])


def ratio(base, other):
    return Mean([o / b if b else None for b, o in zip(base, other)])


def at_least(m, bar):
    return bar_word(m.mean >= bar, m.low >= bar, m)


def at_most(m, bar):
    return bar_word(m.mean <= bar, m.high <= bar, m)


def bar_word(held, surely, m):
    if not m:
        return "no number"
    if surely:
        return "**holds**"
    return "holds, within the noise" if held else "**missed**"


def near(m, paper, tolerance):
    """Beside a number of the paper's: tolerance is a share of it."""
    if not m:
        return "no number"
    if abs(m.mean - paper) <= tolerance * abs(paper):
        return "close"
    if abs(m.mean - paper) <= m.half:
        return "within the noise"
    return "more" if m.mean > paper else "less"


def near_cut(m, paper):
    """Reductions: ten points are what simulators of this kind can claim."""
    if not m:
        return "no number"
    if abs(m.mean - paper) <= 10:
        return "close"
    if abs(m.mean - paper) <= m.half:
        return "within the noise"
    if m.mean > paper:
        return "more"
    return "less" if m.low > 0 else "none" if m.high >= 0 else "opposite"


def table(head, rows):
    """Markdown; the first column left, the others too."""
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return out + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def listing(names):
    names = list(names)
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]


def by_order(means):
    """Labels by value, `<` where the confidences part and `~` where not."""
    ordered = sorted(means.items(), key=lambda item: item[1].mean)
    text = ordered[0][0]
    for (_, before), (label, after) in zip(ordered, ordered[1:]):
        text += (" < " if before.high < after.low else " ~ ") + label
    return text
