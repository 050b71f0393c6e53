"""The model as each peer wants it: exported once from the checkpoint, then kept in a cache folder."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from workloads import Batch

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "last_hidden_state"
CALIBRATION_SENTENCES = 128


@dataclass(frozen=True)
class Artifacts:
    """Where each exported form lies; `checkpoint` is the model folder itself."""

    checkpoint: Path
    folder: Path

    def path(self, name: str) -> Path:
        """The file of one form, as `contenders` names them."""
        return self.folder / f"{name}{'.xml' if name.startswith('openvino') else '.onnx'}"


def build(artifacts: Artifacts, calibration: list[Batch]) -> None:
    """Makes what is missing. Heavy imports stay in here: run it in a process of its own."""
    artifacts.folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger().setLevel(logging.ERROR)
    # Dynamic quantisation reads the graphs before it.
    steps: dict[str, Callable[[Path], None]] = {
        "onnx": lambda path: _export_onnx(artifacts.checkpoint, path),
        "onnx_fused": lambda path: _fuse(artifacts.checkpoint, artifacts.path("onnx"), path),
        "onnx_int8": lambda path: _quantise_dynamically(artifacts.path("onnx"), path),
        "onnx_fused_int8": lambda path: _quantise_dynamically(artifacts.path("onnx_fused"), path),
        "openvino": lambda path: _convert_to_openvino(artifacts.checkpoint, path),
        "openvino_int8": lambda path: _quantise_openvino(artifacts.path("openvino"), path, calibration),
    }
    for name, step in steps.items():
        if not artifacts.path(name).exists():
            print(f"making {artifacts.path(name).name}", flush=True)
            step(artifacts.path(name))


def load_torch(checkpoint: Path, attention: str, dtype=None):
    """The checkpoint in transformers, without the pooler that sentence embeddings do not use."""
    import torch
    from transformers import BertModel

    model = BertModel.from_pretrained(checkpoint, attn_implementation=attention, add_pooling_layer=False, dtype=dtype or torch.float32)
    return model.eval()


def _example_inputs() -> tuple:
    import torch

    ids = torch.ones(2, 16, dtype=torch.int64)
    return ids, ids, torch.zeros_like(ids)


def _export_onnx(checkpoint: Path, path: Path) -> None:
    """Exports attention in the form that ONNX Runtime's optimiser recognises and fuses; other forms it leaves in pieces."""
    import torch
    from transformers import AttentionInterface

    def attention(module, query, key, value, mask, **unused):
        scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(query.shape[-1])
        weights = torch.softmax(scores + mask, dim=-1)
        return torch.matmul(weights, value).permute(0, 2, 1, 3).contiguous(), weights

    AttentionInterface.register("fusable", attention)

    class HiddenState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = load_torch(checkpoint, "fusable")

        def forward(self, input_ids, attention_mask, token_type_ids):
            bias = (1.0 - attention_mask.unsqueeze(1).unsqueeze(2).to(torch.float32)) * -10000.0
            return self.model(input_ids=input_ids, attention_mask=bias, token_type_ids=token_type_ids).last_hidden_state

    axes = {name: {0: "batch", 1: "tokens"} for name in (*INPUTS, OUTPUT)}
    with torch.no_grad():
        torch.onnx.export(HiddenState(), _example_inputs(), str(path), input_names=list(INPUTS), output_names=[OUTPUT],
                          dynamic_axes=axes, opset_version=14, dynamo=False)


def _fuse(checkpoint: Path, plain: Path, path: Path) -> None:
    from onnxruntime.transformers import optimizer
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(checkpoint)
    fused = optimizer.optimize_model(str(plain), model_type="bert", num_heads=config.num_attention_heads,
                                     hidden_size=config.hidden_size)
    if fused.get_fused_operator_statistics()["Attention"] != config.num_hidden_layers:
        raise RuntimeError(f"{plain}: ONNX Runtime's optimiser did not fuse the attention of every layer")
    fused.save_model_to_file(str(path))


def _quantise_dynamically(source: Path, path: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # Fused operators have no shape inference: the type of their outputs has to be told.
    quantize_dynamic(str(source), str(path), weight_type=QuantType.QInt8,
                     extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})


def _convert_to_openvino(checkpoint: Path, path: Path) -> None:
    import openvino
    import torch

    class HiddenState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = load_torch(checkpoint, "sdpa")

        def forward(self, input_ids, attention_mask, token_type_ids):
            bias = (1.0 - attention_mask.unsqueeze(1).unsqueeze(2).to(torch.float32)) * -10000.0
            return self.model(input_ids=input_ids, attention_mask=bias, token_type_ids=token_type_ids).last_hidden_state

    model = openvino.convert_model(HiddenState(), example_input=dict(zip(INPUTS, _example_inputs())))
    model.reshape({name: [-1, -1] for name in INPUTS})
    openvino.save_model(model, path, compress_to_fp16=False)


def _quantise_openvino(source: Path, path: Path, calibration: list[Batch]) -> None:
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(source)
    quantised = nncf.quantize(model, nncf.Dataset(calibration), model_type=nncf.ModelType.TRANSFORMER,
                              subset_size=len(calibration))
    openvino.save_model(quantised, path, compress_to_fp16=False)
