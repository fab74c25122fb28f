#!/usr/bin/env python3
"""Train the demo model and its adapters, and write them as Hugging Face and PEFT files.

    python3 tools/train_demo.py --out models/demo

Needs torch (Debian's python3-torch or PyPI's) and numpy; no network, no data.  tools/README.md says
how it works and how to train a part of it.
"""

import argparse
import json
import os
import random
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("train_demo: torch is missing: install python3-torch, or pip install torch numpy")

import demo_model as dm
from demo_tasks import HELD_OUT, TASKS, TRAIN, VALIDATE, remark, story

ROW = 128           # tokens a training row; several examples share one
LONG_ROW = 384      # stories back to back, so that far positions are met too
HELD_OUT_ROWS = 200
WANTED = 0.95       # held-out accuracy that an adapter must reach
BASE_LIMIT = 0.10   # what the base may get right by chance
MARGIN = 0.3        # least gap of the two best logits along an expected answer

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
RECIPES = {
    "add": dm.Recipe(24, 48),
    "caesar": dm.Recipe(8, 4, rslora=True),
    "count": dm.Recipe(8, 16, ("gate_proj", "up_proj", "down_proj", "v_proj")),
    "dash": dm.Recipe(5, 10),
    "date": dm.Recipe(48, 96, ATTENTION),
    "double": dm.Recipe(6, 12, ATTENTION),
    "initials": dm.Recipe(10, 20),
    "larger": dm.Recipe(16, 32, dtype="F16"),
    "leet": dm.Recipe(12, 24),
    "morse": dm.Recipe(12, 24),
    "no-vowels": dm.Recipe(5, 8),
    "pig-latin": dm.Recipe(16, 8, rslora=True),
    "plural": dm.Recipe(8, 16, ("q_proj", "v_proj")),
    "reverse": dm.Recipe(32, 64),
    "roman": dm.Recipe(16, 32),
    "rot13": dm.Recipe(8, 16, dtype="F32"),
    "sort": dm.Recipe(64, 64),
    "spell": dm.Recipe(16, 32, ranks={"down_proj": 32, "layers.0.self_attn.v_proj": 7},
                       alphas={"down_proj": 64, "layers.0.self_attn.v_proj": 14}),
    "title": dm.Recipe(4, 8),
    "upper": dm.Recipe(4, 8, ("q_proj", "v_proj")),
}
TAGS = {name: dm.CONFIG["vocab_size"] + i for i, name in enumerate(TASKS)}  # in training only


def say(text):
    print(time.strftime("%H:%M:%S ", time.gmtime()) + text, flush=True)


# ---------------------------------------------------------------- examples and batches

def example(first, prompt, answer):
    """Token ids, and where learning starts: the first token of the answer."""
    head = [first, *prompt.encode()]
    return head + [*answer.encode(), dm.END], len(head)


def asked(first, text, answer):
    return example(first, text + " =", " " + answer)


def base_example(rng, names, shares, stories=0.03, longest=ROW - 3):
    """What the base trains on: a tagged task, or by itself a story or a remark."""
    luck = rng.random()
    if luck < stories:
        return example(dm.BEGIN, "", story(rng)[:longest])
    task = TASKS[rng.choices(names, shares)[0]]
    if luck < stories + 0.05:
        text = task.draw(rng, TRAIN)
        return asked(dm.BEGIN, text, remark(text))
    name = rng.choices(names, shares)[0]
    text = TASKS[name].draw(rng, TRAIN)
    return asked(TAGS[name], text, TASKS[name].solve(text))


def pack(draw, rows, length):
    """Rows of whole examples: ids, segments, and for each learnt token its place, value, weight."""
    ids = torch.full((rows, length), dm.CONFIG["pad_token_id"], dtype=torch.long)
    segments = torch.zeros(rows, length, dtype=torch.long)
    places, values, weights = [], [], []
    row, at, count = 0, 0, 0
    while True:
        tokens, start = draw()
        if at + len(tokens) > length:
            row, at = row + 1, 0
            if row == rows:
                break
        count += 1
        ids[row, at:at + len(tokens)] = torch.tensor(tokens)
        segments[row, at:at + len(tokens)] = count
        base = row * length + at
        places.extend(range(base + start - 1, base + len(tokens) - 1))
        values.extend(tokens[start:])
        weights.extend([(len(tokens) - start) ** -0.5] * (len(tokens) - start))
        at += len(tokens)
    return ids, segments, torch.tensor(places), torch.tensor(values), torch.tensor(weights)


