#!/usr/bin/env python3
"""Makes tests/processing/fixtures: three small tokenizers and what Python's `tokenizers` package gives for hard texts.

    make_tokenizer_fixtures.py [FOLDER]      # needs the PyPI package tokenizers
"""
from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "", " ", "\t\r\n", "a", "Hello, world!", "The  cat   sat on\tthe mat.  ", "unaffable re-tokenization of internationalised words",
    "x" * 120, "I've can't they'll we're O'Neill rock'n'roll", "CamelCase HTTPServer2 __init__ a_b-c", "3.1416 1,000,000 2⁸ ½ ٣٤ Ⅷ",
    "Ça coûte 12 €, naïf — déjà vu…", "e\u0301 \u00e9 ﬁn ＦＵＬＬ ß ẞ İstanbul ǆ", "Привет, как дела? Γειά σου", "東京の天気は晴れ。 北京欢迎你！ 안녕하세요",
    "مرحبا بالعالم שלום עולם", "नमस्ते दुनिया สวัสดีชาวโลก", "🙂👍🏽 👩‍🚀👨‍👩‍👧 🇫🇷🏴‍☠️ ✈️", "zero\u200bwidth\u00a0nbsp\u2028line\ufeffbom\u00adsoft",
    "\x00null \x07bell \x1b[0m", "\ue000private \U0010ffff \ufffd", "[CLS] inside [MASK] <s> <mask> </s> <|endoftext|> text",
    "if (a[i] != b->c) { return ~x << 2; } // done", "mail@example.org https://a.example/b?c=d#e", " leading and trailing ", "the the the the the the",
]
PAIRS = [
    ("Where is the cat?", "The cat sat on the mat, as cats do."), ("", "only the second"), ("only the first", ""), ("", ""), ("日本語 text", "emoji 🙂 text é"),
]
LONG = "the quick brown fox jumps over the lazy dog and naïve cafés open 🙂 late"


def corpus() -> list[str]:
    rng = random.Random(3)
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in "aeiou"]
    words = ["".join(rng.choice(syllables) for _ in range(rng.randint(1, 4))) for _ in range(500)]
    return [" ".join(rng.choice(words) for _ in range(10)).capitalize() + "." for _ in range(300)] + (TEXTS + [LONG]) * 4


def wordpiece() -> tuple[Tokenizer, dict]:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=900, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer, {"tokenizer_class": "BertTokenizer", "model_max_length": 64}


def byte_bpe() -> tuple[Tokenizer, dict]:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=800, special_tokens=special, show_progress=False,
                                                                initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tokenizer, {"tokenizer_class": "RobertaTokenizerFast", "model_max_length": 1000000000000000019884624838656, "padding_side": "left"}


def unigram() -> tuple[Tokenizer, dict]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=700, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>",
                                                                    show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return tokenizer, {"tokenizer_class": "T5Tokenizer"}


def inputs() -> list[dict]:
    cases = [{"text": text} for text in TEXTS] + [{"text": a, "pair": b} for a, b in PAIRS]
    cases += [{"text": text, "add_special_tokens": False} for text in (TEXTS[4], TEXTS[17], "")]
    cases += [{"text": LONG, "max_length": n, "side": side} for n in (3, 8, 200) for side in ("left", "right")]
    cases += [{"text": LONG, "max_length": 5, "side": side, "add_special_tokens": False} for side in ("left", "right")]
    for strategy in ("longest_first", "only_first", "only_second"):
        cases += [{"text": LONG, "pair": LONG[:30], "max_length": 30, "strategy": strategy, "side": side} for side in ("left", "right")]
    return cases + [{"text": LONG[:20], "pair": LONG, "max_length": 13}]


def expected(tokenizer: Tokenizer, case: dict) -> dict:
    arguments = (case["text"], case.get("pair"), False, case.get("add_special_tokens", True))
    tokenizer.no_truncation()
    whole = len(tokenizer.encode(*arguments))
    if "max_length" in case:
        strategy, side = case.get("strategy", "longest_first"), case.get("side", "right")
        tokenizer.enable_truncation(case["max_length"], strategy=strategy, direction=side)
    try:
        got = tokenizer.encode(*arguments)
    except BaseException as error:  # the package raises what only derives from BaseException for panics
        return {**case, "fails": str(error)}
    texts = [-1 if number is None else number for number in got.sequence_ids]

    def in_bytes(text: int, offset: tuple[int, int]) -> list[int]:
        source = case["pair"] if text == 1 else case["text"]
        return [len(source[:end].encode()) for end in offset] if text >= 0 else list(offset)

    return {**case, "ids": got.ids, "type_ids": got.type_ids, "special": got.special_tokens_mask, "texts": texts,
            "characters": [end for offset in got.offsets for end in offset],
            "bytes": [end for text, offset in zip(texts, got.offsets) for end in in_bytes(text, offset)],
            "truncated": len(got) < whole, "decoded": tokenizer.decode(got.ids), "decoded_with_special": tokenizer.decode(got.ids, False)}


def main() -> None:
    default = Path(__file__).resolve().parent.parent / "tests/processing/fixtures"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for make in (wordpiece, byte_bpe, unigram):
        tokenizer, config = make()
        out = folder / make.__name__
        out.mkdir(parents=True, exist_ok=True)
        cases = [expected(tokenizer, case) for case in inputs()]
        tokenizer.enable_truncation(7)
        tokenizer.enable_padding(length=9)  # both must be ignored by who reads the file
        (out / "tokenizer.json").write_text(tokenizer.to_str() + "\n")
        (out / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        (out / "expected.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
