"""What the simulated machine is made of, and what each choice does."""

import os

import costs
import experiments as ex
import words as w
from stats import Mean


POLICY = ["reserve", "admission", "eviction", "prefetch", "resident_min_percent"]


def constants(path):
    """(term, value, words before it) of a cost file."""
    out, words = [], []
    with open(os.path.join(costs.ROOT, path), encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if line.startswith("#"):
                words.append(line.lstrip("# "))
            elif not line:
                words = words if out and words and not out[-1] else []
            else:
                key, value = (part.strip() for part in line.split("#")[0].split(":", 1))
                if key != "name":
                    out.append((key, value, " ".join(words)))
    return out


def constant_table(path):
    rows, before = [], ""
    for term, value, words in constants(path):
        rows.append([f"`{term}`", value, "as above" if words == before and words else words])
        before = words or before
    return w.table(["term", "value", "where it comes from"], rows)


def settings(bench):
    """The stalls by name, as the systems of this report have them."""
    s = bench.setup("a40")
    rps = bench.load(s, ex.LOADS["high"])
    systems = ex.MAIN
    got = bench.runs(s, systems, [rps], rows=True)
    rows = []
    for system in systems:
        r = got[system, rps][0]
        cost = r["cost"]
        rows.append([system, f"`{ex.SYSTEMS[system][0]}`", cost["load_stall_ms"],
                     cost["load_stall_factor"], cost["link_copies"], cost["admit_every_steps"],
                     *(r["policy"][x] for x in POLICY)])
    return w.table(["", "system", "load_stall_ms", "load_stall_factor", "link_copies",
                    "admit_every_steps", *POLICY], rows)


def stalls(bench):
    knees = bench.knees({(v[0], v[1], case[1]): case for v in ex.VARIANTS
                         for case in variant_cases(bench, v)})
    rows = []
    for name, value, base, ours, terms in ex.VARIANTS:
        a, b = (knees[name, value, x] for x in ex.STALL_SYSTEMS)
        whose = "both" if terms or (base and ours) else "S-LoRA's" if base else ""
        rows.append([name if not whose else f"`{name}`" if "them" not in name else name, value,
                     whose, w.mean(Mean(a)), w.mean(Mean(b)), w.mean(w.ratio(a, b)) + "x"])
    return w.table(["setting", "value", "whose", "S-LoRA, requests/s", "Chameleon, requests/s",
                    "ratio"], rows)


def pool_tokens(bench, s):
    terms = bench.terms(s)
    return round(terms["pool_bytes"] / terms["kv_token_bytes"])


def scale_name(bench, name):
    s = bench.setup(name)
    return (f"pool of {pool_tokens(bench, s):,} tokens ({'nominal' if s.cost_sets else 'fitted'}), "
            f"lengths / {1 / dict(s.work)['length-scale']:g}")


def scales(bench):
    setups = {scale_name(bench, name): bench.setup(name) for name in ex.SCALES}
    knees = bench.knees({(label, x): (s, x, {}) for label, s in setups.items()
                         for x in ex.SCALE_SYSTEMS})
    rows = []
    for label, s in setups.items():
        rps = bench.load(s, ex.LOADS["medium"])
        hits = Mean([100 * r["hit_rate"] for r in
                     bench.runs(s, ["Chameleon"], [rps])["Chameleon", rps]])
        base = knees[label, "S-LoRA"]
        rows.append([label, f"{bench.slo(s) / 1e3:.2f}", w.mean(Mean(base)),
                     *(w.mean(w.ratio(base, knees[label, x])) + "x"
                       for x in ex.SCALE_SYSTEMS[1:]), w.percent(hits)])
    return w.table(["", "SLO, s", "S-LoRA, requests/s", *ex.SCALE_SYSTEMS[1:],
                    "Chameleon's hits at 0.93"], rows)


def choices(bench):
    s = bench.setup("a40-short")
    cases = {name: (s, "Chameleon", {"sets": tuple(sets)}) for name, sets in ex.CHOICES}
    knees = bench.knees(cases)
    loads = [bench.load(s, ex.LOADS[x]) for x in ("medium", "high")]
    rows = []
    for name, sets in ex.CHOICES:
        got = bench.runs(s, ["Chameleon"], loads, sets=tuple(sets))
        p99 = [Mean([r.ttft() / 1e3 for r in got["Chameleon", load]]) for load in loads]
        rows.append([name, " ".join(f"`{x}`" for x in sets), w.mean(Mean(knees[name])),
                     w.mean(w.ratio(knees["as used"], knees[name])) + "x", *map(w.mean, p99)])
    return w.table(["choice", "setting", "throughput within the SLO, requests/s", "over as used",
                    "P99 TTFT at 0.93, s", "at 1.05, s"], rows)


def popularity(bench):
    setups = {z: bench.setup("a40-short").change(zipf=z) for z in ex.ZIPFS}
    knees = bench.knees({(z, x): (s, x, {"slo_ms": bench.slo(bench.setup("a40-short"))})
                         for z, s in setups.items() for x in ex.SCALE_SYSTEMS})
    return w.table(["Zipf within a rank", "S-LoRA, requests/s", *ex.SCALE_SYSTEMS[1:]], [
        [f"{z:g}", w.mean(Mean(knees[z, "S-LoRA"])),
         *(w.mean(w.ratio(knees[z, "S-LoRA"], knees[z, x])) + "x" for x in ex.SCALE_SYSTEMS[1:])]
        for z in ex.ZIPFS])


def best_words(bench):
    """How `best` and others differ from Chameleon, from what they ran with."""
    s = bench.setup("a40")
    rps = bench.load(s, ex.LOADS["high"])
    got = bench.runs(s, ex.MAIN, [rps], rows=True)
    first = {x: got[x, rps][0] for x in ex.MAIN}
    mine, best = first["Chameleon"], first["best"]
    other = [f"`{k}: {v}`" for k, v in best["policy"].items() if mine["policy"][k] != v]
    if best["cost"]["link_copies"] != mine["cost"]["link_copies"]:
        other.append(f"`link_copies: {best['cost']['link_copies']}`")
    twice = [x for x in ex.MAIN if first[x]["cost"]["link_copies"] == 2]
    return (f"*best* is Chameleon with {w.listing(other)}. Every byte is copied twice in "
            f"{w.listing(twice)}, once in the others: that part of a difference is a repair of "
            "S-LoRA, not a merit of Chameleon.")


def variant_cases(bench, variant):
    """S-LoRA's and Chameleon's case of a variant."""
    s = bench.setup("a40-short")
    _, _, base, ours, terms = variant
    return [(s, system, {"cost_sets": tuple(terms), "sets": tuple(sets), "slo_ms": bench.slo(s)})
            for system, sets in zip(ex.STALL_SYSTEMS, (base, ours))]


def knees_of_variant(bench, variant):
    knees = bench.knees(dict(enumerate(variant_cases(bench, variant))))
    return knees[0], knees[1]


def repaired(bench):
    """Knees of both with nothing of what is named a stall or a reservation."""
    return knees_of_variant(bench, ex.VARIANTS[-1])


def equal_copies(bench):
    """{copies: Chameleon over S-LoRA where both copy each byte so often}."""
    return {v[1]: w.mean(w.ratio(*knees_of_variant(bench, v)))
            for v in ex.VARIANTS if v[0] == "link_copies"}


def without_stalls(bench):
    """The sentence below the bars."""
    s = bench.setup("a40-short")
    slo = bench.slo(s)
    off = ("load_stall_ms=0", "load_stall_factor=0")
    systems = ["S-LoRA", "fixed S-LoRA + LRU", "Chameleon", "best"]
    knees = bench.knees({x: (s, x, {"cost_sets": off, "slo_ms": slo}) for x in systems})
    base = knees["S-LoRA"]
    terms = bench.terms(s)
    return (f"How much a load holds up running requests is fitted (`load_stall_ms` "
            f"{terms['load_stall_ms']:g}, `load_stall_factor` {terms['load_stall_factor']:g}, the "
            "same for all systems), to S-LoRA's knee. **Without it** S-LoRA carries "
            f"{w.mean(Mean(base))} requests/s within the SLO, fixed S-LoRA + LRU "
            f"{w.mean(w.ratio(base, knees['fixed S-LoRA + LRU']))}x, Chameleon "
            f"{w.mean(w.ratio(base, knees['Chameleon']))}x and best "
            f"{w.mean(w.ratio(base, knees['best']))}x of it; with S-LoRA's copies, admission and "
            f"reservation repaired as well, Chameleon carries {w.mean(w.ratio(*repaired(bench)))}x "
            "of it (see Calibration). **With as many copies on both sides** Chameleon carries "
            + " and ".join(f"{ratio}x (each byte {'once' if n == 1 else 'twice'})"
                           for n, ratio in equal_copies(bench).items())
            + " of S-LoRA, in runs of 800 s: what it is above that comes of one copy against two.")
