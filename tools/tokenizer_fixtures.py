"""Tiny tokenizers of each kind that is served, and what the tokenizers library makes of texts.

Used by make_fixtures.py.  The training text comes from the demo's stories and from ranges of Unicode.
"""

import io
import json
import os
import random
import unicodedata

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

from demo_tasks import TASKS, TRAIN, story, word

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

FIXED = [
    "", " ", "  ", "   a", "a   ", "\n", "\n\n", " \n \n", "\t\tx", "a\r\nb\r\n\r\nc", "a\u00a0b\u3000c",
    "Hello, world!", "hello hello  hello   hello", "don't WE'LL I'm you've he'd it's 'tis o'clock 'S 'RE",
    "it'\u017f", "1", "12", "1234567890", "3.14159 -2e10 1,000,000 v2.0.1", "2024-03-01 =", "x=1;y=(x+2)*3",
    "if (a != b) {\n\treturn a->b[3];\n}\n", "C:\\dir\\file.txt /usr/lib/x.so", "a@b.example #tag $5 50% ~^`",
    "...", "!!!???", " .", "-- --- ----", "\u2014 \u2013 \u2026 \u201cquoted\u201d \u2018single\u2019",
    "ALLCAPS CamelCase snake_case kebab-case", "na\u00efve caf\u00e9 \u00fcber stra\u00dfe \u0153uvre",
    unicodedata.normalize("NFD", "na\u00efve caf\u00e9 \u00c5ngstr\u00f6m \u1eadc"), "\u212b \u2126 \u00c5",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8", "\ud55c\uad6d\uc5b4 \u3072\u3089\u304c\u306a \u30ab\u30bf \u6f22\u5b57",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!", "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5",
    "\u0645\u0631\u062d\u0628\u0627 \u0661\u0662\u0663", "\u05e9\u05dc\u05d5\u05dd",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0967\u0968", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1eb\U0001f1f7",
    "a\U0001f600b \U0001f600\U0001f600", "\u2603\ufe0f x\u00b2 \u00bd \u2163 \u2460", "\u200b\u200dzero\ufeffwidth",
    "\u0301combining first", "e\u0301\u0302\u0323", "\U00020000\U0010fffd \ue000", "\u0001\u001f\u007f\u0085\u2028x",
    "\u2581already \u2581 marked", " \u2581", "tail ", " lead", "\u0130stanbul I\u0307 \ufb01 \u01c6",
]
SPECIAL_TEXTS = ["{0}", "a{0}b", "a {0} b", "  {0}  ", "{0}{0}", "{0} {1}{0}x", "{1}\nuser\nHello{0}\n{1}",
                 "{0}hello", "hello{1}", "x{0} y", "{1} story"]


def foreign(rng):
    first, last = rng.choice(((0xc0, 0x17f), (0x391, 0x3c9), (0x410, 0x44f), (0x5d0, 0x5ea),
                              (0x621, 0x64a), (0x905, 0x939), (0x3041, 0x30fe), (0x4e00, 0x4e60),
                              (0xac00, 0xac60), (0x1f600, 0x1f640)))
    return "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 6)))


def corpus():
    rng = random.Random(3)
    lines = []
    for _ in range(600):
        lines.append(story(rng))
        name = rng.choice(list(TASKS))
        text = TASKS[name].draw(rng, TRAIN)
        lines.append(f"{text} = {TASKS[name].solve(text)}")
        lines.append(f"{foreign(rng)} {word(rng)}, it's {rng.randint(0, 99999)} {word(rng).title()}!")
    return lines


def texts(specials):
    rng = random.Random(4)
    made = list(FIXED)
    made += [t.format(*specials) for t in SPECIAL_TEXTS]
    for _ in range(40):
        parts = [rng.choice((word(rng), word(rng).title(), foreign(rng), str(rng.randint(0, 10 ** 6)),
                             rng.choice(FIXED), rng.choice(("'ll", "...", "\n", "\t", "  ", "-")),
                             rng.choice(specials)))
                 for _ in range(rng.randint(2, 6))]
        made.append(rng.choice(("", " ", "  ")).join(parts))
    made += [story(rng) for _ in range(4)]
    return list(dict.fromkeys(made))


def train(tokenizer, vocab, specials, alphabet=(), lines=None):
    trainer = trainers.BpeTrainer(vocab_size=vocab, special_tokens=specials, show_progress=False,
                                  initial_alphabet=list(alphabet), min_frequency=2)
    tokenizer.train_from_iterator(lines or corpus(), trainer)
    return tokenizer


def front(token, tokenizer, pair=True):
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1",
                                         special_tokens=[(token, tokenizer.token_to_id(token))])


def gpt2():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    train(tok, 512, ["<|endoftext|>"], pre_tokenizers.ByteLevel.alphabet())
    tok.post_processor = processors.ByteLevel(trim_offsets=True)
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True),
                            AddedToken("<tail>", rstrip=True, special=True)])
    tok.add_tokens([AddedToken("solo", single_word=True, normalized=False)])
    return tok, ("<|endoftext|>", "<mask>", "<tail>", "solo")


