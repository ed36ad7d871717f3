"""From logits to the next token: a chain of small functions on probabilities, then one draw.

The order is the usual one: temperature, top-k, top-p, min-p. Each step after the first drops the unlikely and
shares out their probability among what is left, in proportion.
"""
from __future__ import annotations

import torch


def temperature(logits: torch.Tensor, t: float = 1.0) -> torch.Tensor:
    """softmax(logits / t) [..., vocab_size]. At t = 0, its limit:
    all on the largest logit (the first, of equals).

    ValueError for logits that are NaN, plus infinity, or all minus infinity;
    a single minus infinity forbids its token.
    """
    _require(t >= 0, "temperature", t, "give 0 (greedy) or more")
    # The largest becomes 0 first, so that a small temperature cannot overflow.
    shifted = logits.float() - logits.float().amax(dim=-1, keepdim=True)
    if shifted.isnan().any():
        raise ValueError("the logits are NaN, plus infinity or all minus infinity: "
                         "look for an overflow in the model, or for a mask that forbids every token")
    if t == 0:
        return torch.zeros_like(shifted).scatter_(-1, shifted.argmax(dim=-1, keepdim=True), 1.0)
    return (shifted / t).softmax(dim=-1)


def top_k(probabilities: torch.Tensor, k: int) -> torch.Tensor:
    """The k likeliest tokens (and those as likely as the last of them), renormalised;
    [..., vocab_size] as before."""
    _require(k >= 1, "top_k", k, "keep at least 1 token, or leave it out")
    least = probabilities.topk(min(k, probabilities.shape[-1]), dim=-1).values[..., -1:]
    return _kept(probabilities, probabilities >= least)


def top_p(probabilities: torch.Tensor, p: float) -> torch.Tensor:
    """The nucleus: the fewest likeliest tokens that together have probability p
    (Holtzman et al. 2020), renormalised."""
    _require(0 < p <= 1, "top_p", p, "give a share above 0, up to 1 (all tokens)")
    likeliest, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = likeliest.cumsum(dim=-1) - likeliest   # what the likelier ones have together
    return _kept(probabilities,
                 torch.zeros_like(probabilities, dtype=torch.bool).scatter_(-1, order, before < p))


def min_p(probabilities: torch.Tensor, share: float) -> torch.Tensor:
    """The tokens with at least this share of the likeliest one's probability
    (Nguyen et al. 2024), renormalised."""
    _require(0 <= share <= 1, "min_p", share, "give a share of the largest probability, 0 (all tokens) to 1")
    return _kept(probabilities, probabilities >= share * probabilities.amax(dim=-1, keepdim=True))


def condensed(logits: torch.Tensor, n_best: int) -> tuple[list[tuple[int, float]], dict[float, int]]:
    """logits [vocab_size] in a form small enough to store in a chart that computes
    softmax at any temperature.

    The n_best as (id, score to three decimals), and of the others how many have each score, to one decimal.
    """
    _require(1 <= n_best <= len(logits), "n_best", n_best,
             f"give 1 to {len(logits)}, the size of the vocabulary")
    order = logits.argsort(descending=True, stable=True).tolist()
    tail: dict[float, int] = {}
    for token in order[n_best:]:
        score = round(float(logits[token]), 1)
        tail[score] = tail.get(score, 0) + 1
    return [(token, round(float(logits[token]), 3)) for token in order[:n_best]], tail


def draw_token(probabilities: torch.Tensor, generator: torch.Generator) -> int:
    """One token id from probabilities [vocab_size].
    Drawn on the CPU, so that a seed gives the same everywhere."""
    return int(torch.multinomial(probabilities.cpu(), 1, generator=generator))


def greedy(logits: torch.Tensor) -> int:
    """logits [vocab_size] -> the likeliest id."""
    return int(temperature(logits, 0).argmax())


class Sampler:
    """Draws token ids with one setting and random numbers of its own: the same seed, the same draws."""

    def __init__(self, temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0,
                 min_p: float = 0.0, seed: int = 0):
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.min_p = min_p
        self.generator = torch.Generator().manual_seed(seed)
        self.probabilities(torch.zeros(1))   # a setting that cannot be is refused here, not at the first draw

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """logits [..., vocab_size] -> what a draw follows, the same shape."""
        out = temperature(logits, self.temperature)
        if self.top_k is not None:
            out = top_k(out, self.top_k)
        if self.top_p != 1:
            out = top_p(out, self.top_p)
        return min_p(out, self.min_p) if self.min_p else out

    def __call__(self, logits: torch.Tensor) -> int:
        """logits [vocab_size] -> a token id."""
        return draw_token(self.probabilities(logits), self.generator)


def _kept(probabilities, kept):
    held = probabilities * kept
    return held / held.sum(dim=-1, keepdim=True)


def _require(holds, name, value, remedy):
    if not holds:
        raise ValueError(f"{name} cannot be {value}: {remedy}")
