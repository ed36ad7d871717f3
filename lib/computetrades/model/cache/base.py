"""What a cache hands to attention, and what caches that grow have in common."""
from __future__ import annotations

from dataclasses import dataclass

import torch

from ..config import ModelConfig


@dataclass
class Part:
    """Some queries of a batch and the rows that they look at. One part is the rule;
    a ragged batch has one per sequence."""
    queries: slice                    # of the tokens that were passed in
    query_positions: torch.Tensor     # [batch, n_queries]
    first: torch.Tensor               # [batch, rows, n_keys, width]: keys, not rotated
    second: torch.Tensor              # [batch, rows, n_keys, width]: values, or latents
    key_positions: torch.Tensor       # [batch, n_keys]; negative where a place holds nothing


class NoCache:
    """Nothing is kept: every token is in the batch, as in training."""
    length = 0

    def extend(self, layer, first, second, positions):
        return [Part(slice(None), positions, first, second, positions)]


def reserved(config: ModelConfig, *before: int, tokens: int, dtype,
             device) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Per layer two tensors [*before, rows, tokens, width], not yet written.
    ValueError for a dtype without fractions."""
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype cannot be {dtype!r}: "
                         "take a floating-point type of torch, such as torch.float32 or torch.bfloat16")
    return [tuple(torch.empty(*before, rows, tokens, width, dtype=dtype, device=device)
                  for rows, width in config.row_shapes)
            for _ in range(config.n_layers)]


def joined(held, new, axis: int = 2) -> list[torch.Tensor]:
    """The tensors held and the new ones behind them, one by one along `axis`; held may be None. Copies, so
    that no larger tensor that `new` is a view of stays in memory.
    ValueError when the batch is another one."""
    if held is None:
        return [t.clone(memory_format=torch.contiguous_format) for t in new]
    if held[0].shape[0] != new[0].shape[0]:
        raise ValueError(f"the cache holds {held[0].shape[0]} sequences and got {new[0].shape[0]}: "
                         "it serves one batch, make another")
    return [torch.cat(pair, dim=axis) for pair in zip(held, new, strict=True)]


def tensor_bytes(layers) -> int:
    """Bytes of all tensors in a list of lists; None stands for an empty one."""
    return sum(t.nbytes for tensors in layers for t in tensors or ())
