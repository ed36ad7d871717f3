"""What batching and prefix reuse are worth on the model lab's engine. `python benchmarks/engine.py` [runs]

Seconds are processor time of one thread, so that other work on the machine counts little: medians of several
runs, with the extremes. Counts of slots and tokens are exact and the same anywhere. Nothing is stored.
"""
from __future__ import annotations

import platform
import random
import statistics
import sys
import time

import torch

from computetrades.model.config import ModelConfig
from computetrades.model.transformer import Transformer, n_parameters
from computetrades.serving.engine import Engine

# Weights of about 100 MB, more than processor caches hold:
# at batch 1 a step waits for memory, as on an accelerator.
LARGE = ModelConfig(n_layers=6, hidden_size=512, n_heads=8, intermediate_size=1408, vocab_size=4096,
                    n_kv_heads=2)
# Where only counts matter
SMALL = ModelConfig(n_layers=1, hidden_size=16, n_heads=2, intermediate_size=16, vocab_size=64)
MEAN, LONGEST = 32, 128   # output lengths: geometric with about this mean, cut off


def drained(engine) -> float:
    start = time.process_time()
    engine.run()
    return time.process_time() - start


def told(name: str, samples: list[float], unit: str) -> None:
    print(f"{name:<44} {statistics.median(samples):>9.4g} {unit:<9} "
          f"({min(samples):.4g} to {max(samples):.4g})")


def prompts(n: int, length: int, seed: int = 0, vocab_size: int = LARGE.vocab_size) -> list[list[int]]:
    r = random.Random(seed)
    return [[r.randrange(vocab_size) for _ in range(length)] for _ in range(n)]


def by_batch(model, runs: int, length: int = 32, outputs: int = 32) -> None:
    """Output tokens per second when so many requests of equal length run together;
    batch 1 is one at a time."""
    for batch in (1, 2, 4, 8, 16, 32):
        speeds = []
        for run in range(runs):
            engine = Engine(model, 256, 16, 4096)
            for prompt in prompts(batch, length, run):
                engine.submit(prompt, outputs)
            engine.step()   # the prompts
            speeds.append(batch * (outputs - 1) / drained(engine))
        told(f"decoding, batch {batch}", speeds, "token/s")


def by_prefix(model, runs: int, *, requests: int = 16, shared: int = 256, own: int = 16,
              outputs: int = 16) -> None:
    """The same requests, which begin alike, with and without the prefix cache;
    the first arrives a step before the others."""
    texts, spoken = [], []
    for reuse in (False, True):
        seconds = []
        for run in range(runs):
            engine, (prefix,) = Engine(model, 512, 16, 4096, prefix_cache=reuse), prompts(1, shared, seed=run)
            sent = [engine.submit(prefix + tail, outputs) for tail in prompts(1, own, seed=run + 100)]
            start = time.process_time()
            engine.step()
            sent += [engine.submit(prefix + tail, outputs)
                     for tail in prompts(requests - 1, own, seed=run + 200)]
            engine.step()
            first_tokens = time.process_time() - start
            engine.run()
            seconds.append((first_tokens, time.process_time() - start))
        texts.append([request.output_ids for request in sent])
        spoken.append(f"{engine.computed_tokens} tokens computed, {sum(r.cached_tokens for r in sent)} found")
        name = f"prefix cache {'on' if reuse else 'off'}"
        told(f"{name}, until all have a token", [first for first, _ in seconds], "s")
        told(f"{name}, until all are done", [whole for _, whole in seconds], "s")
    print(f"  off: {spoken[0]}; on: {spoken[1]}; outputs {'identical' if texts[0] == texts[1] else 'DIFFER'}")


def lengths(n: int, seed: int = 0) -> list[int]:
    """Geometric: after each token the text ends with probability 1 / MEAN, and at LONGEST in any case."""
    r = random.Random(seed)
    return [next((k for k in range(1, LONGEST) if r.random() < 1 / MEAN), LONGEST) for _ in range(n)]


def static_waste(batch: int) -> float:
    """Expected share of slots that wait for the longest of a batch:
    1 - E[length] / E[longest of `batch` lengths].

    Both expectations are sums of survival functions: E[N] = sum of P(N > k),
    E[max] = sum of 1 - P(N <= k)^batch.
    """
    ended = [1 - (1 - 1 / MEAN) ** k for k in range(LONGEST)]
    return 1 - sum(1 - p for p in ended) / sum(1 - p ** batch for p in ended)


def wasted(batch: int, outputs: list[int], static: bool) -> float:
    """Share of slots that produced nothing: per step there are `batch`. Prompts are one token,
    so that each output is one slot.

    Static batching admits the next batch when the last request of this one is done; continuous as soon as a
    slot is empty.
    """
    engine, steps = Engine(Transformer(SMALL).initialise(0), batch * LONGEST // 16, 16, batch), 0
    groups = [outputs[i:i + batch] for i in range(0, len(outputs), batch)] if static else [outputs]
    for group in groups:
        for n_tokens in group:
            engine.submit([1], n_tokens)
        while engine.busy:
            engine.step()
            steps += 1
    assert engine.computed_tokens == sum(outputs), "no request was computed twice"
    return 1 - sum(outputs) / (batch * steps)


def by_policy(n: int = 256) -> None:
    outputs = lengths(n)
    print(f"{n} requests, {statistics.mean(outputs):.1f} tokens on average, {max(outputs)} at most; "
          "share of slots wasted:")
    print(f"{'batch':>7} {'static':>9} {'closed form':>12} {'continuous':>11}")
    for batch in (2, 4, 8, 16, 32):
        static, continuous = wasted(batch, outputs, static=True), wasted(batch, outputs, static=False)
        print(f"{batch:>7} {static:>9.1%} {static_waste(batch):>12.1%} {continuous:>11.1%}")


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {platform.machine()}, {platform.system()}, one thread; "
          f"{n_parameters(LARGE):,} parameters, float32")
    model = Transformer(LARGE).initialise(0)
    by_batch(model, runs)
    by_prefix(model, runs)
    by_policy()
