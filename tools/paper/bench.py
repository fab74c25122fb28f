"""Runs by setup, system, load and seed; knees; the SLO of a machine."""

import dataclasses
import math

import costs
import experiments as ex
from lab import Job
from stats import Mean


@dataclasses.dataclass(frozen=True)
class Setup:
    name: str
    cost: str
    work: tuple
    cost_sets: tuple
    trace: bool
    seconds: float
    warm_up: float
    step: float
    start: float

    def change(self, **more):
        """The same with other work: adapters=50, rank_zipf=1.0."""
        work = dict(self.work)
        work.update((k.replace("_", "-"), v) for k, v in more.items())
        return dataclasses.replace(self, work=tuple(work.items()))

    def rung(self, i):
        """Load i of those that are tried."""
        if self.step > 1:
            return float(f"{self.step ** i:.4g}")
        return round(self.step * i, 6)

    def nearest(self, rps):
        if self.step > 1:
            return max(1, round(math.log(rps) / math.log(self.step)))
        return max(1, round(rps / self.step))


def setup(name, quick=False):
    data = dict(ex.SETUPS[name])
    if "like" in data:
        base = setup(data["like"])
        work = {**dict(base.work), **data.get("work", {})}
        base = {f.name: getattr(base, f.name) for f in dataclasses.fields(base)}
    else:
        work, base = data["work"], {"cost_sets": (), "trace": True, "warm_up": ex.WARM_UP_S}
    base.update({k: v for k, v in data.items() if k not in ("like", "work")})
    base.update(name=name, work=tuple(work.items()), cost_sets=tuple(base["cost_sets"]))
    if quick:
        base.update(seconds=ex.QUICK_S)
    return Setup(**base)


class Bench:
    def __init__(self, lab, seeds, quick=False):
        self.lab, self.quick = lab, quick
        self.seeds = list(range(1, seeds + 1))
        self.knee_cache, self.slo_cache = {}, {}
        self.near = {}  # where the first knee of a machine and system lay

    def setup(self, name):
        return setup(name, self.quick)

    def slo_job(self, s):
        return Job("s-lora", s.cost, 1.0, requests=1, work=s.work, cost_sets=s.cost_sets,
                   trace=s.trace)

    def slo(self, s):
        """In ms: five times the mean of requests alone, as the program says."""
        if s not in self.slo_cache:
            self.slo_cache[s] = round(self.lab.one(self.slo_job(s))["slo_ms"], 1)
        return self.slo_cache[s]

    def job(self, s, system, rps, seed, rows=False, **more):
        name, sets, terms = ex.SYSTEMS[system]
        if "slo_ms" not in more:
            more["slo_ms"] = self.slo(s)
        return Job(name, s.cost, rps, seed, duration=s.seconds + s.warm_up, warm_up=s.warm_up,
                   work=s.work, sets=(*sets, *more.pop("sets", ())),
                   cost_sets=(*s.cost_sets, *terms, *more.pop("cost_sets", ())),
                   trace=s.trace, rows=rows, **more)

    def runs(self, s, systems, loads, rows=False, **more):
        """{(system, load): results by seed}, all asked for at once."""
        keys = [(system, load) for system in systems for load in loads]
        jobs = [self.job(s, system, load, seed, rows, **more)
                for system, load in keys for seed in self.seeds]
        got = iter(self.lab.get(jobs))
        return {key: [next(got) for _ in self.seeds] for key in keys}

    # Knees: for each seed, the largest load whose P99 TTFT is within the SLO,
    # linear in the P99 between the last rung within it and the next.

    def knees(self, cases):
        """cases: {label: (setup, system, more)}; gives {label: [rps by seed]}."""
        asked = {label: (case[0], case[1], repr(sorted(case[2].items())))
                 for label, case in cases.items()}
        open_ = {}
        for label, case in cases.items():
            if asked[label] not in self.knee_cache:
                start = self.near.get((case[0].cost, case[1]), case[0].start)
                for seed in self.seeds:
                    open_[label, seed] = Search(case[0], self.slo(case[0]), start)
        while any(search.next() is not None for search in open_.values()):
            jobs = {(label, seed): self.knee_job(cases[label], seed, search.next())
                    for (label, seed), search in open_.items() if search.next() is not None}
            for key, result in zip(jobs, self.lab.get(list(jobs.values()))):
                open_[key].tell(result.ttft("p99"))
        for label, case in cases.items():
            if asked[label] not in self.knee_cache:
                self.knee_cache[asked[label]] = [open_[label, seed].knee() for seed in self.seeds]
                self.near.setdefault((case[0].cost, case[1]),
                                     Mean(self.knee_cache[asked[label]]).mean)
        return {label: self.knee_cache[asked[label]] for label in cases}

    def knee_job(self, case, seed, rung):
        s, system, more = case
        return self.job(s, system, s.rung(rung), seed, **more)

    def knees_of(self, s, systems):
        return self.knees({system: (s, system, {}) for system in systems})

    def base_knee(self, s):
        """S-LoRA's, over seeds, to two digits behind the point."""
        return round(Mean(self.knees_of(s, ["S-LoRA"])["S-LoRA"]).mean, 2)

    def named(self, s, load):
        """Requests/s of a load by name."""
        if load == "full":
            return round(Mean(self.knees_of(s, ["Chameleon"])["Chameleon"]).mean, 2)
        return self.load(s, ex.LOADS[load])

    def load(self, s, share):
        return round(self.base_knee(s) * share, 3)

    def terms(self, s):
        terms = costs.read(costs.os.path.join(costs.ROOT, s.cost))
        for text in s.cost_sets:
            name, value = text.split("=")
            terms[name] = costs.number(value)
        return terms


