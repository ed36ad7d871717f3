"""A cache that grows with the text in full layers and stops at the window in sliding ones."""
from __future__ import annotations

import torch

from ..config import FULL, ModelConfig
from .base import Part, joined, tensor_bytes


class Sliding:
    """Keeps the last `config.window` tokens in each sliding or chunked layer, every token in a full one
    (Mistral's rolling buffer: Jiang et al. 2023, section 2). Rows of `batch` sequences of equal length;
    holds no more than it stores."""

    def __init__(self, config: ModelConfig):
        self.reach = [None if config.layer_kind(layer) == FULL else config.window
                      for layer in range(config.n_layers)]
        self.stored = [None] * config.n_layers   # per layer: tensors whose axis 2 is the token
        self.seen = [0] * config.n_layers

    @property
    def length(self) -> int:
        return self.seen[-1]

    @property
    def n_bytes(self) -> int:
        return tensor_bytes(self.stored)

    def extend(self, layer, first, second, positions):
        # The first of several new queries looks back further than the last, so they see all rows, and the
        # mask cuts; only then is the window trimmed.
        rows = joined(self.stored[layer], self.encode(first, second))
        self.seen[layer] += first.shape[2]
        reach = self.reach[layer]
        self.stored[layer] = rows if reach is None else [
            t if t.shape[2] <= reach else t[:, :, -reach:].clone() for t in rows]
        held = torch.arange(self.seen[layer] - rows[0].shape[2], self.seen[layer], device=positions.device)
        return [Part(slice(None), positions, *self.decode(rows, first.dtype),
                     held.expand(positions.shape[0], -1))]

    def encode(self, first, second):
        """The two rows as they are stored: tensors whose axis 2 is the token. Here, unchanged."""
        return [first, second]

    def decode(self, stored, dtype):
        return stored
