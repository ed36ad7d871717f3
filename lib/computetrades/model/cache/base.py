"""What a cache hands to attention."""
from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass
class Part:
    """Some queries of a batch and the rows that they look at. One part is the rule; a ragged batch has one per sequence."""
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
