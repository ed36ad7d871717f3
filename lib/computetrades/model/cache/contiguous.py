"""The plain cache: room for the longest context is reserved at the start, in one piece per layer."""
from __future__ import annotations

import torch

from ..config import ModelConfig
from .base import Part, reserved, tensor_bytes


class Contiguous:
    """Rows of `batch` sequences of equal length, up to `capacity` tokens.
    ValueError when a token more arrives.

    n_bytes is what is reserved, from the first token on; n_bytes_used is the part that holds rows.
    """

    def __init__(self, config: ModelConfig, capacity: int, batch: int = 1, dtype=torch.float32, device="cpu"):
        if capacity < 1:
            raise ValueError(f"capacity cannot be {capacity}: give the longest context in tokens, at least 1")
        self.capacity = capacity
        self.rows = reserved(config, batch, tokens=capacity, dtype=dtype, device=device)
        self.stored = [0] * config.n_layers

    @property
    def length(self) -> int:
        return self.stored[-1]

    @property
    def n_bytes(self) -> int:
        return tensor_bytes(self.rows)

    @property
    def n_bytes_used(self) -> int:
        return sum(t[:, :, :n].nbytes for n, pair in zip(self.stored, self.rows, strict=True) for t in pair)

    def truncate(self, length: int):
        """Forget all but the first `length` tokens,
        as speculative decoding does with drafts that were refused."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate {self.length} tokens to {length}: give 0 to {self.length}")
        self.stored = [length] * len(self.stored)

    def extend(self, layer, first, second, positions):
        batch = self.rows[layer][0].shape[0]
        if first.shape[0] != batch:
            raise ValueError(f"the cache has room for {batch} sequences and got {first.shape[0]}; "
                             f"make it with batch={first.shape[0]}")
        start, end = self.stored[layer], self.stored[layer] + first.shape[2]
        if end > self.capacity:
            raise ValueError(f"{end} tokens do not fit into a cache of {self.capacity}; "
                             "make it larger or the prompt shorter")
        for rows, new in zip(self.rows[layer], (first, second), strict=True):
            rows[:, :, start:end] = new
        self.stored[layer] = end
        held = torch.arange(end, device=positions.device).expand(positions.shape[0], end)
        return [Part(slice(None), positions, *(rows[:, :, :end] for rows in self.rows[layer]), held)]
