"""A peer in a process of its own, so that its memory is its own and runs of different peers can alternate."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import time
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np
from artifacts import Artifacts
from contenders import Contender
from machine import BusyClock, peak_resident_bytes
from workloads import Batch

ANSWER_WITHIN = 600  # seconds; compiling a graph is the slowest thing asked for


@dataclass(frozen=True)
class Budget:
    """How long one measurement lasts: until both are reached."""

    seconds: float
    least_runs: int
    warm_up_runs: int = 2


@dataclass(frozen=True)
class Measurement:
    """Latencies of consecutive runs in milliseconds, and the CPUs that others used meanwhile."""

    median_ms: float
    p10_ms: float
    p90_ms: float
    others_cpus: float | None


@dataclass(frozen=True)
class Footprint:
    """What a contender costs beside time: milliseconds from files to ready, and its largest resident size so far."""

    load_ms: float
    peak_rss_bytes: int


class WorkerError(RuntimeError):
    """A peer failed; the message has its own traceback."""


class PeerWorker:
    """This side of the pipe: starts the process, asks, and ends it."""

    def __init__(self, contender: Contender, artifacts: Artifacts, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._key = contender.key
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, contender, artifacts, threads), daemon=True)
        self._process.start()
        theirs.close()

    def load(self, batches: list[Batch]) -> float:
        """Loads the model for these batches and returns the milliseconds that took, imports not counted."""
        return self._ask("load", batches)

    def measure(self, budget: Budget) -> Measurement:
        """Times runs of the batches last loaded."""
        return self._ask("measure", budget)

    def hidden_states(self, batches: list[Batch]) -> list[np.ndarray]:
        """The last hidden states of other batches than the ones being timed."""
        return self._ask("hidden_states", batches)

    def footprint(self) -> Footprint:
        """Load time and peak memory of the process until now."""
        return self._ask("footprint")

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()

    def _ask(self, question: str, *arguments: Any) -> Any:
        try:
            self._connection.send((question, arguments))
            if not self._connection.poll(ANSWER_WITHIN):
                raise WorkerError(f"{self._key}: no answer to {question} in {ANSWER_WITHIN} s")
            good, answer = self._connection.recv()
        except (EOFError, BrokenPipeError) as error:
            raise WorkerError(f"{self._key}: the process ended during {question}") from error
        if not good:
            raise WorkerError(f"{self._key}: {question}: {answer}")
        return answer


class _Server:
    """The other side: owns the engine."""

    def __init__(self, contender: Contender, artifacts: Artifacts, threads: int) -> None:
        self._engine = importlib.import_module(f"engines.{contender.engine}").Engine()
        self._load_arguments = (artifacts, contender.settings, contender.precision, threads)
        self._load_ms = 0.0

    def load(self, batches: list[Batch]) -> float:
        start = time.perf_counter()
        self._engine.load(*self._load_arguments)
        self._engine.prepare(batches)
        self._load_ms = (time.perf_counter() - start) * 1e3
        return self._load_ms

    def measure(self, budget: Budget) -> Measurement:
        for _ in range(budget.warm_up_runs):
            self._engine.run()
        clock, own_start = BusyClock.now(), time.process_time()
        samples, began = [], time.perf_counter()
        while len(samples) < budget.least_runs or time.perf_counter() - began < budget.seconds:
            start = time.perf_counter()
            self._engine.run()
            samples.append((time.perf_counter() - start) * 1e3)
        others = clock.used_by_others(time.process_time() - own_start)
        p10, median, p90 = np.percentile(samples, (10, 50, 90))
        return Measurement(float(median), float(p10), float(p90), others)

    def hidden_states(self, batches: list[Batch]) -> list[np.ndarray]:
        self._engine.prepare(batches)
        return self._engine.hidden_states()

    def footprint(self) -> Footprint:
        return Footprint(self._load_ms, peak_resident_bytes())


def _serve(connection, contender: Contender, artifacts: Artifacts, threads: int) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    server = None
    while True:
        try:
            question, arguments = connection.recv()
        except EOFError:
            return
        try:
            server = server or _Server(contender, artifacts, threads)
            connection.send((True, getattr(server, question)(*arguments)))
        except Exception:  # whatever a peer throws belongs in the report, not on a dead pipe
            connection.send((False, traceback.format_exc(limit=-3)))
