"""Writes the seeds of corpus/gguf: small files that are as the format wants them, or wrong in one way. Needs requirements/peers.txt."""

import pathlib
import struct
import tempfile

import gguf
import numpy as np

folder = pathlib.Path(__file__).parent / "corpus" / "gguf"
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(1)
HIDDEN = 32


def tensor(*shape):
    return random.normal(size=shape).astype(np.float32)


def llama(kind=gguf.GGMLQuantizationType.F32, change=None, architecture="llama"):
    """A model of one block, with a tokenizer of SentencePiece's kind."""
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "model.gguf"
        writer = gguf.GGUFWriter(path, architecture)
        writer.add_context_length(16)
        writer.add_embedding_length(HIDDEN)
        writer.add_block_count(1)
        writer.add_feed_forward_length(HIDDEN)
        writer.add_head_count(2)
        writer.add_head_count_kv(1)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_tokenizer_model("llama")
        writer.add_token_list(["<unk>", "<s>", "</s>", "<0x0A>", "▁", "a", "▁a"])
        writer.add_token_scores([0.0, 0.0, 0.0, 0.0, -2.0, -3.0, -1.0])
        writer.add_token_types([2, 3, 3, 6, 1, 1, 1])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        if change:
            change(writer)
        matrices = {"token_embd": 7, "blk.0.attn_q": HIDDEN, "blk.0.attn_k": HIDDEN // 2}
        for name, rows in matrices.items():
            data = gguf.quantize(tensor(rows, HIDDEN), kind)
            writer.add_tensor(f"{name}.weight", data, raw_dtype=kind)
        writer.add_tensor("output_norm.weight", tensor(HIDDEN))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def write(name, data):
    (folder / name).write_bytes(data)


plain = llama()
write("valid_f32", plain)
write("valid_f16", llama(gguf.GGMLQuantizationType.F16))
write("valid_q8_0", llama(gguf.GGMLQuantizationType.Q8_0))
write("valid_q4_0", llama(gguf.GGMLQuantizationType.Q4_0))
write("valid_rope_factors", llama(change=lambda writer: writer.add_tensor("rope_freqs.weight", np.ones(8, np.float32))))
write("invalid_magic", b"GGML" + plain[4:])
write("invalid_version", plain[:4] + struct.pack("<I", 1) + plain[8:])
write("invalid_big_endian", plain[:4] + struct.pack(">I", 3) + plain[8:])
write("invalid_tensor_count", plain[:8] + struct.pack("<Q", 2**63) + plain[16:])
write("invalid_pair_count", plain[:16] + struct.pack("<Q", 2**62) + plain[24:])
write("invalid_truncated", plain[:-200])
write("invalid_header_only", plain[:300])
write("invalid_architecture", llama(architecture="falcon"))
write("invalid_experts", llama(change=lambda writer: writer.add_expert_count(8)))
write("invalid_alignment", llama(change=lambda writer: writer.add_uint32("general.alignment", 48)))
