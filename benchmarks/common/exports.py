"""A model in the forms that peers want: made once, then kept in a cache folder; what could not be made, with the reason."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable

from common.model_folder import ModelFolder


@dataclass(frozen=True)
class Export:
    """What became of one form."""

    failure: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        return f"not exported: {self.failure}" if self.failure else self.note or "exported"


@dataclass(frozen=True)
class Step:
    """How a form is made: `make` writes it at a path, and may say something about it that readers want to know."""

    make: Callable[[Path], str | None]
    source: str | None = None  # the form that it is made from, where that is not the checkpoint
    check: Callable[[str], None] | None = None  # raises where the form named so does not do what the model does


@dataclass(frozen=True)
class ExportFolder:
    """Where the forms of one model lie, each in a folder of its own."""

    model: ModelFolder
    cache: Path

    @property
    def folder(self) -> Path:
        """The model's own part of the cache."""
        return self.cache / f"{self.model.file_name}-{self.model.digest}"

    def known(self) -> dict[str, Export]:
        """What became of each form that was ever asked for."""
        record = self.folder / "exports.json"
        return {form: Export(**entry) for form, entry in json.loads(record.read_text()).items()} if record.exists() else {}

    def path(self, form: str) -> Path:
        """The file of one form."""
        raise NotImplementedError

    def make(self, wanted: set[str], steps: dict[str, Step]) -> None:
        """Makes what is missing of the wanted forms and of what those are made from, in the order of `steps`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        needed = {ancestor for form in wanted for ancestor in _ancestry(form, steps)}
        for form, step in steps.items():
            if form in needed and not self.path(form).exists():
                print(f"making {form} of {self.model.name}", flush=True)
                self._record(form, self._make(form, step))

    def _make(self, form: str, step: Step) -> Export:
        if step.source is not None and not self.path(step.source).exists():
            return Export(failure=f"made from {step.source}, which was not exported: {self.known()[step.source].failure}")
        target = self.path(form)
        target.parent.mkdir(exist_ok=True)
        try:
            note = step.make(target)
            if step.check is not None:
                step.check(form)
            return Export(note=note)
        except Exception as error:  # exporters fail in ways of their own, all of which belong in the report
            shutil.rmtree(target.parent)
            return Export(failure=_first_line(error))

    def _record(self, form: str, export: Export) -> None:
        entries = {name: asdict(entry) for name, entry in (self.known() | {form: export}).items()}
        (self.folder / "exports.json").write_text(json.dumps(entries, indent=1) + "\n")


def exports_of(folder: ExportFolder, wanted: set[str], build: Callable[..., None], *arguments: object) -> dict[str, Export]:
    """What became of the wanted forms, once `build(folder, wanted, *arguments)` ran in a process whose memory goes with it."""
    if not wanted:
        return {}
    process = multiprocessing.get_context("spawn").Process(target=build, args=(folder, wanted, *arguments))
    process.start()
    process.join()
    known, ended = folder.known(), Export(failure=f"the process that exports ended with {process.exitcode}")
    return {form: known.get(form, ended) for form in sorted(wanted)}


def _ancestry(form: str, steps: dict[str, Step]) -> list[str]:
    source = steps[form].source
    return [form] if source is None else [form, *_ancestry(source, steps)]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:300]
