#!/usr/bin/env python3
"""Whether our program and llama.cpp write the same greedy tokens from the same GGUF files, and read the same tokens in texts.

    python tools/compare_with_llama.py [MODEL …] [--seeds 1 2] [--types F16 Q8_0]     # needs requirements/peers.txt, llama-cpp-python

Models are random, of each architecture that both read (gguf_models.py). F16 files are compared at fp32, quantised ones at fp32 and at
int8, which multiplies codes by activations in steps as llama.cpp does. Where tokens part, the row tells by how much llama.cpp
preferred its own: a random model's two best may lie closer than what rounding activations moves them by, and then it is a tie.
`texts` compares the vocabularies of the tests.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import llama_cpp
import numpy as np
from gguf import GGMLQuantizationType
from gguf_models import MODELS, random_model, tensors_of, write
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).resolve().parent.parent
VOCABULARIES = ROOT / "tests" / "processing" / "fixtures" / "gguf"
SIZES = {"hidden": 64, "heads": 4, "key_heads": 2, "intermediate": 128, "layers": 3, "vocabulary": 320, "context": 128}
PROMPT = 16
NEW = 32
TIE = 0.05  # of the logits' standard deviation


def tokens_of_llama(path: Path, prompt: list[int]) -> tuple[list[int], list[np.ndarray]]:
    """The greedy tokens, and the logits that each was chosen by; keys and values are kept in float32."""
    model = llama_cpp.Llama(str(path), n_ctx=SIZES["context"], n_threads=1, logits_all=True, verbose=False, type_k=0, type_v=0)
    tokens, logits, given = [], [], prompt
    for _ in range(NEW):
        model.eval(given)
        logits.append(np.array(model.scores[model.n_tokens - 1]))
        tokens.append(int(logits[-1].argmax()))
        given = [tokens[-1]]
    model.close()
    return tokens, logits


def our_tokens(program: Path, path: Path, prompt: list[int], precision: str, folder: Path) -> list[int]:
    save_file({"input_ids": np.array([prompt], np.int64)}, folder / "prompt.safetensors")
    subprocess.run([program, "generate", path, "--inputs", folder / "prompt.safetensors", "--outputs", folder / "new.safetensors", "--greedy",
                    "--ignore-eos", "--max-new-tokens", str(NEW), "--backend", "cpu", "--precision", precision, "--threads", "1"],
                   check=True, stdout=subprocess.DEVNULL)
    return load_file(folder / "new.safetensors")["sequences"][0].tolist()


def compare_tokens(arguments: argparse.Namespace) -> int:
    different, runs, ties = 0, 0, 0
    for name in arguments.models:
        for seed in arguments.seeds:
            model = random_model(name, seed, **SIZES)
            prompt = np.random.default_rng(seed).integers(3, SIZES["vocabulary"], PROMPT).tolist()
            for kind in arguments.types:
                with tempfile.TemporaryDirectory() as scratch:
                    path = Path(scratch) / "model.gguf"
                    write(path, MODELS[name][0], model.config, tensors_of(model), GGMLQuantizationType[kind])
                    theirs, logits = tokens_of_llama(path, prompt)
                    for precision in ("fp32",) if kind in ("F32", "F16", "BF16") else ("fp32", "int8"):
                        ours = our_tokens(arguments.program, path, prompt, precision, Path(scratch))
                        same = next((i for i in range(NEW) if ours[i] != theirs[i]), NEW)
                        row = f"{name:<17} seed {seed}  {kind:<5} {precision:<5} {same} of {NEW} tokens equal"
                        runs += 1
                        if same < NEW:
                            margin = (logits[same][theirs[same]] - logits[same][ours[same]]) / logits[same].std()
                            ties += int(margin < TIE)
                            different += int(margin >= TIE)
                            row += f"; then llama.cpp prefers its own by {margin:.4f} of the logits' standard deviation"
                        print(row, flush=True)
    print(f"{runs} runs: {runs - ties - different} equal to the end, {ties} parted at a tie, {different} differ")
    return different


def given(line: str, path: Path) -> str:
    return unicodedata.normalize("NFC", line) if path.stem == "qwen2" else line


def compare_texts() -> int:
    """Each vocabulary's ids of the lines (which gguf_tokenizer_test holds ours to) beside llama.cpp's, which gets characters composed:
    it leaves out the NFC that Qwen 2's tokenizer begins with."""
    lines = json.loads((VOCABULARIES / "lines.json").read_text())
    different = 0
    for path in sorted(VOCABULARIES.glob("*.gguf")):
        expected = json.loads(path.with_suffix(".json").read_text())
        vocabulary = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
        wrong = [i for i, line in enumerate(lines) if vocabulary.tokenize(given(line, path).encode(), add_bos=True, special=True) != expected[i]]
        different += len(wrong)
        print(f"{path.stem:<17} {len(lines) - len(wrong)} of {len(lines)} texts equal" + (f"; the first that is not: {lines[wrong[0]]!r}" if wrong else ""))
    return different


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", choices=[[], "texts", *MODELS], help="all of them, and texts, where none is named")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bin" / "ipfs-accelerate")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--types", nargs="+", default=["F16", "Q8_0"])
    arguments = parser.parse_args()
    with_texts = not arguments.models or "texts" in arguments.models
    arguments.models = [name for name in arguments.models or MODELS if name != "texts"]
    different = compare_tokens(arguments)
    if with_texts:
        different += compare_texts()
    print(f"{different} differences")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
