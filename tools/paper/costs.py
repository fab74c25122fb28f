#!/usr/bin/env python3
"""Cost models for A100 machines, derived from that of the A40 by public facts.

    python3 tools/paper/costs.py [--check]       writes etc/sim/a100-*.yaml

Every line of a file says where its number comes from.  What is fitted on the
A40 (host work, efficiency, share of memory that adapters and KV can use) is
carried over as a ratio, so that a new calibration of the A40 carries through.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BASE = "etc/sim/a40-llama7b.yaml"
GIB = 1 << 30

# NVIDIA's data sheets: bytes/s of memory, dense fp16 or bf16 flop/s.
A40 = {"bandwidth": 696e9, "flops": 149.7e12}
A100 = {"bandwidth": 2039e9, "flops": 312e12}  # SXM, 80 GB

# The Llama papers: parameters, layers, hidden size; width of keys and values.
MODELS = {
    "llama7b": {"params": 6.74e9, "layers": 32, "hidden": 4096, "kv": 4096},
    "llama13b": {"params": 13.0e9, "layers": 40, "hidden": 5120, "kv": 5120},
    "llama30b": {"params": 32.5e9, "layers": 60, "hidden": 6656, "kv": 6656},
    "llama70b": {"params": 69.0e9, "layers": 80, "hidden": 8192, "kv": 1024},
}

# name: model, memory of a card in GiB, cards, whole: the nominal pool.
MACHINES = {
    "a100-llama7b-24g": ("llama7b", 24, 1, False),
    "a100-llama7b-48g": ("llama7b", 48, 1, False),
    "a100-llama7b-80g": ("llama7b", 80, 1, False),
    "a100-llama13b-48g": ("llama13b", 48, 1, False),
    "a100-llama13b-80g": ("llama13b", 80, 1, False),
    "a100-llama30b-80g": ("llama30b", 80, 1, True),
    "a100-llama7b-tp2": ("llama7b", 80, 2, False),
    "a100-llama7b-tp4": ("llama7b", 80, 4, False),
    "a100-llama70b-tp2": ("llama70b", 80, 2, True),
    "a100-llama70b-tp4": ("llama70b", 80, 4, True),
    "a100-llama70b-tp8": ("llama70b", 80, 8, True),
}

EFFICIENCY = 0.8           # of memory bandwidth, as on the A40
WEIGHTS_A40_MS = 24.2      # 13.48 GB at 80 % of 696 GB/s
USABLE = 45 / 48           # of a card's memory
WORKSPACE = 2.4 * GIB      # a card
NOMINAL_A40 = 30 * GIB     # 45 GiB usable - 12.6 of weights - workspace
ALL_REDUCE_MS = 0.02       # two a layer: latency over NVLink, small messages
COPY_MS = 0.075            # a copy with its synchronisation, see load_read_ms


def read(path):
    """A cost file as numbers; its name stays text."""
    terms = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.split("#")[0].strip()
            if not line:
                continue
            key, value = (part.strip() for part in line.split(":", 1))
            terms[key] = number(value)
    return terms


def number(text):
    """1e9, 7000MiB; text that is no number stays as it is."""
    units = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
    for unit, size in units.items():
        if text.endswith(unit):
            return float(text[:-3]) * size
    try:
        return float(text)
    except ValueError:
        return text


def derive(base, name):
    """(term, value, where it comes from), in the order of the A40's file."""
    model_name, memory, cards, whole = MACHINES[name]
    m, seven = MODELS[model_name], MODELS["llama7b"]
    layers = m["layers"] / seven["layers"]
    weights = m["params"] * 2
    speed = A100["bandwidth"] * EFFICIENCY
    ratio = A40["bandwidth"] / A100["bandwidth"]
    host = base["step_fixed_ms"] - WEIGHTS_A40_MS
    reduce_ms = 2 * m["layers"] * ALL_REDUCE_MS if cards > 1 else 0
    kv_token = 2 * m["layers"] * m["kv"] * 2
    # q, o: hidden to hidden; k, v: hidden to kv; A and B, two bytes each.
    rank_bytes = m["layers"] * 2 * (4 * m["hidden"] + 2 * m["hidden"] + 2 * m["kv"])
    flops = base["prefill_token_ms"] * (m["params"] / seven["params"])
    nominal = cards * (memory * USABLE * GIB - WORKSPACE) - weights
    share = 1 if whole else base["pool_bytes"] / NOMINAL_A40
    pool = int(nominal * share / (1 << 20)) << 20
    copies = m["layers"] * 8 * cards
    lora = base["lora_prefill_rank_us"] * rank_bytes / base["adapter_rank_bytes"]
    over = f" over {cards} cards" if cards > 1 else ""
    own = {
        "step_fixed_ms": (
            weights / cards / speed * 1e3 + host + reduce_ms,
            f"{weights / 1e9:.1f} GB of weights{over} at 80 % of 2,039 GB/s, the A40's "
            f"{host:.1f} ms of host work"
            + (f", {2 * m['layers']} all-reduces of {ALL_REDUCE_MS} ms (ours)."
               if cards > 1 else ".")),
        "prefill_token_ms": (
            flops * A40["flops"] / A100["flops"] / cards,
            "The A40's, by parameters and by 312 over 149.7 TFLOPS" + over + "."),
        "attend_token_us": (
            kv_token / cards / speed * 1e6,
            f"A token's keys and values{over} at 80 % of 2,039 GB/s."),
        "lora_step_ms": (
            base["lora_step_ms"] * layers, f"Launches, so by layers: {m['layers']} for 32."),
        "lora_adapter_ms": (base["lora_adapter_ms"] * layers, "The same."),
        "lora_prefill_rank_us": (
            lora * ratio / cards,
            "The A40's, by bytes of a rank and by 696 over 2,039 GB/s: these kernels wait for "
            "memory" + over + "."),
        "lora_decode_rank_us": (base["lora_decode_rank_us"] * ratio / cards, "The same."),
        "link_bytes_per_s": (base["link_bytes_per_s"], "PCIe Gen4 x16, as the A40's."),
        "pool_bytes": (pool, f"{nominal / GIB:.1f} GiB nominal" + (
            ", all of it: the A40's fitted share holds no long request." if whole and cards == 1
            else "." if whole else f", of which the share {share:.3f} fitted on the A40.")),
        "chunk_bytes": (int(base["chunk_bytes"] / base["kv_token_bytes"] * kv_token),
                        "As many KV blocks as on the A40."),
        "kv_token_bytes": (kv_token, f"2 * {m['layers']} layers * {m['kv']} * 2 bytes."),
        "adapter_rank_bytes": (
            rank_bytes,
            f"q, k, v, o of {m['layers']} layers, hidden size {m['hidden']}, A and B, 2 bytes."),
    }
    if cards > 1:
        own["prefill_fixed_ms"] = (base["prefill_fixed_ms"] + reduce_ms,
                                   "As on the A40, and the all-reduces.")
        own["load_read_ms"] = (
            base["load_read_ms"] + copies * COPY_MS,
            f"{copies} copies (A and B of q, k, v, o in every layer, for each card) of {COPY_MS} "
            "ms, fitted to one printed number: 70B, rank 32, 4 cards, loading is 0.68 of the time "
            "to the first token. Beside the link, so that it stalls nobody.")
    return [(term, *own.get(term, (value, "As on the A40.")))
            for term, value in base.items() if term != "name"]

