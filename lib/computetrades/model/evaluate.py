"""How well a model predicts a text: cross-entropy in nats per token. Its exponential is the perplexity."""
from __future__ import annotations

import math

import torch
from torch.nn import functional as F


@torch.no_grad()
def losses(model, ids: torch.Tensor, context: int, n_windows: int | None = None) -> torch.Tensor:
    """[n_windows, context] of nats: ids [tokens] cut end to end into windows, each token predicted from those before it in its
    window. All whole windows, or n_windows spread evenly over them. ValueError when the text holds fewer."""
    whole = (len(ids) - 1) // context
    if not 0 < (n_windows or 1) <= whole:
        raise ValueError(f"{len(ids)} tokens hold {whole} windows of {context}; asked for {n_windows or 'all'}; give more text")
    starts = torch.linspace(0, whole - 1, n_windows or whole).round().long() * context
    out = []
    for rows in (starts[:, None] + torch.arange(context + 1)).split(max(1, 2048 // context)):
        logits = model(ids[rows[:, :-1]])
        out.append(F.cross_entropy(logits.transpose(1, 2), ids[rows[:, 1:]], reduction="none"))
    return torch.cat(out)


def perplexity(nats: torch.Tensor) -> float:
    """Of a mean over any part of `losses`."""
    return nats.mean().exp().item()


def bits_per_byte(nats_per_token: float, bytes_per_token: float) -> float:
    """The loss without its tokenizer: what a code with this model would spend on a byte of the text."""
    return nats_per_token / math.log(2) / bytes_per_token
