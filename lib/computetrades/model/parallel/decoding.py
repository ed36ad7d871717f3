"""Prefill and decoding on one rank, step by step, with what was said in each."""
from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from ..cache import Contiguous
from ..transformer import Transformer
from .communicator import Collective, Communicator
from .expert import expert_parallel, own_requests
from .tensor import tensor_parallel
from .vocabulary import sample


@dataclass(frozen=True)
class Decoding:
    """tokens [requests, n_tokens]; logits [requests, prompt + n_tokens - 1, vocab_size].
    The first step is the prefill."""
    tokens: torch.Tensor
    logits: torch.Tensor
    traffic: list[list[Collective]]   # of each step
    seconds: list[float]              # of each step
    cache_bytes: int                  # on this rank


@torch.no_grad()
def generate(communicator: Communicator, parallelism, model: Transformer, prompts: torch.Tensor,
             n_tokens: int, *, seed: int | None = None) -> Decoding:
    """The model's next n_tokens for prompts [requests, tokens]:
    the likeliest, or drawn from the softmax with a seed.

    parallelism: tensor_parallel, where every rank works on all requests,
    or expert_parallel, where each has its own.
    """
    if parallelism is expert_parallel:
        prompts = own_requests(prompts, communicator)
    local = parallelism(model, communicator)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    cache = Contiguous(local.config, prompts.shape[1] + n_tokens - 1, len(prompts), local.embed.weight.dtype,
                       communicator.device)
    ids, tokens, logits, traffic, seconds = prompts.to(communicator.device), [], [], [], []
    for _ in range(n_tokens):
        communicator.log, start = [], time.perf_counter()
        logits.append(local(ids, cache).cpu())
        seconds.append(time.perf_counter() - start)
        traffic.append(communicator.log)
        tokens.append(_next(logits[-1][:, -1], generator))
        ids = tokens[-1].to(communicator.device)
    return Decoding(torch.cat(tokens, 1), torch.cat(logits, 1), traffic, seconds, cache.n_bytes)


@torch.no_grad()
def choose(communicator: Communicator, model: Transformer, ids: torch.Tensor,
           noise: torch.Tensor | None = None) -> tuple[torch.Tensor, list[Collective]]:
    """(the token after each position of ids [requests, tokens], the traffic),
    with logits that no rank ever has whole.

    noise: see vocabulary.sample.
    """
    local = tensor_parallel(model, communicator, gather_logits=False)
    communicator.log = []
    chosen = sample(local(ids.to(communicator.device)), model.config.vocab_size, communicator, noise)
    return chosen.cpu(), communicator.log


def _next(logits, generator):
    """logits [requests, vocab_size] -> ids [requests, 1]."""
    return (logits.argmax(-1, keepdim=True) if generator is None
            else torch.multinomial(logits.softmax(-1), 1, generator=generator))
