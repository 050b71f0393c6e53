"""Models in a form that tracing turns into a graph for any batch and length, and that optimisers of graphs recognise."""

from __future__ import annotations

import math
from types import MethodType

import torch
from checkpoint import Checkpoint

FUSABLE = "fusable"
UNSEEN = -10000.0


class HiddenStates(torch.nn.Module):
    """Token ids and their mask in, last hidden states out."""

    def __init__(self, checkpoint: Checkpoint, attention: str) -> None:
        super().__init__()
        self._prepares_mask = checkpoint.takes_prepared_masks
        self.model = checkpoint.load(attention)
        for module in self.model.modules():
            if type(module).__name__ == "LongformerSelfAttention":
                module.forward = MethodType(_attention_by_blocks, module)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        # transformers' own mask depends on Python's view of the example, so that tracing would keep the example's.
        if self._prepares_mask:
            attention_mask = (1.0 - attention_mask.unsqueeze(1).unsqueeze(2).to(torch.float32)) * UNSEEN
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state


def fusable_attention(checkpoint: Checkpoint) -> str:
    """The attention that ONNX Runtime's optimiser recognises, where the model lets it be chosen; else the model's own."""
    from transformers import AttentionInterface

    if not checkpoint.takes_prepared_masks:
        return "eager"
    AttentionInterface.register(FUSABLE, _plain_attention)
    return FUSABLE


def example_inputs(checkpoint: Checkpoint) -> tuple[torch.Tensor, ...]:
    """Inputs to trace with: two sequences of sixteen tokens."""
    ids = torch.full((2, 16), 5, dtype=torch.int64)
    return (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(checkpoint.inputs)]


def _plain_attention(module, query, key, value, mask, **unused):
    scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(query.shape[-1])
    weights = torch.softmax(scores + mask, dim=-1)
    return torch.matmul(weights, value).permute(0, 2, 1, 3).contiguous(), weights


def _attention_by_blocks(self, hidden_states, attention_mask=None, is_index_masked=None, *unused, **also_unused):
    """Longformer's local attention: each block of half a window sees itself and its two neighbours.

    The same values as in transformers, whose overlapping views of memory and assignments to slices no graph can express.
    It has no global tokens, which transformers' base model does not have by itself either.
    """
    reach = self.one_sided_attn_window_size
    batch, tokens, _ = hidden_states.shape

    def heads(projection: torch.nn.Module) -> torch.Tensor:  # [batch, heads, tokens, size]
        return projection(hidden_states).view(batch, tokens, self.num_heads, self.head_dim).transpose(1, 2)

    def with_neighbours(values: torch.Tensor) -> torch.Tensor:  # [batch, any, tokens, size] to [batch, any, blocks, 3 reach, size]
        padded = torch.nn.functional.pad(values, (0, 0, reach, reach))
        blocks = padded.view(batch, values.shape[1], -1, reach, values.shape[3])
        return torch.cat([blocks[:, :, :-2], blocks[:, :, 1:-1], blocks[:, :, 2:]], dim=3)

    queries = (heads(self.query) / math.sqrt(self.head_dim)).view(batch, self.num_heads, -1, reach, self.head_dim)
    scores = torch.matmul(queries, with_neighbours(heads(self.key)).transpose(-1, -2))
    distance = torch.arange(3 * reach)[None, :] - reach - torch.arange(reach)[:, None]
    near = (distance.abs() <= reach).to(scores.dtype)
    present = with_neighbours((~is_index_masked).to(scores.dtype)[:, None, :, None]).transpose(-1, -2)
    weights = torch.softmax(scores + (1.0 - near * present) * UNSEEN, dim=-1)
    context = torch.matmul(weights, with_neighbours(heads(self.value))).view(batch, self.num_heads, tokens, self.head_dim)
    return (context.transpose(1, 2).reshape(batch, tokens, self.embed_dim),)
