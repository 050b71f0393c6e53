"""A peer in a process of its own, timed there."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass

import numpy as np
from artifacts import Artifacts
from common.machine import BusyClock, peak_resident_bytes
from common.remote import Remote
from common.turns import Contender, Footprint
from workloads import Batch


@dataclass(frozen=True)
class Budget:
    """How long one measurement lasts: until both are reached."""

    seconds: float
    least_runs: int
    warm_up_runs: int = 6  # our openvino backend compiles a shape of its own for calls that come often, in the fourth


@dataclass(frozen=True)
class Measurement:
    """Latencies of consecutive runs in milliseconds, and the CPUs that others used meanwhile."""

    median_ms: float
    p10_ms: float
    p90_ms: float
    others_cpus: float | None


class PeerWorker:
    """This side: what can be asked of a peer."""

    def __init__(self, contender: Contender, artifacts: Artifacts, threads: int) -> None:
        self._remote = Remote(contender.key, _Server, contender, artifacts, threads)

    def load(self, batches: list[Batch]) -> float:
        """Loads the model for these batches and returns the milliseconds that took, imports not counted."""
        return self._remote.ask("load", batches)

    def measure(self, budget: Budget) -> Measurement:
        """Times runs of the batches last loaded."""
        return self._remote.ask("measure", budget)

    def hidden_states(self, batches: list[Batch]) -> list[np.ndarray]:
        """The last hidden states of other batches than the ones being timed."""
        return self._remote.ask("hidden_states", batches)

    def footprint(self) -> Footprint:
        """Load time and peak memory of the process until now."""
        return self._remote.ask("footprint")

    def close(self) -> None:
        """Ends the process."""
        self._remote.close()


class _Server:
    """The other side: owns the engine."""

    def __init__(self, contender: Contender, artifacts: Artifacts, threads: int) -> None:
        module = importlib.import_module(f"engines.{contender.engine}")
        self._engine = module.Engine(artifacts, contender.settings, contender.precision, threads)
        self._load_ms = 0.0

    def load(self, batches: list[Batch]) -> float:
        start = time.perf_counter()
        self._engine.load()
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
