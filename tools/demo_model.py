"""A Llama in plain torch, its LoRA, and the files that Hugging Face and PEFT would write for them."""

import json
import math
import struct

import torch
import torch.nn.functional as F

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 344,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 258,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 260,
}
BEGIN, END = CONFIG["bos_token_id"], CONFIG["eos_token_id"]
SPECIALS = ("<|begin|>", "<|end|>", "<|pad|>", "<|reserved|>")  # ids 256 to 259; a byte is its own id

ALL_SEVEN = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


# ---------------------------------------------------------------- the model

class Linear(torch.nn.Module):
    """y = W x + scale B A x; without an adapter, y = W x."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(outputs, inputs) * 0.02)
        self.a = self.b = None
        self.scale = 0.0

    def forward(self, x):
        y = F.linear(x, self.weight)
        if self.a is not None:
            y = y + F.linear(F.linear(x, self.a), self.b) * self.scale
        return y


class Norm(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + CONFIG["rms_norm_eps"]) * self.weight


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.heads, self.kv = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"]
        self.dim = CONFIG["head_dim"]
        hidden = CONFIG["hidden_size"]
        self.q_proj = Linear(hidden, self.heads * self.dim)
        self.k_proj = Linear(hidden, self.kv * self.dim)
        self.v_proj = Linear(hidden, self.kv * self.dim)
        self.o_proj = Linear(self.heads * self.dim, hidden)

    def forward(self, x, cos, sin, mask):
        rows, length, _ = x.shape
        q = rotate(self.q_proj(x).view(rows, length, self.heads, self.dim).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(x).view(rows, length, self.kv, self.dim).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(rows, length, self.kv, self.dim).transpose(1, 2)
        share = self.heads // self.kv
        q = q.reshape(rows, self.kv, share * length, self.dim) * self.dim ** -0.5
        scores = torch.matmul(q, k.transpose(2, 3)).view(rows, self.kv, share, length, length) + mask
        y = torch.matmul(scores.softmax(-1).view(rows, self.kv, share * length, length), v)
        y = y.view(rows, self.heads, length, self.dim).transpose(1, 2)
        return self.o_proj(y.reshape(rows, length, self.heads * self.dim))


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        hidden, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
        self.gate_proj = Linear(hidden, inner)
        self.up_proj = Linear(hidden, inner)
        self.down_proj = Linear(inner, hidden)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = Norm(CONFIG["hidden_size"])
        self.self_attn = Attention()
        self.post_attention_layernorm = Norm(CONFIG["hidden_size"])
        self.mlp = Mlp()

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Embedding(torch.nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(vocab, CONFIG["hidden_size"]) * 0.02)


class Llama(torch.nn.Module):
    """The names of its parameters, behind `model.`, are those of LlamaForCausalLM."""

    def __init__(self, vocab):
        super().__init__()
        self.embed_tokens = Embedding(vocab)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(CONFIG["num_hidden_layers"]))
        self.norm = Norm(CONFIG["hidden_size"])
        dim = CONFIG["head_dim"]
        rates = CONFIG["rope_theta"] ** (-torch.arange(0, dim, 2).double() / dim)
        angles = torch.outer(torch.arange(CONFIG["max_position_embeddings"]).double(), rates)
        self.register_buffer("cos", torch.cat((angles, angles), -1).cos().float(), persistent=False)
        self.register_buffer("sin", torch.cat((angles, angles), -1).sin().float(), persistent=False)

    def hidden(self, ids, segments=None):
        """The last layer's normed output; a token sees earlier tokens of its own segment."""
        length = ids.shape[1]
        seen = torch.ones(length, length, dtype=torch.bool).tril()[None]
        if segments is not None:
            seen = seen & (segments[:, :, None] == segments[:, None, :])
        mask = torch.zeros(seen.shape).masked_fill(~seen, -1e9)[:, None, None]
        x = F.embedding(ids, self.embed_tokens.weight)
        for layer in self.layers:
            x = layer(x, self.cos[:length], self.sin[:length], mask)
        return self.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.embed_tokens.weight)


# ---------------------------------------------------------------- LoRA

