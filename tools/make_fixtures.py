#!/usr/bin/env python3
"""Make tests/fixtures: tiny random models and adapters with what transformers and peft compute.

    pip install torch transformers peft safetensors tokenizers sentencepiece
    python3 tools/make_fixtures.py [--out tests/fixtures] [hf] [tokenizers]

Every number comes from a seed.  The layout is described in tests/fixtures/hf/README.md.
"""

import argparse
import json
import os
import shutil
import sys

try:
    import torch
    import transformers
    from peft import LoraConfig, PeftModel, get_peft_model
    from safetensors.torch import save_file
except ImportError as error:
    sys.exit(f"make_fixtures: {error}; pip install torch transformers peft safetensors tokenizers "
             "sentencepiece")

VOCAB, EOS = 96, 95
STEPS = 24          # greedy tokens after each prompt
MARGIN = 2e-3       # least gap of the two best logits along a greedy path
SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

CLASSES = {"llama": ("LlamaConfig", "LlamaForCausalLM"),
           "mistral": ("MistralConfig", "MistralForCausalLM"),
           "qwen2": ("Qwen2Config", "Qwen2ForCausalLM"),
           "qwen3": ("Qwen3Config", "Qwen3ForCausalLM")}

BASE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
        "tie_word_embeddings": False}

# adapter -> arguments of LoraConfig, and dtype of the file
R1 = dict(r=1, lora_alpha=2, target_modules=["q_proj", "v_proj"])
R3 = dict(r=3, lora_alpha=6, target_modules=SEVEN)
R8 = dict(r=8, lora_alpha=16, target_modules=SEVEN)
MANY = {
    "r1": R1, "r3": R3, "r8": R8,
    "r64": dict(r=64, lora_alpha=64, target_modules=SEVEN, dtype="float16"),
    "qv": dict(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]),
    "rslora": dict(r=6, lora_alpha=5, use_rslora=True, target_modules=SEVEN),
    "patterns": dict(r=4, lora_alpha=8, target_modules=SEVEN,
                     rank_pattern={"down_proj": 12, "layers.0.self_attn.q_proj": 1,
                                   r"model\.layers\.1\.mlp\.(gate|up)_proj": 5},
                     alpha_pattern={"down_proj": 6, "layers.1.self_attn.o_proj": 2.5}),
    "layers": dict(r=4, lora_alpha=4, target_modules=["q_proj", "down_proj"],
                   layers_to_transform=[1]),
    "regex": dict(r=5, lora_alpha=10, target_modules=r".*layers\.\d\.(self_attn\.[qk]|mlp\.up)_proj"),
    "bf16": dict(r=8, lora_alpha=16, target_modules=SEVEN, dtype="bfloat16"),
    "lm-head": dict(r=4, lora_alpha=8, target_modules=["q_proj", "lm_head"]),
    "embed": dict(r=4, lora_alpha=8, target_modules=["v_proj", "embed_tokens"]),
}

