"""What the lab's mechanisms do to its trained pair, "tiny" and "draft".
`python benchmarks/lab.py`; about four minutes.

What caches do to it is in benchmarks/caches.py.

Everything but the seconds follows from the weights and the seeds. Text is the held-out part of the corpus.
Nothing is stored.
"""
from __future__ import annotations

import time

import torch

from computetrades.inference import speculative as closed_form
from computetrades.lab import checkpoints, context_extension, expert_balance, train
from computetrades.model.sampling import Sampler
from computetrades.model.speculative import speculate

CONTEXT = train.CONTEXT


def rows(ids, n: int, tokens: int):
    """[n, tokens + 1]: n stretches of the text, spread evenly."""
    starts = torch.linspace(0, len(ids) - tokens - 1, n).long()
    return ids[starts[:, None] + torch.arange(tokens + 1)]


def by_rope(model, ids) -> None:
    print(f"perplexity by rotary scheme and context, trained at {CONTEXT}: "
          f"of all tokens, and of those behind token {CONTEXT}")
    for r in context_extension.readings(model, ids, CONTEXT, [CONTEXT, 512, 1024, 2048], 16_384):
        print(f"  {r.context:>5} {r.scheme:<8} {r.whole:9.2f} {r.beyond:9.2f}")


def by_draft(target, draft, ids, n_tokens: int = 128) -> None:
    """Acceptance and tokens per pass against the formula, which takes every draft to be accepted
    with the same probability."""
    prompts = rows(ids, 8, 63).tolist()
    print(f"speculation, {len(prompts)} prompts of 64 tokens, {n_tokens} tokens from each: "
          "share of judged drafts taken, tokens per pass, formula")
    for temperature in (0.0, 0.7, 1.0):
        for k in (1, 2, 4, 8):
            judged = taken = passes = 0
            for seed, prompt in enumerate(prompts):
                said = speculate(target, draft, prompt, n_tokens,
                                 k=k, sampler=Sampler(temperature, seed=seed))
                judged += sum(min(t + 1, drafted) for drafted, t in said.steps)
                taken += sum(t for _, t in said.steps)
                passes += len(said.steps)
            share = taken / judged
            print(f"  temperature {temperature:3.1f}, k = {k}: {share:6.3f} "
                  f"{len(prompts) * n_tokens / passes:7.3f} {closed_form.tokens_per_step(share, k):7.3f}")


def by_bias() -> None:
    _, ids = train.taught()
    print(f"8 experts, 2 per token, {expert_balance.STEPS} steps; the last {expert_balance.MEASURED}: "
          "variation of load, busiest over mean, nats")
    for with_bias in (False, True):
        found = expert_balance.train_mixture(ids, train.VOCAB_SIZE, with_bias)
        print(f"  {'with' if with_bias else 'without'} the bias: "
              f"{found.variation:.3f} {found.worst:.2f} {found.loss:.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    (target, tokenizer), (draft, _) = checkpoints.load("tiny"), checkpoints.load("draft")
    unseen = torch.tensor(tokenizer.encode(checkpoints.held_out()))
    for part in (lambda: by_rope(target, unseen), lambda: by_draft(target, draft, unseen), by_bias):
        began = time.perf_counter()
        part()
        print(f"  ({time.perf_counter() - began:.0f} s)")
