"""Our own program behind the same interface as the peers: every measurement is one `bench` process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
from common.machine import BusyClock
from common.remote import WorkerError
from common.turns import Contender, Footprint
from worker import Budget, Measurement
from workloads import Workload


class ProgramWorker:
    """Runs `bench` on a workload, its sequences ragged and therefore without padding; each process loads the model and makes its ids."""

    def __init__(self, program: Path, model: Path, contender: Contender, workload: Workload, threads: int) -> None:
        self._common = [str(program), "bench", str(model), "--precision", contender.precision, "--backend",
                        contender.settings["backend"], "--fallback", "off", "--threads", str(threads), "--json"]
        if workload.is_ragged:
            self._shape = ["--lengths", ",".join(map(str, workload.lengths))]
        else:
            self._shape = ["--batch", str(len(workload.lengths)), "--tokens", str(workload.lengths[0])]
        self._answers: list[dict] = []

    def measure(self, budget: Budget) -> Measurement:
        """One process, under the budget that the peers have."""
        lasting = ["--warmup", str(budget.warm_up_runs), "--rounds", str(budget.least_runs), "--min-time", str(budget.seconds)]
        clock, before = BusyClock.now(), os.times()
        done = subprocess.run([*self._common, *self._shape, *lasting], capture_output=True, text=True)
        after = os.times()
        own = after.children_user + after.children_system - before.children_user - before.children_system
        others = clock.used_by_others(own)
        if done.returncode != 0:
            raise WorkerError(f"{' '.join(self._common[:2])}: exit {done.returncode}: {done.stderr.strip()[-500:]}")
        answer = json.loads(done.stdout)
        self._answers.append(answer)
        latency = answer["latency_ms"]
        return Measurement(latency["median"], latency["p10"], latency["p90"], others)

    def footprint(self) -> Footprint:
        """Median load time and the largest peak over the processes so far."""
        return Footprint(float(np.median([answer["load_ms"] for answer in self._answers])),
                         max(answer["peak_rss_bytes"] for answer in self._answers))

    def close(self) -> None:
        """Nothing stays open between measurements."""