# case -> family, changes to BASE, adapters, and how the files are written
CASES = {
    "llama-gqa": ("llama", {}, MANY, {}),
    "llama-tied": ("llama", dict(hidden_size=48, num_attention_heads=3, num_key_value_heads=3,
                                 tie_word_embeddings=True), {"r8": R8}, {"old": True}),
    "llama-bias": ("llama", dict(attention_bias=True, mlp_bias=True), {"r3": R3}, {}),
    "llama-linear": ("llama", dict(rope={"rope_type": "linear", "factor": 4.0}), {},
                     {"old": True, "long": True}),
    "llama-llama3": ("llama", dict(rope={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                         "high_freq_factor": 4.0,
                                         "original_max_position_embeddings": 32},
                                   rope_theta=500000.0), {"r8": R8}, {"old": True, "long": True}),
    "llama-llama3-new": ("llama", dict(rope={"rope_type": "llama3", "factor": 4.0,
                                             "low_freq_factor": 1.0, "high_freq_factor": 2.0,
                                             "original_max_position_embeddings": 16}), {},
                         {"long": True}),
    "llama-yarn": ("llama", dict(rope={"rope_type": "yarn", "factor": 4.0, "beta_fast": 4.0,
                                       "beta_slow": 1.0,
                                       "original_max_position_embeddings": 32}), {},
                   {"long": True}),
    "llama-bf16": ("llama", {}, {"r8": dict(R8, dtype="bfloat16")}, {"dtype": "bfloat16"}),
    "llama-f16": ("llama", {}, {"r8": dict(R8, dtype="float16")}, {"dtype": "float16"}),
    "llama-sharded": ("llama", dict(num_hidden_layers=3), {}, {"shard": "60KB"}),
    "mistral": ("mistral", dict(head_dim=16, sliding_window=None), {"r3": R3}, {"old": True}),
    "mistral-window": ("mistral", dict(sliding_window=8), {}, {"window": 8, "long": True}),
    "qwen2": ("qwen2", dict(hidden_size=64, intermediate_size=80), {"r8": R8}, {"old": True}),
    "qwen2-tied": ("qwen2", dict(tie_word_embeddings=True, num_key_value_heads=1), {"qv": R1}, {}),
    "qwen3": ("qwen3", dict(head_dim=24), {"r8": R8, "r1": R1}, {"old": True}),
    "qwen3-tied": ("qwen3", dict(head_dim=16, tie_word_embeddings=True, num_key_value_heads=1),
                   {"r3": R3}, {}),
}


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


# ---------------------------------------------------------------- models

def randomise(model, seed):
    """Weights wide enough that every part of the arithmetic shows in the logits."""
    gen = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=gen)
            if "norm" in name:
                p.copy_(1 + 0.3 * noise)
            elif p.dim() == 1:
                p.copy_(0.5 * noise)
            elif "embed" in name:
                p.copy_(noise * 0.5)
            else:
                p.copy_(noise * 1.3 / p.shape[1] ** 0.5)


def make_model(case, folder, seed):
    family, changes, _, files = CASES[case]
    fields = dict(BASE, vocab_size=VOCAB, bos_token_id=EOS - 1, eos_token_id=EOS)
    fields.update({k: v for k, v in changes.items() if k not in ("rope", "rope_theta")})
    rope = dict(changes.get("rope", {"rope_type": "default"}),
                rope_theta=changes.get("rope_theta", 10000.0))
    config_class, model_class = (getattr(transformers, n) for n in CLASSES[family])
    config = config_class(**fields, rope_parameters=rope)
    model = model_class(config)
    randomise(model, seed)
    model = model.to(getattr(torch, files.get("dtype", "float32")))
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, max_shard_size=files.get("shard", "5GB"))
    path = os.path.join(folder, "config.json")
    with open(path, encoding="utf-8") as file:
        written = json.load(file)
    if files.get("old"):  # as transformers before 5 wrote it
        written.pop("rope_parameters", None)
        written["rope_theta"] = rope["rope_theta"]
        plain = {k: v for k, v in rope.items() if k != "rope_theta"}
        written["rope_scaling"] = None if plain["rope_type"] == "default" else plain
        written["torch_dtype"] = written.pop("dtype", "float32")
        written["transformers_version"] = "4.45.0"
    write_json(path, written)


