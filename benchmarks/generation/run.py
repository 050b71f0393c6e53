#!/usr/bin/env python3
"""Prefill and decoding beside llama.cpp: the same shapes, weight widths, prompts and threads, taking turns.

    python benchmarks/generation/run.py --llama FOLDER_OF_LLAMA_BENCH [--shapes gpt2 tinyllama] [--precisions bf16 int8 int4]

Needs numpy and gguf. Weights are random, which costs what trained ones cost. A row is a shape, a width and a workload: prefill of
512 tokens, and decoding at batch 1 (after 512 tokens) and at batch 8 (after 32). Ours also says which share of the memory bandwidth
that it measures in the same run its weights were read at. Results are added to those in --results, and the report is written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
from pathlib import Path

from models import SHAPES, TYPES, folder_of, gguf_of

ROOT = Path(__file__).resolve().parents[2]
GENERATED = 64
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


def measure(arguments: argparse.Namespace, shape: str, precision: str) -> list[dict[str, object]]:
    """The rows of one shape and width: both contenders run each workload in turn, and the medians count."""
    folder = folder_of(SHAPES[shape], arguments.program, arguments.work)
    model = gguf_of(SHAPES[shape], precision, arguments.work)
    runs: dict[tuple[int, int], dict[str, list[dict[str, float]]]] = {}
    for batch, prompt in sorted({(batch, prompt) for batch, prompt, _ in WORKLOADS.values()}):
        both = runs.setdefault((batch, prompt), {"ours": [], "llama.cpp": []})
        for _ in range(arguments.turns):
            both["ours"].append(ours(arguments, folder, precision, batch, prompt))
            both["llama.cpp"].append(llama(arguments, model, batch, prompt))
    rows = []
    for workload, (batch, prompt, part) in WORKLOADS.items():
        both = runs[batch, prompt]
        own = statistics.median(each[part] for each in both["ours"])
        peer = statistics.median(each[part] for each in both["llama.cpp"])
        rows.append({"shape": shape, "precision": precision, "peer_type": TYPES[precision].name, "workload": workload,
                     "ours": own, "llama.cpp": peer, "ratio": own / peer,
                     "share": statistics.median(each["share"] for each in both["ours"]) if part == "decode" else None,
                     "bandwidth": statistics.median(each["bandwidth"] for each in both["ours"]),
                     "memory_mb": max(each["memory_mb"] for each in both["ours"]),
                     "peer_memory_mb": max(each["memory_mb"] for each in both["llama.cpp"]), "isa": both["ours"][0]["isa"]})
    return rows


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def report(results: dict[str, object]) -> str:
    lines = ["# Prefill and decoding beside llama.cpp", "",
             f"{results['processor']}, {results['threads']} threads, kernels `{results['rows'][0]['isa']}`; tokens a second, medians. Written by "
             "`benchmarks/generation/run.py`. *share*: of the bandwidth that the same run of ours measured, at which weights were read.", "",
             "| shape | ours | llama.cpp | workload | ours, tokens/s | llama.cpp, tokens/s | ratio | share | bandwidth, GB/s | ours, MB | llama.cpp, MB |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for row in results["rows"]:
        share = "" if row["share"] is None else f"{100 * row['share']:.0f} %"
        lines.append(f"| {row['shape']} | {row['precision']} | {row['peer_type']} | {row['workload']} | {row['ours']:.1f} | {row['llama.cpp']:.1f} | "
                     f"{row['ratio']:.2f} | {share} | {row['bandwidth'] / 1e9:.1f} | {row['memory_mb']:.0f} | {row['peer_memory_mb']:.0f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama", type=Path, required=True, help="folder with llama-bench and llama-batched-bench")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bin" / "ipfs-accelerate")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "generation", help="where models are made")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "generation.json")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--precisions", nargs="+", choices=TYPES, default=list(TYPES))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--make", action="store_true", help="make the models and measure nothing")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.make:
        for shape in arguments.shapes:
            folder_of(SHAPES[shape], arguments.program, arguments.work)
            for precision in arguments.precisions:
                gguf_of(SHAPES[shape], precision, arguments.work)
        return
    known = json.loads(arguments.results.read_text()) if arguments.results.exists() else {"rows": []}
    for shape in arguments.shapes:
        for precision in arguments.precisions:
            kept = [row for row in known["rows"] if (row["shape"], row["precision"]) != (shape, precision)]
            known = {"processor": processor(), "threads": arguments.threads, "rows": kept + measure(arguments, shape, precision)}
            arguments.results.write_text(json.dumps(known, indent=1) + "\n")
            arguments.results.with_suffix(".md").write_text(report(known))
            print(report(known))


if __name__ == "__main__":
    main()