def wrap(text, width=76):
    lines, line = [], "#"
    for word in text.split():
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = "#"
        line += " " + word
    return lines + [line]


def show(value):
    return str(int(value)) if value == int(value) and value < 1e15 else f"{value:.5g}"


def document(base, name):
    model, memory, cards, _ = MACHINES[name]
    size = model.replace("llama", "Llama-").replace("b", "B")
    what = f"{size} in fp16 on {cards} A100 with {memory} GB" + (
        " each, tensor-parallel" if cards > 1 else "")
    lines = wrap(f"{what} under S-LoRA, derived from {os.path.basename(BASE)} by "
                 "tools/paper/costs.py: facts of data sheets and models, the A40's "
                 "efficiencies. Never compared with such a machine.")
    lines.append(f"name: {name}")
    for term, value, why in derive(base, name):
        lines += ["", *wrap(why), f"{term}: {show(value)}"]
    return "\n".join(lines) + "\n"


def main():
    base = read(os.path.join(ROOT, BASE))
    old = 0
    for name in MACHINES:
        path = os.path.join(ROOT, "etc/sim", name + ".yaml")
        text = document(base, name)
        if "--check" in sys.argv[1:]:
            with open(path, encoding="utf-8") as file:
                if file.read() != text:
                    print(f"{path}: not what tools/paper/costs.py writes")
                    old = 1
            continue
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    sys.exit(old)


if __name__ == "__main__":
    main()
