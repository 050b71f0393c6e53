#!/usr/bin/env python3
"""Measures the cuda backend beside PyTorch on the same random weights, and beside what the card can do at most.

Usage: run.py --bundle FOLDER --results FOLDER [--steps FILE] [--seconds N]. Writes CARD-DATE.json and CARD-DATE.md.
Needs Python's standard library; PyTorch and transformers for the peers, which are left out with a reason where they are
missing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import queue
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

MODELS = ("all-MiniLM-L6-v2", "bert-base-uncased")
PRECISIONS = ("bf16", "fp16", "fp32", "int8")
SHAPES = {
    "1x128": [128],
    "32x128": [128] * 32,
    "256x128": [128] * 256,
    "ragged 64x8..128": [round(8 + 120 * i / 63) for i in range(64)],
}


def run(command: list[str], seconds: float) -> str:
    """The command's standard output. Raises RuntimeError with the end of its standard error when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def card() -> str:
    """The card's name as the driver gives it."""
    try:
        return run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], 20).splitlines()[0].strip()
    except (OSError, RuntimeError, IndexError, subprocess.TimeoutExpired):
        return "GPU"


def measure_ours(program: Path, model: Path, precision: str) -> dict:
    """Median milliseconds of each shape, by one process."""
    process = subprocess.Popen([str(program), "bench", str(model), "--backend", "cuda", "--precision", precision, "--worker"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    requests = [{"lengths": lengths, "rounds": 60 if len(lengths) < 64 else 20, "warmup": 6} for lengths in SHAPES.values()]
    try:
        output, errors = process.communicate("".join(json.dumps(request) + "\n" for request in requests), timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    lines = [json.loads(line) for line in output.splitlines()]
    if process.returncode != 0 or len(lines) != len(SHAPES) + 1:
        raise RuntimeError(f"bench at {precision}: exit status {process.returncode}: {errors.strip()[-300:]}")
    times = {}
    for name, answer in zip(SHAPES, lines[1:]):
        if "error" in answer:
            raise RuntimeError(f"bench at {precision}, {name}: {answer['error']['message']}")
        times[name] = statistics.median(answer["milliseconds"])
    return {"load_ms": lines[0]["load_ms"], "implementation": lines[0]["implementation"], "milliseconds": times}


def measure_torch(models: dict[str, Path], seconds: float) -> list[dict]:
    """What torch_peers.py got done in that time, a row a measurement; a row with `skipped` says what it did not."""
    script = Path(__file__).with_name("torch_peers.py")
    request = {"models": {name: str(path) for name, path in models.items()}, "shapes": SHAPES, "seconds": seconds}
    process = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps(request))
    process.stdin.close()
    lines: queue.Queue = queue.Queue()
    reader = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True)
    errors: list[str] = []
    drain = threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True)
    reader.start()
    drain.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end and (reader.is_alive() or not lines.empty()):
        time.sleep(0.2)
    process.kill()
    process.wait()
    reader.join(5)
    rows = [json.loads(line) for line in list(lines.queue) if line.startswith("{")]
    if not rows:
        rows.append({"skipped": "PyTorch gave no result: " + ("".join(errors).strip().splitlines() or ["no reason given"])[-1]})
    return rows


def torch_time(rows: list[dict], model: str, precision: str, shape: str, kind: str) -> float | None:
    """That measurement's milliseconds, or None when it was not made."""
    for row in rows:
        if (row.get("model"), row.get("precision"), row.get("shape"), row.get("kind")) == (model, precision, shape, kind):
            return row["milliseconds"]
    return None


def text(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.3f}"


def table(report: dict) -> str:
    """The report as Markdown."""
    lines = [f"# {report['card']}, {report['date']}", "",
             "Median milliseconds from token ids on the host to embeddings on the host; the same random weights for all. "
             "PyTorch pads the ragged batch, ours does not.", "",
             "| model | batch | precision | ours | PyTorch | PyTorch, compiled | ours is faster by |", "|---|---|---|---|---|---|---|"]
    for model, precisions in report["ours"].items():
        for precision, result in precisions.items():
            for shape in SHAPES:
                ours = result.get("milliseconds", {}).get(shape)
                eager, compiled = (torch_time(report["torch"], model, precision, shape, kind) for kind in ("eager", "compiled"))
                best = min((time for time in (eager, compiled) if time is not None), default=None)
                gain = "-" if ours is None or best is None else f"{best / ours:.2f}"
                lines.append(f"| {model} | {shape} | {precision} | {text(ours)} | {text(eager)} | {text(compiled)} | {gain} |")
    limits = report["limits"]
    if "products_tflops" in limits:
        lines += ["", f"Device-to-device copies: {limits['copy_gigabytes_per_second']} GB/s, read and written.", "",
                  "| products | " + " | ".join(next(iter(limits["products_tflops"].values()))) + " |",
                  "|---|" + "---|" * len(next(iter(limits["products_tflops"].values())))]
        for kind, rates in limits["products_tflops"].items():
            lines.append(f"| {kind}, TFLOP/s | " + " | ".join(f"{rate:.0f}" for rate in rates.values()) + " |")
    notes = [row["skipped"] for row in report["torch"] if "skipped" in row] + report["failures"]
    lines += [""] + [f"- {note}" for note in notes]
    if report["steps"]:
        lines += ["", "| check | result | seconds |", "|---|---|---|"] + [f"| {' | '.join(step)} |" for step in report["steps"]]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--steps", type=Path)
    parser.add_argument("--seconds", type=float, default=240)
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    program = options.bundle / "bin" / "ipfs-accelerate"
    failures: list[str] = []

    def attempt(what: str, function, nothing):
        try:
            return function()
        except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            failures.append(f"{what}: {error}")
            return nothing

    with tempfile.TemporaryDirectory() as folder:
        models = {name: Path(folder) / name for name in MODELS}
        for name, path in models.items():
            run([str(program), "models", "create", name, str(path), "--task", "embed"], 60)
        ours = {model: {precision: attempt(f"ours, {model}, {precision}", lambda m=path, p=precision: measure_ours(program, m, p), {})
                        for precision in PRECISIONS} for model, path in models.items()}
        limits = attempt("limits", lambda: json.loads(run([str(options.bundle / "bin" / "cuda_limits")], 60)), {})
        torch = attempt("PyTorch", lambda: measure_torch(models, max(end - time.monotonic() - 5, 10)), [])

    report = {"card": card(), "date": datetime.date.today().isoformat(), "ours": ours, "torch": torch, "limits": limits,
              "failures": failures,
              "steps": [line.split("\t") for line in options.steps.read_text().splitlines()] if options.steps else []}
    name = f"{re.sub('[^a-z0-9]+', '-', report['card'].lower()).strip('-')}-{report['date']}"
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
    (options.results / f"{name}.md").write_text(table(report))
    print(table(report))
    measured = any("milliseconds" in result for precisions in ours.values() for result in precisions.values())
    return 0 if measured and not any(failure.startswith("ours") for failure in failures) else 1


if __name__ == "__main__":
    sys.exit(main())
