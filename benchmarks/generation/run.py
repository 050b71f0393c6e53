#!/usr/bin/env python3
"""Prefill and decoding beside llama.cpp, CTranslate2 and OpenVINO: the same weights, widths, prompts and threads, taking turns.

    python benchmarks/generation/run.py --llama FOLDER_OF_LLAMA_BENCH [--shapes gpt2 tinyllama] [--precisions fp32 bf16 int8 int4]

Needs requirements/peers.txt, and optimum-intel for OpenVINO's models. Weights are random, which costs what trained ones cost. A row is a
shape, a width and a workload: prefill of 512 tokens, and decoding at batch 1 (after 512 tokens) and at batch 8 (after 32). Ours also says
which share of the memory bandwidth that it measures in the same run its weights were read at. A peer whose model could not be made is
left out, with a line that says so. Results are added to those in --results, and the report is written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import peers
from models import SHAPES, TYPES, folder_of, gguf_of

ROOT = Path(__file__).resolve().parents[2]
GENERATED = 32
PRECISIONS = ("fp32", "bf16", "int8", "int4")
WORKLOADS = {"prefill 512": (1, 512, "prefill"), "decode, batch 1": (1, 512, "decode"), "decode, batch 8": (8, 32, "decode")}


def run(command: list[object]) -> tuple[str, float]:
    """What the command prints, and the most MB of memory that it held."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}")
        output.seek(0)
        return output.read(), usage.ru_maxrss / 1024


def ours(arguments: argparse.Namespace, folder: Path, precision: str, batch: int, prompt: int) -> dict[str, float]:
    text, _ = run([arguments.program, "bench", folder, "--backend", "cpu", "--precision", precision, "--threads", arguments.threads,
                   "--batch", batch, "--prompt", prompt, "--generate", GENERATED, "--rounds", arguments.rounds, "--json"])
    report = json.loads(text)
    return {"prefill": report["prefill_tokens_per_second"], "decode": report["decode_tokens_per_second"],
            "memory_mb": report["peak_rss_bytes"] / 2**20, "bandwidth": report["memory_bandwidth"],
            "share": report.get("decode_bandwidth_share", 0.0), "isa": report["isa"]}


def llama(arguments: argparse.Namespace, model: Path, batch: int, prompt: int) -> dict[str, float]:
    if batch == 1:
        text, memory = run([arguments.llama / "llama-bench", "-m", model, "-t", arguments.threads, "-p", prompt, "-n", GENERATED,
                            "-r", arguments.rounds, "-o", "json"])
        rows = json.loads(text)
        speed = {("prefill" if row["n_prompt"] else "decode"): row["avg_ts"] for row in rows}
        return speed | {"memory_mb": memory}
    text, memory = run([arguments.llama / "llama-batched-bench", "-m", model, "-t", arguments.threads, "-tb", arguments.threads, "-c",
                        2 * batch * (prompt + GENERATED), "-npp", prompt, "-ntg", GENERATED, "-npl", batch, "--output-format", "jsonl"])
    row = json.loads([line for line in text.splitlines() if line.startswith("{")][-1])
    return {"prefill": row["speed_pp"], "decode": row["speed_tg"], "memory_mb": memory}


def other(arguments: argparse.Namespace, peer: str, precision: str, path: Path, batch: int, prompt: int, vocabulary: int) -> dict[str, float]:
    text, memory = run([sys.executable, Path(peers.__file__), "measure", peer, precision, path, batch, prompt, GENERATED, arguments.rounds,
                        arguments.threads, vocabulary])
    return json.loads(text.splitlines()[-1]) | {"memory_mb": memory}


def contenders(arguments: argparse.Namespace, shape: str, precision: str) -> dict[str, Callable[[int, int], dict[str, float]]]:
    """Who runs the shape at that width: a call each, with batch and prompt."""
    folder = folder_of(shape, arguments.program, arguments.work)
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    all_: dict[str, Callable[[int, int], dict[str, float]]] = {"ours": partial(ours, arguments, folder, precision)}
    if precision in TYPES:
        all_["llama.cpp"] = partial(llama, arguments, gguf_of(shape, precision, arguments.program, arguments.work))
    for peer, widths in peers.WIDTHS.items():
        path = exported(arguments, peer, shape, precision) if precision in widths else None
        if path:
            all_[peer] = lambda batch, prompt, peer=peer, path=path: other(arguments, peer, precision, path, batch, prompt, vocabulary)
    return all_


