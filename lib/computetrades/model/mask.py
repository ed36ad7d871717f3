"""Which keys a query may see."""
import torch

from .config import CHUNKED, SLIDING


def visible(queries: torch.Tensor, keys: torch.Tensor, kind: str, window: int) -> torch.Tensor:
    """[batch, 1, n_queries, n_keys] of bool, from positions [batch, n_queries] and [batch, n_keys].

    full: every key up to the query. sliding: the last `window` of those, the query's own included. chunked:
    those of the query's own chunk of `window` tokens.
    A negative key position marks a place that holds nothing.
    """
    q, k = queries[:, None, :, None], keys[:, None, None, :]
    seen = (k <= q) & (k >= 0)
    if kind == SLIDING:
        seen &= q - k < window
    elif kind == CHUNKED:
        seen &= q // window == k // window
    return seen
