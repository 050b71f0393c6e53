"""Times PyTorch on the models and batches that standard input names, eager and compiled; prints a JSON line a measurement.

The work is what our program does: token ids on the host to mean-pooled embeddings on the host.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

ROUNDS, WARMUP = 30, 5
LARGEST_ID = 1000


def emit(row: dict) -> None:
    print(json.dumps(row), flush=True)


def batch_of(torch, lengths: list[int]):
    """Random ids [batch, longest] in pinned memory, and a mask where lengths differ, else None."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, LARGEST_ID, (len(lengths), max(lengths)), generator=generator).pin_memory()
    if len(set(lengths)) == 1:
        return ids, None
    mask = (torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]).long().pin_memory()
    return ids, mask


def embedder(torch, model):
    """A function of ids and mask on the device that gives embeddings [batch, hidden]."""

    def embed(ids, mask):
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        if mask is None:
            return hidden.mean(dim=1)
        weights = mask.unsqueeze(-1).float()
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)

    return embed


def median_milliseconds(torch, embed, ids, mask) -> float:
    def once() -> None:
        with torch.inference_mode():
            on_device = mask.cuda(non_blocking=True) if mask is not None else None
            embed(ids.cuda(non_blocking=True), on_device).cpu()

    for _ in range(WARMUP):
        once()
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        once()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def main() -> int:
    request = json.load(sys.stdin)
    end = time.monotonic() + request["seconds"]
    try:
        import torch
        from transformers import AutoModel
    except ImportError as error:
        emit({"skipped": f"PyTorch is left out: {error}"})
        return 0
    if not torch.cuda.is_available():
        emit({"skipped": f"PyTorch {torch.__version__} sees no GPU"})
        return 0
    emit({"torch": torch.__version__})
    torch.backends.cuda.matmul.allow_tf32 = False
    dtypes = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    for kind in ("eager", "compiled"):
        for precision, dtype in dtypes.items():
            for name, path in request["models"].items():
                model = AutoModel.from_pretrained(path, dtype=dtype, attn_implementation="sdpa", add_pooling_layer=False).cuda().eval()
                for shape, lengths in request["shapes"].items():
                    if time.monotonic() > end:
                        emit({"skipped": f"no time for PyTorch, {kind}, {precision}, {name}, {shape} and what follows"})
                        return 0
                    embed = embedder(torch, model)
                    if kind == "compiled":
                        torch.compiler.reset()
                        embed = torch.compile(embed, mode="reduce-overhead", dynamic=False)
                    row = {"model": name, "precision": precision, "shape": shape, "kind": kind}
                    try:
                        emit(row | {"milliseconds": median_milliseconds(torch, embed, *batch_of(torch, lengths))})
                    except Exception as error:  # one shape that a compiler refuses must not hide the others
                        emit({"skipped": f"PyTorch, {kind}, {precision}, {name}, {shape}: {str(error).splitlines()[0][:200]}"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
