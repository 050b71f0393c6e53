"""One run: the contenders, and what all of them share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import artifacts as exported
import numpy as np
from artifacts import Artifacts
from common.exports import Export, exports_of
from common.turns import OURS, Contender, say, take_turns
from contenders import PRECISIONS
from program import ProgramWorker
from report import Row
from sentences import Agreement, Pooling, program_embeddings, read_sentences, reference_embeddings
from tokens import Tokens, tokens_of
from worker import Budget, PeerWorker
from workloads import Batch, Workload, pad


@dataclass
class Comparison:
    """Contenders on one model; one that fails is out, with the reason, and the others go on."""

    contenders: list[Contender]
    artifacts: Artifacts
    program: Path
    threads: int
    rounds: int
    budget: Budget
    _exports: dict[str, Export] = field(default_factory=dict)

    @cached_property
    def tokens(self) -> Tokens:
        """The ids that peers are given."""
        return tokens_of(self.artifacts.model)

    def check(self, workloads: list[Workload]) -> None:
        """ValueError for a workload that the model has too few positions for."""
        for workload in workloads:
            if max(workload.lengths) > self.tokens.longest:
                raise ValueError(f"shape {workload.name!r}: the model takes {self.tokens.longest} tokens at most")

    def export(self) -> dict[str, Export]:
        """Makes the peers' model files; says what became of each."""
        wanted = {contender.form for contender in self.contenders if contender.form}
        self._exports = exports_of(self.artifacts, wanted, exported.build, self.tokens.calibration(), self.tokens.check())
        return self._exports

    def time(self, workload: Workload) -> list[Row]:
        """All contenders on one workload, precision by precision so that few models are in memory at once."""
        say(f"measuring {workload.name}")
        batches, rows = self.tokens.batches(workload), []
        for precision in PRECISIONS:
            those = [Row(contender, failure=self._not_exported(contender), workload=workload)
                     for contender in self.contenders if contender.precision == precision]
            take_turns(those, lambda contender: self._loaded(contender, workload, batches), self.rounds, self.budget,
                       cost=lambda measurement: measurement.median_ms)
            rows += those
        return rows

    def accuracy(self) -> dict[str, Agreement | str] | str:
        """How far each contender's sentence embeddings are from the reference, sentence by sentence; or why nobody can say."""
        model = self.artifacts.model
        if model.has_random_weights:
            return "the weights are random, and how they round says little about trained ones"
        if not (model.folder / "modules.json").exists():
            return "the model is not a sentence-transformers folder"
        say("comparing embeddings")
        pooling = Pooling.of(model.folder)
        reference = reference_embeddings(model.folder, read_sentences())
        batches = [pad([ids], self.tokens.padding) for ids in self.tokens.encoded]
        found: dict[str, Agreement | str] = {}
        for contender in self.contenders:
            if contender.same_numbers_as is None and not self._not_exported(contender):
                try:
                    found[contender.key] = Agreement.between(self._embed(contender, pooling, batches), reference)
                except (RuntimeError, ValueError) as error:
                    found[contender.key] = f"failed: {error}"
        return found

    def _loaded(self, contender: Contender, workload: Workload, batches: list[Batch]) -> PeerWorker | ProgramWorker:
        if contender.peer == OURS:
            return ProgramWorker(self.program, self.artifacts.model.folder, contender, workload, self.threads)
        worker = PeerWorker(contender, self.artifacts, self.threads)
        try:
            worker.load(batches)
        except RuntimeError:
            worker.close()
            raise
        return worker

    def _not_exported(self, contender: Contender) -> str | None:
        export = self._exports[contender.form] if contender.form else Export()
        return str(export) if export.failure else None

    def _embed(self, contender: Contender, pooling: Pooling, batches: list[Batch]) -> np.ndarray:
        if contender.peer == OURS:
            folder, backend = self.artifacts.model.folder, contender.settings["backend"]
            return program_embeddings(self.program, folder, contender.precision, backend)
        dynamic = replace(contender, settings=contender.settings | {"static": False, "streams": 1, "compile": False})
        worker = PeerWorker(dynamic, self.artifacts, self.threads)
        try:
            worker.load(batches)
            return pooling.embeddings(worker.hidden_states(batches))
        finally:
            worker.close()
