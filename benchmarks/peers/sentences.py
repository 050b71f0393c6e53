"""The committed sentences, their reference embeddings, and how close others come to those."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SENTENCES = Path(__file__).resolve().parent.parent / "data" / "sentences_200.jsonl"


@dataclass(frozen=True)
class Agreement:
    """How close embeddings are to the reference, over all sentences."""

    difference: float  # largest, of one element
    least_cosine: float
    mean_cosine: float
    worst: int  # the sentence of the least cosine

    @staticmethod
    def between(embeddings: np.ndarray, reference: np.ndarray) -> Agreement:
        """Compares two arrays of [sentences, features]."""
        got, want = np.asarray(embeddings, dtype=np.float64), np.asarray(reference, dtype=np.float64)
        if got.shape != want.shape:
            raise ValueError(f"embeddings are {list(got.shape)}, expected {list(want.shape)}")
        norms = np.linalg.norm(got, axis=1) * np.linalg.norm(want, axis=1)
        cosines = (got * want).sum(axis=1) / norms
        return Agreement(float(np.abs(got - want).max()), float(cosines.min()), float(cosines.mean()), int(cosines.argmin()))


@dataclass(frozen=True)
class Pooling:
    """How a sentence-transformers folder makes an embedding of hidden states."""

    takes_first: bool  # the first token's, else the mean over tokens
    normalises: bool

    @staticmethod
    def of(model: Path) -> Pooling:
        """Reads modules.json; ValueError names what is neither of the two poolings."""
        modules = {entry["type"].split(".")[-1]: entry["path"] for entry in json.loads((model / "modules.json").read_text())}
        if unknown := set(modules) - {"Transformer", "Pooling", "Normalize"}:
            raise ValueError(f"{model}/modules.json: no embeddings are made here through {', '.join(sorted(unknown))}")
        settings = json.loads((model / modules["Pooling"] / "config.json").read_text())
        modes = {name for name, used in settings.items() if name.startswith("pooling_mode_") and used is True}
        if modes not in ({"pooling_mode_cls_token"}, {"pooling_mode_mean_tokens"}):
            raise ValueError(f"{model}: pooling is {', '.join(sorted(modes)) or 'not set'}, expected cls or mean")
        return Pooling("pooling_mode_cls_token" in modes, "Normalize" in modules)

    def embeddings(self, hidden: list[np.ndarray]) -> np.ndarray:
        """[sentences, features] of hidden states [1, tokens, features] without padding."""
        pooled = np.concatenate([states[:, 0] if self.takes_first else states.mean(axis=1) for states in hidden])
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True) if self.normalises else pooled


def read_sentences(path: Path = SENTENCES) -> list[str]:
    """The `text` of each JSON line."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def reference_embeddings(model: Path, sentences: list[str]) -> np.ndarray:
    """What sentence-transformers computes in float32, one sentence at a time so that padding plays no part."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model), device="cpu").encode(sentences, batch_size=1, show_progress_bar=False)


def program_embeddings(program: Path, model: Path, precision: str, backend: str = "cpu", path: Path = SENTENCES) -> np.ndarray:
    """What our program answers for the sentences of a file, in their order; RuntimeError says why it did not."""
    command = [program, "run", model, "--task", "embed", "--input", path, "--json", "--precision", precision, "--backend", backend]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{program} run: exit {done.returncode}: {done.stderr.strip()[-500:]}")
    answers = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda answer: answer["index"])
    if [answer["index"] for answer in answers] != list(range(len(read_sentences(path)))):
        raise RuntimeError(f"{program} run: expected one answer for each line of {path}, got {len(answers)}")
    return np.array([answer["embedding"] for answer in answers])
