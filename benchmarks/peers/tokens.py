"""The token ids that contenders are timed on: of real text where the model has a vocabulary for it, else random."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from checkpoint import Checkpoint
from sentences import read_sentences
from workloads import Batch, Workload, pad

CALIBRATION_SENTENCES = 128
RANDOM_SENTENCES, RANDOM_LENGTHS = 32, (8, 128)
CHECKED_LENGTHS = (600, 24)  # past a window of Longformer and a bucket of DeBERTa, and one with padding


@dataclass(frozen=True)
class Tokens:
    """Sentences as token ids, framed by special ids, and what pads them."""

    description: str
    encoded: list[list[int]]
    padding: int
    longest: int  # tokens of a sequence

    def batches(self, workload: Workload) -> list[Batch]:
        """The batches that a peer runs for a workload: the sentences' words, one after the other, in a fixed order."""
        stream = [token for ids in self.encoded for token in ids[1:-1]]
        sequences = workload.sequences(stream, first=self.encoded[0][0], last=self.encoded[0][-1])
        return workload.padded(sequences, self.padding)

    def calibration(self) -> list[Batch]:
        """What a quantiser may look at: single sentences."""
        return [pad([ids], self.padding) for ids in self.encoded[:CALIBRATION_SENTENCES]]

    def check(self) -> Batch:
        """A batch on which a wrong mask, position or distance shows."""
        lengths = tuple(min(length, self.longest) for length in CHECKED_LENGTHS)
        return self.batches(Workload("check", lengths, len(lengths)))[0]


def tokens_of(checkpoint: Checkpoint) -> Tokens:
    """Real text where that is possible."""
    return _real_text(checkpoint) if checkpoint.has_tokenizer else _random_ids(checkpoint)


def _real_text(checkpoint: Checkpoint) -> Tokens:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder)
    longest = min(tokenizer.model_max_length, _positions(checkpoint))
    settings = checkpoint.folder / "sentence_bert_config.json"
    most = json.loads(settings.read_text()).get("max_seq_length") if settings.exists() else None
    encoded = tokenizer(read_sentences(), truncation=True, max_length=min(longest, most or longest))["input_ids"]
    return Tokens("real text", encoded, tokenizer.pad_token_id or 0, longest)


def _random_ids(checkpoint: Checkpoint) -> Tokens:
    """Ids of the whole vocabulary, with the special ids that config.json names, or else BERT's."""
    config = checkpoint.config
    pad_id = getattr(config, "pad_token_id", None) or 0
    first = _first_known(config, ("cls_token_id", "bos_token_id"), 2)
    last = _first_known(config, ("sep_token_id", "eos_token_id"), 3)
    random = np.random.default_rng(0)
    ordinary = np.setdiff1d(np.arange(config.vocab_size), [pad_id, first, last])
    lengths = np.linspace(*RANDOM_LENGTHS, RANDOM_SENTENCES).round().astype(int)
    encoded = [[first, *random.choice(ordinary, length - 2).tolist(), last] for length in lengths]
    return Tokens("random token ids", encoded, pad_id, _positions(checkpoint))


def _first_known(config, names: tuple[str, ...], otherwise: int) -> int:
    known = (getattr(config, name, None) for name in names)
    return next((token for token in known if token is not None), otherwise)


def _positions(checkpoint: Checkpoint) -> int:
    """The tokens that the model has positions for; RoBERTa's relatives number theirs from after the padding's id."""
    positions = checkpoint.config.max_position_embeddings
    numbered_after_padding = checkpoint.config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer")
    return positions - checkpoint.config.pad_token_id - 1 if numbered_after_padding else positions
