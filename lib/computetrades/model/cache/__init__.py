"""Where keys and values stay between steps. Every cache has the same three members;
a model does not know which it was given.

extend(layer, first, second, positions) -> parts   store new rows, give back what the new queries may look at
length -> int                                      tokens passed in so far, those that
                                                   were dropped again included
n_bytes -> int                                     bytes of the tensors that it holds

What is stored per token and layer is two rows: keys and values,
or a rotary key and a latent (ModelConfig.row_shapes).

base         what a step is given to look at
contiguous   room for the longest context, reserved at the start
sliding      grows with the text; in sliding layers up to the window
sinks        the first tokens and the last ones (StreamingLLM)
quantised    grows, in fewer bits: by row (codecs.py), or by window of tokens (KIVI)
paged        in blocks from a shared pool (blocks.py); ragged makes one batch of many sequences
"""
from .base import NoCache, Part
from .blocks import BlockPool, OutOfBlocks
from .contiguous import Contiguous
from .paged import Paged
from .quantised import KIVI, Quantised
from .ragged import Ragged
from .sinks import Sinks
from .sliding import Sliding

__all__ = ["KIVI", "BlockPool", "Contiguous", "NoCache", "OutOfBlocks", "Paged", "Part", "Quantised",
           "Ragged", "Sinks", "Sliding"]
