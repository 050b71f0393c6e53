"""Models of known shapes with random weights: a folder for our program, and the same shape as GGUF files for llama.cpp."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

TYPES = {"bf16": Type.BF16, "int8": Type.Q8_0, "int4": Type.Q4_0}  # of the weight width that the precision has


@dataclass(frozen=True)
class Shape:
    architecture: str
    name: str  # as `models create` knows it
    vocabulary: int
    context: int
    hidden: int
    layers: int
    heads: int
    key_heads: int
    intermediate: int

    def matrices(self) -> dict[str, tuple[int, int]]:
        """The names and shapes [out, in] of a layer's matrices."""
        if self.architecture == "gpt2":
            return {"attn_qkv": (3 * self.hidden, self.hidden), "attn_output": (self.hidden, self.hidden),
                    "ffn_up": (self.intermediate, self.hidden), "ffn_down": (self.hidden, self.intermediate)}
        keys = self.hidden // self.heads * self.key_heads
        return {"attn_q": (self.hidden, self.hidden), "attn_k": (keys, self.hidden), "attn_v": (keys, self.hidden),
                "attn_output": (self.hidden, self.hidden), "ffn_gate": (self.intermediate, self.hidden),
                "ffn_up": (self.intermediate, self.hidden), "ffn_down": (self.hidden, self.intermediate)}


SHAPES = {
    "gpt2": Shape("gpt2", "gpt2", 50257, 1024, 768, 12, 12, 12, 3072),
    "tinyllama": Shape("llama", "TinyLlama-1.1B-Chat-v1.0", 32000, 2048, 2048, 22, 32, 4, 5632),
}


def folder_of(shape: Shape, program: Path, work: Path) -> Path:
    """The model folder, made unless it is there."""
    folder = work / shape.name
    if not (folder / "config.json").exists():
        subprocess.run([program, "models", "create", shape.name, folder, "--seed", "1"], check=True, stdout=subprocess.DEVNULL)
    return folder


def gguf_of(shape: Shape, precision: str, work: Path) -> Path:
    """The GGUF file whose matrices have the type of that width, made unless it is there."""
    path = work / f"{shape.name}-{TYPES[precision].name}.gguf"
    if path.exists():
        return path
    partial = path.with_suffix(".partial")
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(partial), shape.architecture)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.key_heads)
    writer.add_feed_forward_length(shape.intermediate)
    writer.add_tokenizer_model("no_vocab")
    writer.add_vocab_size(shape.vocabulary)

    def matrix(name: str, rows: int, columns: int, kind: Type) -> None:
        numbers = random.standard_normal((rows, columns), dtype=np.float32) * np.float32(0.02)
        data = numbers if kind == Type.F32 else gguf.quants.quantize(numbers, kind)
        writer.add_tensor(name, data, raw_dtype=kind)

    def vector(name: str, size: int, center: float) -> None:
        writer.add_tensor(name, (random.standard_normal(size, dtype=np.float32) * np.float32(0.02) + np.float32(center)))

    kind = TYPES[precision]
    biased = shape.architecture == "gpt2"
    matrix("token_embd.weight", shape.vocabulary, shape.hidden, kind)
    vector("output_norm.weight", shape.hidden, 1)
    if biased:
        writer.add_layer_norm_eps(1e-5)
        matrix("position_embd.weight", shape.context, shape.hidden, Type.F32)
        vector("output_norm.bias", shape.hidden, 0)
    else:
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(shape.hidden // shape.heads)
        matrix("output.weight", shape.vocabulary, shape.hidden, kind)
    for layer in range(shape.layers):
        for name, (rows, columns) in shape.matrices().items():
            matrix(f"blk.{layer}.{name}.weight", rows, columns, kind)
            if biased:
                vector(f"blk.{layer}.{name}.bias", rows, 0)
        for name in ("attn_norm", "ffn_norm"):
            vector(f"blk.{layer}.{name}.weight", shape.hidden, 1)
            if biased:
                vector(f"blk.{layer}.{name}.bias", shape.hidden, 0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.rename(path)
    return path
