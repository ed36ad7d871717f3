"""Reading further than trained: one model under each rotary scheme of rope.py, nothing learned anew."""
from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from .perplexity import by_window, perplexity
from .transformer import Transformer

SCHEMES = ("default", "linear", "ntk", "yarn")


@dataclass(frozen=True)
class Reading:
    """Perplexity of a text read in windows of `context` tokens: of all of it, and of the tokens beyond the trained length."""
    scheme: str
    context: int
    whole: float
    beyond: float                     # nan where the window is no longer than trained


def stretched(model: Transformer, scheme: str, trained: int, context: int) -> Transformer:
    """The same weights, not copied, with rotary positions stretched from `trained` to `context` tokens."""
    rope = replace(model.config.rope, scheme=scheme, factor=max(1.0, context / trained), trained_context=trained)
    with torch.device("meta"):
        other = Transformer(model.config.with_(rope=rope))
    other.load_state_dict(model.state_dict(), assign=True)
    return other.eval()


def readings(model: Transformer, ids: torch.Tensor, trained: int, contexts, n_tokens: int) -> list[Reading]:
    """Every scheme at every context, on n_tokens of ids [tokens] spread evenly over it."""
    out = []
    for context in contexts:
        for scheme in SCHEMES:
            nats = by_window(stretched(model, scheme, trained, context), ids, context, n_tokens // context)
            out.append(Reading(scheme, context, perplexity(nats), perplexity(nats[:, trained:])))
    return out