class Recipe:
    """What one adapter looks like; patterns are matched as PEFT does: a name or a tail of it."""

    def __init__(self, rank, alpha, targets=ALL_SEVEN, rslora=False, ranks=None, alphas=None,
                 dtype="BF16"):
        self.rank, self.alpha, self.targets, self.rslora = rank, alpha, targets, rslora
        self.ranks, self.alphas, self.dtype = ranks or {}, alphas or {}, dtype

    def rank_of(self, name):
        return next((r for k, r in self.ranks.items() if ("." + name).endswith("." + k)), self.rank)

    def scale_of(self, name):
        alpha = next((a for k, a in self.alphas.items() if ("." + name).endswith("." + k)), self.alpha)
        rank = self.rank_of(name)
        return alpha / math.sqrt(rank) if self.rslora else alpha / rank

    def config(self, base):
        """adapter_config.json with the fields, and in the order, that PEFT writes."""
        return {
            "alora_invocation_tokens": None, "alpha_pattern": self.alphas, "arrow_config": None,
            "auto_mapping": None, "base_model_name_or_path": base, "bias": "none",
            "corda_config": None, "ensure_weight_tying": False, "eva_config": None,
            "exclude_modules": None, "fan_in_fan_out": False, "inference_mode": True,
            "init_lora_weights": True, "kasa_config": None, "layer_replication": None,
            "layers_pattern": None,
            "layers_to_transform": None, "loftq_config": {}, "lora_alpha": self.alpha,
            "lora_bias": False, "lora_dropout": 0.0, "lora_ga_config": None,
            "megatron_config": None, "megatron_core": "megatron.core", "modules_to_save": None,
            "monteclora_config": None, "peft_type": "LORA", "peft_version": "0.21.2",
            "qalora_group_size": 16, "r": self.rank,
            "rank_pattern": self.ranks, "revision": None, "target_modules": list(self.targets),
            "target_parameters": None, "task_type": "CAUSAL_LM", "trainable_token_indices": None,
            "use_bdlora": None, "use_dora": False, "use_qalora": False, "use_rslora": self.rslora,
            "velora_config": None,
        }


def linears(model):
    """Every linear layer with its name in LlamaForCausalLM."""
    return [("model." + n, m) for n, m in model.named_modules() if isinstance(m, Linear)]


def attach(model, recipe):
    """A fresh adapter, B zero; its parameters, in order."""
    made = []
    for name, linear in linears(model):
        if name.rsplit(".", 1)[1] in recipe.targets:
            outputs, inputs = linear.weight.shape
            rank = recipe.rank_of(name)
            linear.a = torch.nn.Parameter((torch.rand(rank, inputs) * 2 - 1) / math.sqrt(inputs))
            linear.b = torch.nn.Parameter(torch.zeros(outputs, rank))
            linear.scale = recipe.scale_of(name)
            made += [linear.a, linear.b]
    return made


def detach(model):
    for _, linear in linears(model):
        linear.a = linear.b = None


def rounded(tensor, dtype):
    """The value that a file of this dtype holds."""
    kind = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}[dtype]
    return tensor.detach().to(kind).float()


def round_adapter(model, dtype):
    for _, linear in linears(model):
        if linear.a is not None:
            linear.a = torch.nn.Parameter(rounded(linear.a, dtype), requires_grad=False)
            linear.b = torch.nn.Parameter(rounded(linear.b, dtype), requires_grad=False)


def adapter_tensors(model):
    out = {}
    for name, linear in linears(model):
        if linear.a is not None:
            out[f"base_model.model.{name}.lora_A.weight"] = linear.a
            out[f"base_model.model.{name}.lora_B.weight"] = linear.b
    return out


# ---------------------------------------------------------------- files

def raw(tensor, dtype):
    """Little-endian bytes of a tensor in this dtype."""
    flat = tensor.detach().contiguous()
    if dtype == "BF16":
        return flat.to(torch.bfloat16).view(torch.int16).numpy().astype("<i2").tobytes()
    if dtype == "F16":
        return flat.to(torch.float16).numpy().astype("<f2").tobytes()
    return flat.float().numpy().astype("<f4").tobytes()


def write_safetensors(path, tensors, dtype):
    """Sorted by name, without holes, the header padded with spaces to a multiple of 8."""
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        blob = raw(tensors[name], dtype)
        header[name] = {"dtype": dtype, "shape": list(tensors[name].shape),
                        "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


def byte_symbols():
    """The printable character that stands for each byte in a byte-level vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    out, spare = {b: chr(b) for b in plain}, 256
    for byte in range(256):
        if byte not in out:
            out[byte] = chr(spare)
            spare += 1
    return out


def tokenizer_files():
    """tokenizer.json and tokenizer_config.json: a token a byte, `<|begin|>` in front."""
    symbols = byte_symbols()
    added = [{"id": 256 + i, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, text in enumerate(SPECIALS)]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    begin = {"SpecialToken": {"id": SPECIALS[0], "type_id": 0}}
    template = {
        "type": "TemplateProcessing",
        "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [begin, {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": SPECIALS[0], "type_id": 1}},
                 {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {SPECIALS[0]: {"id": SPECIALS[0], "ids": [BEGIN], "tokens": [SPECIALS[0]]}},
    }
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": None, "pre_tokenizer": level, "post_processor": template,
        "decoder": dict(level),
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
                  "byte_fallback": False, "ignore_merges": False,
                  "vocab": {symbols[b]: b for b in range(256)}, "merges": []},
    }
    settings = {
        "added_tokens_decoder": {str(a["id"]): {k: v for k, v in a.items() if k != "id"}
                                 for a in added},
        "bos_token": SPECIALS[0], "clean_up_tokenization_spaces": False, "eos_token": SPECIALS[1],
        "model_max_length": CONFIG["max_position_embeddings"], "pad_token": SPECIALS[2],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    return tokenizer, settings
