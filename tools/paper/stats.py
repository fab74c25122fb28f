"""Means with their confidence, percentiles, distributions."""

import math

# Two-sided 95 % of Student's t, by degrees of freedom from 1 on.
T95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179,
       2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
       2.060, 2.056, 2.052, 2.048, 2.045, 2.042]


class Mean:
    """A mean over seeds and half the width of its 95 % confidence."""

    def __init__(self, values):
        self.values = [v for v in values if v is not None]
        n = len(self.values)
        self.n = n
        self.mean = sum(self.values) / n if n else math.nan
        self.half = 0.0
        if n > 1 and all(math.isfinite(v) for v in self.values):
            var = sum((v - self.mean) ** 2 for v in self.values) / (n - 1)
            self.half = T95[min(n - 1, len(T95)) - 1] * math.sqrt(var / n)
        self.low, self.high = self.mean - self.half, self.mean + self.half

    def __bool__(self):
        return self.n > 0 and math.isfinite(self.mean)


def percentile(ordered, q):
    """Linear between the two nearest of sorted values; nan of none."""
    if not ordered:
        return math.nan
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    if ordered[low] == ordered[high]:
        return ordered[low]
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def p99(values):
    return percentile(sorted(values), 0.99)


def average(values):
    return sum(values) / len(values) if values else math.nan


def cdf(values, points=120):
    """(value, share) at even shares, with the tail to 99.9 %."""
    ordered = sorted(values)
    shares = [i / points for i in range(points + 1)] + [0.995, 0.999]
    return [(percentile(ordered, p), p) for p in sorted(shares)]


def share_at_most(values, limit):
    return sum(v <= limit for v in values) / len(values) if values else math.nan
