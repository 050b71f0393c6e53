"""An object in a process of its own, so that its memory is its own and several can take turns."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from typing import Any, Callable

ANSWER_WITHIN = 600  # seconds; compiling a graph is the slowest thing asked for


class WorkerError(RuntimeError):
    """A contender failed; the message ends with the line that says why."""

    @property
    def reason(self) -> str:
        """That line."""
        return str(self).strip().splitlines()[-1][:300]


class Remote:
    """This side of the pipe: starts the process, asks, and ends it."""

    def __init__(self, name: str, factory: Callable[..., Any], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._name = name
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, factory, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, question: str, *arguments: Any) -> Any:
        """The answer of the method `question` of what `factory(*arguments)` made there; WorkerError if there is none."""
        try:
            self._connection.send((question, arguments))
            if not self._connection.poll(ANSWER_WITHIN):
                raise WorkerError(f"{self._name}: no answer to {question} in {ANSWER_WITHIN} s")
            good, answer = self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            raise WorkerError(f"{self._name}: the process ended during {question}") from error
        if not good:
            raise WorkerError(f"{self._name}: {question}: {answer}")
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


def _serve(connection: Any, factory: Callable[..., Any], made_of: tuple) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    there = None
    while True:
        try:
            question, arguments = connection.recv()
        except EOFError:
            return
        try:
            there = there or factory(*made_of)
            connection.send((True, getattr(there, question)(*arguments)))
        except Exception:  # whatever a contender throws belongs in the report, not on a dead pipe
            connection.send((False, traceback.format_exc(limit=-3)))
