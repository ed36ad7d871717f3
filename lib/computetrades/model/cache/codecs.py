"""Codecs for cached rows: fewer bits per element, really packed, so that a tensor's size is the format's.

encode(rows [..., width]) -> tensors with the same leading axes; decode(*tensors) -> rows [..., width],
float32. Every row is coded by itself, whatever stands beside it:
rows can be stored as they come, one or many at a time.
"""
from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch

# Beyond it, some versions of PyTorch give not-a-number, so values are cut here
E4M3_LARGEST = 448.0
# Magnitudes of a 4-bit float: 2 bits of exponent, 1 of mantissa
E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
NVFP4_BLOCK = 16


@dataclass(frozen=True)
class BF16:
    """16 bits: float32 without its lower half."""

    def encode(self, rows):
        return (rows.to(torch.bfloat16),)

    def decode(self, rows):
        return rows.float()


@dataclass(frozen=True)
class Int8:
    """Steps of equal size; the row's largest magnitude is 127 of them.
    One float32 scale per row, [..., 1]."""

    def encode(self, rows):
        rows = rows.float()
        step = (rows.abs().amax(-1, keepdim=True) / 127).clamp_min(torch.finfo(torch.float32).tiny)
        return torch.round(rows / step).to(torch.int8), step

    def decode(self, codes, step):
        return codes.float() * step


@dataclass(frozen=True)
class FP8:
    """e4m3 under one scale for the whole tensor, known beforehand: magnitudes above `largest` saturate."""
    largest: float = E4M3_LARGEST     # the default is a scale of 1, as where nobody calibrated

    def encode(self, rows):
        return ((rows.float() / self.scale).clamp(-E4M3_LARGEST, E4M3_LARGEST).to(torch.float8_e4m3fn),)

    def decode(self, codes):
        return codes.float() * self.scale

    @property
    def scale(self) -> float:
        return self.largest / E4M3_LARGEST


@dataclass(frozen=True)
class NVFP4:
    """e2m1 elements, two to a byte; each block of 16 has an e4m3 scale,
    and all share one float32 scale, known beforehand.

    Magnitudes above `largest` saturate; the width must be a multiple of 16.
    Packed [..., width / 2], scales [..., width / 16].
    """
    largest: float = E2M1[-1] * E4M3_LARGEST     # the default is a tensor scale of 1

    def encode(self, rows):
        blocks = grouped(rows.float() / self.tensor_scale, NVFP4_BLOCK)
        scales = (blocks.abs().amax(-1) / E2M1[-1]).clamp_max(E4M3_LARGEST).to(torch.float8_e4m3fn)
        step = scales.float().unsqueeze(-1)
        codes = e2m1_codes(blocks / torch.where(step > 0, step, torch.inf))
        return pack(codes.flatten(-2), 4), scales

    def decode(self, packed, scales):
        values = grouped(e2m1_values(unpack(packed, 4)), NVFP4_BLOCK)
        return (values * scales.float().unsqueeze(-1)).flatten(-2) * self.tensor_scale

    @property
    def tensor_scale(self) -> float:
        return self.largest / (E2M1[-1] * E4M3_LARGEST)


@dataclass(frozen=True)
class TwoBit:
    """Four equal steps from the smallest to the largest of each `group` of elements, four elements to a byte
    (KIVI, Liu et al. 2024, section 3.1). Packed [..., width / 4]; step and zero point, the group's smallest,
    in float16, [..., width / group]."""
    group: int = 32

    def __post_init__(self):
        if self.group < 4 or self.group % 4:
            raise ValueError(f"a group of {self.group} does not fill bytes of four codes: "
                             "take a multiple of 4, 32 in the paper")

    def encode(self, rows):
        groups = grouped(rows.float(), self.group)
        low, high = groups.amin(-1).half(), groups.amax(-1)
        step = ((high - low.float()) / 3).half().clamp_min(torch.finfo(torch.float16).smallest_normal)
        codes = torch.round((groups - low.float().unsqueeze(-1)) / step.float().unsqueeze(-1)).clamp(0, 3)
        return pack(codes.to(torch.uint8).flatten(-2), 2), step, low

    def decode(self, packed, step, low):
        codes = grouped(unpack(packed, 2).float(), self.group)
        return (codes * step.float().unsqueeze(-1) + low.float().unsqueeze(-1)).flatten(-2)


def e2m1_codes(x):
    """Nearest 4-bit float of each element, ties to the even mantissa, saturating:
    uint8 codes, the sign in bit 3."""
    middle = [(a + b) / 2 for a, b in pairwise(E2M1)]
    # bucketize leaves a tie below; a border just under the middle sends it up,
    # where the upper neighbour is the even one
    border = torch.tensor(middle, device=x.device)
    border[1::2] = torch.nextafter(border[1::2], torch.zeros_like(border[1::2]))
    return torch.bucketize(x.abs().contiguous(), border).to(torch.uint8) + 8 * (x < 0).to(torch.uint8)


def e2m1_values(codes):
    """What 4-bit codes stand for, float32."""
    return torch.tensor([*E2M1, *(-v for v in E2M1)], device=codes.device)[codes.long()]


def pack(codes, bits: int):
    """Codes below 2^bits, uint8 [..., n] -> bytes [..., n * bits / 8],
    the first of each byte in its lowest bits."""
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8, device=codes.device)
    return (codes.unflatten(-1, (-1, 8 // bits)) << shifts).sum(-1, dtype=torch.uint8)


def unpack(packed, bits: int):
    """The codes again, uint8 [..., n]."""
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8, device=packed.device)
    return ((packed.unsqueeze(-1) >> shifts) & (2 ** bits - 1)).flatten(-2)


def grouped(rows, size: int):
    """[..., width] -> [..., width / size, size]. ValueError when the last group would not be full."""
    if rows.shape[-1] % size:
        raise ValueError(f"{rows.shape[-1]} elements do not divide into groups of {size}: take a width "
                         "(head_dim, latent rank) that is a multiple of it, or a codec with smaller groups")
    return rows.unflatten(-1, (-1, size))
