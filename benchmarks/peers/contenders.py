"""Who runs: each peer in each precision, with the settings under which it might be at its best."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OURS = "ours"
PRECISIONS = ("fp32", "bf16", "int8")


@dataclass(frozen=True)
class Contender:
    """One peer in one precision under one group of settings."""

    peer: str
    precision: str
    variant: str
    engine: str
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    same_numbers_as: str | None = None  # another variant that computes the very same values

    @property
    def key(self) -> str:
        """A name that no other contender has."""
        return f"{self.peer} {self.precision} ({self.variant})"


def _onnx_runtime() -> list[Contender]:
    def contender(precision: str, variant: str, graph: str) -> Contender:
        return Contender("ONNX Runtime", precision, variant, "onnx_runtime", {"graph": graph})

    return [
        contender("fp32", "fused graph", "onnx_fused"),
        contender("fp32", "plain graph", "onnx"),
        contender("int8", "dynamic, plain graph", "onnx_int8"),
        contender("int8", "dynamic, fused graph", "onnx_fused_int8"),
    ]


def _openvino() -> list[Contender]:
    def contender(precision: str, variant: str, same_as: str | None = None, **settings: Any) -> Contender:
        graph = "openvino_int8" if precision == "int8" else "openvino"
        return Contender("OpenVINO", precision, variant, "openvino_cpu", {"graph": graph, **settings}, same_as)

    rows = []
    for precision, hint in (("fp32", "f32"), ("bf16", "bf16"), ("int8", "f32")):
        rows += [
            contender(precision, "latency, static shape", static=True, streams=1, hint=hint),
            contender(precision, "latency, dynamic shape", "latency, static shape", static=False, streams=1, hint=hint),
            contender(precision, "throughput, static shape", "latency, static shape", static=True, streams=2, hint=hint),
        ]
    rows.append(contender("int8", "latency, static shape, bf16 between", static=True, streams=1, hint="bf16"))
    return rows


def _pytorch(with_compile: bool) -> list[Contender]:
    rows = [Contender("PyTorch", precision, "eager, sdpa", "pytorch", {"compile": False}) for precision in ("fp32", "bf16")]
    if with_compile:
        rows += [Contender("PyTorch", precision, "compiled, sdpa", "pytorch", {"compile": True}) for precision in ("fp32", "bf16")]
    return rows


def peers(names: list[str] | None, with_compile: bool, quick: bool) -> list[Contender]:
    """The contenders of the named peers; `quick` keeps the first variant of each peer and precision."""
    everyone = _onnx_runtime() + _openvino() + _pytorch(with_compile)
    known = list(dict.fromkeys(contender.peer for contender in everyone))
    for name in names or []:
        if name not in known:
            raise ValueError(f"peer {name!r}: expected one of {', '.join(known)}")
    chosen = [contender for contender in everyone if not names or contender.peer in names]
    if quick:
        first = {(contender.peer, contender.precision): contender for contender in reversed(chosen)}
        chosen = [contender for contender in chosen if first[contender.peer, contender.precision] is contender]
    return chosen


def ours(precisions: tuple[str, ...] = PRECISIONS) -> list[Contender]:
    """The program itself, on its CPU backend."""
    return [Contender(OURS, precision, "ragged, cpu", "program") for precision in precisions]
