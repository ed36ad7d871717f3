"""One block of a trained model taken apart: each step of its forward pass on a real text,
with what it gives and its shape.

The steps are the block's own modules, called one by one; that nothing is left out shows in `difference`, the
distance of the last step from what Block.forward gives.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch

from ..experiment import once
from ..model import rope
from ..model.attention import _merge, _split
from ..model.cache import NoCache
from ..model.mask import visible
from ..model.mlp import gated
from .checkpoints import load


@dataclass(frozen=True)
class Anatomy:
    """tokens: the text's, as they read. shapes: name of a step -> shape, in the order of the steps, without
    the batch. attention [heads][queries][keys]: the softmax weights.
    difference: from the block's own output, largest element."""
    tokens: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    attention: tuple
    difference: float


@once
@torch.no_grad()
def dissect(name: str, text: str, layer: int) -> Anatomy:
    """The block `layer` (from 0) of the stored model `name`, on `text`.
    ValueError for a layer that it has not, or an empty text."""
    torch.set_num_threads(1)
    model, tokenizer = load(name)
    if not 0 <= layer < len(model.blocks):
        raise ValueError(f"layer {layer} of {name!r}: it has layers 0 to {len(model.blocks) - 1}; "
                         "take one of these")
    ids = tokenizer.encode(text)
    if not ids:
        raise ValueError("text '': there is nothing to attend to; give at least one token")
    x = model.embed(torch.tensor([ids])) * model.config.embedding_scale
    positions = torch.arange(len(ids))[None]
    for block in model.blocks[:layer]:
        x = block(x, positions, NoCache())
    steps = dict(_steps(model.blocks[layer], x, positions))
    whole = model.blocks[layer](x, positions, NoCache())
    return Anatomy(tuple(tokenizer.decode([i]) for i in ids),
                   {step: tuple(t.shape[1:]) for step, t in steps.items()},
                   tuple(tuple(map(tuple, head)) for head in steps["softmax"][0].tolist()),
                   float((steps["+ feed-forward"] - whole).abs().max()))


def _steps(block, x, positions):
    """(name, what it gives) of each step, each from those before it."""
    attention, mlp, c = block.attention, block.feed_forward, block.attention.config
    yield "x", x
    h = block.norms["before_attention"](x)
    yield "norm", h
    q, k, v = (_split(proj(h), c.head_dim) for proj in (attention.q_proj, attention.k_proj, attention.v_proj))
    yield from (("q", q), ("k", k), ("v", v))
    turn = rope.frequencies(c.rope, c.head_dim)
    q, k = rope.rotate(q, positions, turn), rope.rotate(k, positions, turn)
    yield from (("q rotated", q), ("k rotated", k))
    shared = c.n_heads // c.n_kv_heads
    scores = q @ k.repeat_interleave(shared, dim=1).transpose(-1, -2) * c.head_dim ** -0.5
    yield "scores", scores
    masked = scores.masked_fill(~visible(positions, positions, c.layer_kind(attention.layer), c.window),
                                float("-inf"))
    yield "masked", masked
    weights = torch.softmax(masked, dim=-1)
    yield "softmax", weights
    values = weights @ v.repeat_interleave(shared, dim=1)
    yield "values", values
    x = x + attention.o_proj(_merge(values))
    yield "+ attention", x
    h = block.norms["before_feed_forward"](x)
    yield "norm again", h
    gate, up = mlp.gate_proj(h), mlp.up_proj(h)
    yield from (("gate", gate), ("up", up))
    opened = gated(gate, up, mlp.activation)
    yield "silu(gate) × up", opened
    down = mlp.down_proj(opened)
    yield "down", down
    yield "+ feed-forward", x + down
