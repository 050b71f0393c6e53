"""A text encoder's folder, and how transformers loads it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from common.model_folder import ModelFolder


@dataclass(frozen=True)
class Checkpoint(ModelFolder):
    """A folder that transformers' AutoModel loads."""

    @property
    def model_class(self) -> type:
        """The class that AutoModel would choose; its module is imported by then."""
        from transformers import MODEL_MAPPING

        return MODEL_MAPPING[type(self.config)]

    @property
    def best_attention(self) -> str:
        """transformers' fastest attention on a CPU that this model has."""
        return "sdpa" if self.model_class._supports_sdpa else "eager"

    @property
    def takes_prepared_masks(self) -> bool:
        """Whether the model leaves attention, and a mask that is ready for it, to an exchangeable function."""
        return self.model_class._supports_attention_backend

    @property
    def inputs(self) -> tuple[str, ...]:
        """Those of a batch's arrays that the model reads."""
        has_types = getattr(self.config, "type_vocab_size", 0) > 0
        parameters = inspect.signature(self.model_class.forward).parameters
        always = ("input_ids", "attention_mask")
        return (*always, "token_type_ids") if has_types and "token_type_ids" in parameters else always

    def load(self, attention: str, dtype: Any = None) -> Any:
        """The torch module, without the pooler that no token's hidden state needs; float32 unless told otherwise."""
        import torch

        has_pooler = "add_pooling_layer" in inspect.signature(self.model_class.__init__).parameters
        options = {"add_pooling_layer": False} if has_pooler else {}
        model = self.model_class.from_pretrained(self.folder, attn_implementation=attention, dtype=dtype or torch.float32, **options)
        return model.eval()
