"""Contenders that take turns, so that a machine which slows down slows all of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, Callable, Protocol

from common.remote import WorkerError

OURS = "ours"
STILL_IN_THE_RUNNING = 1.15  # times the peer's fastest variant in the first round


def say(line: str) -> None:
    """Progress, kept apart from the table on standard output."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Contender:
    """One peer in one precision under one group of settings."""

    peer: str
    precision: str
    variant: str
    engine: str
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    same_numbers_as: str | None = None  # another variant that computes the very same values

    @property
    def form(self) -> str | None:
        """The exported form that it runs; none where it runs the checkpoint itself."""
        return self.settings.get("graph")

    @property
    def key(self) -> str:
        """A name that no other contender has."""
        return f"{self.peer} {self.precision} ({self.variant})"


def chosen(everyone: list[Contender], names: list[str] | None, precisions: list[str], quick: bool) -> list[Contender]:
    """Those of the named peers in these precisions; `quick` keeps the first variant of each peer and precision."""
    known = list(dict.fromkeys(contender.peer for contender in everyone))
    for name in names or []:
        if name not in known:
            raise ValueError(f"peer {name!r}: expected one of {', '.join(known)}")
    those = [contender for contender in everyone if contender.precision in precisions and (not names or contender.peer in names)]
    if quick:
        first = {(contender.peer, contender.precision): contender for contender in reversed(those)}
        those = [contender for contender in those if first[contender.peer, contender.precision] is contender]
    return those


class Worker(Protocol):
    """A contender that is loaded."""

    def measure(self, budget: Any) -> Any:
        """One round, within a budget."""

    def footprint(self) -> Footprint:
        """What it has cost until now."""

    def close(self) -> None:
        """Frees what it holds."""


@dataclass(frozen=True)
class Footprint:
    """What a contender costs beside time: milliseconds from files to ready, and its largest resident size so far."""

    load_ms: float
    peak_rss_bytes: int


@dataclass
class Entry:
    """One contender on one workload: every round, and why there are no more."""

    contender: Contender
    rounds: list[Any] = field(default_factory=list)
    footprint: Footprint | None = None
    failure: str | None = None


def take_turns(entries: list[Entry], start: Callable[[Contender], Worker], rounds: int, budget: Any,
               cost: Callable[[Any], float]) -> None:
    """Fills the entries of one workload that have no failure yet, round by round. One that fails is out, with the reason, and
    the others go on; after the first round only those variants do whose `cost` is near the peer's least."""
    workers: dict[int, Worker] = {}

    def attempt(index: int, act: Callable[[int], None]) -> bool:
        try:
            act(index)
            return True
        except WorkerError as error:
            entries[index].failure = f"failed: {error.reason}"
            say(f"{entries[index].contender.key}: {entries[index].failure}")
            return False

    def load(index: int) -> None:
        workers[index] = start(entries[index].contender)

    def measure(index: int) -> None:
        entries[index].rounds.append(workers[index].measure(budget))

    def weigh(index: int) -> None:
        entries[index].footprint = workers[index].footprint()

    try:
        running = [i for i, entry in enumerate(entries) if entry.failure is None and attempt(i, load)]
        for turn in range(rounds):
            running = [i for i in running if attempt(i, measure)]
            if turn == 0:
                finished, running = running, _near_the_best(entries, running, cost)
        for index in finished:
            if entries[index].failure is None:
                attempt(index, weigh)
    finally:
        for worker in workers.values():
            worker.close()


def _near_the_best(entries: list[Entry], running: list[int], cost: Callable[[Any], float]) -> list[int]:
    least: dict[str, float] = {}
    for index in running:
        peer = entries[index].contender.peer
        least[peer] = min(least.get(peer, float("inf")), cost(entries[index].rounds[0]))
    return [i for i in running if cost(entries[i].rounds[0]) <= STILL_IN_THE_RUNNING * least[entries[i].contender.peer]]
