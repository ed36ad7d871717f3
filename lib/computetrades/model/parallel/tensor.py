"""Tensor parallelism (Shoeybi et al. 2019, Megatron-LM, section 3):
every matrix of a layer is split, and the ranks meet twice.

The first matrices of a sublayer are split by output: a rank has some of the heads, or some of the gated rows.
The last is split by input, so that what a rank computes is a summand of the sublayer's output and one
all-reduce completes it. Megatron multiplies from the right and calls the two column- and row-parallel;
nn.Linear stores the transposes.
"""
import copy
from itertools import chain

from torch import nn

from ..attention import Attention
from ..config import ModelConfig
from ..mlp import MLP
from ..moe import MixtureOfExperts
from ..transformer import Transformer
from .communicator import Communicator
from .vocabulary import VocabularyParallelEmbedding, VocabularyParallelHead


class Summed(nn.Module):
    """A sublayer of which each rank computes a summand: Megatron's operator g in the forward pass."""

    def __init__(self, summand: nn.Module, communicator: Communicator, purpose: str):
        super().__init__()
        self.summand = summand
        self.communicator = communicator
        self.purpose = purpose

    def forward(self, *arguments):
        return self.communicator.all_reduce(self.summand(*arguments), self.purpose)


def tensor_parallel(model: Transformer, communicator: Communicator,
                    gather_logits: bool = True) -> Transformer:
    """This rank's part of the model, as a model that takes the same ids and gives the same logits.

    Its config says how many heads the rank has, so that a cache made from it holds the rank's keys and values
    only; a latent belongs to all heads and stays whole on each rank. gather_logits=False leaves each rank its
    own slice of the logits, for vocabulary.sample.
    ValueError when heads, rows or vocabulary do not divide among the ranks.
    """
    local = copy.deepcopy(model).requires_grad_(False)
    config = local.config
    heads, kv_heads = own_heads(config, communicator)
    local.config = config.with_(n_heads=heads.stop - heads.start, n_kv_heads=kv_heads.stop - kv_heads.start,
                                head_dim=config.head_dim)
    for block in local.blocks:
        split = _split_attention if isinstance(block.attention, Attention) else _split_latent
        split(block.attention, heads, kv_heads)
        block.attention.config = local.config
        _keep_one_bias(block.attention.o_proj, communicator)
        if isinstance(block.feed_forward, MLP):
            _split_mlp(block.feed_forward, communicator)
        else:
            _split_experts(block.feed_forward, communicator)
        block.attention = Summed(block.attention, communicator, "attention")
        block.feed_forward = Summed(block.feed_forward, communicator, "feed-forward")
    head = local.embed if local.head is None else local.head
    local.head = VocabularyParallelHead(head.weight, communicator, gather_logits)
    local.embed = VocabularyParallelEmbedding(local.embed.weight, communicator)
    return local.to(communicator.device)


def own_heads(config: ModelConfig, communicator: Communicator) -> tuple[slice, slice]:
    """The rank's query heads and the key-value heads that serve them;
    a key-value head may serve several ranks."""
    size, n_kv = communicator.size, config.n_kv_heads
    heads = own_share(config.n_heads, communicator, "query heads")
    if n_kv % size and size % n_kv:
        raise ValueError(f"{n_kv} key-value heads cannot serve {size} ranks evenly: "
                         f"take a divisor or a multiple of {n_kv} ranks")
    group = config.n_heads // n_kv
    return heads, slice(heads.start // group, (heads.stop - 1) // group + 1)


def own_share(count: int, communicator: Communicator, things: str) -> slice:
    """The rank's run of `count` things, as long as every other rank's."""
    size = communicator.size
    if count % size:
        fitting = ", ".join(str(n) for n in range(1, count + 1) if count % n == 0)
        raise ValueError(f"{count} {things} do not divide among {size} ranks: take one of {fitting} ranks")
    each = count // size
    return slice(each * communicator.rank, each * (communicator.rank + 1))


def keep(module: nn.Module, name: str, *part):
    """Reduce a parameter to a part of it, if the module has it; the rest is freed."""
    whole = getattr(module, name)
    if whole is not None:
        setattr(module, name, nn.Parameter(whole[part].clone(), requires_grad=False))


def column_parallel(linear: nn.Linear, outputs: slice):
    keep(linear, "weight", outputs)
    keep(linear, "bias", outputs)
    linear.out_features = len(linear.weight)


def row_parallel(linear: nn.Linear, inputs: slice):
    keep(linear, "weight", slice(None), inputs)
    linear.in_features = linear.weight.shape[1]


def _split_attention(attention, heads: slice, kv_heads: slice):
    d = attention.config.head_dim
    column_parallel(attention.q_proj, _rows(heads, d))
    column_parallel(attention.k_proj, _rows(kv_heads, d))
    column_parallel(attention.v_proj, _rows(kv_heads, d))
    row_parallel(attention.o_proj, _rows(heads, d))
    keep(attention, "sinks", heads)


def _split_latent(attention, heads: slice, _):
    """Down-projections and what they give are whole on each rank;
    the heads' own projections of it are split."""
    c = attention.config.latent
    column_parallel(attention.q_b_proj, _rows(heads, c.qk_nope_head_dim + c.qk_rope_head_dim))
    column_parallel(attention.kv_b_proj, _rows(heads, c.qk_nope_head_dim + c.v_head_dim))
    row_parallel(attention.o_proj, _rows(heads, c.v_head_dim))


def _split_mlp(mlp: MLP, communicator: Communicator):
    rows = own_share(mlp.down_proj.in_features, communicator, "feed-forward rows")
    column_parallel(mlp.gate_proj, rows)
    column_parallel(mlp.up_proj, rows)
    row_parallel(mlp.down_proj, rows)


def _split_experts(mixture: MixtureOfExperts, communicator: Communicator):
    """Every rank has some rows of every expert, shared ones too,
    and all of the router: all ranks route alike."""
    width = mixture.config.experts.intermediate_size
    rows = own_share(width, communicator, "rows of an expert")
    gate_and_up = [*chain(range(width)[rows], range(width, 2 * width)[rows])]
    keep(mixture, "gate_up", slice(None), gate_and_up)
    keep(mixture, "gate_up_bias", slice(None), gate_and_up)
    keep(mixture, "down", slice(None), slice(None), rows)
    if mixture.down_bias is not None and communicator.rank:
        mixture.down_bias.zero_()
    if mixture.shared is not None:
        _split_mlp(mixture.shared, communicator)


def _keep_one_bias(linear: nn.Linear, communicator: Communicator):
    """Behind a split sum a bias must be added once, so one rank has it."""
    if communicator.rank:
        linear.bias = None


def _rows(heads: slice, width: int) -> slice:
    return slice(heads.start * width, heads.stop * width)
