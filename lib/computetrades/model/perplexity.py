"""How well a model predicts a text, when what it remembers goes through a given cache."""
from __future__ import annotations

import math

import torch


@torch.no_grad()
def surprisal(model, ids, make_cache, chunk: int):
    """Nats that each next token costs, given the true ones before it: ids [batch, tokens] -> [batch, tokens - 1], float32.

    make_cache() gives an empty cache for the batch; the text passes through it `chunk` tokens at a time. ValueError when
    there is nothing to predict.
    """
    if ids.shape[1] < 2 or chunk < 1:
        raise ValueError(f"{ids.shape[1]} tokens in chunks of {chunk} leave nothing to predict: give 2 tokens or more, in chunks of 1 "
                         "or more")
    cache, inputs, targets = make_cache(), ids[:, :-1], ids[:, 1:]
    scored = [torch.nn.functional.cross_entropy(model(part, cache).transpose(1, 2), target, reduction="none")
              for part, target in zip(inputs.split(chunk, dim=1), targets.split(chunk, dim=1))]
    return torch.cat(scored, dim=1)


def perplexity(model, ids, make_cache, chunk: int) -> float:
    """exp of the mean surprisal: among how many equally likely tokens the model, on average, still has to choose."""
    return math.exp(surprisal(model, ids, make_cache, chunk).double().mean())