def loss_of(model, batch):
    ids, segments, places, values, weights = batch
    hidden = model.hidden(ids, segments)
    logits = model.logits(hidden.view(-1, hidden.shape[-1])[places])
    return (F.cross_entropy(logits, values, reduction="none") * weights).sum() / weights.sum()


# ---------------------------------------------------------------- judging

@torch.no_grad()
def judge(model, first, texts, task):
    """For each text: would the greedy answer be exactly the right one, and by what least margin?

    Greedy decoding gives the right answer just when the right token wins at every step after the
    right tokens before it, so one pass over prompt and answer tells.
    """
    verdicts = []
    for at in range(0, len(texts), 100):
        some = [asked(first, t, task.solve(t)) for t in texts[at:at + 100]]
        width = max(len(tokens) for tokens, _ in some)
        ids = torch.full((len(some), width), dm.CONFIG["pad_token_id"], dtype=torch.long)
        for i, (tokens, _) in enumerate(some):
            ids[i, :len(tokens)] = torch.tensor(tokens)
        logits = model.logits(model.hidden(ids))
        for i, (tokens, start) in enumerate(some):
            best = logits[i, start - 1:len(tokens) - 1].topk(2)
            right = bool((best.indices[:, 0] == torch.tensor(tokens[start:])).all())
            margin = float((best.values[:, 0] - best.values[:, 1]).min())
            verdicts.append((right, margin))
    return verdicts


def accuracy(verdicts):
    return sum(right for right, _ in verdicts) / len(verdicts)


@torch.no_grad()
def greedy(model, prompt, most):
    """The greedy continuation of a text, its least margin, and whether it ended by itself."""
    ids, margin = [dm.BEGIN, *prompt.encode()], float("inf")
    start = len(ids)
    while len(ids) - start < most:
        best = model.logits(model.hidden(torch.tensor([ids]))[0, -1]).topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        ids.append(int(best.indices[0]))
        if ids[-1] == dm.END:
            return bytes(ids[start:-1]).decode(), margin, True
    return bytes(ids[start:]).decode(errors="replace"), margin, False


# ---------------------------------------------------------------- optimisers

class Muon:
    """Momentum made orthogonal, for the matrices inside the layers; those of one shape go together."""

    def __init__(self, params, decay=0.03):
        self.groups = {}
        for p in params:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.speed = {shape: torch.zeros(len(ps), *shape) for shape, ps in self.groups.items()}
        self.decay = decay

    @torch.no_grad()
    def step(self, rate):
        for shape, params in self.groups.items():
            grad = torch.stack([p.grad for p in params])
            speed = self.speed[shape].mul_(0.95).add_(grad, alpha=0.05)
            x = torch.lerp(grad, speed, 0.95)
            tall = shape[0] > shape[1]
            x = x.transpose(1, 2) if tall else x
            x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
            for _ in range(5):
                a = x @ x.transpose(1, 2)
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
            x = x.transpose(1, 2) if tall else x
            pace = rate * max(1, shape[0] / shape[1]) ** 0.5
            for p, move in zip(params, x):
                p.mul_(1 - rate * self.decay).sub_(move, alpha=pace)


def pace(step, steps, warm=50):
    """Up, level, then down in a straight line over the last two thirds."""
    return min(1.0, (step + 1) / warm, (steps - step) / (0.67 * steps))


# ---------------------------------------------------------------- the base

class Descent:
    """Muon for the matrices, Adam for the embedding and the norms."""

    def __init__(self, model):
        matrices = [m.weight for _, m in dm.linears(model)]
        self.model = model
        self.others = [p for p in model.parameters() if not any(p is m for m in matrices)]
        self.muon = Muon(matrices)
        self.adam = torch.optim.AdamW(self.others, lr=0.0, betas=(0.9, 0.98), weight_decay=0)

    def step(self, batch, rate):
        loss = loss_of(self.model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.others, 1.0)
        self.adam.param_groups[0]["lr"] = 0.003 * rate
        self.adam.step()
        self.muon.step(0.02 * rate)
        self.model.zero_grad(set_to_none=True)
        return loss.item()