def load(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()


# ---------------------------------------------------------------- adapters

def make_adapter(model, folder, fields, seed):
    fields = dict(fields)
    dtype = getattr(torch, fields.pop("dtype", "float32"))
    peft = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **fields))
    gen = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(peft.named_parameters()):
            if "lora_" in name:
                rank = min(p.shape)
                p.copy_(torch.randn(p.shape, generator=gen) * 0.6 / rank ** 0.5)
    shutil.rmtree(folder, ignore_errors=True)
    state = {k: v.to(dtype) for k, v in peft.state_dict().items()}
    peft.save_pretrained(folder, state_dict=state, save_embedding_layers=False)
    readme = os.path.join(folder, "README.md")
    if os.path.exists(readme):
        os.remove(readme)
    path = os.path.join(folder, "adapter_config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["base_model_name_or_path"] = "../../model"
    if isinstance(config["target_modules"], list):  # a set in peft: its order is chance
        config["target_modules"].sort()
    write_json(path, config)


# ---------------------------------------------------------------- references

def prompts(seed, long):
    gen = torch.Generator().manual_seed(seed)
    return [torch.randint(0, EOS - 1, (n,), generator=gen).tolist()
            for n in ((1, 60) if long else (1, 5, 18))]


@torch.no_grad()
def answer(model, ids):
    """Logits of the prompt, the greedy tokens after it, and the least margin among them."""
    at, margin, first = list(ids), float("inf"), None
    for _ in range(STEPS):
        logits = model(torch.tensor([at]), use_cache=False).logits[0].float()
        first = logits if first is None else first
        best = logits[-1].topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        at.append(int(best.indices[0]))
    greedy = at[len(ids):]
    return first, greedy, 0.0 if EOS in greedy else margin


def runs_of(case, out):
    """Every run of a case, or None if a margin is too small and another seed is needed."""
    _, _, adapters, files = CASES[case]
    runs, tensors, base = [], {}, {}
    for number, name in enumerate([None, *adapters]):
        model = load(os.path.join(out, case, "model"))
        if name:
            model = PeftModel.from_pretrained(
                model, os.path.join(out, case, "adapters", name)).float().eval()
        run = {"case": case, "model": f"{case}/model",
               "adapter": f"{case}/adapters/{name}" if name else None,
               "dtype": files.get("dtype", "float32"), "window": files.get("window"),
               "reference": f"{case}/reference.safetensors", "prompts": []}
        for i in range(2 if files.get("long") else 3):
            for seed in range(400):
                ids = prompts(1000 * number + seed, files.get("long"))[i]
                logits, greedy, margin = answer(model, ids)
                if margin > MARGIN:
                    break
            else:
                return None
            tensor = f"{name or 'base'}.{i}"
            tensors[tensor] = logits.contiguous()
            if name and i == 0:
                with model.disable_adapter():
                    change = (model(torch.tensor([ids])).logits[0] - logits).abs().max()
                if change < 0.05:
                    sys.exit(f"make_fixtures: {case}: adapter {name} changes too little ({change})")
            run["prompts"].append({"ids": ids, "logits": tensor, "greedy": greedy,
                                   "margin": round(margin, 5)})
        runs.append(run)
    return runs, tensors


def make_hf(out):
    out = os.path.join(out, "hf")
    os.makedirs(out, exist_ok=True)
    index = []
    for number, case in enumerate(CASES):
        for seed in range(10):
            make_model(case, os.path.join(out, case, "model"), 100 * number + seed)
            for at, (name, fields) in enumerate(CASES[case][2].items()):
                make_adapter(load(os.path.join(out, case, "model")),
                             os.path.join(out, case, "adapters", name), fields, 7 * number + at)
            made = runs_of(case, out)
            if made:
                break
        else:
            sys.exit(f"make_fixtures: {case}: no seed gives margins above {MARGIN}")
        runs, tensors = made
        save_file(tensors, os.path.join(out, case, "reference.safetensors"), metadata={"format": "pt"})
        write_json(os.path.join(out, case, "reference.json"), runs)
        for folder, _, files in os.walk(os.path.join(out, case)):
            for name in files:
                os.chmod(os.path.join(folder, name), 0o644)
        index += runs
        print(f"{case}: {len(runs)} runs, seed {seed}", flush=True)
    with open(os.path.join(out, "index.json"), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(run) for run in index) + "\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="tests/fixtures")
    parser.add_argument("what", nargs="*", help="hf, tokenizers; both without any")
    args = parser.parse_args()
    what = args.what or ["hf", "tokenizers"]
    if set(what) - {"hf", "tokenizers"}:
        sys.exit(f"make_fixtures: {' '.join(what)}: want hf, tokenizers or nothing")
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if "hf" in what:
        make_hf(args.out)
    if "tokenizers" in what:
        from tokenizer_fixtures import make_tokenizers
        make_tokenizers(os.path.join(args.out, "tokenizers"))


if __name__ == "__main__":
    main()
