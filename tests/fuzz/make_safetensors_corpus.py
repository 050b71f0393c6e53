"""Writes the seeds of corpus/safetensors: small files that are as the format wants them, or wrong in one way."""

import json
import pathlib
import struct

folder = pathlib.Path(__file__).parent / "corpus" / "safetensors"


def write(name, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    (folder / name).write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


two = {"a": tensor("F32", [2, 1], 0, 8), "b": tensor("BF16", [2], 8, 12)}
write("valid_two", {"__metadata__": {"format": "pt"}, **two}, bytes(12))
write("valid_empty", {}, b"")
write("valid_padded", b'{"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}   ', bytes(8))
write("valid_shapes", {"s": tensor("F64", [], 0, 8), "z": tensor("U8", [0, 3], 8, 8), "f": tensor("F4", [2, 2], 8, 10)}, bytes(10))
write("invalid_length", two, bytes(12), length=2**64 - 1)
write("invalid_truncated", two, bytes(11))
write("invalid_hole", {"a": tensor("U8", [2], 0, 2), "b": tensor("U8", [2], 3, 5)}, bytes(5))
write("invalid_overlap", {"a": tensor("U8", [2], 0, 2), "b": tensor("U8", [2], 1, 3)}, bytes(3))
write("invalid_overflow", {"a": tensor("I64", [2**62, 4, 2], 0, 8)}, bytes(8))
write("invalid_dtype", {"a": tensor("F31", [2], 0, 8)}, bytes(8))
write("invalid_nested", b"[" * 200)
