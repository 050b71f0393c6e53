"""Packs the linear layers of a model as GPTQ and AWQ checkpoints hold them, after the definitions of the formats.

A layer's weight [out, in] becomes codes q of some bits in groups of inputs, so that w = scale · (q - zero), with
`qweight`, `qzeros`, `scales` and, in GPTQ, `g_idx`:

- GPTQ (AutoGPTQ): qweight int32 [in · bits / 32, out], consecutive inputs from the lowest bits up; qzeros int32
  [groups, out · bits / 32], consecutive outputs from the lowest bits up, less one in the first version of the format;
  scales float16 [groups, out]; g_idx int32 [in], each input's group.
- AWQ, gemm: qweight int32 [in, out / 8] and qzeros int32 [groups, out / 8], in each word from the lowest bits up the outputs
  0, 2, 4, 6, 1, 3, 5, 7 of eight; scales float16 [groups, out].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


@dataclass(frozen=True)
class Packing:
    """A scheme, in the words of quantization_config."""

    method: str
    bits: int = 4
    group_size: int = 16
    symmetric: bool = False
    by_importance: bool = False  # desc_act: groups are of inputs that lie apart
    second_version: bool = False  # of GPTQ: zeros as they are

    def config(self) -> dict[str, Any]:
        shared = {"quant_method": self.method, "bits": self.bits, "group_size": self.group_size}
        if self.method == "awq":
            return shared | {"zero_point": True, "version": "gemm"}
        layout = "gptq_v2" if self.second_version else "gptq"
        return shared | {"sym": self.symmetric, "desc_act": self.by_importance, "checkpoint_format": layout}


def words(numbers: torch.Tensor, bits: int, order: list[int] | None = None) -> torch.Tensor:
    """Whole numbers [rows, columns] as 32-bit words [rows, columns · bits / 32], the first in the lowest bits."""
    each = 32 // bits
    parts = numbers.reshape(numbers.shape[0], -1, each).to(torch.int64)
    packed = torch.zeros(parts.shape[:2], dtype=torch.int64)
    for place, source in enumerate(order or range(each)):
        packed |= parts[:, :, source] << (bits * place)
    return torch.where(packed >= 2**31, packed - 2**32, packed).to(torch.int32)


def quantise(weight: torch.Tensor, packing: Packing, generator: torch.Generator) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The tensors that a layer's weight [out, in] is packed in, and the weight that they stand for."""
    outputs, inputs = weight.shape
    size = inputs if packing.group_size < 0 else packing.group_size
    groups = (inputs + size - 1) // size
    of_input = torch.arange(inputs) // size
    if packing.by_importance:
        of_input = of_input[torch.randperm(inputs, generator=generator)]
    top = 2**packing.bits - 1
    scales = torch.empty(groups, outputs)
    zeros = torch.empty(groups, outputs, dtype=torch.int64)
    for group in range(groups):
        part = weight[:, of_input == group]
        least, largest = part.amin(1).clamp_max(0), part.amax(1).clamp_min(0)
        if packing.symmetric:
            largest = torch.maximum(largest, -least)
            least = -largest
        scales[group] = ((largest - least) / top).clamp_min(1e-4).half().float()
        zeros[group] = (top + 1) // 2 if packing.symmetric else (-least / scales[group]).round().clamp(0, top)
    codes = ((weight.t() / scales[of_input]).round() + zeros[of_input]).clamp(0, top).to(torch.int64)  # [in, out]
    meaning = (scales[of_input] * (codes - zeros[of_input])).t().contiguous()
    if packing.method == "awq":
        packed = {"qweight": words(codes, 4, AWQ_ORDER), "qzeros": words(zeros, 4, AWQ_ORDER)}
    else:
        stored = zeros if packing.second_version else (zeros - 1) % (top + 1)
        packed = {"qweight": words(codes.t(), packing.bits).t(), "qzeros": words(stored, packing.bits), "g_idx": of_input.to(torch.int32)}
    packed["scales"] = scales.half()
    return {name: tensor.contiguous() for name, tensor in packed.items()}, meaning


def pack_layers(model: torch.nn.Module, packing: Packing, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """The model's tensors with its layers' linears packed; the model's own weights become what the packed ones stand for."""
    packed = {}
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and ".layers." in name:
                parts, meaning = quantise(module.weight, packing, generator)
                module.weight.copy_(meaning)
                packed |= {f"{name}.{part}": tensor for part, tensor in parts.items()}
    whole = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    layers = {name.rsplit(".", 1)[0] for name in packed}
    return packed | {name: tensor for name, tensor in whole.items() if not (name.endswith(".weight") and name[:-7] in layers)}
