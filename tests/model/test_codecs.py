"""Codecs of cached rows: grids enumerated from their bit patterns, cases by hand, bounds by law,
PyTorch's own quantisers."""
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.cache_utils import Fp8QuantizedLayer

from computetrades.model.cache.codecs import (
    BF16,
    FP8,
    NVFP4,
    Int8,
    TwoBit,
    e2m1_codes,
    e2m1_values,
    pack,
    unpack,
)

calm = settings(deadline=None, max_examples=40)
FINITE = st.floats(-1000, 1000, width=32, allow_subnormal=False)


def rows(width, elements=FINITE):
    return st.lists(st.lists(elements, min_size=width, max_size=width),
                    min_size=1, max_size=3).map(torch.tensor)


def float_of_bits(pattern, exponent_bits, mantissa_bits):
    """A small float spelled out: sign, exponent, mantissa; without infinities."""
    sign = -1 if pattern >> (exponent_bits + mantissa_bits) else 1
    exponent = pattern >> mantissa_bits & 2 ** exponent_bits - 1
    mantissa = (pattern & 2 ** mantissa_bits - 1) / 2 ** mantissa_bits
    bias = 2 ** (exponent_bits - 1) - 1
    return sign * (mantissa * 2.0 ** (1 - bias) if exponent == 0
                   else (1 + mantissa) * 2.0 ** (exponent - bias))


E4M3 = {p: float_of_bits(p, 4, 3) for p in range(256) if p & 0x7F != 0x7F}    # all ones is not a number
E2M1 = {p: float_of_bits(p, 2, 1) for p in range(16)}


def nearest(x, grid):
    """The grid value next to x, of two equally near the one with the even pattern;
    beyond the ends, the end."""
    return min(grid.items(), key=lambda item: (abs(item[1] - x), item[0] % 2))[1]


def test_every_4_bit_float_is_what_its_bits_spell():
    assert e2m1_values(torch.arange(16)).tolist() == list(E2M1.values())


def test_every_8_bit_float_passes_fp8_unchanged_and_spells_its_bits():
    values = torch.tensor(list(E4M3.values()))
    codes, = FP8().encode(values)
    assert codes.view(torch.uint8).tolist() == list(E4M3) and FP8().decode(codes).tolist() == values.tolist()


@calm
@given(st.floats(-600, 600, width=32) | st.sampled_from(sorted(E4M3.values())[1:]).map(lambda v: v * 17 / 16))
def test_fp8_takes_the_nearest_8_bit_float_and_saturates(x):
    assert FP8().decode(*FP8().encode(torch.tensor([x]))).item() == nearest(np.float32(x), E4M3)


@pytest.mark.parametrize("x", np.arange(-8, 8, 1 / 16))
def test_4_bit_floats_are_the_nearest_with_ties_to_even(x):
    assert e2m1_values(e2m1_codes(torch.tensor([x], dtype=torch.float32))).item() == nearest(x, E2M1)


def test_fp8_under_a_calibrated_scale_equals_transformers_fp8_cache():
    x, theirs = 50 * torch.randn(40, 64, generator=torch.Generator().manual_seed(0)), Fp8QuantizedLayer()
    theirs.dtype = torch.float32
    codes, scale = theirs._quantize(x)
    codec = FP8(largest=x.abs().max().item())
    assert torch.equal(codec.encode(x)[0].float(), codes.float())
    assert torch.allclose(codec.decode(*codec.encode(x)), theirs._dequantize((codes, scale)), rtol=1e-6)


@calm
@given(rows(16))
def test_int8_is_within_half_a_step(x):
    codes, step = Int8().encode(x)
    assert ((Int8().decode(codes, step) - x).abs()
            <= x.abs().amax(-1, keepdim=True) / 127 / 2 * (1 + 1e-4)).all()
    assert (codes.int().abs() <= 127).all()


def test_int8_equals_pytorchs_fake_quantiser_with_a_scale_for_each_row():
    x = 50 * torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    step, zero = x.abs().amax(-1) / 127, torch.zeros(40, dtype=torch.int32)
    fake = torch.fake_quantize_per_channel_affine(x, step, zero, 0, -127, 127)
    assert torch.allclose(Int8().decode(*Int8().encode(x)), fake, atol=1e-5)


@calm
@given(rows(8))
def test_bf16_keeps_eight_bits_of_mantissa(x):
    assert ((BF16().decode(*BF16().encode(x)) - x).abs() <= x.abs() * 2.0 ** -8).all()


@calm
@given(rows(32))
def test_nvfp4_is_within_half_the_widest_gap_of_its_blocks_scale(x):
    # A magnitude in each block whose scale is a normal e4m3
    x[:, ::16] += x[:, ::16].sign().where(x[:, ::16] != 0, 1)
    packed, scales = NVFP4().encode(x)
    error = (NVFP4().decode(packed, scales) - x).abs().unflatten(-1, (-1, 16))
    assert (error <= scales.float().unsqueeze(-1) * (1 + 1e-5)).all()         # 4 and 6 are two apart
    ideal = x.unflatten(-1, (-1, 16)).abs().amax(-1) / 6
    assert ((scales.float() - ideal).abs() <= ideal / 16 + 2.0 ** -10).all()   # half a step of an e4m3


