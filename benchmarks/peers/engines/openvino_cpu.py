"""OpenVINO on its CPU device."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
from artifacts import Artifacts
from workloads import Batch


def feed_of(model: openvino.Model | openvino.CompiledModel, batch: Batch) -> Batch:
    """The arrays that the model takes; its inputs may have names of the converter's own beside ours."""
    return {name: batch[name] for node in model.inputs for name in node.names if name in batch}


class Engine:
    """One compiled model a shape (static) or one for all (dynamic); several streams split a batch between them."""

    def __init__(self, artifacts: Artifacts, settings: dict[str, Any], precision: str, threads: int) -> None:
        self._static, self._streams = settings["static"], settings["streams"]
        self._path = artifacts.path(settings["graph"])
        self._options = {
            "INFERENCE_PRECISION_HINT": settings["hint"],
            "PERFORMANCE_HINT": "LATENCY" if self._streams == 1 else "THROUGHPUT",
            "NUM_STREAMS": self._streams,
            "INFERENCE_NUM_THREADS": threads,
        }

    def load(self) -> None:
        """Compiles the graph for all shapes; a static variant waits for `prepare`, which knows the shapes."""
        self._core = openvino.Core()
        self._compiled = None if self._static else self._compile(None)

    def prepare(self, batches: list[Batch]) -> None:
        """Makes a request for each batch, or for each stream's part of it."""
        parts = [part for batch in batches for part in self._split(batch)]
        compiled = {}
        self._requests = []
        for part in parts:
            shape = part["input_ids"].shape
            if shape not in compiled:
                compiled[shape] = self._compile(shape) if self._static else self._compiled
            self._requests.append((compiled[shape].create_infer_request(), feed_of(compiled[shape], part)))
        self._parts_of_batch = len(parts) // len(batches)

    def run(self) -> list[np.ndarray]:
        """Runs all requests, side by side where there are several streams."""
        if self._streams == 1:
            return [request.infer(part, share_inputs=True, share_outputs=True)[0] for request, part in self._requests]
        for request, part in self._requests:
            request.start_async(part, share_inputs=True)
        for request, _ in self._requests:
            request.wait()
        outputs = [request.get_output_tensor(0).data for request, _ in self._requests]
        step = self._parts_of_batch
        return [np.concatenate(outputs[start : start + step]) for start in range(0, len(outputs), step)]

    def hidden_states(self) -> list[np.ndarray]:
        """The last hidden state of each batch, as copies that the next run leaves alone."""
        return [output.copy() for output in self.run()]

    def _split(self, batch: Batch) -> list[Batch]:
        rows = len(batch["input_ids"])
        if self._streams == 1 or rows % self._streams:
            return [batch]
        size = rows // self._streams
        return [{name: value[start : start + size] for name, value in batch.items()} for start in range(0, rows, size)]

    def _compile(self, shape: tuple[int, int] | None) -> openvino.CompiledModel:
        model = self._core.read_model(self._path)
        if shape is not None:
            model.reshape({node: list(shape) for node in model.inputs})
        return self._core.compile_model(model, "CPU", self._options)
