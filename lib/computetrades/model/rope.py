"""Rotary position embedding (Su et al. 2021) and the four ways the field stretches it
past the trained context.

A query or key of width d is d/2 pairs; pair i turns by position * frequency_i radians. The score of a query
and a key then depends on their distance alone. Pair i's wavelength is 2 pi / frequency_i positions.
"""
import math

import torch

from .config import Rope


def frequencies(rope: Rope, width: int) -> torch.Tensor:
    """Radians per position of each of the width/2 pairs, float32, fastest first."""
    base = _plain(rope.theta, width)
    if rope.scheme == "linear":   # position interpolation (Chen et al. 2023): all positions squeezed alike
        return base / rope.factor
    if rope.scheme == "ntk":
        # NTK-aware: a larger base; the slowest pair stretched by the factor, the fastest hardly
        return _plain(rope.theta * rope.factor ** (width / (width - 2)), width)
    if rope.scheme == "yarn":     # Peng et al. 2023, 3.2: slow pairs squeezed, fast ones left, a ramp between
        low, high = (_pair_turning(rope, width, turns) for turns in (rope.beta_fast, rope.beta_slow))
        if rope.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, width - 1)
        kept = 1 - ((torch.arange(width // 2, dtype=torch.float32) - low)
                    / max(high - low, 0.001)).clamp(0, 1)
        return base / rope.factor * (1 - kept) + base * kept
    if rope.scheme == "llama3":   # Llama 3.1: the same idea, the ramp taken over the wavelength
        turns = rope.trained_context * base / (2 * math.pi)
        kept = ((turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor)).clamp(0, 1)
        return base / rope.factor * (1 - kept) + base * kept
    return base


def attention_factor(rope: Rope) -> float:
    """By how much yarn scales rotated queries and keys,
    so that the softmax keeps its temperature over a longer context."""
    if rope.scheme != "yarn":
        return 1.0
    return rope.attention_factor if rope.attention_factor is not None else 0.1 * math.log(rope.factor) + 1


def rotate(x: torch.Tensor, positions: torch.Tensor, inverse_wavelengths: torch.Tensor,
           factor: float = 1.0) -> torch.Tensor:
    """x [batch, heads, tokens, width] turned to its positions [batch, tokens].
    Pair i is made of elements i and width/2 + i."""
    # batch, 1, tokens, width / 2
    angle = (positions[:, None, :, None].float() * inverse_wavelengths.float())
    cos, sin = angle.cos() * factor, angle.sin() * factor
    a, b = x.float().chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(x.dtype)


def _plain(theta: float, width: int) -> torch.Tensor:
    return theta ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)


def _pair_turning(rope: Rope, width: int, turns: float) -> float:
    """Index, not rounded, of the pair that turns so many times over the trained context."""
    return width * math.log(rope.trained_context / (turns * 2 * math.pi)) / (2 * math.log(rope.theta))
