#!/usr/bin/env python3
"""Tokens a second of transformers + peft with an adapter a request.

The same shape, kind of number and load as the rows of `make bench-gpu`: a model
of random numbers in bf16, 32 adapters of rank 16 on q, k, v and o, 32 requests
with an adapter each in one batch (adapter_names).  Prints one line of JSON, or
says what is missing and ends with 0.

    tools/peft_baseline.py [--requests 32] [--prompt 128] [--tokens 64] [--tiny]
"""
import argparse
import json
import sys
import time


def build(args):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    size = dict(hidden_size=4096, intermediate_size=11008,
                num_hidden_layers=32, num_attention_heads=32,
                num_key_value_heads=32, vocab_size=32000,
                max_position_embeddings=4096)
    if args.tiny:
        size.update(hidden_size=64, intermediate_size=176, num_hidden_layers=2,
                    num_attention_heads=4, num_key_value_heads=4,
                    vocab_size=512)
    torch.manual_seed(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = LlamaForCausalLM(LlamaConfig(**size)).eval()
        lora = LoraConfig(r=16, lora_alpha=32, init_lora_weights=False,
                          target_modules=["q_proj", "k_proj", "v_proj",
                                          "o_proj"])
        model = get_peft_model(model, lora, adapter_name="a0")
        for i in range(1, args.requests):
            model.add_adapter(f"a{i}", lora)
    return torch, model.to(device).eval(), device, size["vocab_size"]


def measure(torch, model, device, vocab, args):
    ids = torch.randint(3, vocab, (args.requests, args.prompt), device=device)
    names = [f"a{i}" for i in range(args.requests)]

    def run(tokens):
        with torch.no_grad():
            model.generate(input_ids=ids, attention_mask=torch.ones_like(ids),
                           adapter_names=names, max_new_tokens=tokens,
                           min_new_tokens=tokens, do_sample=False,
                           pad_token_id=0)
        if device == "cuda":
            torch.cuda.synchronize()

    run(4)
    begun = time.monotonic()
    run(args.tokens)
    return args.requests * args.tokens / (time.monotonic() - begun)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args()
    try:
        torch, model, device, vocab = build(args)
    except ImportError as missing:
        print(json.dumps({"skipped": f"{missing}; pip install torch "
                          "transformers peft"}))
        return 0
    rate = measure(torch, model, device, vocab, args)
    print(json.dumps({"tokens_per_s": round(rate, 1), "device": device,
                      "requests": args.requests}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
