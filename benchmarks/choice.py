#!/usr/bin/env python3
"""Checks that what `auto` chooses is as fast as the best choice made by hand, and that its explanation is true.

For each pair of a model and a shape, every fixed choice of backend, precision and threads runs in turns with `auto`, round
by round, so that a machine which slows down slows all of them. Fails where `auto` takes more than 5 % longer than the best,
and where it calls an alternative slower that is faster by more than that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

LIMIT = 1.05
TURN_MILLISECONDS = 150
SHAPES = {"latency": [32], "throughput": [128, 24, 96, 16, 48, 8, 64, 32] * 4}
CREATED = ("bert-tiny", "bge-small-en-v1.5")


@dataclass
class Worker:
    """A process that measures when asked, and stays loaded in between."""

    name: str
    words: list[str]
    milliseconds: list[float] = field(default_factory=list)

    def __enter__(self) -> Worker:
        self._process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.description = self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.words)}: ended with {self._process.wait()}")
        return json.loads(line)

    def run(self, lengths: list[int], warmup: int) -> None:
        """Some runs in a row: more of them where they are short, so that one disturbance does not touch them all."""
        rounds = max(3, int(TURN_MILLISECONDS / self.median())) if self.milliseconds else 3
        self._process.stdin.write(json.dumps({"lengths": lengths, "rounds": rounds, "warmup": warmup}) + "\n")
        self._process.stdin.flush()
        self.milliseconds += self._read()["milliseconds"]

    def median(self) -> float:
        return statistics.median(self.milliseconds)


def ask(program: str, *words: str) -> dict:
    return json.loads(subprocess.run([program, *words, "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout)


def thread_counts() -> list[int]:
    counts = [len(os.sched_getaffinity(0))]
    while counts[-1] > 1:
        counts.append(counts[-1] // 2)
    return counts


def fixed_choices(program: str, model: str, accuracy: float) -> dict[str, list[str]]:
    """Options of every choice that may be made by hand: all backends but the reference, all precisions that agree enough."""
    measured = ask(program, "devices", "--explain", model, "--accuracy", str(accuracy))["candidates"]
    agree = {(row["backend"], row["precision"]) for row in measured if row.get("agreement", 0) >= min(accuracy, 0.9999)}
    choices = {}
    for backend, precision in sorted(agree):
        if accuracy >= 1 and precision != "fp32":
            continue
        for threads in thread_counts():
            words = ["--backend", backend, "--precision", precision, "--threads", str(threads)]
            choices[f"{backend} {precision} {threads}"] = words
    return choices


def failures_of(auto: Worker, fixed: dict[str, Worker]) -> list[str]:
    """What is wrong with the choice or its explanation; prints each alternative's claim beside what was measured here."""
    best = min(fixed.values(), key=Worker.median)
    chosen = "{backend} {precision} {threads}".format(**auto.description)
    ratio = auto.median() / best.median()
    # The same program with the same options twice: what lies between is the machine's noise.
    failures = [] if ratio <= LIMIT or best.name == chosen else [f"{ratio:.3f} times the time of {best.name}"]
    for row in auto.description["choice"]["alternatives"]:
        name = f"{row['backend']} {row['precision']} {row['threads']}"
        if name not in fixed or row["slower"] is None:
            print(f"    {name:<24} {row.get('reason', 'not measured here')}")
            continue
        measured = fixed[name].median() / auto.median()
        print(f"    {name:<24} said to take {row['slower']:.2f} times as long, takes {measured:.2f} here")
        if row["slower"] > 1 and measured < 1 / LIMIT:
            failures.append(f"{name} is called slower and is not")
    return failures


def compare(program: str, model: str, prefer: str, accuracy: float, turns: int) -> list[str]:
    lengths = SHAPES[prefer]
    bench = [program, "bench", model, "--worker"]
    workers = {name: Worker(name, [*bench, *words]) for name, words in fixed_choices(program, model, accuracy).items()}
    auto = Worker("auto", [*bench, "--prefer", prefer, "--accuracy", str(accuracy)])
    with auto:
        for worker in workers.values():
            worker.__enter__()
        try:
            for turn in range(turns):
                for worker in [auto, *workers.values()]:
                    worker.run(lengths, warmup=6 if turn == 0 else 1)
        finally:
            for worker in workers.values():
                worker.__exit__()
    chosen = auto.description
    best = min(workers.values(), key=Worker.median)
    print(f"{Path(model).name}, {prefer}, {len(lengths)} texts: auto ({chosen['backend']} {chosen['precision']} {chosen['threads']}) "
          f"{auto.median():.2f} ms; best by hand ({best.name}) {best.median():.2f} ms")
    return [f"{Path(model).name}, {prefer}: {failure}" for failure in failures_of(auto, workers)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="model folders beside those with random weights that are made")
    parser.add_argument("--program", default="build/bin/ipfs-accelerate")
    parser.add_argument("--created", nargs="*", default=CREATED, help="shapes to make models of (models create)")
    parser.add_argument("--accuracy", type=float, default=1.0)
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ACCELERATE_CACHE"] = folder  # what was measured on another day, with other backends, does not count
        models = list(options.models)
        for shape in options.created:
            models.append(str(Path(folder) / shape))
            ask(options.program, "models", "create", shape, models[-1])
        for model in models:
            for prefer in SHAPES:
                failures += compare(options.program, model, prefer, options.accuracy, options.turns)
    for failure in failures:
        print(f"FAILED {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
