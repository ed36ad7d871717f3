"""The roofline: one pass through a model takes as long as its arithmetic or its memory traffic, whichever is longer.

Williams, Waterman and Patterson 2009. A pass takes `new` tokens of each of `sequences` through all layers, `cached` earlier ones
of each being in its cache. The weights are read once for all; a cache is read for its own sequence alone. Every product reads
what it multiplies and writes its result once, and what stands between two products (norms, rotation, softmax, additions)
is fused with one of them, so scores never reach the memory. That is the least a pass can move: times are floors.

`model` is a dense one as in params.py, `fmt` a number format; lengths in tokens, on the plain path sizes are in bytes. Spread over n
GPUs, give n times the peak and n times the bandwidth of one.
"""
from ..functions import maximum, minimum
from ..number import TOKEN
from . import flops, kv, params


# What a pass works and moves

def work(model, new, cached=None, sequences=1):
    """FLOPs of a pass, with the logits of each sequence's last token."""
    return sequences * sum(flops.prefill(model, new, cached).values())


def moved(model, fmt, new, cached=None, sequences=1, weights=None):
    """Bytes that a pass moves between memory and chip: weights once, caches and activations of each sequence.

    weights: the number format of the weights, if it is not that of the rest. ValueError for a mixture of experts, of which a
    pass reads only the experts that its tokens chose.
    """
    own = new * activation_bytes(model, fmt)
    if cached is not None:
        own = own + cached * kv.bytes_per_token(model, fmt)
    return weight_bytes(model, weights or fmt) + sequences * own


def weight_bytes(model, fmt):
    """What a pass reads of the weights: all matrices and the head. The embedding is looked up, not read."""
    if hasattr(model, "n_experts"):
        raise ValueError(f"{getattr(model, 'label', 'this model')} has experts, and how many of them a pass reads depends on its "
                         "tokens: give a dense model, or count the experts touched yourself")
    return (sum(params.matrices(model).values()) + model.vocab_size * model.hidden_size) * kv.stored_size(fmt)


def activation_bytes(model, fmt):
    """Per new token: input and output of the seven products of each layer; queries, keys and values into attention, and its output."""
    d, queries, keys, wide = model.hidden_size, model.n_heads * model.head_dim, model.n_kv_heads * model.head_dim, model.intermediate_size
    products = 2 * (d + queries) + 2 * (d + keys) + 3 * (d + wide)
    attention = 2 * queries + 2 * keys
    return model.n_layers * (products + attention) * kv.stored_size(fmt) / TOKEN


# What the chip makes of it

def ridge(peak, bandwidth):
    """FLOPs per byte at which arithmetic and memory take equally long."""
    return peak / bandwidth


def intensity(flop, size):
    """FLOPs per byte moved: arithmetic intensity."""
    return flop / size


def seconds(flop, size, peak, bandwidth):
    """The longer of the two, each at its peak rate and both at once."""
    return maximum(flop / peak, size / bandwidth)


def attainable(flop_per_byte, peak, bandwidth):
    """The roof: FLOP/s at an arithmetic intensity."""
    return minimum(peak, flop_per_byte * bandwidth)


def mfu(flop, time, peak):
    """Model-FLOPs utilisation (Chowdhery et al. 2022): what the model needs over what the chip could have done in the time."""
    return flop / (time * peak)


def enough(target, flop_each, bytes_each, bytes_once):
    """How many tokens, or sequences, bring a pass to `target` FLOPs per byte: each works and moves so much, besides what is read once.

    Below zero when no number does, because target * bytes_each exceeds flop_each.
    """
    return target * bytes_once / (flop_each - target * bytes_each)


# Where attention overtakes the matrices

def prompt_crossover(model):
    """Length of a prompt whose scores and values cost as much as its matrices: a token sees half of it on average."""
    return (_weights_per_pair(model) - 1) * TOKEN


def step_crossover(model):
    """Context at which they do in a step of one token, which sees all of it."""
    return _weights_per_pair(model) / 2 * TOKEN


def _weights_per_pair(model):
    """Weights of all matrices for each multiply-add that a query and a key cost, all layers and heads: 2 * pairs of a prompt's half."""
    for limit in ("kv_lora_rank", "sliding_window", "attention_chunk_size"):
        if hasattr(model, limit):
            raise ValueError(f"{getattr(model, 'label', 'this model')} has {limit}, so its attention does not grow as one square: compare the "
                             "operations of flops.prefill or flops.decode instead")
    active = params.matrices(model, model.n_experts_per_token) if hasattr(model, "n_experts") else params.matrices(model)
    return sum(active.values()) / (model.n_layers * model.n_heads * model.head_dim)
