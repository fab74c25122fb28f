"""What is run and what the paper says of it: data alone.

The paper is arXiv 2411.17741, "version 2" as published; numbers "read off a
figure" are not here.  A load is a multiple of the knee of S-LoRA on the same
machine: the paper's 6, 8, 9 and 9.5 requests/s over its 8.6.  "full" is the
knee of Chameleon: what its scheduler does is not seen below.
"""

TRACE = "AzureLLMInferenceTrace_conv.csv"
TRACE_DEFAULT = "../shared/data/traces/" + TRACE
TRACE_FROM = ("https://github.com/Azure/AzurePublicDataset, data/" + TRACE +
              " (CC-BY-4.0)")

LOADS = {"low": 0.70, "medium": 0.93, "high": 1.05, "9.5": 1.10}
LOAD_RPS = {"low": "6", "medium": "8", "high": "9", "9.5": "9.5"}
SEEDS = 5
MEASURED_S, WARM_UP_S = 2000, 300  # of arrivals
SHORT_S = 800                      # where many knees are wanted
QUICK_S = 300

# A machine and its work; the options of `chameleon sim`.  `step` is that of
# the loads tried when a knee is looked for: requests/s, or a factor above 1.
WORK = {"length-scale": 0.1, "adapters": 100, "ranks": "8,16,32,64,128", "zipf": 1.0,
        "rank-zipf": 0.0}
SETUPS = {
    "a40": {"cost": "etc/sim/a40-llama7b.yaml", "work": WORK, "seconds": MEASURED_S,
            "step": 0.25, "start": 9.0},
    "a40-short": {"like": "a40", "seconds": SHORT_S},
    "lmsys": {"like": "a40", "trace": False},
    "nominal": {"like": "a40-short", "cost_sets": ["pool_bytes=31457280000"], "step": 0.25},
    "scale-8": {"like": "a40-short", "work": {"length-scale": 0.125}},
    "scale-7": {"like": "a40-short", "work": {"length-scale": 1 / 7}},
    "a100-7b-24": {"cost": "etc/sim/a100-llama7b-24g.yaml", "work": {**WORK, "adapters": 500},
                   "seconds": SHORT_S, "step": 1.03, "start": 14.0},
    "a100-7b-48": {"like": "a100-7b-24", "cost": "etc/sim/a100-llama7b-48g.yaml"},
    "a100-7b-80": {"like": "a100-7b-24", "cost": "etc/sim/a100-llama7b-80g.yaml"},
    "a100-13b-48": {"like": "a100-7b-24", "cost": "etc/sim/a100-llama13b-48g.yaml",
                    "work": {"adapters": 100}, "start": 8.0},
    "a100-13b-80": {"like": "a100-13b-48", "cost": "etc/sim/a100-llama13b-80g.yaml"},
    "a100-30b-80": {"like": "a100-7b-24", "cost": "etc/sim/a100-llama30b-80g.yaml",
                    "work": {"adapters": 10}, "start": 4.0},
    "a100-7b-tp2": {"like": "a100-7b-24", "cost": "etc/sim/a100-llama7b-tp2.yaml"},
    "a100-7b-tp4": {"like": "a100-7b-24", "cost": "etc/sim/a100-llama7b-tp4.yaml"},
    "a100-70b-tp2": {"like": "a40", "cost": "etc/sim/a100-llama70b-tp2.yaml"},
    "a100-70b-tp4": {"like": "a40", "cost": "etc/sim/a100-llama70b-tp4.yaml"},
    "a100-70b-tp8": {"like": "a40", "cost": "etc/sim/a100-llama70b-tp8.yaml"},
}

