"""Small random models of transformers, and GGUF files of models as llama.cpp's converter lays them out: for make_gguf_fixtures.py,
compare_with_llama.py and benchmarks/generation. Needs requirements/peers.txt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as Type

LLAMA3_ROPE = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}

# name: architecture of GGUF, class of transformers, what its config has beyond the sizes.
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("llama", "LlamaForCausalLM", {}),
    "llama_rope_freqs": ("llama", "LlamaForCausalLM", {"rope_scaling": LLAMA3_ROPE, "tie_word_embeddings": True}),
    "llama_linear": ("llama", "LlamaForCausalLM", {"rope_scaling": {"rope_type": "linear", "factor": 2.0}}),
    "qwen2": ("qwen2", "Qwen2ForCausalLM", {}),
    "qwen3": ("qwen3", "Qwen3ForCausalLM", {"head_dim": 16}),
    "gpt2": ("gpt2", "GPT2LMHeadModel", {}),
    "gptneox": ("gptneox", "GPTNeoXForCausalLM", {"rotary_pct": 0.5}),
    "gptneox_serial": ("gptneox", "GPTNeoXForCausalLM", {"rotary_pct": 0.5, "use_parallel_residual": False}),
    "bloom": ("bloom", "BloomForCausalLM", {}),
    "phi3": ("phi3", "Phi3ForCausalLM", {"sliding_window": None, "pad_token_id": 0}),
    "gemma2": ("gemma2", "Gemma2ForCausalLM", {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 6}),
    "gemma3": ("gemma3", "Gemma3ForCausalLM", {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 6,
                                               "rope_local_base_freq": 10000.0, "rope_theta": 1000000.0}),
}


def random_model(name: str, seed: int, *, hidden: int = 32, heads: int = 4, key_heads: int = 2, intermediate: int = 32, layers: int = 2,
                 vocabulary: int = 48, context: int = 64) -> transformers.PreTrainedModel:
    """The model with weights that float16 holds exactly, lively enough for its tokens to differ."""
    _, model_class, further = MODELS[name]
    sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": key_heads,
             "intermediate_size": intermediate, "vocab_size": vocabulary, "max_position_embeddings": context, "tie_word_embeddings": False}
    if model_class == "GPT2LMHeadModel":
        sizes = {"n_embd": hidden, "n_layer": layers, "n_head": heads, "n_inner": intermediate, "vocab_size": vocabulary, "n_positions": context}
    if model_class == "BloomForCausalLM":
        sizes = {"hidden_size": hidden, "n_layer": layers, "n_head": heads, "vocab_size": vocabulary}
    if model_class.startswith("Gemma"):
        sizes["tie_word_embeddings"] = True
    if name == "gemma3":
        sizes["layer_types"] = ["sliding_attention"] * (layers - 1) + ["full_attention"]
    ours = getattr(transformers, model_class)
    ends = {"bos_token_id": 1, "eos_token_id": 2}
    torch.manual_seed(seed)
    model = ours(ours.config_class(**{**sizes, **ends, **further, "attn_implementation": "eager"})).eval()
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if weight.dim() == 1:
                center = 0.0 if key.endswith("bias") or model_class.startswith("Gemma") else 1.0
                weight.normal_(center, 0.1)
            else:
                weight.normal_(0.0, 0.7 / math.sqrt(hidden) if "embed" not in key and "wte" not in key else 0.7)
                weight.copy_(weight.half().float())
    return model


def paired(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head's two halves, taking turns."""
    rows = weight.shape[0]
    return weight.reshape(heads, 2, rows // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def in_thirds(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of all queries, all keys and all values, from the three of each head."""
    size = weight.shape[0] // heads // 3
    return weight.reshape(heads, 3, size, *weight.shape[1:]).swapaxes(0, 1).reshape(weight.shape)


def laid_out(architecture: str, name: str, weight: np.ndarray, config: transformers.PreTrainedConfig) -> np.ndarray:
    """The weight as files of the architecture have it."""
    if architecture == "llama" and ".q_proj." in name:
        return paired(weight, config.num_attention_heads)
    if architecture == "llama" and ".k_proj." in name:
        return paired(weight, config.num_key_value_heads)
    if architecture in ("gptneox", "bloom") and ".query_key_value." in name:
        return in_thirds(weight, config.num_attention_heads)
    if architecture == "gpt2" and weight.ndim == 2 and (".c_" in name):
        return weight.T
    if architecture.startswith("gemma") and name.endswith("norm.weight"):
        return weight + 1
    return weight


def rope_factors(config: transformers.PreTrainedConfig) -> np.ndarray | None:
    """What each rotary frequency is divided by, where LLaMA 3 scales them."""
    scaling = config.rope_parameters
    if scaling.get("rope_type") != "llama3":
        return None
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    plain = 1.0 / scaling["rope_theta"] ** (np.arange(0, size, 2) / size)
    scaled, _ = transformers.modeling_rope_utils.ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    return (plain / scaled.numpy()).astype(np.float32)


def add_sizes(writer: gguf.GGUFWriter, architecture: str, config: transformers.PreTrainedConfig) -> None:
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_context_length(getattr(config, "max_position_embeddings", 64))
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(4 * config.hidden_size if architecture == "bloom" else
                                   (config.n_inner or 4 * config.hidden_size) if architecture == "gpt2" else config.intermediate_size)
    writer.add_head_count(heads)
    if architecture not in ("gpt2", "gptneox", "bloom"):
        writer.add_head_count_kv(config.num_key_value_heads)
    if architecture in ("gpt2", "bloom"):
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    if architecture == "gptneox":
        writer.add_layer_norm_eps(config.layer_norm_eps)
        writer.add_parallel_residual(config.use_parallel_residual)
        size = int(size * config.rope_parameters["partial_rotary_factor"])
    else:
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters
    if architecture == "gemma3":
        rope = rope["full_attention"]
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if architecture in ("qwen3", "gemma2", "gemma3"):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    if architecture.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
    if architecture == "gemma3":
        writer.add_sliding_window_pattern(len(config.layer_types))
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def stored(kind: Type, weight: np.ndarray) -> tuple[np.ndarray, Type]:
    """The weight as the file holds it: vectors are floats, and so is what has no whole blocks a row."""
    if weight.ndim == 1 or (kind not in (Type.F32, Type.F16, Type.BF16) and weight.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0]):
        kind = Type.F32
    return gguf.quants.quantize(np.ascontiguousarray(weight, dtype=np.float32), kind), kind


