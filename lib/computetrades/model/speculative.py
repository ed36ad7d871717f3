"""Speculative decoding: a small model drafts,
the large one checks all drafts in one pass (Leviathan et al. 2023; Chen et al. 2023).

A draft x, drawn from the small model's q, is taken with probability min(1, p(x) / q(x)), where p is the large
model's distribution. The first one refused is replaced by a draw from the positive part of p - q. What comes
out is distributed as p, whatever q is; a good q only makes it come sooner. Greedy decoding is the case in
which p and q are certain of one token each.
"""
from __future__ import annotations

from dataclasses import dataclass, field

import torch

from .cache import Contiguous
from .sampling import Sampler, draw_token


@dataclass
class Speculation:
    """What came of it. steps: for each pass of the target,
    how many tokens were drafted and how many of them were taken."""
    output_ids: list[int] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)

    @property
    def acceptance(self) -> float:
        """Share taken of the drafts that were judged;
        those behind a refused one never are. NaN when none was."""
        judged = sum(min(taken + 1, drafted) for drafted, taken in self.steps)
        return sum(taken for _, taken in self.steps) / judged if judged else float("nan")

    @property
    def tokens_per_step(self) -> float:
        """Mean tokens that a pass of the target gave: those taken, and its own one behind them."""
        return len(self.output_ids) / len(self.steps)


def speculate(target, draft, prompt_ids: list[int], n_tokens: int, *, k: int,
              sampler: Sampler) -> Speculation:
    """n_tokens from the target, with up to k drafts per pass. Both models must share one vocabulary;
    the batch is one sequence.

    The sampler's setting shapes the distributions of both models, and its generator makes every draw.
    """
    if target.config.vocab_size != draft.config.vocab_size:
        raise ValueError(f"the draft has a vocabulary of {draft.config.vocab_size} tokens and the target one "
                         f"of {target.config.vocab_size}: a draft must speak in the target's tokens")
    if not prompt_ids or n_tokens < 1 or k < 0:
        raise ValueError(f"a prompt of {len(prompt_ids)} tokens, n_tokens {n_tokens}, k {k}: "
                         "give at least 1, 1 and 0")
    ids, out, room = list(prompt_ids), Speculation(), len(prompt_ids) + n_tokens
    target_cache, draft_cache = _cache(target, room), _cache(draft, room)
    while len(out.output_ids) < n_tokens:
        n_drafts = min(k, n_tokens - len(out.output_ids) - 1)   # the last token needs none
        drafts, q = _drafted(draft, draft_cache, ids, n_drafts, sampler)
        p = sampler.probabilities(_logits(target, target_cache, ids + drafts)[-n_drafts - 1:])
        taken, following = verify(p, q, drafts, sampler.generator)
        ids += drafts[:taken] + [following]
        out.output_ids += drafts[:taken] + [following]
        out.steps.append((n_drafts, taken))
        for cache in (target_cache, draft_cache):
            # The newest token has been through neither model
            cache.truncate(min(cache.length, len(ids) - 1))
    return out


def verify(p: torch.Tensor, q: torch.Tensor, drafts: list[int],
           generator: torch.Generator) -> tuple[int, int]:
    """(how many drafts are taken, the token that follows them).
    p [drafts + 1, vocab_size] of the target, q [drafts, vocab_size]."""
    for i, token in enumerate(drafts):
        if torch.rand((), generator=generator) * q[i, token] >= p[i, token]:
            return i, draw_token(residual(p[i], q[i]), generator)
    return len(drafts), draw_token(p[-1], generator)


def residual(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """What a refused draft is replaced from: the positive part of p - q, renormalised; [..., vocab_size]."""
    rest = (p - q).clamp(min=0)
    total = rest.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, rest / total, p)   # none left: p and q differ by rounding alone


def acceptance(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Probability that a draft is taken:
    the sum of min(p, q) over the vocabulary [..., vocab_size] -> [...]."""
    return torch.minimum(p, q).sum(dim=-1)


def _drafted(model, cache, ids, n_drafts, sampler):
    """(drafts, q): each drawn from the draft's distribution behind the ones before it."""
    drafts, q = [], []
    for _ in range(n_drafts):
        q.append(sampler.probabilities(_logits(model, cache, ids + drafts)[-1]))
        drafts.append(draw_token(q[-1], sampler.generator))
    return drafts, torch.stack(q) if q else []


@torch.no_grad()
def _logits(model, cache, ids):
    """Logits [new tokens, vocab_size] of those of the ids that the cache does not hold yet,
    which it then does."""
    return model(torch.tensor([ids[cache.length:]], device=model.embed.weight.device), cache)[0]


def _cache(model, capacity):
    weight = model.embed.weight
    return Contiguous(model.config, capacity, dtype=weight.dtype, device=weight.device)
