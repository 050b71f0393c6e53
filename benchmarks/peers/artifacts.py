"""A text encoder as each peer wants it; a form that computes something else than the checkpoint counts as not exported."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from checkpoint import Checkpoint
from common.exports import ExportFolder, Step
from workloads import Batch

OUTPUT = "last_hidden_state"
LARGEST_DIFFERENCE = 2e-3  # of a hidden state, between a float32 form and PyTorch; another mask or position costs far more


@dataclass(frozen=True)
class Artifacts(ExportFolder):
    """Where the exported forms of a checkpoint lie."""

    model: Checkpoint

    def path(self, form: str) -> Path:
        """The file of one form, as `contenders` names them."""
        return self.folder / form / ("model.xml" if form.startswith("openvino") else "model.onnx")


def build(artifacts: Artifacts, wanted: set[str], calibration: list[Batch], check: Batch) -> None:
    """Makes what is missing of the wanted forms; float32 ones are run on `check`.

    Heavy imports stay in here: run it in a process of its own.
    """
    logging.getLogger().setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    model, path = artifacts.model, artifacts.path

    def agrees(form: str) -> None:
        _check_values(artifacts, form, check)

    artifacts.make(wanted, {
        "onnx": Step(lambda target: _export_onnx(model, target), check=agrees),
        "onnx_fused": Step(lambda target: _fuse(model, path("onnx"), target), source="onnx", check=agrees),
        "onnx_int8": Step(lambda target: _quantise_dynamically(path("onnx"), target), source="onnx"),
        "onnx_fused_int8": Step(lambda target: _quantise_dynamically(path("onnx_fused"), target), source="onnx_fused"),
        "openvino": Step(lambda target: _convert_to_openvino(model, target), check=agrees),
        "openvino_int8": Step(lambda target: _quantise_openvino(path("openvino"), target, calibration), source="openvino"),
    })


def _check_values(artifacts: Artifacts, form: str, check: Batch) -> None:
    """Raises unless the form answers as the checkpoint does in PyTorch, wherever there is a token."""
    settings = {"graph": form, "static": False, "streams": 1, "hint": "f32", "compile": False}
    answers = []
    for name in ("pytorch", "openvino_cpu" if form.startswith("openvino") else "onnx_runtime"):
        engine = importlib.import_module(f"engines.{name}").Engine(artifacts, settings, "fp32", threads=os.cpu_count() or 1)
        engine.load()
        engine.prepare([check])
        answers.append(engine.hidden_states()[0][check["attention_mask"] == 1])
    difference = float(np.abs(answers[0] - answers[1]).max())
    if not difference <= LARGEST_DIFFERENCE:  # a NaN is no agreement
        raise ValueError(f"hidden states are up to {difference:.2g} from PyTorch's, at most {LARGEST_DIFFERENCE:g} is rounding")


def _export_onnx(checkpoint: Checkpoint, path: Path) -> None:
    import torch
    from exportable import HiddenStates, example_inputs, fusable_attention

    names = list(checkpoint.inputs)
    axes = {name: {0: "batch", 1: "tokens"} for name in (*names, OUTPUT)}
    with torch.no_grad():
        torch.onnx.export(HiddenStates(checkpoint, fusable_attention(checkpoint)), example_inputs(checkpoint), str(path),
                          input_names=names, output_names=[OUTPUT], dynamic_axes=axes, opset_version=14, dynamo=False)


def _fuse(checkpoint: Checkpoint, plain: Path, path: Path) -> str:
    from onnxruntime.transformers import optimizer

    config = checkpoint.config
    fused = optimizer.optimize_model(str(plain), model_type="bert", num_heads=config.num_attention_heads,
                                     hidden_size=config.hidden_size)
    counts = fused.get_fused_operator_statistics()
    fused.save_model_to_file(str(path))
    found = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"ONNX Runtime's optimiser fused {found or 'nothing'}, for {config.num_hidden_layers} layers"


def _quantise_dynamically(source: Path, path: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # Fused operators have no shape inference: the type of their outputs has to be told.
    quantize_dynamic(str(source), str(path), weight_type=QuantType.QInt8,
                     extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})


def _convert_to_openvino(checkpoint: Checkpoint, path: Path) -> None:
    import openvino
    from exportable import HiddenStates, example_inputs

    model = openvino.convert_model(HiddenStates(checkpoint, checkpoint.best_attention),
                                   example_input=dict(zip(checkpoint.inputs, example_inputs(checkpoint))))
    model.reshape({name: [-1, -1] for name in checkpoint.inputs})
    openvino.save_model(model, path, compress_to_fp16=False)


def _quantise_openvino(source: Path, path: Path, calibration: list[Batch]) -> None:
    import nncf
    import openvino
    from engines.openvino_cpu import feed_of

    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(source)
    batches = [feed_of(model, batch) for batch in calibration]
    quantised = nncf.quantize(model, nncf.Dataset(batches), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(batches))
    openvino.save_model(quantised, path, compress_to_fp16=False)
