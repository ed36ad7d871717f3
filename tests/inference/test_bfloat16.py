"""inference/bfloat16.py against torch's bfloat16."""
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from computetrades.inference import bfloat16

NORMAL = st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6)


@given(NORMAL)
def test_nearest_is_torchs_rounding(x):
    torchs = torch.tensor(x, dtype=torch.float64).to(torch.bfloat16)
    assert bfloat16.round_to_bf16(x) == torchs.double().item()


@given(NORMAL)
def test_neighbours_are_one_spacing_apart(x):
    at = torch.tensor(bfloat16.round_to_bf16(x)).bfloat16()
    bits = at.view(torch.int16)
    after = (bits + 1).view(torch.bfloat16).double().abs().item()
    assert after - abs(bfloat16.round_to_bf16(x)) == bfloat16.spacing(bfloat16.round_to_bf16(x))


def test_what_bf16_can_print_is_what_it_prints():
    # From 0 to 1
    every = torch.arange(0, 0x3F80, dtype=torch.int32).to(torch.int16).view(torch.bfloat16).double()
    # A tie goes either way
    printed = {round_ for x in every.tolist()
               for round_ in (math.floor(x * 10_000 + 0.5), math.ceil(x * 10_000 - 0.5))}
    assert [i for i in range(1, 10_000) if bfloat16.can_print(i / 10_000, 4)] == sorted(printed - {0, 10_000})


def test_the_essays_second_value_is_none():
    assert bfloat16.spacing(-0.1418) == 2 ** -10
    assert not bfloat16.can_print(-0.1418, 4) and bfloat16.can_print(-0.1416, 4)


def test_a_printed_row_by_hand():
    """BF16 has halves and quarters, and nothing that prints as 0.1418. Around their mean
    of 0 the squares add up to 1.2902."""
    row = bfloat16.printed((0.75, -0.1418, 0.1418, -0.75, 0.0), decimals=4, band=0.1418)
    assert (row.n_values, row.n_possible, row.largest, row.inside) == (5, 3, 0.75, 0.6)
    assert row.sigma == pytest.approx(math.sqrt(2 * (0.75 ** 2 + 0.1418 ** 2) / 5))
    with pytest.raises(ValueError, match="at least one"):
        bfloat16.printed((), decimals=4, band=1)


@pytest.mark.parametrize("x", [0.0, float("inf"), float("nan")])
def test_no_spacing_where_there_is_none(x):
    with pytest.raises(ValueError, match="finite number other than zero"):
        bfloat16.spacing(x)
