"""Sequences of different lengths in one flat batch: selective batching (Orca, Yu et al. 2022)."""
from __future__ import annotations

from dataclasses import replace

import torch


class Ragged:
    """Over a batch [1, total tokens] in which the first counts[0] tokens belong to caches[0],
    the next counts[1] to caches[1]...

    Projections and feed-forward see all tokens at once, and so read each weight once for all sequences;
    attention runs per sequence, as each has its own keys.
    """

    def __init__(self, caches, counts: list[int]):
        self.caches = caches
        self.counts = counts

    @property
    def length(self) -> int:
        return sum(cache.length for cache in self.caches)

    @property
    def n_bytes(self) -> int:
        return sum(cache.n_bytes for cache in self.caches)

    @property
    def positions(self):
        """[1, total tokens]: each sequence goes on where it stands.
        To be passed to the model, which cannot know."""
        return torch.cat([torch.arange(cache.length, cache.length + n)
                          for cache, n in zip(self.caches, self.counts, strict=True)])[None]

    def extend(self, layer, first, second, positions):
        parts, start = [], 0
        for cache, n in zip(self.caches, self.counts, strict=True):
            own = slice(start, start + n)
            part, = cache.extend(layer, first[:, :, own], second[:, :, own], positions[:, own])
            parts.append(replace(part, queries=own))
            start += n
        return parts
