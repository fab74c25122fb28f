#!/usr/bin/env python3
"""Ask transformers and peft for every answer of models/demo/expect.jsonl; exit 1 if one differs.

    python3 tools/check_demo.py [models/demo]        needs torch, transformers, peft
"""

import json
import os
import sys

try:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError as error:
    sys.exit(f"check_demo: {error}; pip install torch transformers peft")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "models/demo"
    torch.set_num_threads(1)
    with open(os.path.join(folder, "expect.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    wrong = 0
    for name in dict.fromkeys(row["adapter"] for row in rows):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        if name:
            model = PeftModel.from_pretrained(model, os.path.join(folder, "adapters", name)).float()
        mine = [row for row in rows if row["adapter"] == name]
        bad = 0
        for row in mine:
            ids = tokenizer(row["prompt"], return_tensors="pt")["input_ids"]
            with torch.no_grad():
                out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids),
                                     do_sample=False, max_new_tokens=row["max_tokens"])
            text = tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True,
                                    clean_up_tokenization_spaces=False)
            if text != row["text"]:
                bad += 1
                print(f"{name or 'base'}: {row['prompt']!r}: want {row['text']!r}, got {text!r}")
        wrong += bad
        print(f"{name or 'base'}: {len(mine) - bad} of {len(mine)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
