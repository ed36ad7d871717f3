"""FLOPs of one pass, operation by operation:
two for each multiply-add of a matrix product, nothing for the rest.

prefill and decode return name -> FLOPs over all layers; sum(...values()) is the pass. The names are those of
params.matrices, so that an operation's weights stand beside its arithmetic, with scores (queries on keys),
values (weights on values) and head. `model` is as in params.py; lengths in tokens.
Python ints give the exact integer.

The latent attention of DeepSeek comes in two forms (DeepSeek-V2, 2.1.2). Expanded: each cached latent becomes
keys and values of all heads again in every pass. Absorbed: queries go to the latents' space instead,
and every pair costs more.
"""
from ..functions import floor, minimum
from ..number import FLOP, TOKEN
from . import layers
from .params import matrices


def prefill(model, tokens, cached=None, absorbed=False, every_token=False):
    """`tokens` new ones, each attending to itself and what came before,
    `cached` of which are in the cache already.

    every_token: logits for all of them, as in training; a prompt needs the last one's alone.
    """
    n, before = tokens / TOKEN, None if cached is None else cached / TOKEN

    def grown(pairs, reach):
        return pairs(n, reach) if before is None else pairs(before + n, reach) - pairs(before, reach)
    pairs = _over_layers(model, lambda: causal_pairs(n, 0 if before is None else before),
                         lambda w: grown(sliding_pairs, w), lambda c: grown(chunked_pairs, c))
    return _pass(model, n, n if before is None else before + n, pairs,
                 absorbed=absorbed, with_logits=n if every_token else 1)


def per_token_in_text(active, width, length):
    """FLOPs per token of a training text of `length` tokens,
    of a model that publishes totals alone (FLOP/token).

    active: parameters at work per token; width: numbers that one query-key pair multiplies, in queries and
    values of all heads and layers together. A token sees half of its text on average.
    """
    return (2 * active + width * (length / TOKEN + 1)) * FLOP / TOKEN


def decode(model, context, absorbed=False):
    """One new token; `context` counts it and all before it."""
    n = context / TOKEN
    pairs = _over_layers(model, lambda: n, lambda window: _least(n, window),
                         lambda chunk: n - _quotient(n - 1, chunk) * chunk)
    return _pass(model, 1, n, pairs, absorbed=absorbed, with_logits=1)


def of_products(weights, n):
    """FLOPs of n tokens through so many weights: two for each multiply-add."""
    return 2 * n * weights * FLOP


def causal_pairs(n, before=0):
    """Query-key pairs when each of n tokens sees itself and all before it,
    `before` that stand ahead of them too."""
    pairs = n * (2 * before + n + 1)
    return pairs // 2 if isinstance(pairs, int) else pairs / 2


def sliding_pairs(n, window):
    """And when it sees the last `window` of them, its own included."""
    first = _least(n, window)
    return causal_pairs(first) + (n - first) * window


def chunked_pairs(n, chunk):
    """And when it sees those of its own chunk of `chunk` tokens."""
    whole = _quotient(n, chunk)
    return whole * causal_pairs(chunk) + causal_pairs(n - whole * chunk)


def _over_layers(model, full, sliding, chunked):
    """Pairs summed over the layers, from those of one layer of each kind."""
    of_one = {layers.FULL: lambda _: full(), layers.SLIDING: sliding, layers.CHUNKED: chunked}
    return sum(g.n_layers * of_one[g.kind](None if g.reach is None else g.reach / TOKEN)
               for g in layers.groups(model))


def _pass(model, new, keys, pairs, *, absorbed, with_logits):
    """new tokens go through every matrix; `keys` cached ones through kv_b_proj where latents are expanded."""
    weights = matrices(model, model.n_experts_per_token) if hasattr(model, "n_experts") else matrices(model)
    query, value = _widths(model, absorbed)
    rows = {"kv_b_proj": new if absorbed else keys}
    return {**{name: of_products(n, rows.get(name, new)) for name, n in weights.items()},
            "scores": 2 * pairs * model.n_heads * query * FLOP,
            "values": 2 * pairs * model.n_heads * value * FLOP,
            "head": 2 * with_logits * model.vocab_size * model.hidden_size * FLOP}


def _widths(model, absorbed):
    """What a pair multiplies per head: query with key, and weight with value."""
    if not hasattr(model, "kv_lora_rank"):
        return model.head_dim, model.head_dim
    if absorbed:
        return model.kv_lora_rank + model.qk_rope_head_dim, model.kv_lora_rank
    return model.qk_nope_head_dim + model.qk_rope_head_dim, model.v_head_dim


def _least(a, b):
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else minimum(a, b)


def _quotient(a, b):
    return a // b if isinstance(a, int) and isinstance(b, int) else floor(a / b)
