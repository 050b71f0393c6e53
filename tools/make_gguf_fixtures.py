#!/usr/bin/env python3
"""Makes the GGUF files that tests read, and what transformers, gguf, SentencePiece and tokenizers make of the same numbers and texts.

    python tools/make_gguf_fixtures.py     # needs requirements/peers.txt

tests/formats/fixtures/gguf/models has a random model of each architecture as NAME.gguf, with input_ids and logits in
NAME.safetensors; blocks.gguf has tensors of each type, each beside its numbers as float32; tests/processing/fixtures/gguf has
vocabularies, each beside the ids of lines. The result is the same on every run with the same versions.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
import tokenizers
import torch
from gguf import GGMLQuantizationType as Type
from gguf_models import MODELS, random_model, rounded, tensors_of, write
from make_vocabulary_fixtures import corpus, make_lines
from safetensors.numpy import save_file

TESTS = Path(__file__).resolve().parent.parent / "tests"
FORMATS = TESTS / "formats" / "fixtures" / "gguf"
TOKENIZERS = TESTS / "processing" / "fixtures" / "gguf"

QUANTISED = {"llama_q8_0": ("llama", Type.Q8_0), "llama_q4_0": ("llama", Type.Q4_0), "qwen2_q5_1": ("qwen2", Type.Q5_1),
             "gpt2_q8_0": ("gpt2", Type.Q8_0), "gptneox_q4_1": ("gptneox", Type.Q4_1)}
BLOCKS = (Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q4_K, Type.Q5_K, Type.Q6_K)
# Where the float16 numbers of a block begin.
HALVES = {Type.Q8_0: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2],
          Type.Q6_K: [208]}

TEMPLATE = """{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"""


def expected_logits(name: str, model: torch.nn.Module, path: Path) -> None:
    ids = torch.randint(3, model.config.vocab_size, (1, 12), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    save_file({"input_ids": ids.numpy(), "logits": logits.numpy()}, path)


def make_models() -> None:
    folder = FORMATS / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (base, kind) in {**{name: (name, Type.F16) for name in MODELS}, **QUANTISED}.items():
        model = random_model(base, seed=len(name))
        write(folder / f"{name}.gguf", MODELS[base][0], model.config, tensors_of(model), kind)
        rounded(base, model, kind)
        expected_logits(base, model, folder / f"{name}.safetensors")


def random_blocks(random: np.random.Generator, kind: Type) -> np.ndarray:
    """Two rows of 256 numbers: for quantised types any bytes but for scales of a usual size."""
    if kind in (Type.F32, Type.F16, Type.BF16):
        return gguf.quants.quantize(random.standard_normal((2, 256), dtype=np.float32), kind)
    size, width = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (2 * 256 // size, width), dtype=np.uint8)
    for place in HALVES[kind]:
        halves = random.uniform(0.001, 0.1, len(blocks)).astype(np.float16)
        blocks[:, place:place + 2] = halves.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(2, -1)


def make_blocks() -> None:
    random = np.random.default_rng(3)
    writer = gguf.GGUFWriter(str(FORMATS / "blocks.gguf"), "llama")
    for kind in BLOCKS:
        data = random_blocks(random, kind)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        writer.add_tensor(f"{kind.name}.numbers", np.ascontiguousarray(gguf.quants.dequantize(data, kind), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def sentencepiece_vocabulary(lines: list[str]) -> sentencepiece.SentencePieceProcessor:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus(lines)), model_writer=model, model_type="bpe", vocab_size=600, byte_fallback=True,
        character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, user_defined_symbols=["<|turn|>"], num_threads=1, minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def add_sentencepiece(writer: gguf.GGUFWriter, pieces: sentencepiece.SentencePieceProcessor, begins_with_space: bool = True) -> None:
    def kind(i: int) -> int:
        if pieces.is_unknown(i):
            return gguf.TokenType.UNKNOWN
        if pieces.is_control(i):
            return gguf.TokenType.CONTROL
        if pieces.is_byte(i):
            return gguf.TokenType.BYTE
        return gguf.TokenType.USER_DEFINED if pieces.id_to_piece(i) == "<|turn|>" else gguf.TokenType.NORMAL

    count = pieces.get_piece_size()
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(i) for i in range(count)])
    writer.add_token_scores([pieces.get_score(i) for i in range(count)])
    writer.add_token_types([kind(i) for i in range(count)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(begins_with_space)


def byte_vocabulary(lines: list[str], pre_tokenizer: tokenizers.pre_tokenizers.PreTokenizer,
                    normalizer: tokenizers.normalizers.Normalizer | None) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=500, special_tokens=["<|endoftext|>", "<|im_end|>"], show_progress=False,
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(lines), trainer)
    return tokenizer


def add_bytes(writer: gguf.GGUFWriter, tokenizer: tokenizers.Tokenizer, pre: str) -> None:
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in ("<|endoftext|>", "<|im_end|>") else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in model["merges"]])
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)


def write_vocabulary(name: str, add: Callable[[gguf.GGUFWriter], None], ids: list[list[int]]) -> None:
    writer = gguf.GGUFWriter(str(TOKENIZERS / f"{name}.gguf"), "llama")
    add(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    (TOKENIZERS / f"{name}.json").write_text(json.dumps(ids, separators=(",", ":")) + "\n")


def split(pattern: str) -> tokenizers.pre_tokenizers.PreTokenizer:
    return tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated"),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


# As the tokenizer.json files of GPT-2, Qwen 2 and LLaMA 3 have them.
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def make_vocabularies() -> None:
    TOKENIZERS.mkdir(parents=True, exist_ok=True)
    lines = make_lines()
    kept = [line for line in lines if "<s>" not in line and "</s>" not in line and "<unk>" not in line and "\0" not in line][:200]
    (TOKENIZERS / "lines.json").write_text(json.dumps(kept, ensure_ascii=False, indent=0) + "\n")
    pieces = sentencepiece_vocabulary(lines)
    write_vocabulary("llama", lambda writer: add_sentencepiece(writer, pieces), [[1, *pieces.encode(line)] if line else [1] for line in kept])
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    for name, pre, words, normalizer in (("gpt2", "gpt-2", byte_level, None), ("qwen2", "qwen2", split(QWEN2), tokenizers.normalizers.NFC()),
                                         ("llama3", "smaug-bpe", split(LLAMA3), None)):
        tokenizer = byte_vocabulary(lines, words, normalizer)
        write_vocabulary(name, lambda writer, own=tokenizer, called=pre: add_bytes(writer, own, called),
                         [tokenizer.encode(line, add_special_tokens=False).ids for line in kept])
    make_chat_model(pieces)


def make_chat_model(pieces: sentencepiece.SentencePieceProcessor) -> None:
    """A model with a vocabulary and a chat template, for the program's tests."""
    model = random_model("llama", seed=11, vocabulary=pieces.get_piece_size(), context=128)

    def add(writer: gguf.GGUFWriter) -> None:
        add_sentencepiece(writer, pieces)
        writer.add_chat_template(TEMPLATE)

    write(FORMATS / "chat.gguf", "llama", model.config, tensors_of(model), Type.Q8_0, add)


def main() -> None:
    FORMATS.mkdir(parents=True, exist_ok=True)
    make_models()
    make_blocks()
    make_vocabularies()


if __name__ == "__main__":
    main()