def exported(arguments: argparse.Namespace, peer: str, shape: str, precision: str) -> Path | None:
    """The peer's own form of the folder, made unless it is there."""
    path = arguments.work / "exports" / f"{SHAPES[shape][0]}-{peer}-{precision}"
    if not path.exists() and arguments.make:
        folder = folder_of(shape, arguments.program, arguments.work)
        if subprocess.run([sys.executable, Path(peers.__file__), "export", peer, precision, folder, path], check=False).returncode != 0:
            print(f"{peer} made no model of {shape} at {precision}", flush=True)
    return path if path.exists() else None


def measure(arguments: argparse.Namespace, shape: str, precision: str) -> list[dict[str, object]]:
    """The rows of one shape and width: all contenders run each workload in turn, and the medians count."""
    calls = contenders(arguments, shape, precision)
    runs: dict[tuple[int, int], dict[str, list[dict[str, float]]]] = {}
    for batch, prompt in sorted({(batch, prompt) for batch, prompt, _ in WORKLOADS.values()}):
        runs[batch, prompt] = {name: [] for name in calls}
        for _ in range(arguments.turns):
            for name, call in calls.items():
                runs[batch, prompt][name].append(call(batch, prompt))
    rows = []
    for workload, (batch, prompt, part) in WORKLOADS.items():
        results = runs[batch, prompt]
        speed = {name: statistics.median(each[part] for each in result) for name, result in results.items()}
        memory = {name: max(each["memory_mb"] for each in result) for name, result in results.items()}
        best = max((name for name in speed if name != "ours"), key=speed.get, default=None)
        rows.append({"shape": shape, "precision": precision, "workload": workload, "tokens_per_second": speed, "memory_mb": memory,
                     "best_peer": best, "ratio": speed["ours"] / speed[best] if best else None,
                     "share": statistics.median(each["share"] for each in results["ours"]) if part == "decode" else None,
                     "bandwidth": statistics.median(each["bandwidth"] for each in results["ours"]), "isa": results["ours"][0]["isa"]})
    return rows


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def report(results: dict[str, object]) -> str:
    lines = ["# Prefill and decoding beside llama.cpp, CTranslate2 and OpenVINO", "",
             f"{results['processor']}, {results['threads']} threads, kernels `{results['rows'][0]['isa']}`; tokens a second, medians. Written by "
             "`benchmarks/generation/run.py`. *ratio*: ours to the best peer. *share*: of the bandwidth that the same run of ours measured, at "
             f"which weights were read. *memory*: the most MB resident. llama.cpp: {results['llama_build']}.", "",
             "| shape | width | workload | ours | llama.cpp | CTranslate2 | OpenVINO | ratio | share | bandwidth, GB/s | memory: ours | llama.cpp | CTranslate2 | OpenVINO |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    names = ("ours", "llama.cpp", "ctranslate2", "openvino")
    for row in results["rows"]:
        speeds = [f"{row['tokens_per_second'][name]:.1f}" if name in row["tokens_per_second"] else "" for name in names]
        memory = [f"{row['memory_mb'][name]:.0f}" if name in row["memory_mb"] else "" for name in names]
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        share = "" if row["share"] is None else f"{100 * row['share']:.0f} %"
        cells = [row["shape"], row["precision"], row["workload"], *speeds, ratio, share, f"{row['bandwidth'] / 1e9:.1f}", *memory]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama", type=Path, required=True, help="folder with llama-bench and llama-batched-bench")
    parser.add_argument("--llama-build", default="as its makers set it", help="how llama.cpp was built, for the report")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bin" / "ipfs-accelerate")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "generation", help="where models are made")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "generation.json")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--make", action="store_true", help="make the models and measure nothing")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.make:
        for shape in arguments.shapes:
            for precision in arguments.precisions:
                contenders(arguments, shape, precision)
        return
    known = json.loads(arguments.results.read_text()) if arguments.results.exists() else {"rows": []}
    for shape in arguments.shapes:
        for precision in arguments.precisions:
            kept = [row for row in known["rows"] if (row["shape"], row["precision"]) != (shape, precision)]
            known = {"processor": processor(), "threads": arguments.threads, "llama_build": arguments.llama_build, "rows": kept + measure(arguments, shape, precision)}
            arguments.results.write_text(json.dumps(known, indent=1) + "\n")
            arguments.results.with_suffix(".md").write_text(report(known))
            print(report(known))


if __name__ == "__main__":
    main()
