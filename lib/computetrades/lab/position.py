"""What rotation gives a model: scores that follow from the distance alone,
and outputs that notice the order of words.

Small experiments on rope.py and on the trained "tiny";
each is a function of plain arguments and remembers its result.
"""
from __future__ import annotations

from dataclasses import replace

import torch

from ..experiment import once
from ..model import rope
from ..model.cache import NoCache
from ..model.config import Rope
from ..model.transformer import Transformer
from . import checkpoints

STILL = 1e12                          # stretched so far, no position that anyone reads turns a pair


@once
def score(query_position: int, key_position: int, theta: float, width: int, seed: int) -> float:
    """The product of a query and a key, drawn from `seed` and turned to their positions,
    over sqrt(width), as attention takes it.

    To three decimals: far from the start a float32 angle is off by as much as position * 6e-8.
    ValueError when the width is odd.
    """
    if width % 2:
        raise ValueError(f"a width of {width} leaves one number without a pair; give an even width")
    drawn = torch.Generator().manual_seed(seed)
    q, k = (torch.randn(1, 1, 1, width, generator=drawn) for _ in range(2))
    speeds = rope.frequencies(Rope(theta), width)
    q, k = (rope.rotate(x, torch.tensor([[p]]), speeds) for x, p in ((q, query_position), (k, key_position)))
    return round(float((q * k).sum() / width ** 0.5), 3)


@once
def moved_by_order(text: str, rotated: bool, whole: bool) -> float:
    """By how much the last token's vector moves when the tokens before it are read backwards,
    over its own length.

    whole: the vector behind all layers of "tiny"; otherwise what the first layer's attention puts out.
    rotated False: the same weights with rotation switched off, the causal mask kept. To three decimals.
    ValueError when fewer than three tokens precede.
    """
    torch.set_num_threads(1)
    model, tokenizer = checkpoints.load("tiny")
    ids = tokenizer.encode(text)
    if len(ids) < 4:
        raise ValueError(f"{text!r} is {len(ids)} tokens; "
                         "give four or more, so that those before the last have an order")
    model = model if rotated else _still(model)
    with torch.no_grad():
        here, there = (_last(model, torch.tensor([row]), whole) for row in (ids, [*ids[-2::-1], ids[-1]]))
    return round(float((here - there).norm() / here.norm()), 3)


def _still(model: Transformer) -> Transformer:
    with torch.device("meta"):
        other = Transformer(model.config.with_(
            rope=replace(model.config.rope, scheme="linear", factor=STILL)))
    other.load_state_dict(model.state_dict(), assign=True)
    return other.eval()


def _last(model: Transformer, ids: torch.Tensor, whole: bool) -> torch.Tensor:
    positions, cache, x = torch.arange(ids.shape[1])[None], NoCache(), model.embed(ids)
    if not whole:
        first = model.blocks[0]
        return first.attention(first.norms["before_attention"](x), positions, cache)[0, -1]
    for block in model.blocks:
        x = block(x, positions, cache)
    return model.norm(x)[0, -1]
