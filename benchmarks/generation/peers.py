"""CTranslate2 and OpenVINO beside ours: exports of the same folder, and one measurement a process, printed as JSON.

    python benchmarks/generation/peers.py export ctranslate2|openvino WIDTH FOLDER EXPORT
    python benchmarks/generation/peers.py measure ctranslate2|openvino WIDTH EXPORT BATCH PROMPT GENERATE ROUNDS THREADS VOCABULARY

Needs requirements/peers.txt. OpenVINO runs its stateful form, with bf16 hints where that is the width; CTranslate2 knows float32 and int8.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

WIDTHS = {"ctranslate2": ("fp32", "int8"), "openvino": ("bf16", "int8", "int4")}


def export_ctranslate2(width: str, folder: Path, path: Path) -> None:
    import ctranslate2
    import transformers

    class Words:
        """Stands for the tokenizer, which a folder of random weights lacks: the converter wants each id's text."""

        pad_token = "<0>"
        bos_token = "<1>"
        eos_token = "<2>"
        unk_token = "<0>"
        vocab_size = transformers.AutoConfig.from_pretrained(folder).vocab_size

        def get_vocab(self) -> dict[str, int]:
            return {f"<{i}>": i for i in range(self.vocab_size)}

        def convert_ids_to_tokens(self, token: int) -> str:
            return f"<{token}>"

    class Converter(ctranslate2.converters.TransformersConverter):
        def load_tokenizer(self, *_: object, **__: object) -> Words:
            return Words()

    Converter(str(folder)).convert(str(path), quantization="int8" if width == "int8" else None)


def export_openvino(width: str, folder: Path, path: Path) -> None:
    """Floats first, in a folder beside `path`; then their weights in steps, those of embeddings and of the output too."""
    floats = path.with_name(path.name.removesuffix(width) + "bf16")
    if not floats.exists():
        from optimum.intel import OVModelForCausalLM

        OVModelForCausalLM.from_pretrained(str(folder), export=True, compile=False, load_in_8bit=False).save_pretrained(str(floats))
    if width == "bf16":
        return
    import nncf
    import openvino

    mode = {"mode": nncf.CompressWeightsMode.INT8_ASYM} if width == "int8" else {
        "mode": nncf.CompressWeightsMode.INT4_SYM, "group_size": 32, "ratio": 1.0, "all_layers": True}
    path.mkdir(parents=True)
    openvino.save_model(nncf.compress_weights(openvino.Core().read_model(floats / "openvino_model.xml"), **mode), path / "openvino_model.xml")


def ctranslate2_runner(width: str, path: Path, threads: int) -> Callable[[np.ndarray, int], None]:
    import ctranslate2

    generator = ctranslate2.Generator(str(path), device="cpu", intra_threads=threads, inter_threads=1,
                                      compute_type="int8" if width == "int8" else "float32")

    def run(prompt: np.ndarray, count: int) -> None:
        words = [[f"<{token}>" for token in row] for row in prompt]
        results = generator.generate_batch(words, max_length=count, min_length=count, sampling_topk=1, beam_size=1,
                                           include_prompt_in_result=False, max_batch_size=len(words))
        if len(results[0].sequences_ids[0]) != count:
            raise RuntimeError("CTranslate2 ended a text early")

    return run


def openvino_runner(width: str, path: Path, threads: int) -> Callable[[np.ndarray, int], None]:
    import openvino

    model = openvino.Core().compile_model(str(path / "openvino_model.xml"), "CPU", {
        "INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads})
    request = model.create_infer_request()
    names = {name for each in model.inputs for name in each.names}

    def step(tokens: np.ndarray, before: int) -> np.ndarray:
        batch, count = tokens.shape
        values = {"input_ids": tokens, "attention_mask": np.ones((batch, before + count), np.int64),
                  "position_ids": np.tile(np.arange(before, before + count, dtype=np.int64), (batch, 1)),
                  "beam_idx": np.arange(batch, dtype=np.int32)}
        request.infer({name: value for name, value in values.items() if name in names}, share_inputs=True)
        return request.get_output_tensor(0).data[:, -1].argmax(-1)[:, None].astype(np.int64)

    def run(prompt: np.ndarray, count: int) -> None:
        request.reset_state()
        tokens = step(prompt, 0)
        for i in range(count - 1):
            tokens = step(tokens, prompt.shape[1] + i)

    return run


def peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure(peer: str, width: str, path: Path, batch: int, prompt: int, generate: int, rounds: int, threads: int, vocabulary: int) -> None:
    """Prefill is the time of one token more; decoding the further ones, as ours counts."""
    run = (ctranslate2_runner if peer == "ctranslate2" else openvino_runner)(width, path, threads)
    tokens = np.random.default_rng(0).integers(3, vocabulary, (batch, prompt))
    run(tokens, generate)  # each length is prepared once
    firsts, alls = [], []
    for _ in range(rounds):
        for times, count in ((firsts, 1), (alls, generate)):
            start = time.perf_counter()
            run(tokens, count)
            times.append(time.perf_counter() - start)
    first = statistics.median(firsts)
    print(json.dumps({"prefill": batch * prompt / first, "decode": batch * (generate - 1) / (statistics.median(alls) - first),
                      "memory_mb": peak_mb()}))


def main() -> None:
    verb, peer, width, *rest = sys.argv[1:]
    if verb == "export":
        (export_ctranslate2 if peer == "ctranslate2" else export_openvino)(width, Path(rest[0]), Path(rest[1]))
    else:
        measure(peer, width, Path(rest[0]), *map(int, rest[1:]))


if __name__ == "__main__":
    main()
