#!/usr/bin/env python3
"""Reading a text and answering it beside CTranslate2: T5-small's shape, the same weights, texts and threads.

    python benchmarks/generation/encoder_decoders.py export
    python benchmarks/generation/encoder_decoders.py run [--rounds 3]

Needs requirements/peers.txt. Weights are random, which costs what trained ones cost. Reading is the time to the answer's first token,
answering that of the further ones.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from peers import export_ctranslate2, peak_mb

ROOT = Path(__file__).resolve().parents[2]
SHAPE, VOCABULARY = "t5-small", 32000
CONTENDERS = [("ours", "fp32"), ("ctranslate2", "fp32"), ("ours", "bf16"), ("ours", "int8"), ("ctranslate2", "int8")]
WORKLOADS = [(1, 128), (8, 128)]  # texts, and tokens of each
GENERATED = 64


def ctranslate2_runner(width: str, path: Path, threads: int) -> Callable[[np.ndarray, int], None]:
    import ctranslate2

    translator = ctranslate2.Translator(str(path), device="cpu", intra_threads=threads, inter_threads=1,
                                        compute_type="int8" if width == "int8" else "float32")

    def run(texts: np.ndarray, count: int) -> None:
        words = [[f"<{token}>" for token in row] for row in texts]
        results = translator.translate_batch(words, beam_size=1, max_decoding_length=count, min_decoding_length=count,
                                             max_batch_size=len(words), max_input_length=0)
        if len(results[0].hypotheses[0]) != count:
            raise RuntimeError("CTranslate2 ended a text early")

    return run


def measure(width: str, path: Path, threads: int, rounds: int) -> None:
    run = ctranslate2_runner(width, path, threads)
    rows = []
    for batch, length in WORKLOADS:
        texts = np.random.default_rng(0).integers(3, VOCABULARY, (batch, length))
        run(texts, 2)
        firsts, alls = [], []
        for _ in range(rounds):
            for times, count in ((firsts, 1), (alls, GENERATED)):
                start = time.perf_counter()
                run(texts, count)
                times.append(time.perf_counter() - start)
        first = statistics.median(firsts)
        rows.append({"read": batch * length / first, "answer": batch * (GENERATED - 1) / (statistics.median(alls) - first)})
    print(json.dumps({"rows": rows, "memory_mb": peak_mb()}))


def ours(program: Path, folder: Path, width: str, threads: int, rounds: int) -> dict[str, object]:
    rows, memory = [], 0.0
    for batch, length in WORKLOADS:
        text = subprocess.run([program, "bench", folder, "--backend", "cpu", "--precision", width, "--threads", str(threads), "--batch", str(batch),
                               "--prompt", str(length), "--generate", str(GENERATED), "--rounds", str(rounds), "--json"],
                              check=True, capture_output=True, text=True).stdout
        report = json.loads(text)
        rows.append({"read": report["prefill_tokens_per_second"], "answer": report["decode_tokens_per_second"]})
        memory = max(memory, report["peak_rss_bytes"] / 2**20)
    return {"rows": rows, "memory_mb": memory}


def run_all(arguments: argparse.Namespace) -> None:
    for contender, width in CONTENDERS:
        if contender == "ours":
            result = ours(arguments.program, arguments.work / SHAPE, width, arguments.threads, arguments.rounds)
        else:
            done = subprocess.run([sys.executable, __file__, "measure", width, "--work", arguments.work, "--threads", str(arguments.threads),
                                   "--rounds", str(arguments.rounds)], check=True, capture_output=True, text=True)
            result = json.loads(done.stdout.splitlines()[-1])
        speeds = ", ".join(f"batch {batch}: {row['read']:.0f} read, {row['answer']:.0f} answered"
                           for (batch, _), row in zip(WORKLOADS, result["rows"], strict=True))
        print(f"{contender:12s} {width:5s} tokens/s: {speeds}; {result['memory_mb']:.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["export", "run", "measure"])
    parser.add_argument("width", nargs="?", help="of measure")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bin" / "ipfs-accelerate")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "generation", help="where models are made")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.verb == "run":
        return run_all(arguments)
    if arguments.verb == "measure":
        return measure(arguments.width, arguments.work / f"{SHAPE}-ctranslate2-{arguments.width}", arguments.threads, arguments.rounds)
    arguments.work.mkdir(parents=True, exist_ok=True)
    folder = arguments.work / SHAPE
    if not folder.exists():
        subprocess.run([arguments.program, "models", "create", SHAPE, folder, "--seed", "1"], check=True)
    for peer, width in CONTENDERS:
        path = arguments.work / f"{SHAPE}-{peer}-{width}"
        if peer != "ours" and not path.exists():
            export_ctranslate2(width, folder, path)


if __name__ == "__main__":
    main()
