"""PyTorch with transformers' own model and the fastest attention that it has there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from artifacts import Artifacts
from torch._inductor import config as inductor
from workloads import Batch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Engine:
    """The eager module, or the one that torch.compile makes of it with frozen weights."""

    def __init__(self, artifacts: Artifacts, settings: dict[str, Any], precision: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._checkpoint, self._dtype, self._compiles = artifacts.model, DTYPES[precision], settings["compile"]
        # Imports the model's module, which is no part of the time that loading takes.
        self._attention, self._names = self._checkpoint.best_attention, self._checkpoint.inputs

    def load(self) -> None:
        """Reads the checkpoint in the wanted dtype."""
        self._model = self._checkpoint.load(self._attention, self._dtype)
        if self._compiles:
            inductor.freezing = True
            self._model = torch.compile(self._model)

    def prepare(self, batches: list[Batch]) -> None:
        """Makes tensors; a batch without padding goes without a mask, which is the model's fast path."""
        self._inputs = []
        for batch in batches:
            tensors = {name: torch.from_numpy(batch[name]) for name in self._names}
            if batch["attention_mask"].all():
                del tensors["attention_mask"]
            self._inputs.append(tensors)

    def run(self) -> list[torch.Tensor]:
        """Runs the batches one after the other."""
        with torch.inference_mode():
            return [self._model(**tensors).last_hidden_state for tensors in self._inputs]

    def hidden_states(self) -> list[np.ndarray]:
        """The last hidden state of each batch."""
        return [hidden.float().numpy() for hidden in self.run()]
