"""PyTorch with transformers' own model and scaled_dot_product_attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import transformers.models.bert.modeling_bert  # noqa: F401: imported here so that load time does not count it
from artifacts import Artifacts, load_torch
from torch._inductor import config as inductor
from workloads import Batch


class Engine:
    """The eager module, or the one that torch.compile makes of it with frozen weights."""

    def load(self, artifacts: Artifacts, settings: dict[str, Any], precision: str, threads: int) -> None:
        """Reads the checkpoint in the wanted dtype."""
        torch.set_num_threads(threads)
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
        self._model = load_torch(artifacts.checkpoint, "sdpa", dtype)
        if settings["compile"]:
            inductor.freezing = True
            self._model = torch.compile(self._model)

    def prepare(self, batches: list[Batch]) -> None:
        """Makes tensors; a batch without padding goes without a mask, which is the model's fast path."""
        self._inputs = []
        for batch in batches:
            tensors = {name: torch.from_numpy(value) for name, value in batch.items()}
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
