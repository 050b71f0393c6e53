"""Turns measurements into the JSON that keeps everything and the Markdown that people read."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field

from contenders import OURS, PRECISIONS, Contender
from sentences import Agreement
from worker import Footprint, Measurement
from workloads import Workload

QUIET = 0.2  # CPUs of others below which a measurement counts as undisturbed
MIB = 1 << 20


@dataclass
class Row:
    """One contender on one workload: every round, and what it cost beside time."""

    contender: Contender
    workload: Workload
    rounds: list[Measurement] = field(default_factory=list)
    footprint: Footprint | None = None

    @property
    def latency_ms(self) -> float:
        """The median over rounds of each round's median."""
        return statistics.median(measurement.median_ms for measurement in self.rounds)

    def as_json(self) -> dict:
        """All there is, for later questions."""
        return {
            "peer": self.contender.peer, "precision": self.contender.precision, "variant": self.contender.variant,
            "settings": self.contender.settings, "shape": self.workload.name, "latency_ms": self.latency_ms,
            "rounds": [asdict(measurement) for measurement in self.rounds],
            "footprint": asdict(self.footprint) if self.footprint else None,
        }


@dataclass
class Report:
    """Everything that one run found."""

    machine: dict
    settings: dict
    rows: list[Row]
    accuracy: dict[str, Agreement]

    def as_json(self) -> dict:
        """The whole run."""
        return {
            "machine": self.machine, "settings": self.settings, "rows": [row.as_json() for row in self.rows],
            "accuracy": {key: asdict(agreement) for key, agreement in self.accuracy.items()},
        }

    def as_markdown(self) -> str:
        """Conditions, then one table a precision, then memory and load time, then accuracy."""
        parts = [self._conditions()]
        for precision in PRECISIONS:
            if any(row.contender.precision == precision for row in self.rows):
                parts += [f"## {precision}: latency in ms\n\n{self._latencies(precision)}"]
                parts += [f"### {precision}: peak resident MiB / load ms\n\n{self._footprints(precision)}"]
        if self.accuracy:
            parts.append(f"## Accuracy against sentence-transformers in float32\n\n{self._accuracies()}")
        return "\n\n".join(parts) + "\n"

    def _conditions(self) -> str:
        machine, settings = self.machine, self.settings
        others = [m.others_cpus for row in self.rows for m in row.rounds if m.others_cpus is not None]
        disturbed = sum(used > QUIET for used in others)
        return "\n".join([
            f"# Peers on {settings['model']}, {settings['threads']} threads",
            "",
            f"- {settings['finished']}; {machine['cpu']} (family/model {machine['family_model']}), {machine['cores']} cores, "
            f"{machine['memory_gib']} GiB, {' '.join(machine['isa'])}",
            "- " + ", ".join(f"{name} {version}" for name, version in machine["versions"].items()),
            f"- Token ids to last hidden state. All contenders of a shape are loaded at once and measured in turn, rounds: {settings['rounds']}; "
            "a cell is the median over rounds of each round's median, of the peer's fastest settings for that shape.",
            "- Peers run the same real token ids, right-padded and sorted by length; `ragged32` is one padded batch, `ragged32/8` lets "
            "peers pad 8 at a time. Our program takes both as one ragged batch, its ids made by its own `bench`, in a process a round.",
            "- Ratio: the fastest peer's time over ours; above 1 we are faster. Peak memory is VmHWM of a process that ran only this shape, "
            "a peer's interpreter and imports included; load time is from files to ready, imports not counted.",
            f"- Other processes used {statistics.median(others):.2f} CPUs in the median measurement, {max(others):.2f} at most; "
            f"{disturbed} of {len(others)} measurements had more than {QUIET}." if others else "- Others' CPU use is not known.",
        ])

    def _best(self, precision: str, workload: Workload) -> dict[str, Row]:
        best: dict[str, Row] = {}
        for row in self.rows:
            finished = len(row.rounds) == self.settings["rounds"]
            if finished and row.contender.precision == precision and row.workload == workload:
                known = best.get(row.contender.peer)
                if known is None or row.latency_ms < known.latency_ms:
                    best[row.contender.peer] = row
        return best

    def _workloads(self) -> list[Workload]:
        return list(dict.fromkeys(row.workload for row in self.rows))

    def _peers(self, precision: str) -> list[str]:
        names = dict.fromkeys(row.contender.peer for row in self.rows if row.contender.precision == precision)
        return sorted(names, key=lambda name: (name == OURS, name))

    def _latencies(self, precision: str) -> str:
        names, lines = self._peers(precision), []
        for workload in self._workloads():
            best = self._best(precision, workload)
            cells = [f"{best[name].latency_ms:.2f}" if name in best else "-" for name in names]
            rivals = [row for name, row in best.items() if name != OURS]
            fastest = min(rivals, key=lambda row: row.latency_ms, default=None)
            ratio = f"**{fastest.latency_ms / best[OURS].latency_ms:.2f}**" if fastest and OURS in best else "-"
            winner = f"{fastest.contender.peer}: {fastest.contender.variant}" if fastest else "-"
            lines.append([workload.name, *cells, winner, ratio])
        return _table(["shape", *names, "fastest peer", "ratio"], lines)

    def _footprints(self, precision: str) -> str:
        names, lines = self._peers(precision), []
        for workload in self._workloads():
            best = self._best(precision, workload)
            cells = []
            for name in names:
                cost = best[name].footprint if name in best else None
                cells.append(f"{cost.peak_rss_bytes / MIB:.0f} / {cost.load_ms:.0f}" if cost else "-")
            lines.append([workload.name, *cells])
        return _table(["shape", *names], lines)

    def _accuracies(self) -> str:
        lines = [[key, f"{agreement.difference:.1e}", f"{agreement.least_cosine:.5f}", f"{agreement.mean_cosine:.5f}"]
                 for key, agreement in self.accuracy.items()]
        return _table(["contender", "largest difference", "least cosine", "mean cosine"], lines)


def _table(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])