# Name in this report: system of conf/systems.tbl, settings over it, terms of
# the cost over the machine's.
SYSTEMS = {
    "S-LoRA": ("s-lora", [], []),
    "S-LoRA + SJF": ("s-lora-sjf", [], []),
    "Chunk-Prefill": ("s-lora", [], ["mixed_steps=1", "step_tokens=512"]),
    "fixed S-LoRA": ("s-lora-fixed", [], []),
    "fixed S-LoRA, predicted": ("s-lora-fixed", ["policy.reserve=predicted"], []),
    "fixed S-LoRA + LRU": ("s-lora-fixed-lru", [], []),
    "fixed S-LoRA + LRU, predicted": ("s-lora-fixed-lru", ["policy.reserve=predicted"], []),
    "NoSched": ("cache-only", [], []),
    "NoCache": ("scheduler-only", [], []),
    "Chameleon": ("chameleon", [], []),
    "Chameleon, FIFO": ("chameleon", ["policy.admission=fifo"], []),
    "LRU": ("chameleon-lru", [], []),
    "FairShare": ("chameleon-fairshare", [], []),
    "GDSF": ("chameleon-gdsf", [], []),
    "LFU": ("chameleon", ["policy.eviction=lfu"], []),
    "value": ("chameleon", ["policy.eviction=value"], []),
    "Static": ("chameleon-static", [], []),
    "OutputOnly": ("chameleon-outputonly", [], []),
    "+Prefetch": ("chameleon-prefetch", [], []),
    "best": ("best", [], []),
    "accuracy 100 %": ("chameleon", ["policy.predictor_accuracy=100"], []),
    "accuracy 80 %": ("chameleon", [], []),
    "accuracy 60 %": ("chameleon", ["policy.predictor_accuracy=60"], []),
    "OutputOnly 100 %": ("chameleon-outputonly", ["policy.predictor_accuracy=100"], []),
    "OutputOnly 80 %": ("chameleon-outputonly", [], []),
    "OutputOnly 60 %": ("chameleon-outputonly", ["policy.predictor_accuracy=60"], []),
}

MAIN = ["S-LoRA", "fixed S-LoRA", "fixed S-LoRA, predicted", "fixed S-LoRA + LRU",
        "fixed S-LoRA + LRU, predicted", "NoCache", "NoSched", "Chameleon", "best"]
POLICIES = ["LRU", "FairShare", "GDSF", "LFU", "Chameleon", "value"]

# The bars this project set itself, as (what, bar).
BARS = {
    "chameleon_throughput": 1.5, "best_throughput": 1.8, "best_over_fixed_lru": 1.15,
    "p99_cut": 80.7, "p50_cut": 48.1, "cache_only": 1.2, "scheduler_only": 1.05,
    "cuts_by_policy": {"LRU": 18, "FairShare": 22, "Chameleon": 26},
    "hits": 75, "squashed": 5, "smallest_slowdown": 0.25, "largest_slowdown": 1.2,
}

THROUGHPUT = {"S-LoRA": (8.6, 1), "NoCache": (9.0, 1.05), "NoSched": (10.3, 1.2),
              "Chameleon": (12.9, 1.5)}
CUTS = {"low": (14.7, 13.9), "medium": (24.6, 20.9), "high": (80.7, 48.1)}

RANKS = [8, 16, 32, 64, 128]

