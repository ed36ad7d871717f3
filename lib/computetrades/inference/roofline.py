"""The roofline: work takes as long as its arithmetic or its memory traffic, whichever is longer.

Williams, Waterman and Patterson 2009. What a pass through a model computes and moves stands in step.py.
Spread over n GPUs, give n times the peak and n times the bandwidth of one.
"""
from ..functions import maximum, minimum
from ..number import TOKEN
from . import params


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
    """Model-FLOPs utilisation (Chowdhery et al. 2022):
    what the model needs over what the chip could have done in the time."""
    return flop / (time * peak)


def enough(target, flop_each, bytes_each, bytes_once):
    """How many tokens, or sequences, bring a pass to `target` FLOPs per byte:
    each works and moves so much, besides what is read once.

    Below zero when no number does, because target * bytes_each exceeds flop_each.
    """
    return target * bytes_once / (flop_each - target * bytes_each)


# Where attention overtakes the matrices

def prompt_crossover(model):
    """Length of a prompt whose scores and values cost as much as its matrices:
    a token sees half of it on average."""
    return (_weights_per_pair(model) - 1) * TOKEN


def step_crossover(model):
    """Context at which they do in a step of one token, which sees all of it."""
    return _weights_per_pair(model) / 2 * TOKEN


def _weights_per_pair(model):
    """Weights of all matrices for each multiply-add that a query and a key cost, all layers and heads:
    2 * pairs of a prompt's half."""
    for limit in ("kv_lora_rank", "sliding_window", "attention_chunk_size"):
        if hasattr(model, limit):
            raise ValueError(f"{getattr(model, 'label', 'this model')} has {limit}, "
                             "so its attention does not grow as one square: compare the operations of "
                             "flops.prefill or flops.decode instead")
    active = (params.matrices(model, model.n_experts_per_token) if hasattr(model, "n_experts")
              else params.matrices(model))
    return sum(active.values()) / (model.n_layers * model.n_heads * model.head_dim)
