"""Serving: many requests through one model,
a few tokens of each per step (continuous batching, Orca, Yu et al. 2022).

A step is one pass over a flat batch: the next token of every running request, and as much of the waiting
prompts as the token budget leaves room for. Keys and values lie in a pool of blocks (vLLM, Kwon et al. 2023),
where a prompt finds again what an earlier one has left there.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import torch

from ..model.cache import BlockPool, Paged, Ragged
from ..model.sampling import greedy


@dataclass(eq=False)
class Request:
    """What was asked and what came of it. finish_reason:
    stop (a stop id, which is the last output), length or cancelled."""
    prompt_ids: list[int]
    max_tokens: int
    sample: Callable[[torch.Tensor], int]
    stop_ids: Collection[int]
    output_ids: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    # Of the prompt, found in the prefix cache when the request was first admitted
    cached_tokens: int = 0
    # Of the prompt, in further full blocks: computed, and left for others to find
    written_tokens: int = 0
    preemptions: int = 0         # times it lost its blocks and was computed again
    cache: Paged | None = None   # only while running

    @property
    def done(self) -> bool:
        return self.finish_reason is not None

    @property
    def ids(self) -> list[int]:
        return self.prompt_ids + self.output_ids


class Engine:
    """First come, first served. computed_tokens counts what went through the model, recomputation included.

    prefix_cache=False computes every prompt in full, for comparison.
    """

    def __init__(self, model, n_blocks: int, block_size: int, max_batch_tokens: int,
                 prefix_cache: bool = True):
        if max_batch_tokens < 1:
            raise ValueError(f"max_batch_tokens cannot be {max_batch_tokens}: a step needs at least 1")
        weight = model.embed.weight
        self.model = model
        self.max_batch_tokens = max_batch_tokens
        self.prefix_cache = prefix_cache
        self.pool = BlockPool(model.config, n_blocks, block_size, weight.dtype, weight.device)
        # Both in order of arrival, and all who wait came after all who run
        self.waiting: deque[Request] = deque()
        self.running: list[Request] = []
        self.computed_tokens = 0

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    def submit(self, prompt_ids: list[int], max_tokens: int, sample=greedy,
               stop_ids: Collection[int] = ()) -> Request:
        """sample: logits [vocab_size] -> id. It is called once per output token; any random state is its own.

        ValueError for a request that could never be served:
        the pool must be able to hold it when it is alone.
        """
        vocabulary = self.model.config.vocab_size
        if not prompt_ids or max_tokens < 1:
            raise ValueError(f"a prompt of {len(prompt_ids)} tokens and max_tokens {max_tokens}: "
                             "give at least 1 of each")
        if not 0 <= min(prompt_ids) <= max(prompt_ids) < vocabulary:
            raise ValueError(f"prompt ids reach from {min(prompt_ids)} to {max(prompt_ids)}: "
                             f"give ids from 0 to {vocabulary - 1}")
        # The last token is given out and never stored
        if len(prompt_ids) + max_tokens - 1 > self.pool.capacity:
            raise ValueError(f"a prompt of {len(prompt_ids)} tokens and max_tokens {max_tokens} do not fit "
                             f"into a pool of {self.pool.capacity} tokens "
                             f"({self.pool.n_blocks} blocks of {self.pool.block_size}); "
                             "shorten the request or give the engine more blocks")
        request = Request(list(prompt_ids), max_tokens, sample, frozenset(stop_ids))
        self.waiting.append(request)
        return request

    @torch.no_grad()
    def step(self) -> list[tuple[Request, int]]:
        """One pass through the model; the tokens that it produced.
        A request in the middle of its prompt produces none."""
        batch = self._schedule()
        if not batch:
            return []
        try:
            return self._sample(batch, self._compute(batch))
        except BaseException:   # also an interrupt: rows may be half written, so what runs is computed again
            while self.running:
                self._preempt(self.running[-1])
            raise

    def run(self):
        """Step until nothing is left to do."""
        while self.busy:
            self.step()

    def cancel(self, request: Request):
        """Its blocks are free at once, whether it runs or waits; a request that is done stays as it is."""
        if not request.done:
            self._finish(request, "cancelled")

    def _schedule(self) -> list[tuple[Request, int]]:
        """Who takes part in this step, with how many tokens: running requests first,
        then those that can be admitted."""
        batch, budget = [], self.max_batch_tokens
        for request in tuple(self.running):
            if not budget:
                break
            while request.cache and request.cache.needs(len(request.ids)) > self.pool.n_available:
                self._preempt(self.running[-1])   # the youngest, in the end the request itself
            if not request.cache:
                break
            budget -= self._take(request, budget, batch)
        while self.waiting and budget and self._admit(self.waiting[0]):
            budget -= self._take(self.running[-1], budget, batch)
        return batch

    def _take(self, request, budget, batch) -> int:
        request.cache.reserve(len(request.ids))
        n_tokens = min(len(request.ids) - request.cache.length, budget)
        batch.append((request, n_tokens))
        return n_tokens

    def _admit(self, request) -> bool:
        """Let the first who waits run, if there are blocks for all that it has to store so far."""
        cache = Paged(self.pool)
        cached = cache.attach(request.ids) if self.prefix_cache else 0
        if cache.needs(len(request.ids)) > self.pool.n_available:
            cache.free()
            return False
        if not request.preemptions:
            request.cached_tokens = cached
            full = len(request.prompt_ids) // self.pool.block_size * self.pool.block_size
            request.written_tokens = full - cached if self.prefix_cache else 0
        request.cache = cache
        self.running.append(self.waiting.popleft())
        return True

    def _compute(self, batch):
        """Logits [requests, vocab_size] behind the last token that each request has in the batch."""
        counts = [n_tokens for _, n_tokens in batch]
        ids = [id for request, n_tokens in batch for id in request.ids[request.cache.length:][:n_tokens]]
        cache = Ragged([request.cache for request, _ in batch], counts)
        device = self.model.embed.weight.device
        logits = self.model(torch.tensor([ids], device=device), cache, cache.positions.to(device))[0]
        self.computed_tokens += len(ids)
        if self.prefix_cache:
            for request, _ in batch:
                request.cache.publish(request.ids)
        return logits[torch.tensor(counts).cumsum(0) - 1]

    def _sample(self, batch, logits) -> list[tuple[Request, int]]:
        produced = []
        for (request, _), row in zip(batch, logits, strict=True):
            if request.cache.length < len(request.ids):
                continue   # more of the prompt is to come
            token = request.sample(row)
            request.output_ids.append(token)
            produced.append((request, token))
            if token in request.stop_ids:
                self._finish(request, "stop")
            elif len(request.output_ids) == request.max_tokens:
                self._finish(request, "length")
        return produced

    def _preempt(self, request):
        """Take the blocks away. What they held is computed again when the request is readmitted,
        before any younger one."""
        request.cache.free()
        request.cache = None
        request.preemptions += 1
        self.running.remove(request)
        self.waiting.appendleft(request)

    def _finish(self, request, reason: str):
        if request.cache:
            request.cache.free()
            request.cache = None
        (self.running if request in self.running else self.waiting).remove(request)
        request.finish_reason = reason