def tensors_of(model: transformers.PreTrainedModel) -> Iterable[tuple[str, np.ndarray]]:
    return ((name, weight.numpy()) for name, weight in model.state_dict().items())


def write(path: Path, architecture: str, config: transformers.PreTrainedConfig, tensors: Iterable[tuple[str, np.ndarray]], kind: Type,
          tokenizer: Callable[[gguf.GGUFWriter], None] | None = None) -> None:
    """Writes a file of the tensors, which have transformers' names, with matrices of that type."""
    names = gguf.get_tensor_name_map(next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == architecture),
                                     config.num_hidden_layers)
    writer = gguf.GGUFWriter(str(path), architecture)
    add_sizes(writer, architecture, config)
    if tokenizer:
        tokenizer(writer)
    else:
        writer.add_tokenizer_model("no_vocab")
        writer.add_vocab_size(config.vocab_size)
    factors = rope_factors(config) if architecture == "llama" else None
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    for key, weight in tensors:
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        suffixes = (".weight", ".bias")
        own = names.get_name(key, suffixes) or names.get_name(key.removeprefix("transformer."), suffixes)
        if own is None:
            raise ValueError(f"{architecture}: {key} has no name in GGUF files")
        data, stored_kind = stored(Type.F32 if own.startswith("position_embd") else kind, laid_out(architecture, key, weight, config))
        writer.add_tensor(own, data, raw_dtype=stored_kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rounded(name: str, model: transformers.PreTrainedModel, kind: Type) -> None:
    """Gives the model's matrices the numbers that they have in a file of that type."""
    architecture = MODELS[name][0]
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if weight.dim() != 2 or "wpe" in key:
                continue
            turned = architecture == "gpt2" and ".c_" in key
            data, stored_kind = stored(kind, weight.numpy().T if turned else weight.numpy())
            numbers = torch.from_numpy(gguf.quants.dequantize(data, stored_kind).copy())
            weight.copy_(numbers.T if turned else numbers)