def llama3():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    train(tok, 480, [], pre_tokenizers.ByteLevel.alphabet())
    made = json.loads(tok.to_str())
    made["model"]["ignore_merges"] = True
    vocab = made["model"]["vocab"]  # whole words that no merge reaches
    for whole in ("\u0120chameleon", "Hello", "\u0120world", "123", "\u0120otter", "hello"):
        vocab.setdefault(whole, len(vocab))
    tok = Tokenizer.from_str(json.dumps(made))
    tok.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    tok.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False),
                                              front("<|begin_of_text|>", tok)])
    tok.decoder = decoders.ByteLevel()
    return tok, ("<|eot_id|>", "<|begin_of_text|>")


def qwen2():
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN2), "isolated"),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    train(tok, 480, [], pre_tokenizers.ByteLevel.alphabet())
    tok.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tok.add_tokens([AddedToken("<tool_call>", normalized=False)])
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    tok.decoder = decoders.ByteLevel()
    return tok, ("<|im_end|>", "<|im_start|>", "<tool_call>")


def with_bytes(tok):
    """The trained vocabulary behind <unk> <s> </s> and the 256 byte pieces, as SentencePiece has it."""
    made = json.loads(tok.to_str())
    learnt = sorted(made["model"]["vocab"], key=made["model"]["vocab"].get)
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    pieces += [p for p in learnt if p not in pieces]
    made["model"].update(vocab={p: i for i, p in enumerate(pieces)}, byte_fallback=True, fuse_unk=True,
                         unk_token="<unk>")
    return Tokenizer.from_str(json.dumps(made))


def pieces(vocab):
    tok = Tokenizer(models.BPE(unk_token="<unk>"))
    tok.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    western = ["".join(c for c in line if c < "\u03ca") for line in corpus()]
    return with_bytes(train(tok, vocab, ["<unk>"], lines=western))  # other letters fall to bytes


def as_sentencepiece(tok):
    tok.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                     decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True)
                            for t in ("<unk>", "<s>", "</s>")])
    tok.post_processor = front("<s>", tok)
    return tok, ("</s>", "<s>")


def llama2():
    tok = pieces(600)
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"),
                                           normalizers.Replace(" ", "\u2581")])
    tok.pre_tokenizer = None
    return as_sentencepiece(tok)


def metaspace(scheme, split):
    def make():
        tok = pieces(500)
        tok.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
        return as_sentencepiece(tok)
    return make


KINDS = {"gpt2": gpt2, "llama3": llama3, "qwen2": qwen2, "llama2": llama2,
         "metaspace-first": metaspace("first", False), "metaspace-always": metaspace("always", True)}


def write_vectors(folder, rows):
    with open(os.path.join(folder, "vectors.jsonl"), "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def make_sentencepiece(folder):
    """tokenizer.model: BPE with byte fallback, made by SentencePiece itself."""
    import sentencepiece
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, vocab_size=560, model_type="bpe",
        byte_fallback=True, split_digits=True, add_dummy_prefix=True, remove_extra_whitespaces=False,
        normalization_rule_name="identity", character_coverage=0.98, unk_id=0, bos_id=1, eos_id=2,
        pad_id=-1, user_defined_symbols=["<tool>"], num_threads=1, minloglevel=2,
        allow_whitespace_only_pieces=True)
    with open(os.path.join(folder, "tokenizer.model"), "wb") as file:
        file.write(model.getvalue())
    sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    rows = []
    for text in texts(("<tool>", "<tool>")):
        ids = sp.encode(text)
        rows.append({"text": text, "ids": ids, "ids_special": [sp.bos_id(), *ids],
                     "decoded": sp.decode(ids)})
    write_vectors(folder, rows)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"add_bos_token": True, "add_eos_token": False, "bos_token": "<s>",
                   "eos_token": "</s>", "unk_token": "<unk>", "tokenizer_class": "LlamaTokenizer"},
                  file, indent=1)
        file.write("\n")
    return len(rows)


def make_tokenizers(out):
    for kind, make in KINDS.items():
        folder = os.path.join(out, kind)
        os.makedirs(folder, exist_ok=True)
        tok, specials = make()
        path = os.path.join(folder, "tokenizer.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(json.loads(tok.to_str()), file, ensure_ascii=False, separators=(",", ":"))
            file.write("\n")
        tok = Tokenizer.from_file(path)
        rows = []
        for text in texts(specials):
            ids = tok.encode(text, add_special_tokens=False).ids
            rows.append({"text": text, "ids": ids, "ids_special": tok.encode(text).ids,
                         "decoded": tok.decode(ids, skip_special_tokens=False)})
        write_vectors(folder, rows)
        print(f"{kind}: vocabulary {tok.get_vocab_size()}, {len(rows)} vectors", flush=True)
    folder = os.path.join(out, "sentencepiece")
    os.makedirs(folder, exist_ok=True)
    print(f"sentencepiece: {make_sentencepiece(folder)} vectors", flush=True)
