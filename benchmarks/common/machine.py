"""What the machine is and who else uses it: facts that belong beside every timing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def describe(packages: Iterable[str]) -> dict:
    """The CPU, the instruction sets that matter here, memory, and the versions of the packages measured."""
    fields = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(fields.get("flags", "").split())
    return {
        "cpu": fields.get("model name", platform.processor()),
        "family_model": f"{fields.get('cpu family', '?')}/{fields.get('model', '?')}",
        "cores": os.cpu_count(),
        "isa": [flag for flag in TELLING_FLAGS if flag in flags],
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def peak_resident_bytes() -> int:
    """The largest resident size this process has had (VmHWM), interpreter and libraries included."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


@dataclass(frozen=True)
class BusyClock:
    """CPU seconds that the whole machine has spent, at one moment."""

    busy: float
    stolen: float
    wall: float

    @staticmethod
    def now() -> BusyClock:
        """Reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal."""
        ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        seconds = [tick / os.sysconf("SC_CLK_TCK") for tick in ticks]
        return BusyClock(busy=sum(seconds) - seconds[3] - seconds[4] - seconds[7], stolen=seconds[7], wall=time.perf_counter())

    def used_by_others(self, own_cpu_seconds: float) -> float:
        """CPUs that other processes and other guests have used since this moment, `own_cpu_seconds` being ours."""
        later = BusyClock.now()
        wall = max(later.wall - self.wall, 1e-3)
        return max(0.0, (later.busy - self.busy + later.stolen - self.stolen - own_cpu_seconds) / wall)
