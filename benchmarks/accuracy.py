#!/usr/bin/env python3
"""Compares the program's sentence embeddings with those of sentence-transformers in float32.

    benchmarks/accuracy.py MODEL [--program build/bin/ipfs-accelerate] [--precision fp32 bf16 int8]

MODEL is a sentence-transformers folder. Prints one row a precision and exits with 1 if one is past its limit.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from peers.sentences import SENTENCES, Agreement, program_embeddings, read_sentences, reference_embeddings

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Limit:
    """What a precision must keep to; fields left out are reported and not judged."""

    difference: float | None = None
    least_cosine: float | None = None
    mean_cosine: float | None = None

    def holds_for(self, agreement: Agreement) -> bool:
        """Whether every judged figure keeps to its limit; a NaN never does."""
        return (
            (self.difference is None or agreement.difference <= self.difference)
            and (self.least_cosine is None or agreement.least_cosine >= self.least_cosine)
            and (self.mean_cosine is None or agreement.mean_cosine >= self.mean_cosine)
        )

    def __str__(self) -> str:
        judged = {"difference": self.difference, "least cosine": self.least_cosine, "mean cosine": self.mean_cosine}
        return ", ".join(f"{name} {value:g}" for name, value in judged.items() if value is not None)


LIMITS = {
    "fp32": Limit(difference=1e-5),
    "bf16": Limit(least_cosine=0.9995),
    "int8": Limit(least_cosine=0.97, mean_cosine=0.997),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bin" / "ipfs-accelerate")
    parser.add_argument("--precision", nargs="+", choices=list(LIMITS), default=list(LIMITS))
    parser.add_argument("--backend", default="cpu")
    parser.add_argument("--sentences", type=Path, default=SENTENCES, help="JSON lines with a field `text`")
    arguments = parser.parse_args()

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    sentences = read_sentences(arguments.sentences)
    reference = reference_embeddings(arguments.model, sentences)
    print(f"{len(sentences)} sentences against sentence-transformers in float32")
    print(f"{'precision':10s} {'largest difference':>19s} {'least cosine':>13s} {'mean cosine':>12s}  verdict")
    missed = False
    for precision in arguments.precision:
        limit = LIMITS[precision]
        try:
            embeddings = program_embeddings(arguments.program, arguments.model, precision, arguments.backend, arguments.sentences)
            agreement = Agreement.between(embeddings, reference)
        except (RuntimeError, ValueError, OSError) as error:
            print(f"{precision:10s} {error}")
            missed = True
            continue
        good = limit.holds_for(agreement)
        missed = missed or not good
        verdict = "ok" if good else f"past the limit ({limit}), worst in line {agreement.worst + 1}"
        print(f"{precision:10s} {agreement.difference:19.2e} {agreement.least_cosine:13.6f} {agreement.mean_cosine:12.6f}  {verdict}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
