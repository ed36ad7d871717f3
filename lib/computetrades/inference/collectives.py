"""Collectives: what ranks must say to each other, how many bytes that sends, and how long it takes.

`model` and `fmt` are as in kv.py; n_ranks is a plain count. A message is counted as nccl-tests and the
definitions do: what each rank contributes to an all-reduce, what each holds after an all-gather, what a rank
hands over in an all-to-all. `sent` is what leaves one rank. Bandwidth is per rank and one way: a vendor's
bidirectional figure is twice that.
"""
from ..functions import ceil
from ..number import TOKEN
from .kv import stored_size


def all_reduce_sent(n_ranks, message):
    """On a ring: n - 1 pieces passed on to be added, n - 1 to be copied (Patarasuk and Yuan 2009).

    No way of sending from rank to rank needs less;
    switches that add by themselves (NVLink SHARP) about half of it.
    """
    return 2 * (n_ranks - 1) / n_ranks * message


def all_gather_sent(n_ranks, message):
    """On a ring: every piece but one passes through each rank."""
    return (n_ranks - 1) / n_ranks * message


def all_to_all_sent(n_ranks, message, n_within=1):
    """Evenly routed rows: those that are not for the rank itself,
    or not for the n_within ranks it shares a node or rack with."""
    return (1 - share_within(n_ranks, n_within)) * message


def share_within(n_ranks, n_within=1):
    """Expected share of evenly routed rows that stay on the rank itself,
    or among n_within ranks that include it."""
    return n_within / n_ranks


def all_reduce_traffic(n_ranks, message):
    """What all ranks of a ring send together: linear in their number."""
    return n_ranks * all_reduce_sent(n_ranks, message)


def alpha_beta_time(sent, bandwidth, latency, n_rounds=1):
    """n_rounds messages one after the other, each with its latency, and the bytes:
    the alpha-beta model (Hockney 1994)."""
    return n_rounds * latency + sent / bandwidth


def all_reduce_rounds(n_ranks):
    """Messages one after the other in a ring's all-reduce."""
    return 2 * (n_ranks - 1)


# Tensor parallelism (Shoeybi et al. 2019, section 3)

def layer_all_reduces(model):
    """Per forward pass, of any number of tokens:
    one behind attention and one behind feed-forward in each layer."""
    return 2 * model.n_layers


def all_reduces(model):
    """The layers' and the one that completes the embedding, the vocabulary being split too."""
    return layer_all_reduces(model) + 1


def all_reduce_bytes(model, fmt):
    """Message of one of these all-reduces per token: a vector of the residual stream."""
    return model.hidden_size * stored_size(fmt) / TOKEN


def tensor_parallel_bytes(model, fmt):
    """Messages of a token's forward pass, the head's aside."""
    return all_reduces(model) * all_reduce_bytes(model, fmt)


def logits_bytes(model, fmt, n_ranks):
    """Message of the head's all-gather per token whose logits are wanted;
    the vocabulary is padded to a multiple of the ranks."""
    return n_ranks * ceil(model.vocab_size / n_ranks) * stored_size(fmt) / TOKEN


# Expert parallelism (Lepikhin et al. 2020; DeepSeek-V3, section 3.4)

def mixture_layers(model):
    return model.n_layers - model.n_dense_layers


def all_to_alls(model):
    """Per forward pass: dispatch and combine in each layer with experts."""
    return 2 * mixture_layers(model)


def routed_bytes(model, fmt):
    """Message of one dispatch, or one combine, per token of the rank:
    a copy of its vector for every expert that it chose."""
    return model.n_experts_per_token * model.hidden_size * stored_size(fmt) / TOKEN


def expert_parallel_bytes(model, dispatch, combine):
    """Messages of a token's forward pass, with a number format for each way:
    DeepSeek-V3 dispatches FP8 and combines BF16."""
    return mixture_layers(model) * (routed_bytes(model, dispatch) + routed_bytes(model, combine))
