"""The layers of a model in groups that attend alike,
which is all that the other rooms ask of how its layers differ."""
from typing import NamedTuple

from ..functions import minimum
from ..number import Number

FULL, SLIDING, CHUNKED = "full", "sliding", "chunked"


class Group(NamedTuple):
    """So many layers in which a token sees all before it, the last `reach` with its own,
    or those of its own chunk of `reach`."""
    n_layers: int | Number
    kind: str
    reach: int | Number | None = None

    def held(self, length):
        """Tokens of a sequence of `length` that each of these layers keeps."""
        return length if self.reach is None else minimum(length, self.reach)


def groups(model) -> tuple[Group, ...]:
    """A model as in params.py. Llama 3.1 70B: one group of 80 full layers."""
    if hasattr(model, "sliding_window"):
        local = Group(model.n_sliding_layers, SLIDING, model.sliding_window)
    elif hasattr(model, "attention_chunk_size"):
        local = Group(model.n_chunked_layers, CHUNKED, model.attention_chunk_size)
    else:
        return (Group(model.n_layers, FULL),)
    return Group(model.n_full_layers, FULL), local
