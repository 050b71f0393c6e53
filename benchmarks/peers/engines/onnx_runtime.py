"""ONNX Runtime on its CPU execution provider."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from artifacts import Artifacts
from workloads import Batch


class Engine:
    """One inference session; shapes are dynamic."""

    def __init__(self, artifacts: Artifacts, settings: dict[str, Any], precision: str, threads: int) -> None:
        self._path = artifacts.path(settings["graph"])
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self._options.log_severity_level = 3

    def load(self) -> None:
        """Opens the session with every graph optimisation on."""
        self._session = onnxruntime.InferenceSession(str(self._path), self._options, providers=["CPUExecutionProvider"])
        self._inputs = {node.name: np.int32 if node.type == "tensor(int32)" else np.int64 for node in self._session.get_inputs()}

    def prepare(self, batches: list[Batch]) -> None:
        """Converts the ids to the width that the graph wants."""
        self._feeds = [{name: batch[name].astype(dtype) for name, dtype in self._inputs.items()} for batch in batches]

    def run(self) -> list[np.ndarray]:
        """Runs the batches one after the other."""
        return [self._session.run(None, feed)[0] for feed in self._feeds]

    def hidden_states(self) -> list[np.ndarray]:
        """The last hidden state of each batch."""
        return self.run()
