"""The batches that every contender is timed on, cut from the same stream of tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

Batch = dict[str, np.ndarray]

DEFAULT_SHAPES = ("1x16", "1x128", "8x32", "32x128", "ragged32", "ragged32/8")
SHORTEST, LONGEST = 8, 128  # tokens of a ragged batch


@dataclass(frozen=True)
class Workload:
    """Sequences of known lengths, and how many of them a peer that pads takes at once."""

    name: str
    lengths: tuple[int, ...]
    padded_batch: int

    @staticmethod
    def parse(name: str) -> Workload:
        """Reads `8x32` (8 sequences of 32 tokens), `ragged32` (32 sequences of 8 to 128 tokens, spread evenly)
        or `ragged32/8` (the same; peers sort by length and pad 8 at a time)."""
        if match := re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", name):
            batch, tokens = map(int, match.groups())
            return Workload(name, (tokens,) * batch, batch)
        if match := re.fullmatch(r"ragged([1-9]\d*)(?:/([1-9]\d*))?", name):
            batch = int(match.group(1))
            lengths = np.linspace(SHORTEST, LONGEST, batch).round().astype(int)
            return Workload(name, tuple(lengths.tolist()), int(match.group(2) or batch))
        raise ValueError(f"shape {name!r}: expected BATCHxTOKENS, raggedN or raggedN/BATCH")

    @property
    def is_ragged(self) -> bool:
        """Whether the lengths differ, so that padding costs something."""
        return len(set(self.lengths)) > 1

    def sequences(self, tokens: list[int], first: int, last: int) -> list[list[int]]:
        """Token ids of each sequence, taken in turn from `tokens` and framed by the special ids `first` and `last`."""
        stream, position = [], 0
        for length in self.lengths:
            body = [tokens[(position + i) % len(tokens)] for i in range(length - 2)]
            position += len(body)
            stream.append([first, *body, last])
        return stream

    def padded(self, sequences: list[list[int]], padding: int) -> list[Batch]:
        """The batches a peer runs: sorted by length, each padded to its own longest."""
        ordered = sorted(sequences, key=len)
        return [pad(ordered[start : start + self.padded_batch], padding) for start in range(0, len(ordered), self.padded_batch)]


def pad(sequences: list[list[int]], padding: int) -> Batch:
    """One batch, right-padded with the id `padding` and named as transformers names its inputs: [sequences, longest]."""
    shape = (len(sequences), max(map(len, sequences)))
    ids, mask = np.full(shape, padding, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
