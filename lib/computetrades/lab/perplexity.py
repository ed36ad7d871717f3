"""How well a model predicts a text, when what it remembers goes through a given cache:
in nats per token, and what they mean."""
from __future__ import annotations

import math

import torch

from ..model.cache import NoCache

BATCH_TOKENS = 2048                   # of windows that are read together


@torch.no_grad()
def surprisal(model, ids: torch.Tensor, make_cache=NoCache, chunk: int | None = None) -> torch.Tensor:
    """Nats that each next token costs, given the true ones before it:
    ids [batch, tokens] -> [batch, tokens - 1], float32.

    make_cache() gives an empty cache for the batch; the text passes through it `chunk` tokens at a time, all
    at once without one. ValueError when there is nothing to predict.
    """
    chunk = ids.shape[1] if chunk is None else chunk
    if ids.shape[1] < 2 or chunk < 1:
        raise ValueError(f"{ids.shape[1]} tokens in chunks of {chunk} leave nothing to predict: "
                         "give 2 tokens or more, in chunks of 1 or more")
    cache, inputs, targets = make_cache(), ids[:, :-1], ids[:, 1:]
    scored = [torch.nn.functional.cross_entropy(model(part, cache).transpose(1, 2), target, reduction="none")
              for part, target in zip(inputs.split(chunk, dim=1), targets.split(chunk, dim=1), strict=True)]
    return torch.cat(scored, dim=1)


def by_window(model, ids: torch.Tensor, context: int, n_windows: int | None = None,
              reach: int | None = None) -> torch.Tensor:
    """Nats [n_windows, context] of a text cut end to end,
    each token predicted from those before it in its window.

    ids [tokens]; all whole windows, or n_windows spread evenly over them. With `reach` the same tokens are
    read anew every `reach` of them, so that none looks back further. ValueError when the text holds fewer
    windows or `reach` does not divide one.
    """
    whole, reach = (len(ids) - 1) // context, reach or context
    if not 0 < (n_windows or 1) <= whole:
        raise ValueError(f"{len(ids)} tokens hold {whole} windows of {context}; "
                         f"asked for {n_windows or 'all'}; give more text")
    if context % reach:
        raise ValueError(f"windows of {context} tokens cannot be cut into stretches of {reach}; "
                         "give a divisor")
    starts = torch.linspace(0, whole - 1, n_windows or whole).round().long() * context
    starts = (starts[:, None] + torch.arange(0, context, reach)).flatten()
    rows = ids[starts[:, None] + torch.arange(reach + 1)]
    return torch.cat([surprisal(model, some)
                      for some in rows.split(max(1, BATCH_TOKENS // reach))]).view(-1, context)


def perplexity(nats: torch.Tensor) -> float:
    """exp of the mean surprisal: among how many equally likely tokens the model,
    on average, still has to choose."""
    return math.exp(nats.double().mean())


def bits_per_byte(nats_per_token: float, bytes_per_token: float) -> float:
    """The loss without its tokenizer: what a code with this model would spend on a byte of the text."""
    return nats_per_token / math.log(2) / bytes_per_token
