"""Attention sinks (StreamingLLM, Xiao et al. 2023): text without end through a cache of fixed size."""
from __future__ import annotations

import torch

from ..config import CHUNKED, ModelConfig
from .base import Part, joined, tensor_bytes


class Sinks:
    """Keeps the first `n_sinks` tokens and the last `window`, in every layer; the rest is evicted.

    Positions are places in the cache, not in the text: sinks at 0, 1, ..., the window right behind, the
    newest query last. So no distance exceeds n_sinks + window. n_sinks = 0 is plain window eviction.
    `length` counts all tokens passed in.
    """

    def __init__(self, config: ModelConfig, n_sinks: int, window: int):
        if n_sinks < 0 or window < 1:
            raise ValueError(f"{n_sinks} sinks and a window of {window} make no cache: "
                             "take 0 or more sinks, and at least 1 token")
        if CHUNKED in config.layer_kinds:
            raise ValueError("chunked layers go by positions in the text, and this cache numbers anew: "
                             "take Sliding")
        self.n_sinks = n_sinks
        self.window = window
        self.capacity = n_sinks + window
        # Per layer: the two rows, [batch, rows, up to capacity, width]
        self.stored = [None] * config.n_layers
        self.seen = [0] * config.n_layers

    @property
    def length(self) -> int:
        return self.seen[-1]

    @property
    def n_bytes(self) -> int:
        return tensor_bytes(self.stored)

    def extend(self, layer, first, second, positions):
        """One part for the queries that come before anything is evicted, then one for each:
        every later token evicts one."""
        rows = joined(self.stored[layer], (first, second))
        n_new, end = first.shape[2], rows[0].shape[2]
        start = end - n_new
        self.seen[layer] += n_new
        fitting = max(0, min(self.capacity - start, n_new))
        parts = [self._part(rows, slice(0, fitting), start + fitting, positions)] if fitting else []
        parts += [self._part(rows, slice(i, i + 1), start + i + 1, positions) for i in range(fitting, n_new)]
        self.stored[layer] = self._kept(rows, end)
        return parts

    def _part(self, rows, queries, end, positions):
        kept = self._kept(rows, end)
        numbers = torch.arange(kept[0].shape[2], device=positions.device).expand(positions.shape[0], -1)
        return Part(queries, numbers[:, queries.start - queries.stop:], *kept, numbers)

    def _kept(self, rows, end):
        """The rows that remain when the newest token is number end - 1 of them."""
        if end <= self.capacity:
            return [t[:, :, :end] for t in rows]
        return [torch.cat([t[:, :, :self.n_sinks], t[:, :, end - self.window:end]], dim=2) for t in rows]
