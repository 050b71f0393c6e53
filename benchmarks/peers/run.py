#!/usr/bin/env python3
"""Times our program and its peers on the same sentence-embedding model, in one run and in turn.

    benchmarks/peers/run.py --model FOLDER [--program build/bin/ipfs-accelerate] [--quick]

FOLDER is a sentence-transformers model of the BERT family. Writes peers.md and peers.json to benchmarks/results.
Each peer is measured under every group of settings that might suit it; after the first round only those near
the peer's best go on, and its fastest counts.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import artifacts as exported
import contenders
import machine
from program import ProgramWorker
from report import Report, Row
from sentences import Agreement, program_embeddings, reference_embeddings
from worker import Budget, PeerWorker, WorkerError
from workloads import DEFAULT_SHAPES, Text, Workload, pad

ROOT = Path(__file__).resolve().parent.parent.parent
STILL_IN_THE_RUNNING = 1.15  # times the peer's fastest variant in the first round


def say(line: str) -> None:
    """Progress, kept apart from the table on standard output."""
    print(line, file=sys.stderr, flush=True)


class Comparison:
    """One run: the contenders, and what all of them share."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._artifacts = exported.Artifacts(arguments.model, arguments.cache)
        self._text = Text(arguments.model)
        self._peers = contenders.peers(arguments.peers, arguments.torch_compile, arguments.quick)
        self._ours = [] if arguments.without_ours else contenders.ours()
        self._budget = Budget(seconds=0.3, least_runs=3) if arguments.quick else Budget(seconds=1.0, least_runs=5)

    def export(self) -> None:
        """Makes the peers' model files, in a process whose memory goes away with it."""
        calibration = [pad([ids]) for ids in self._text.encoded[: exported.CALIBRATION_SENTENCES]]
        process = multiprocessing.get_context("spawn").Process(target=exported.build, args=(self._artifacts, calibration))
        process.start()
        process.join()
        if process.exitcode != 0:
            raise WorkerError(f"exporting {self._arguments.model} failed, see above")

    def time(self, workload: Workload) -> list[Row]:
        """All contenders on one workload, in turn."""
        batches = workload.padded(self._text.sequences(workload))
        rows, workers = [], []
        try:
            for contender in self._peers:
                workers.append(PeerWorker(contender, self._artifacts, self._arguments.threads))
                rows.append(Row(contender, workload))
                workers[-1].load(batches)
            for contender in self._ours:
                workers.append(ProgramWorker(self._arguments.program, self._arguments.model, contender, workload, self._arguments.threads))
                rows.append(Row(contender, workload))
            running = list(zip(rows, workers))
            for turn in range(self._arguments.rounds):
                for row, worker in running:
                    row.rounds.append(worker.measure(self._budget))
                if turn == 0:
                    running = _near_the_best(running)
            for row, worker in zip(rows, workers):
                row.footprint = worker.footprint()
        finally:
            for worker in workers:
                worker.close()
        return rows

    def accuracy(self) -> dict[str, Agreement]:
        """How far each contender's sentence embeddings are from the reference, sentence by sentence."""
        reference = reference_embeddings(self._arguments.model, self._text.sentences)
        batches = [pad([ids]) for ids in self._text.encoded]
        found = {}
        for contender in self._peers:
            if contender.same_numbers_as is None:
                dynamic = replace(contender, settings=contender.settings | {"static": False, "streams": 1, "compile": False})
                embeddings = _embed(PeerWorker(dynamic, self._artifacts, self._arguments.threads), batches)
                found[contender.key] = Agreement.between(embeddings, reference)
        for contender in self._ours:
            embeddings = program_embeddings(self._arguments.program, self._arguments.model, contender.precision)
            found[contender.key] = Agreement.between(embeddings, reference)
        return found


def _near_the_best(running: list) -> list:
    """Drops the variants of a peer that its own best has clearly beaten."""
    best: dict[tuple[str, str], float] = {}
    for row, _ in running:
        group = (row.contender.peer, row.contender.precision)
        best[group] = min(best.get(group, np.inf), row.latency_ms)
    return [(row, worker) for row, worker in running
            if row.latency_ms <= STILL_IN_THE_RUNNING * best[row.contender.peer, row.contender.precision]]


def _embed(worker: PeerWorker, batches: list) -> np.ndarray:
    """Mean over tokens, then unit length, as the model's own modules do."""
    try:
        worker.load(batches)
        hidden = worker.hidden_states(batches)
    finally:
        worker.close()
    means = np.concatenate([states.mean(axis=1) for states in hidden])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def _model_name(folder: Path) -> str:
    """The name that the checkpoint gives itself, else the folder's."""
    return json.loads((folder / "config.json").read_text()).get("_name_or_path") or folder.resolve().name


def parse_arguments() -> argparse.Namespace:
    """Reads the command line and refuses what cannot work before anything is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="sentence-transformers folder of the BERT family")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bin" / "ipfs-accelerate")
    parser.add_argument("--without-ours", action="store_true", help="measure the peers alone")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="'ONNX Runtime', OpenVINO, PyTorch (default: all)")
    parser.add_argument("--shapes", nargs="+", metavar="SHAPE", help=f"default: {' '.join(DEFAULT_SHAPES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--torch-compile", action="store_true", help="also try torch.compile, which takes a minute a shape")
    parser.add_argument("--without-accuracy", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one round of short measurements, one variant of each peer")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "peers", help="where exported models are kept")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 1
    if arguments.rounds < 1 or arguments.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    if not (arguments.model / "model.safetensors").exists():
        parser.error(f"--model {arguments.model}: no model.safetensors there")
    if not arguments.without_ours and not arguments.program.exists():
        parser.error(f"--program {arguments.program}: no such program; build it, or say --without-ours")
    try:
        arguments.workloads = [Workload.parse(name) for name in arguments.shapes or DEFAULT_SHAPES]
        contenders.peers(arguments.peers, arguments.torch_compile, arguments.quick)
    except ValueError as error:
        parser.error(str(error))
    return arguments


def main() -> int:
    arguments = parse_arguments()
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false",
                      OMP_NUM_THREADS=str(arguments.threads))
    comparison = Comparison(arguments)
    comparison.export()
    rows = []
    for workload in arguments.workloads:
        say(f"measuring {workload.name}")
        rows += comparison.time(workload)
    accuracy = {}
    if not arguments.without_accuracy:
        say("comparing embeddings")
        accuracy = comparison.accuracy()

    settings = {
        "model": _model_name(arguments.model), "threads": arguments.threads, "rounds": arguments.rounds,
        "finished": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
    report = Report(machine.describe(), settings, rows, accuracy)
    arguments.results.mkdir(parents=True, exist_ok=True)
    (arguments.results / "peers.json").write_text(json.dumps(report.as_json(), indent=1) + "\n")
    (arguments.results / "peers.md").write_text(report.as_markdown())
    print(report.as_markdown())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (WorkerError, RuntimeError) as error:
        sys.exit(f"run.py: {error}")