EXPERIMENTS = [
    {"fig": 2, "kind": "idle_ttft", "title": "TTFT of an idle machine, split by rank",
     "setup": "a40", "prompt": 320,
     "paper_ms": {8: 74, 16: 78, 32: 88, 64: 107, 128: 144},
     "paper": "74, 78, 88, 107, 144 ms for ranks 8 to 128; at rank 128 loading is 17.5 %, "
              "loading and adapter compute about 60 %."},
    {"fig": 3, "kind": "input_length", "title": "TTFT against input length, weights resident",
     "setup": "a40", "lengths": [250, 500, 750, 1000, 1250, 1500, 1750, 2000],
     "paper": "One line a rank; the lines fan out with the length, up to about 0.8 s."},
    {"fig": 4, "kind": "link_traffic", "title": "Link traffic with 1, 50 and 500 adapters",
     "setup": "a40", "adapters": [1, 50, 500], "rank": 32,
     "loads": [0.58, 0.70, 0.81, 0.93], "paper_ratio": {50: 1.69, 500: 2.60},
     "paper": "Grows with adapters and load; at 8 requests/s P99 TTFT is 1.69 and 2.60 times "
              "that of one adapter."},
    {"fig": 5, "kind": "loading_share", "title": "Loading's share of TTFT, Llama-70B",
     "setups": {"TP2": "a100-70b-tp2", "TP4": "a100-70b-tp4", "TP8": "a100-70b-tp8"},
     "prompt": 320, "paper_share": ("TP4", 32, 0.68),
     "paper": "Grows with rank and with the degree of tensor parallelism; 0.68 at rank 32, TP4."},
    {"fig": 6, "kind": "memory", "title": "Memory over time", "setup": "a40",
     "loads": {"6 RPS, fitted": ("a40", 0.70), "12.5 RPS, fitted": ("a40", 1.45),
               "6 RPS, nominal": ("nominal", 0.70)}, "seconds": 350, "weights_gb": 13.5,
     "paper": "Mostly idle, almost none idle in spikes; full most of the time at 12.5 "
              "requests/s."},
    {"fig": 7, "kind": "alone", "title": "One request at a time", "setup": "a40",
     "paper": "A heavy tail in TTFT and in end-to-end time, longer with adapters."},
    {"fig": 8, "kind": "slowdown", "title": "Slowdown: response time over response time alone",
     "setup": "a40", "systems": ["S-LoRA", "Chunk-Prefill", "S-LoRA + SJF", "Chameleon", "best"],
     "loads": ["medium", "high"],
     "paper": "Chameleon leftmost, to about 6 at medium and 200 at high load; chunked prefill "
              "no better than FIFO at high load."},
    {"fig": 11, "kind": "sweep", "title": "P99 TTFT over load", "setup": "a40",
     "metric": "ttft_p99", "y": "P99 TTFT, s", "top": 8,
     "systems": ["S-LoRA", "fixed S-LoRA", "fixed S-LoRA + LRU", "NoCache", "NoSched",
                 "Chameleon", "best"],
     "paper": "P99 crosses the SLO of 5 s at 8.6 (S-LoRA), 9.0 (NoCache), 10.3 (NoSched) and "
              "12.9 requests/s (Chameleon)."},
    {"fig": 12, "kind": "sweep", "title": "P99 time between tokens over load", "setup": "a40",
     "metric": "tbt_p99", "y": "P99 TBT, ms", "top": None,
     "systems": ["S-LoRA", "fixed S-LoRA + LRU", "Chameleon", "best"],
     "paper": "Both under 150 ms, Chameleon's lower at every load."},
    {"fig": 13, "kind": "sweep", "title": "P50 TTFT over load", "setup": "a40",
     "metric": "ttft_p50", "y": "P50 TTFT, s", "top": 8,
     "systems": ["S-LoRA", "fixed S-LoRA + LRU", "Chameleon", "best"],
     "paper": "-13.9, -20.9 and -48.1 % at 6, 8 and 9 requests/s."},
    {"fig": 14, "kind": "critical_load", "title": "Loading on the critical path", "setup": "a40",
     "systems": ["S-LoRA", "fixed S-LoRA + LRU", "Chameleon", "best"], "load": "medium",
     "paper": "S-LoRA up to 30 ms; Chameleon 75 % at 0, the rest at most 6 ms."},
    {"fig": 15, "kind": "timeline", "title": "P99 TTFT over time, high load", "setup": "a40",
     "load": "high", "window_s": 100, "axes": {"yrange": (0.1, None), "log": "y"}, "panels": [
         ["S-LoRA", "S-LoRA + SJF", "NoCache", "Chameleon", "best"]],
     "paper": "S-LoRA with and without SJF climb without bound past the SLO; NoCache far "
              "lower; Chameleon lowest."},
    {"fig": 16, "kind": "queueing", "title": "Mean queueing by class", "setup": "a40",
     "loads": ["high", "full"], "systems": ["S-LoRA", "S-LoRA + SJF", "Chameleon, FIFO", "Chameleon",
                                 "best"],
     "paper": "FIFO level over classes; SJF bad for large requests; Chameleon below 8 % of "
              "end-to-end time in every class."},
    {"fig": 17, "kind": "by_rank", "title": "P99 TTFT by cache policy and rank",
     "setup": "a40", "load": "medium", "also": "full", "against": "S-LoRA",
     "systems": ["S-LoRA", "LRU", "FairShare", "Chameleon", "value"],
     "paper_cuts": {"LRU": 18, "FairShare": 22, "Chameleon": 26},
     "paper": "-18 (LRU), -22 (FairShare), -26 % (Chameleon) against S-LoRA; at rank 128 "
              "Chameleon is 12 % below FairShare."},
    {"fig": 18, "kind": "by_rank", "title": "Histogram prefetch, medium load",
     "setup": "a40", "load": "medium", "against": "S-LoRA",
     "systems": ["S-LoRA", "Chameleon", "+Prefetch"],
     "paper_cuts": {"Chameleon": 24.6}, "further": ("+Prefetch", "Chameleon", 8.8),
     "paper": "A further -8.8 % of P99 TTFT in total."},
    {"fig": 19, "kind": "timeline", "title": "Accuracy of the predictor",
     "setup": "a40", "load": "full", "window_s": 100,
     "axes": {"yrange": (0, None)}, "panels": [
         ["accuracy 100 %", "accuracy 80 %", "accuracy 60 %"],
         ["OutputOnly 100 %", "OutputOnly 80 %", "OutputOnly 60 %"]],
     "paper": "80 % is about as good as 100 %; 60 % hurts in a burst near 300 s; OutputOnly "
              "suffers more."},
    {"fig": 20, "kind": "adapters", "title": "Number and popularity of adapters", "setup": "a40",
     "load": "9.5", "adapters": [10, 50, 100, 150, 200], "systems": ["S-LoRA", "Chameleon"],
     "popularity": {"U-U": (0.0, 0.0), "U-P": (0.0, 1.0), "P-P": (1.0, 1.0)},
     "paper": "Chameleon holds the SLO to 100 adapters (ranks uniform) and 150 (power law), "
              "S-LoRA only at 10; both are best at P-P."},
    {"fig": 21, "kind": "workloads", "title": "Other workloads, 1.10 of the knee",
     "load": "9.5", "setups": {"Azure conversation": "a40", "LMSYS-like": "lmsys"},
     "base": "a40", "systems": ["S-LoRA", "fixed S-LoRA + LRU", "Chameleon", "best"],
     "paper": "S-LoRA misses the SLOs of all three workloads, Chameleon meets them; about 4 "
              "times lower on WildChat and LMSYS."},
    {"fig": 22, "kind": "static", "title": "Chameleon relative to Static queues", "setup": "a40",
     "loads": ["low", "medium", "high", "full"],
     "paper_ratio": {"low": 1.0, "medium": 1.0, "high": 0.9},
     "paper": "1, 1 and 0.9 at low, medium and high load."},
    {"fig": 23, "kind": "machines", "title": "Models on an A100 with 80 GB",
     "setups": {"7B": "a100-7b-80", "13B": "a100-13b-80", "30B": "a100-30b-80"},
     "paper_ratio": {"7B": 1.86, "13B": 1.41, "30B": 1.67},
     "paper_cut": {"7B": 60.0, "13B": 61.3, "30B": 59.3},
     "paper": "P99 TTFT -60.0, -61.3, -59.3 % on average; throughput 1.86, 1.41, 1.67 times."},
    {"fig": 24, "kind": "machines", "title": "Throughput by memory of an A100",
     "setups": {"7B, 24 GB": "a100-7b-24", "7B, 48 GB": "a100-7b-48", "7B, 80 GB": "a100-7b-80",
                "13B, 48 GB": "a100-13b-48", "13B, 80 GB": "a100-13b-80",
                "30B, 80 GB": "a100-30b-80"},
     "paper_ratio": {"7B, 24 GB": 1.4, "7B, 48 GB": 1.6, "7B, 80 GB": 1.9},
     "paper": "7B: 1.4, 1.6, 1.9 times at 24, 48, 80 GB; A40 48 GB with 100 adapters 1.5, A100 "
              "48 GB with 500 adapters 1.6 times."},
    {"fig": 25, "kind": "machines", "title": "Tensor parallelism, Llama-7B, A100 80 GB",
     "setups": {"TP1": "a100-7b-80", "TP2": "a100-7b-tp2", "TP4": "a100-7b-tp4"},
     "paper_ratio": {}, "by_load": True, "paper_high": {"TP4": 95.8},
     "paper": "The gain grows with the degree and with load: -95.8 % of P99 TTFT at TP4, high "
              "load."},
]

