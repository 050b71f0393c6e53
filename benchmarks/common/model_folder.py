"""The model folder under test."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spm.model", "spiece.model", "sentencepiece.bpe.model")


@dataclass(frozen=True)
class ModelFolder:
    """A folder that transformers loads by itself. It keeps nothing that it has read: processes of peers get it as a path alone."""

    folder: Path

    @property
    def fields(self) -> dict[str, Any]:
        """config.json as it is."""
        return json.loads((self.folder / "config.json").read_text())

    @property
    def config(self) -> Any:
        """The configuration as transformers reads it, with its names and defaults for what config.json leaves out."""
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self.folder)

    @property
    def name(self) -> str:
        """The name that the model gives itself, else the folder's."""
        return self.fields.get("_name_or_path") or self.folder.resolve().name

    @property
    def file_name(self) -> str:
        """The last part of the name, for files about the model."""
        return self.name.rstrip("/").split("/")[-1]

    @property
    def has_random_weights(self) -> bool:
        """Whether `models create` made it: then its tokenizer is synthetic too."""
        return bool(self.fields.get("random_weights", False))

    @property
    def has_tokenizer(self) -> bool:
        """Whether there is a vocabulary of the model's own."""
        return not self.has_random_weights and any((self.folder / name).exists() for name in TOKENIZER_FILES)

    @property
    def weights(self) -> list[Path]:
        """The files with weights."""
        return sorted(path for pattern in WEIGHTS for path in self.folder.glob(pattern))

    @property
    def digest(self) -> str:
        """Eight characters that change with the configuration and with the files of weights."""
        stamp = hashlib.sha256((self.folder / "config.json").read_bytes())
        for path in self.weights:
            stamp.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
        return stamp.hexdigest()[:8]