class Search:
    """Rungs for one knee: outwards from the start, then halving."""

    def __init__(self, s, slo, start):
        self.s, self.slo = s, slo
        self.p99 = {}
        self.start = s.nearest(start) if start > 0 else s.nearest(s.start)

    def bounds(self):
        bad = min((i for i, v in self.p99.items() if v > self.slo), default=None)
        good = max((i for i, v in self.p99.items()
                    if v <= self.slo and (bad is None or i < bad)), default=None)
        return good, bad

    def next(self):
        """The rung wanted next; None: done."""
        good, bad = self.bounds()
        if good is None and bad is None:
            return self.start
        if bad is None:
            return good + max(1, 2 * (good - self.start)) if good < 40 * self.start else None
        if good is None:
            return max(1, bad - max(1, 2 * (self.start - bad))) if bad > 1 else None
        return (good + bad) // 2 if bad - good > 1 else None

    def tell(self, p99):
        self.p99[self.next()] = p99

    def knee(self):
        good, bad = self.bounds()
        if good is None:
            return 0.0
        if bad is None:
            return self.s.rung(good)
        low, high = self.s.rung(good), self.s.rung(bad)
        if not math.isfinite(self.p99[bad]):
            return low
        return low + (high - low) * (self.slo - self.p99[good]) / (self.p99[bad] - self.p99[good])


def alone_ms(terms, prompt, output, rank, copies=1):
    """Response time of a request with nobody else, its adapter loaded first."""
    size = terms["adapter_fixed_bytes"] + rank * terms["adapter_rank_bytes"]
    load = 0.0
    if rank > 0:
        load = (terms["load_read_ms"] + terms["load_fixed_ms"]
                + copies * size / terms["link_bytes_per_s"] * 1e3)
    lora = terms["lora_step_ms"] + terms["lora_adapter_ms"] if rank > 0 else 0.0
    chunks = math.ceil(prompt / terms["step_tokens"])
    pairs = prompt * (prompt - 1) / 2
    prefill = (chunks * (terms["prefill_fixed_ms"] + lora) + prompt * (
        terms["prefill_token_ms"] + terms["lora_prefill_rank_us"] * rank / 1e3)
               + terms["prefill_attend_us"] * pairs / 1e3)
    steps = output - 1
    context = steps * prompt + steps * (steps + 1) / 2
    decode = (steps * (terms["step_fixed_ms"] + terms["decode_row_ms"] + lora
                       + terms["lora_decode_rank_us"] * rank / 1e3)
              + terms["attend_token_us"] * context / 1e3)
    return load + prefill + decode
