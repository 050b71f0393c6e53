"""Writes the seeds of corpus/pickle, corpus/torch_checkpoint and corpus/sentencepiece, and the dictionary of pickles."""

import io
import pathlib
import struct
import zipfile

folder = pathlib.Path(__file__).parent


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


def name(module, attribute):
    return b"c" + module + b"\n" + attribute + b"\n"


def storage(kind=b"FloatStorage", key=b"0", elements=6):
    return b"(" + text(b"storage") + name(b"torch", kind) + text(key) + text(b"cpu") + b"K" + bytes([elements]) + b"tQ"


def tensor(at=0, shape=b"K\x02K\x03\x86", strides=b"K\x03K\x01\x86", of=storage()):
    hooks = name(b"collections", b"OrderedDict") + b")R"
    return name(b"torch._utils", b"_rebuild_tensor_v2") + b"(" + of + b"K" + bytes([at]) + shape + strides + b"\x89" + hooks + b"tR"


def parameter(inner):
    return name(b"torch._utils", b"_rebuild_parameter") + inner + b"\x88}\x87R"


def state_dict(**tensors):
    items = b"".join(text(key.encode()) + value for key, value in tensors.items())
    return b"\x80\x02" + name(b"collections", b"OrderedDict") + b")Rq\x01(" + items + b"u}" + text(b"_metadata") + b"}sb."


def write(corpus, seeds):
    (folder / "corpus" / corpus).mkdir(parents=True, exist_ok=True)
    for file, content in seeds.items():
        (folder / "corpus" / corpus / file).write_bytes(content)


def archive(pickle, data=bytes(24), compression=zipfile.ZIP_STORED, order=b"little"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out:
        for entry, content in {"a/data.pkl": pickle, "a/byteorder": order, "a/data/0": data, "a/version": b"3\n"}.items():
            out.writestr(zipfile.ZipInfo(entry), content, compression)
    return file.getvalue()


def legacy(pickle, data=struct.pack("<Q", 6) + bytes(24)):
    magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    return magic + b"\x80\x02M\xe9\x03." + b"\x80\x02}" + text(b"little_endian") + b"\x88s." + pickle + b"\x80\x02]" + text(b"0") + b"a." + data


def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


def piece(piece_text, score=-1.0, kind=1):
    return field(1, field(1, piece_text) + b"\x15" + struct.pack("<f", score) + bytes([3 << 3, kind]))


plain = state_dict(w=tensor())
version_4 = b"\x80\x04\x95\x30\0\0\0\0\0\0\0}\x94\x8c\x01w\x94\x8c\x0ctorch._utils\x94\x8c\x12_rebuild_tensor_v2\x94\x93\x94"
write("pickle", {
    "valid_plain": plain,
    "valid_views": state_dict(a=tensor(), b=tensor(1, b"K\x02\x85", b"K\x02\x85"), c=parameter(tensor(0, b")", b")"))),
    "valid_empty": state_dict(),
    "valid_protocol_4": version_4 + b"(" + storage() + b"K\0K\x06\x85K\x01\x85\x89}tRs.",
    "invalid_system": b"\x80\x02" + name(b"os", b"system") + b"(" + text(b"id") + b"tR.",
    "invalid_stack_global": b"\x80\x04\x8c\x02os\x8c\x06system\x93)R.",
    "invalid_instance": b"(" + text(b"id") + b"ios\nsystem\n.",
    "invalid_nested": b"]" * 200 + b"a" * 199 + b".",
    "invalid_memo": b"}h\x05.",
    "invalid_length": b"X\xff\xff\xff\xffa.",
    "invalid_cut": plain[:-10],
})
write("torch_checkpoint", {
    "valid_archive": archive(plain),
    "valid_legacy": legacy(plain),
    "valid_strided": archive(state_dict(w=tensor(0, b"K\x03K\x02\x86", b"K\x01K\x03\x86"))),
    "invalid_compressed": archive(plain, bytes(240), zipfile.ZIP_DEFLATED),
    "invalid_order": archive(plain, order=b"big"),
    "invalid_short": archive(plain, bytes(23)),
    "invalid_outside": archive(state_dict(w=tensor(1))),
    "invalid_system": archive(name(b"os", b"system") + b")R."),
    "invalid_legacy_short": legacy(plain, struct.pack("<Q", 6) + bytes(20)),
    "invalid_legacy_huge": legacy(plain, b"\xff" * 8),
})
model = piece(b"<unk>", 0, 2) + piece(b"<s>", 0, 3) + piece(b"\xe2\x96\x81a") + piece(b"b", -2) + piece(b"<0x0A>", 0, 6)
write("sentencepiece", {
    "valid_unigram": model + field(2, b"\x18\x01"),
    "valid_bpe": model + field(2, b"\x18\x02\x98\x02\x01\xc0\x02\x00") + field(3, field(2, b"\0\0\0\0")),
    "valid_one": piece(b"a"),
    "invalid_empty": field(1, b""),
    "invalid_score": piece(b"a", float("nan")),
    "invalid_unknown": model + field(2, b"\xc0\x02\x09"),
    "invalid_utf8": piece(b"\xff"),
    "invalid_cut": model[:-3],
})

entries = [name(b"torch._utils", b"_rebuild_tensor_v2"), name(b"torch._utils", b"_rebuild_tensor_v3"), name(b"torch._utils", b"_rebuild_parameter"),
           name(b"collections", b"OrderedDict"), name(b"torch", b"FloatStorage"), name(b"torch", b"LongStorage"), name(b"torch", b"uint16"),
           name(b"torch.storage", b"UntypedStorage"), name(b"os", b"system"), text(b"storage"), text(b"0"), text(b"w"), storage(), tensor(),
           b"\x80\x02", b"\x80\x04\x95", b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", b"}(", b"tR", b"Rq\x01", b"h\x01", b"\x93", b"ub."]
zip_entries = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\xff\xff\xff\xff", b"a/data.pkl", b"a/data/0"]


def dictionary(file, values):
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in value) + '"' for value in values]
    (folder / file).write_text("\n".join(lines) + "\n")


dictionary("pickle.dict", entries)
dictionary("torch_checkpoint.dict", entries + zip_entries)
dictionary("sentencepiece.dict", [piece(b"a"), b"\x15\0\0\x80\x3f", b"\x18\x02", b"\x98\x02\x01", b"\xc0\x02\x01", field(3, field(2, b"abcd")), b"\xe2\x96\x81"])
