#!/usr/bin/env python3
"""Makes tests/formats/fixtures/torch: small checkpoints as torch.save writes them, and the same tensors as safetensors.

    python tools/make_torch_fixtures.py     # needs requirements/peers.txt

NAME.bin is what is tested, NAME.safetensors what must be read from it. The result is the same on every run with the same
versions, but for the keys of storages in the format of before PyTorch 1.6, which are addresses.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "formats" / "fixtures" / "torch"
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)


def every_type() -> dict[str, torch.Tensor]:
    values = torch.arange(-3, 4).reshape(7, 1)
    return {str(dtype).removeprefix("torch."): values.to(dtype) for dtype in DTYPES}


def views() -> dict[str, torch.Tensor]:
    """Tensors that are not a whole storage in row-major order."""
    base = torch.arange(120, dtype=torch.float32).reshape(2, 3, 4, 5)
    return {
        "base": base,
        "transposed": base[0, 0].t(),
        "permuted": base.permute(3, 1, 0, 2),
        "part": base[1, 1:],
        "every_second": base[..., ::2],
        "one_column": base[:, :, :, 2:3],
        "one_row": base[1:2, 2],
        "scalar": base[1, 2, 3, 4],
        "nothing": base[:, :0],
        "expanded_ones": base[:1, :1, 0, 0].expand(1, 1),
    }


def tied() -> OrderedDict[str, torch.Tensor]:
    """A module's own state dict, with parameters, metadata and a weight under two names."""
    module = torch.nn.Module()
    module.embeddings = torch.nn.Embedding(5, 3)
    module.norm = torch.nn.BatchNorm1d(3)
    module.decoder = torch.nn.Linear(3, 5)
    module.decoder.weight = module.embeddings.weight
    return module.state_dict()


def parameters() -> OrderedDict[str, torch.Tensor]:
    return OrderedDict(weight=torch.nn.Parameter(torch.randn(2, 3)), buffer=torch.nn.Parameter(torch.randn(4), requires_grad=False))


def write_expected(name: str, tensors: dict[str, torch.Tensor]) -> None:
    save_file({key: tensor.detach().clone().contiguous() for key, tensor in tensors.items()}, FOLDER / f"{name}.safetensors")


def main() -> None:
    torch.manual_seed(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in (every_type, views, tied, parameters):
        tensors = make()
        for name, is_archive in ((make.__name__, True), (f"{make.__name__}_legacy", False)):
            torch.save(tensors, FOLDER / f"{name}.bin", _use_new_zipfile_serialization=is_archive)
            write_expected(name, tensors)
    for protocol in (3, 4, 5):
        name = f"protocol_{protocol}"
        tensors = parameters()
        torch.save(tensors, FOLDER / f"{name}.bin", pickle_protocol=protocol)
        write_expected(name, tensors)

    sharded = FOLDER / "sharded"
    sharded.mkdir(exist_ok=True)
    shards = {"pytorch_model-00001-of-00002.bin": {"a": torch.randn(3)}, "pytorch_model-00002-of-00002.bin": {"b": torch.randn(2, 2)}}
    for name, tensors in shards.items():
        torch.save(tensors, sharded / name)
    index = {"metadata": {"total_size": 28}, "weight_map": {key: name for name, tensors in shards.items() for key in tensors}}
    (sharded / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n")
    save_file({key: tensor for tensors in shards.values() for key, tensor in tensors.items()}, sharded / "expected.safetensors")


if __name__ == "__main__":
    main()