def test_nvfp4_by_hand():
    """Largest 12, so the scale is 2 and each element its half, to the 4-bit grid;
    the second block is all zero."""
    x = torch.tensor([[12.0, -12, 1, 2, 3, 4, 6, 8, -1, 0.4, 0.6, 5, 7, -10.5, 0, 11] + [0.0] * 16])
    packed, scales = NVFP4().encode(x)
    assert scales.float().tolist() == [[2.0, 0.0]]
    # codes: 6, -6, .5, 1, 1.5, 2, 3, 4, -.5, 0 (.2), .5 (.3), 2 (2.5, a tie),
    # 4 (3.5, a tie), -6 (5.25), 0, 6 (5.5)
    codes = [7, 15, 1, 2, 3, 4, 5, 6, 9, 0, 1, 4, 6, 15, 0, 7]
    pairs = zip(codes[::2], codes[1::2], strict=True)
    assert packed.tolist() == [[low + 16 * high for low, high in pairs] + [0] * 8]
    assert (NVFP4().decode(packed, scales)[0, :16].tolist()
            == [12, -12, 1, 2, 3, 4, 6, 8, -1, 0, 1, 4, 8, -12, 0, 12])


@calm
@given(st.integers(-20, 20), rows(16, st.floats(-3, 3, width=32, allow_subnormal=False)))
def test_nvfp4s_tensor_scale_moves_the_range_by_powers_of_two_for_free(exponent, x):
    plain, moved = NVFP4(), NVFP4(largest=6 * 448 * 2.0 ** exponent)
    assert torch.equal(moved.decode(*moved.encode(x * 2.0 ** exponent)),
                       plain.decode(*plain.encode(x)) * 2.0 ** exponent)


def test_two_bits_by_hand():
    """From -1 to 2 in steps of 1: 0.4 is nearest to 0 (code 1), 0.6 to 1 (code 2).
    Bytes hold the first code lowest."""
    x = torch.tensor([[-1.0, 0.4, 2.0, 0.6, 5, 5, 5, 5]])
    packed, step, low = TwoBit(4).encode(x)
    assert packed[0, 0].item() == 0 + 1 * 4 + 3 * 16 + 2 * 64
    assert step[0, 0].item() == 1 and low[0].tolist() == [-1, 5]
    assert TwoBit(4).decode(packed, step, low).tolist() == [[-1, 0, 2, 1, 5, 5, 5, 5]]


@calm
@given(rows(32), st.sampled_from([4, 8, 32]))
def test_two_bits_are_within_half_a_step_and_the_rounding_of_the_float16_ends(x, group):
    groups = x.unflatten(-1, (-1, group))
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    error = (TwoBit(group).decode(*TwoBit(group).encode(x)) - x).abs().unflatten(-1, (-1, group))
    assert (error <= (high - low) / 6 + 2.0 ** -10 * (low.abs() + high - low) + 1e-4).all()


@calm
@given(st.lists(st.integers(0, 255), min_size=1, max_size=9), st.sampled_from([2, 4]))
def test_packing_is_numpys_order_of_bits(values, bits):
    packed = torch.tensor(values, dtype=torch.uint8)
    little = np.unpackbits(packed.numpy(), bitorder="little").reshape(-1, bits) @ 2 ** np.arange(bits)
    assert unpack(packed, bits).tolist() == little.tolist()
    assert torch.equal(pack(unpack(packed, bits), bits), packed)


@pytest.mark.parametrize("codec, bits", [(BF16(), 16), (Int8(), 8 + 32 / 64), (FP8(), 8), (NVFP4(), 4.5),
                                         (TwoBit(32), 3), (TwoBit(16), 4)])
def test_storage_is_really_that_small(codec, bits):
    x = torch.randn(2, 3, 5, 64)
    assert sum(t.nbytes for t in codec.encode(x)) * 8 == x.numel() * bits
    assert codec.decode(*codec.encode(x)).shape == x.shape
    for alone, of_all in zip(codec.encode(x[:, :, 4:]), codec.encode(x), strict=True):    # row by row
        assert torch.equal(alone, of_all[:, :, 4:])


def test_what_is_too_large_saturates_and_what_is_all_the_same_needs_no_division_by_zero():
    for codec, end in ((FP8(), 448), (FP8(largest=7), 7), (NVFP4(), 6 * 448), (NVFP4(largest=7), 7)):
        decoded = codec.decode(*codec.encode(torch.tensor([[1e6, -1e9] + [0.0] * 14])))
        assert decoded.tolist() == [[end, -end] + [0.0] * 14]
    for codec in (Int8(), TwoBit(16)):
        codes, step, *_ = codec.encode(torch.zeros(1, 16))
        assert (step > 0).all() and not codes.any()


def test_widths_and_groups_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="24 elements do not divide into groups of 16"):
        NVFP4().encode(torch.zeros(1, 24))
    with pytest.raises(ValueError, match="multiple of 4"):
        TwoBit(6)


def test_two_bits_far_from_zero_are_cut_to_their_four_codes():
    """float16 has steps of 0.5 at 1000, so the zero point lands above the whole group;
    every code is the lowest."""
    x = torch.tensor([[1000.3, 1000.3, 1000.35, 1000.4]])
    assert TwoBit(4).decode(*TwoBit(4).encode(x)).tolist() == [[1000.5] * 4]
