"""Models of known shapes with random weights: a folder for our program, and its weights as GGUF files for llama.cpp."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from safetensors import safe_open

TYPES = {"bf16": Type.BF16, "int8": Type.Q8_0, "int4": Type.Q4_0}  # of the weight width that the precision has
SHAPES = {"gpt2": ("gpt2", "gpt2"), "tinyllama": ("TinyLlama-1.1B-Chat-v1.0", "llama")}  # as `models create` and as GGUF files call them


def folder_of(shape: str, program: Path, work: Path) -> Path:
    """The model folder, made unless it is there."""
    folder = work / SHAPES[shape][0]
    if not (folder / "config.json").exists():
        subprocess.run([program, "models", "create", SHAPES[shape][0], folder, "--seed", "1"], check=True, stdout=subprocess.DEVNULL)
    return folder


def tensors_in(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "numpy") as tensors:
            for name in tensors.keys():
                yield name, tensors.get_tensor(name)


def gguf_of(shape: str, precision: str, program: Path, work: Path) -> Path:
    """The folder's weights as a GGUF file whose matrices have the type of that width, made unless it is there."""
    path = work / f"{SHAPES[shape][0]}-{TYPES[precision].name}.gguf"
    if not path.exists():
        # Here, because what this process holds counts as the memory of the processes that it starts.
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
        import transformers
        from gguf_models import write

        folder = folder_of(shape, program, work)
        partial = path.with_suffix(".partial")
        write(partial, SHAPES[shape][1], transformers.AutoConfig.from_pretrained(folder), tensors_in(folder), TYPES[precision])
        partial.rename(path)
    return path
