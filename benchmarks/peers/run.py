#!/usr/bin/env python3
"""Times our program and its peers on the same text encoder, in one run and in turn.

    benchmarks/peers/run.py --model FOLDER [--program build/bin/ipfs-accelerate] [--quick]

FOLDER is anything that transformers' AutoModel loads, such as what `models create` makes. Writes peers-NAME.md and
peers-NAME.json to benchmarks/results. Each peer is measured under every group of settings that might suit it; after the
first round only those near the peer's best go on, and its fastest counts.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "benchmarks"))

import contenders
from artifacts import Artifacts
from checkpoint import Checkpoint
from common import machine
from comparison import Comparison
from report import Report
from worker import Budget
from workloads import DEFAULT_SHAPES, Workload

PACKAGES = ("torch", "transformers", "sentence-transformers", "onnxruntime", "onnx", "openvino", "nncf", "numpy")


def parse_arguments() -> argparse.Namespace:
    """Reads the command line and refuses what cannot work before anything is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of a text encoder")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bin" / "ipfs-accelerate")
    parser.add_argument("--backend", choices=("cpu", "openvino"), default="cpu", help="of our program")
    parser.add_argument("--without-ours", action="store_true", help="measure the peers alone")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="'ONNX Runtime', OpenVINO, PyTorch (default: all)")
    parser.add_argument("--precisions", nargs="+", choices=contenders.PRECISIONS, default=list(contenders.PRECISIONS))
    parser.add_argument("--shapes", nargs="+", metavar="SHAPE", help=f"default: {' '.join(DEFAULT_SHAPES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement; many short rounds suit a machine that others share")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--torch-compile", action="store_true", help="also try torch.compile, which takes a minute a shape")
    parser.add_argument("--without-accuracy", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one round of short measurements, one variant of each peer")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "peers", help="where exported models are kept")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 1
    if arguments.rounds < 1 or arguments.threads < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --threads must be at least 1, --seconds more than 0")
    if not Checkpoint(arguments.model).weights:
        parser.error(f"--model {arguments.model}: no *.safetensors and no pytorch_model*.bin there")
    if not arguments.without_ours and not arguments.program.exists():
        parser.error(f"--program {arguments.program}: no such program; build it, or say --without-ours")
    try:
        arguments.workloads = [Workload.parse(name) for name in arguments.shapes or DEFAULT_SHAPES]
        arguments.contenders = contenders.peers(arguments.peers, arguments.precisions, arguments.torch_compile, arguments.quick)
    except ValueError as error:
        parser.error(str(error))
    if not arguments.without_ours:
        arguments.contenders += contenders.ours(arguments.precisions, arguments.backend)
    return arguments


def main() -> int:
    arguments = parse_arguments()
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false",
                      OMP_NUM_THREADS=str(arguments.threads))
    checkpoint = Checkpoint(arguments.model)
    comparison = Comparison(
        contenders=arguments.contenders, artifacts=Artifacts(model=checkpoint, cache=arguments.cache), program=arguments.program,
        threads=arguments.threads, rounds=arguments.rounds,
        budget=Budget(seconds=0.3, least_runs=3) if arguments.quick else Budget(seconds=arguments.seconds, least_runs=5))
    comparison.check(arguments.workloads)
    exports = comparison.export()
    rows = [row for workload in arguments.workloads for row in comparison.time(workload)]
    accuracy = "--without-accuracy was given" if arguments.without_accuracy else comparison.accuracy()

    settings = {
        "model": checkpoint.name, "random_weights": checkpoint.has_random_weights, "tokens": comparison.tokens.description,
        "threads": arguments.threads, "rounds": arguments.rounds,
        "finished": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
    report = Report(machine.describe(PACKAGES), settings, rows, accuracy, exports)
    arguments.results.mkdir(parents=True, exist_ok=True)
    name = f"peers-{checkpoint.file_name}" + ("" if arguments.backend == "cpu" else f"-{arguments.backend}")
    (arguments.results / f"{name}.json").write_text(json.dumps(report.as_json(), indent=1) + "\n")
    (arguments.results / f"{name}.md").write_text(report.as_markdown())
    print(report.as_markdown())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, ValueError) as error:
        sys.exit(f"run.py: {error}")
