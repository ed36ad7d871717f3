"""Caches whose rows are stored in fewer bits. Queries see what is stored, their own token's rows included, so
a score is the same whether the text came at once, in chunks or token by token."""
from __future__ import annotations

import torch

from ..config import ModelConfig
from .base import Part, joined, tensor_bytes
from .codecs import TwoBit
from .sliding import Sliding


class Quantised(Sliding):
    """A Sliding cache that stores every row through a codec that takes rows one by one:
    BF16, Int8, FP8, NVFP4 or TwoBit."""

    def __init__(self, config: ModelConfig, codec):
        super().__init__(config)
        self.codec = codec

    def encode(self, first, second):
        return [*self.codec.encode(first), *self.codec.encode(second)]

    def decode(self, stored, dtype):
        half = len(stored) // 2
        return [self.codec.decode(*tensors).to(dtype) for tensors in (stored[:half], stored[half:])]


class KIVI:
    """Two bits per element (Liu et al. 2024): keys in groups of tokens within a channel, because a few
    channels are large in every token; values in groups of channels within a token. The newest tokens stay as
    they came until there are `residual` of them, and then all are quantised; a query sees its own window of
    `residual` tokens in full and all before it in two bits.

    The paper differs in two ways: it moves values out one by one, so that always `residual` of them are left,
    and it quantises keys after their rotation. Keeps every token also in sliding layers. by_channel = False
    groups keys as values, which shows how much of KIVI's gain is the grouping and how much the newest tokens.
    """

    def __init__(self, config: ModelConfig, group: int = 32, residual: int = 128, by_channel: bool = True):
        if residual < group or residual % group:
            raise ValueError(f"a residual of {residual} tokens does not divide into groups of {group}: "
                             "take a multiple of it")
        self.codec = TwoBit(group)
        self.residual = residual
        self.by_channel = by_channel
        # Per layer: tensors of [batch, rows, width, tokens / ...], or as values
        self.keys = [None] * config.n_layers
        # Per layer: tensors of [batch, rows, tokens, width / ...]
        self.values = [None] * config.n_layers
        # Per layer: the two rows as they came, fewer than `residual` tokens
        self.recent = [None] * config.n_layers
        self.seen = [0] * config.n_layers

    @property
    def length(self) -> int:
        return self.seen[-1]

    @property
    def n_bytes(self) -> int:
        return tensor_bytes(self.keys + self.values + self.recent)

    def extend(self, layer, first, second, positions):
        """One part for each window of `residual` tokens that the new ones reach into."""
        parts, start = [], 0
        while start < first.shape[2]:
            room = self.residual - self.seen[layer] % self.residual
            queries = slice(start, min(start + room, first.shape[2]))
            parts.append(self._extend_window(layer, first[:, :, queries], second[:, :, queries],
                                             positions[:, queries], queries))
            start = queries.stop
        return parts

    def _extend_window(self, layer, first, second, positions, queries):
        self.recent[layer] = joined(self.recent[layer], (first, second))
        self.seen[layer] += first.shape[2]
        rows = joined(self._decoded(layer, first.dtype), self.recent[layer])
        if self.seen[layer] % self.residual == 0:
            keys, values = self.recent[layer]
            grouped = self.codec.encode(keys.mT if self.by_channel else keys)
            self.keys[layer] = joined(self.keys[layer], grouped, axis=3 if self.by_channel else 2)
            self.values[layer] = joined(self.values[layer], self.codec.encode(values))
            self.recent[layer] = None
        held = torch.arange(self.seen[layer], device=positions.device).expand(positions.shape[0], -1)
        return Part(queries, positions, *rows, held)

    def _decoded(self, layer, dtype):
        if self.keys[layer] is None:
            return None
        keys = self.codec.decode(*self.keys[layer])
        return [(keys.mT if self.by_channel else keys).to(dtype),
                self.codec.decode(*self.values[layer]).to(dtype)]
