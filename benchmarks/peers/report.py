"""Turns measurements into the JSON that keeps everything and the Markdown that people read."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass

from common.exports import Export
from common.tables import disturbance_line, export_lines, failure_lines, footprint_cell, machine_lines, table
from common.turns import OURS, Entry
from contenders import PRECISIONS
from sentences import Agreement
from workloads import Workload


@dataclass(kw_only=True)
class Row(Entry):
    """One contender on one workload: every round, and what it cost beside time."""

    workload: Workload

    @property
    def latency_ms(self) -> float | None:
        """The median over rounds of each round's median; none where nothing was measured."""
        return statistics.median(measurement.median_ms for measurement in self.rounds) if self.rounds else None

    def as_json(self) -> dict:
        """All there is, for later questions."""
        return {
            "peer": self.contender.peer, "precision": self.contender.precision, "variant": self.contender.variant,
            "settings": self.contender.settings, "shape": self.workload.name, "latency_ms": self.latency_ms,
            "rounds": [asdict(measurement) for measurement in self.rounds],
            "footprint": asdict(self.footprint) if self.footprint else None,
        } | ({"failure": self.failure} if self.failure else {})


@dataclass
class Report:
    """Everything that one run found."""

    machine: dict
    settings: dict
    rows: list[Row]
    accuracy: dict[str, Agreement | str] | str  # a text says why there is none
    exports: dict[str, Export]

    def as_json(self) -> dict:
        """The whole run."""
        return {
            "machine": self.machine, "settings": self.settings, "rows": [row.as_json() for row in self.rows],
            "accuracy": self.accuracy if isinstance(self.accuracy, str) else
            {key: found if isinstance(found, str) else asdict(found) for key, found in self.accuracy.items()},
            "exports": {form: asdict(export) for form, export in self.exports.items()},
        }

    def as_markdown(self) -> str:
        """Conditions, then one table a precision, then memory and load time, then accuracy, then what could not be measured."""
        parts = [self._conditions()]
        for precision in PRECISIONS:
            if any(row.contender.precision == precision for row in self.rows):
                parts += [f"## {precision}: latency in ms\n\n{self._latencies(precision)}"]
                parts += [f"### {precision}: peak resident MiB / load ms\n\n{self._footprints(precision)}"]
        parts.append(f"## Accuracy against sentence-transformers in float32\n\n{self._accuracies()}")
        if self.exports:
            parts.append(f"## Exports\n\n{export_lines(self.exports)}")
        if any(row.failure for row in self.rows):
            parts.append(f"## Not measured\n\n{failure_lines([(row.workload.name, row) for row in self.rows])}")
        return "\n\n".join(parts) + "\n"

    def _conditions(self) -> str:
        settings = self.settings
        others = [m.others_cpus for row in self.rows for m in row.rounds if m.others_cpus is not None]
        return "\n".join([
            f"# Peers on {settings['model']}{' with random weights' if settings['random_weights'] else ''}, {settings['threads']} threads",
            "",
            *machine_lines(self.machine, settings["finished"]),
            "- Token ids to last hidden state. All contenders of a shape and precision are loaded at once and measured in turn, "
            f"rounds: {settings['rounds']}; a cell is the median over rounds of each round's median, of the peer's fastest settings "
            "for that shape.",
            f"- Peers run the same ids ({settings['tokens']}), right-padded and sorted by length; `ragged32` is one padded batch, "
            "`ragged32/8` lets peers pad 8 at a time. Our program takes both as one ragged batch, its ids made by its own `bench`, in "
            "a process a round.",
            "- Ratio: the fastest peer's time over ours; above 1 we are faster. Peak memory is VmHWM of a process that ran only this "
            "shape, a peer's interpreter and imports included; load time is from files to ready, imports not counted.",
            disturbance_line(others),
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

    def _why_not(self, peer: str, precision: str, workload: Workload) -> str:
        for row in self.rows:
            if row.failure and (row.contender.peer, row.contender.precision, row.workload) == (peer, precision, workload):
                return row.failure.split(":")[0]
        return "-"

    def _workloads(self) -> list[Workload]:
        return list(dict.fromkeys(row.workload for row in self.rows))

    def _peers(self, precision: str) -> list[str]:
        names = dict.fromkeys(row.contender.peer for row in self.rows if row.contender.precision == precision)
        return sorted(names, key=lambda name: (name == OURS, name))

    def _latencies(self, precision: str) -> str:
        names, lines = self._peers(precision), []
        for workload in self._workloads():
            best = self._best(precision, workload)
            cells = [f"{best[name].latency_ms:.2f}" if name in best else self._why_not(name, precision, workload) for name in names]
            rivals = [row for name, row in best.items() if name != OURS]
            fastest = min(rivals, key=lambda row: row.latency_ms, default=None)
            ratio = f"**{fastest.latency_ms / best[OURS].latency_ms:.2f}**" if fastest and OURS in best else "-"
            winner = f"{fastest.contender.peer}: {fastest.contender.variant}" if fastest else "-"
            lines.append([workload.name, *cells, winner, ratio])
        return table(["shape", *names, "fastest peer", "ratio"], lines)

    def _footprints(self, precision: str) -> str:
        names, lines = self._peers(precision), []
        for workload in self._workloads():
            best = self._best(precision, workload)
            lines.append([workload.name, *(footprint_cell(best.get(name)) for name in names)])
        return table(["shape", *names], lines)

    def _accuracies(self) -> str:
        if isinstance(self.accuracy, str):
            return f"Skipped: {self.accuracy}."
        lines = [[key, found, "-", "-"] if isinstance(found, str) else
                 [key, f"{found.difference:.1e}", f"{found.least_cosine:.5f}", f"{found.mean_cosine:.5f}"]
                 for key, found in self.accuracy.items()]
        return table(["contender", "largest difference", "least cosine", "mean cosine"], lines)
