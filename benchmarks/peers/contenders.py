"""Who runs: each peer in each precision, with the settings under which it might be at its best."""

from __future__ import annotations

from typing import Any

from common.turns import OURS, Contender, chosen

PRECISIONS = ("fp32", "bf16", "int8")


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
    rows = [Contender("PyTorch", precision, "eager", "pytorch", {"compile": False}) for precision in ("fp32", "bf16")]
    if with_compile:
        rows += [Contender("PyTorch", precision, "compiled", "pytorch", {"compile": True}) for precision in ("fp32", "bf16")]
    return rows


def peers(names: list[str] | None, precisions: list[str], with_compile: bool, quick: bool) -> list[Contender]:
    """The contenders of the named peers in these precisions; `quick` keeps the first variant of each peer and precision."""
    everyone = _onnx_runtime() + _openvino() + _pytorch(with_compile)
    return chosen(everyone, names, precisions, quick)


def ours(precisions: list[str], backend: str) -> list[Contender]:
    """The program itself, on one of its backends."""
    return [Contender(OURS, precision, f"ragged, {backend}", "program", {"backend": backend}) for precision in precisions]