# Calibration.  Each variant: settings for S-LoRA, for Chameleon, terms of the
# cost for both; the knees of both and their ratio are published.
VARIANTS = [
    ("as used", "", [], [], []),
    ("load_stall_ms", 0, [], [], ["load_stall_ms=0"]),
    ("load_stall_ms", 5, [], [], ["load_stall_ms=5"]),
    ("load_stall_ms", 10, [], [], ["load_stall_ms=10"]),
    ("load_stall_ms", 20, [], [], ["load_stall_ms=20"]),
    ("load_stall_factor", 0, [], [], ["load_stall_factor=0"]),
    ("load_stall_factor", 1, [], [], ["load_stall_factor=1"]),
    ("load_stall_factor", 2, [], [], ["load_stall_factor=2"]),
    ("load_stall_factor", 4, [], [], ["load_stall_factor=4"]),
    ("load_stall_factor", 8, [], [], ["load_stall_factor=8"]),
    ("link_copies", 1, ["loader.link_copies=1"], ["loader.link_copies=1"], []),
    ("link_copies", 2, ["loader.link_copies=2"], ["loader.link_copies=2"], []),
    ("admit_every_steps", 1, ["policy.admit_every_steps=1"], [], []),
    ("admit_every_steps", 5, ["policy.admit_every_steps=5"], [], []),
    ("admit_every_steps", 20, ["policy.admit_every_steps=20"], [], []),
    ("reserve", "predicted", ["policy.reserve=predicted"], [], []),
    ("reserve", "grow", ["policy.reserve=grow"], ["policy.reserve=grow"], []),
    ("all of them", "off",
     ["loader.link_copies=1", "policy.admit_every_steps=1", "policy.reserve=predicted"],
     ["loader.link_copies=1"], ["load_stall_ms=0", "load_stall_factor=0"]),
]
STALL_SYSTEMS = ["S-LoRA", "Chameleon"]
SCALES = ["a40-short", "nominal", "scale-8", "scale-7"]
SCALE_SYSTEMS = ["S-LoRA", "fixed S-LoRA + LRU", "fixed S-LoRA + LRU, predicted", "NoCache",
                 "NoSched", "Chameleon", "best"]

# Where the paper leaves a choice open or names an alternative: settings over
# Chameleon's.
CHOICES = [
    ("as used", []),
    ("size: weighted sum (paper: the product is up to 10 % better)", ["policy.size=linear"]),
    ("size: measured seconds", ["policy.size=cost"]),
    ("an adapter is charged to the first that shares it", ["policy.adapter_charge=first"]),
    ("a queue with a blocked head lends, too", ["policy.lend=patient"]),
    ("surplus shared equally", ["policy.quota_surplus=equal"]),
    ("surplus shared by arrivals", ["policy.quota_surplus=arrivals"]),
    ("number of queues: least sum of squares", ["policy.cuts=literal"]),
    ("no bypass", ["policy.bypass_max=0"]),
    ("no squash", ["policy.squash_max=0"]),
    ("memory granted as tokens come", ["policy.reserve=grow"]),
    ("every byte copied once", ["loader.link_copies=1"]),
    ("every byte copied twice, as S-LoRA does", ["loader.link_copies=2"]),
]
ZIPFS = [0.0, 0.5, 1.0, 1.5]