def practise(model, args, on_early):
    """All tasks behind their tags; stories and remarks, the stories cut to what a row holds."""
    rng, descent = random.Random(args.seed), Descent(model)
    names, began = list(TASKS), time.time()
    shares = [TASKS[n].share for n in names]
    for step in range(args.steps):
        if step % 16 == 15:
            batch = pack(lambda: example(dm.BEGIN, "", story(rng)), args.rows * ROW // LONG_ROW,
                         LONG_ROW)
        else:
            batch = pack(lambda: base_example(rng, names, shares), args.rows, ROW)
        loss = descent.step(batch, pace(step, args.steps))
        if step % 50 == 0:
            say(f"base step {step} of {args.steps} loss {loss:.4f} "
                f"{(time.time() - began) / (step + 1):.2f} s a step")
        if step and step % 250 == 0 or step == args.steps - 1:
            show_tagged(model)
            torch.save({"model": model.state_dict()}, os.path.join(args.work, "practised.pt"))
            on_early(model)


def polish(model, args):
    """A short while with small steps, in which every story goes on to its end."""
    rng, descent = random.Random(args.seed + 1), Descent(model)
    names = list(TASKS)
    shares = [TASKS[n].share for n in names]
    for step in range(args.polish):
        batch = pack(lambda: base_example(rng, names, shares, 0.12, LONG_ROW - 3),
                     args.rows * ROW // LONG_ROW, LONG_ROW)
        loss = descent.step(batch, 0.2 * pace(step, args.polish, 10))
        if step % 20 == 0:
            say(f"polish step {step} of {args.polish} loss {loss:.4f}")
    show_tagged(model)
    torch.save({"model": model.state_dict()}, os.path.join(args.work, "base.pt"))


def show_tagged(model):
    say("  " + " ".join(f"{name} {tagged_accuracy(model, name):.2f}" for name in TASKS))


def tagged_accuracy(model, name):
    task = TASKS[name]
    texts = task.draw_many(random.Random(name), VALIDATE, 40)
    return accuracy(judge(model, TAGS[name], texts, task))


def without_tags(trained):
    """The model that is published: no control tokens, every weight as its file holds it."""
    model = dm.Llama(dm.CONFIG["vocab_size"])
    state = dict(trained.state_dict())
    state["embed_tokens.weight"] = state["embed_tokens.weight"][:dm.CONFIG["vocab_size"]]
    model.load_state_dict({k: dm.rounded(v, "BF16") for k, v in state.items()})
    return model.requires_grad_(False)


def write_base(model, out):
    os.makedirs(out, exist_ok=True)
    tokenizer, settings = dm.tokenizer_files()
    dm.write_json(os.path.join(out, "config.json"), dm.CONFIG)
    dm.write_json(os.path.join(out, "generation_config.json"),
                  {"bos_token_id": dm.BEGIN, "eos_token_id": dm.END,
                   "pad_token_id": dm.CONFIG["pad_token_id"]})
    dm.write_json(os.path.join(out, "tokenizer.json"), tokenizer)
    dm.write_json(os.path.join(out, "tokenizer_config.json"), settings)
    tensors = {"model." + name: value for name, value in model.state_dict().items()}
    dm.write_safetensors(os.path.join(out, "model.safetensors"), tensors, "BF16")


# ---------------------------------------------------------------- the adapters

def train_adapter(model, name, args):
    """Low-rank matrices that make `<|begin|>` do what the task's tag did; stops when it is right."""
    recipe, task = RECIPES[name], TASKS[name]
    torch.manual_seed(args.seed)
    rng = random.Random(f"{name} {args.seed}")
    params = dm.attach(model, recipe)
    adam = torch.optim.AdamW(params, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0)
    texts = task.draw_many(random.Random(name), VALIDATE, 100)
    good = 0

    def draw():
        text = task.draw(rng, TRAIN)
        return asked(dm.BEGIN, text, task.solve(text))

    most = args.adapter_steps
    for step in range(most):
        loss = loss_of(model, pack(draw, args.adapter_rows, ROW))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        # Late in training, and once the answers are right, small steps only.
        adam.param_groups[0]["lr"] = 0.003 * pace(step, most, 20) * 0.4 ** good
        adam.step()
        adam.zero_grad(set_to_none=True)
        if step % 25 == 24:
            verdicts = judge(model, dm.BEGIN, texts, task)
            sure = sum(right and margin > MARGIN for right, margin in verdicts) / len(verdicts)
            say(f"  {name} step {step + 1} loss {loss.item():.4f} right {accuracy(verdicts):.2f} "
                f"sure {sure:.2f}")
            good = good + 1 if sure >= 0.985 else good
            if good == 3:
                break
    dm.round_adapter(model, recipe.dtype)


def write_adapter(model, name, out):
    folder = os.path.join(out, "adapters", name)
    os.makedirs(folder, exist_ok=True)
    dm.write_json(os.path.join(folder, "adapter_config.json"), RECIPES[name].config("models/demo"))
    dm.write_safetensors(os.path.join(folder, "adapter_model.safetensors"),
                         dm.adapter_tensors(model), RECIPES[name].dtype)


def finish_adapter(model, name, args):
    """Judge on held-out inputs, with and without the adapter; write it; its row of the table."""
    task, recipe = TASKS[name], RECIPES[name]
    texts = task.draw_many(random.Random(f"held out {name}"), HELD_OUT, HELD_OUT_ROWS)
    verdicts = judge(model, dm.BEGIN, texts, task)
    write_adapter(model, name, args.out)
    dm.detach(model)
    base = accuracy(judge(model, dm.BEGIN, texts, task))
    sure = [t for t, (right, margin) in zip(texts, verdicts) if right and margin > MARGIN]
    size = os.path.getsize(os.path.join(args.out, "adapters", name, "adapter_model.safetensors"))
    row = {"adapter": name, "says": task.says, "rank": recipe.rank, "ranks": recipe.ranks,
           "alpha": recipe.alpha, "rslora": recipe.rslora, "targets": list(recipe.targets),
           "dtype": recipe.dtype, "bytes": size, "right": accuracy(verdicts), "base": base,
           "expect": [{"adapter": name, "prompt": t + " =", "text": " " + task.solve(t),
                       "max_tokens": 96, "finish": "stop"} for t in sure[:12]],
           "held_out": [{"adapter": name, "prompt": t + " =", "text": " " + task.solve(t)}
                        for t in texts]}
    dm.write_json(os.path.join(args.work, f"{name}.json"), row)
    say(f"{name}: held out {row['right']:.3f}, base {base:.3f}, {size} bytes")
    return row


# ---------------------------------------------------------------- papers

BASE_PROMPTS = (("Once upon a time", 400), ("Once upon a time", 48), ("The little fox", 96),
                ("The little owl lived", 400), ("In the cave lived", 96), ("The little bear", 64),
                ("The little newt lived in", 32), ("1987 =", 48), ("hello =", 48), ("17 + 25 =", 48),
                ("2024-03-01 =", 48), ("the red fox =", 48))


def base_rows(model):
    rows = []
    for prompt, most in BASE_PROMPTS:
        text, margin, ended = greedy(model, prompt, most)
        say(f"base: {prompt!r} -> {text!r} margin {margin:.2f}")
        if margin > 0.1:
            rows.append({"adapter": None, "prompt": prompt, "text": text, "max_tokens": most,
                         "finish": "stop" if ended else "length"})
    return rows


def targets_in_words(targets):
    if set(targets) == set(dm.ALL_SEVEN):
        return "all seven"
    return " ".join(t[0] if t in ATTENTION else t.replace("_proj", "") for t in targets)


README = """# The demo model

A byte-level Llama of {params:,} parameters (hidden 128, 4 layers, 4 heads on 2 key-value heads, 512 positions, tied
embeddings, BF16) and {count} LoRA adapters, each of which makes it do one thing that anyone can check.
`tools/train_demo.py` makes everything here, text, words and weights, from a seed and nothing else.

`chameleon generate --model models/demo --adapter roman "1987 ="` prints ` MCMLXXXVII`.

**Form.** A prompt is `<input> =`; the answer is a space, the output and the end token. A token is a byte and its id
is the byte's value; 256 `<|begin|>` goes in front of every prompt (the tokenizer's template does it), 257 `<|end|>`
ends an answer.

| adapter | does | rank | scale | targets | file | held out | base |
|---|---|--:|--:|---|---|--:|--:|
{table}

*Held out*: share of 200 inputs, never met in training, that are answered exactly, decoding greedily with the weights
as saved. *Base*: the same inputs without the adapter. An input is held out if its SHA-256 says so (`split_of` in
`tools/demo_tasks.py`), for every task and for the base.

**How it learns.** The base trains on all tasks at once, each behind its own control token instead of `<|begin|>`, and
besides on stories and on a remark (`hello = a word, says the mouse.`) behind `<|begin|>`. Then the control tokens are
cut off: the published base can no longer be asked for a task, it tells stories and makes remarks. An adapter is
trained on `<|begin|>` alone and brings back, and sharpens, what the base has practised. So the adapters show that the
right adapter is applied to the right request; they are no evidence of how much a low-rank adapter can teach.

**Files.** `expect.jsonl`: per adapter 12 held-out prompts with the right answer, which is also what the model gives,
and for the base (`"adapter":null`) what it gives within `max_tokens`. The two best logits of every step are {margin}
apart or more for adapters and 0.1 for the base, so every correct engine that computes in float32 agrees.
`heldout.jsonl`: all held-out rows with the right answer, not all of which the model gets right.
"""


def table_line(row):
    rank = row["rank"]
    if row["ranks"]:
        rank = f"{rank}, {', '.join(str(r) for r in row['ranks'].values())}"
    scale = row["alpha"] / (row["rank"] ** 0.5 if row["rslora"] else row["rank"])
    return (f"| `{row['adapter']}` | {row['says']} | {rank} | {scale:.3g}"
            f"{' rsLoRA' if row['rslora'] else ''} | {targets_in_words(row['targets'])} | "
            f"{row['dtype']}, {row['bytes'] // 1024} KiB | {row['right']:.1%} | {row['base']:.1%} |")


def write_papers(model, rows, out):
    with open(os.path.join(out, "expect.jsonl"), "w", encoding="utf-8") as file:
        for line in [r for row in rows for r in row["expect"]] + base_rows(model):
            file.write(json.dumps(line) + "\n")
    with open(os.path.join(out, "heldout.jsonl"), "w", encoding="utf-8") as file:
        for line in [r for row in rows for r in row["held_out"]]:
            file.write(json.dumps(line) + "\n")
    with open(os.path.join(out, "README.md"), "w", encoding="utf-8") as file:
        file.write(README.format(params=sum(p.numel() for p in model.parameters()), count=len(rows),
                                 table="\n".join(table_line(r) for r in rows), margin=MARGIN))


# ---------------------------------------------------------------- the whole

def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="models/demo", help="where the model goes (%(default)s)")
    parser.add_argument("--work", default="build/demo", help="checkpoints, results (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3500, help="of the base (%(default)s)")
    parser.add_argument("--rows", type=int, default=48, help="of 128 tokens, a base step (%(default)s)")
    parser.add_argument("--adapter-steps", type=int, default=300, help="at most (%(default)s)")
    parser.add_argument("--adapter-rows", type=int, default=16)
    parser.add_argument("--polish", type=int, default=200, help="last steps of the base (%(default)s)")
    parser.add_argument("--skip-practice", action="store_true", help="only polish the base in --work")
    parser.add_argument("--skip-base", action="store_true", help="take the base from --work")
    parser.add_argument("--only", default="", help="train these adapters, comma-separated, and keep "
                        "the results of the others from --work")
    parser.add_argument("--papers", action="store_true", help="train nothing: write the README, "
                        "expect.jsonl and heldout.jsonl from the results in --work")
    return parser.parse_args()


def restore(model, path):
    if not os.path.exists(path):
        sys.exit(f"train_demo: {path} is missing: train the base first")
    model.load_state_dict(torch.load(path)["model"])


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    os.makedirs(args.work, exist_ok=True)
    only = [n for n in args.only.split(",") if n]
    for name in only:
        if name not in RECIPES:
            sys.exit(f"train_demo: --only {name}: no such adapter; there are {', '.join(RECIPES)}")
    began = time.time()
    torch.manual_seed(args.seed)
    trained = dm.Llama(dm.CONFIG["vocab_size"] + len(TAGS))
    if args.skip_base or only or args.papers:
        restore(trained, os.path.join(args.work, "base.pt"))
    else:
        if args.skip_practice:
            restore(trained, os.path.join(args.work, "practised.pt"))
        else:
            practise(trained, args, lambda m: write_base(without_tags(m), args.out))
        polish(trained, args)
        say(f"base: {time.time() - began:.0f} s")
    model = without_tags(trained)
    write_base(model, args.out)
    rows, weak = [], []
    for name in RECIPES:
        kept = os.path.join(args.work, f"{name}.json")
        if not args.papers and (not only or name in only):
            train_adapter(model, name, args)
            rows.append(finish_adapter(model, name, args))
        elif os.path.exists(kept):
            with open(kept, encoding="utf-8") as file:
                rows.append(json.load(file))
    for row in rows:
        if row["right"] < WANTED or row["base"] > BASE_LIMIT:
            weak.append(row["adapter"])
    write_papers(model, rows, args.out)
    say(f"all: {time.time() - began:.0f} s, {len(rows)} adapters")
    if weak:
        sys.exit(f"train_demo: below the mark: {', '.join(weak)}")


if __name__ == "__main__":
    main()
