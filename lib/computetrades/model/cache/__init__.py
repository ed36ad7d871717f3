"""Where keys and values stay between steps. Every cache has the same four methods; a model does not know which it was given.

extend(layer, first, second, positions) -> parts   store new rows, give back what the new queries may look at
length -> int                                      tokens stored so far
n_bytes -> int                                     bytes that the stored rows take

What is stored per token and layer is two rows: keys and values, or a rotary key and a latent (ModelConfig.row_shapes).
"""
from .base import NoCache, Part
from .blocks import BlockPool, OutOfBlocks
from .contiguous import Contiguous
from .paged import Paged
from .ragged import Ragged

__all__ = ["BlockPool", "Contiguous", "NoCache", "OutOfBlocks", "Paged", "Part", "Ragged"]
