"""functions.py: traced functions against numpy on plain floats."""
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from computetrades import functions as F
from computetrades.number import Leaf, Number, as_number
from computetrades.units import UnitError, parse

calm = settings(deadline=None, max_examples=50)
REAL = st.floats(-50, 50)


def fact(key, value):
    return Number.of_leaf(Leaf(f"r.{key}", f"the {key}", parse(value), "vendor"))


@calm
@given(st.sampled_from(["ceil", "floor", "exp"]), REAL)
def test_one_argument_functions_equal_numpy(name, x):
    assume(x == round(x) or abs(x - round(x)) > 1e-10)  # where steps forgive noise, on purpose
    n = getattr(F, name)(fact("x", x))
    assert n.value() == pytest.approx(getattr(np, name)(x), abs=1e-300)
    assert n.value(facts={"r.x": [x, 1.5]}) == pytest.approx(getattr(np, name)([x, 1.5]))


@calm
@given(st.sampled_from(["log", "sqrt"]), st.floats(1e-6, 1e6))
def test_log_and_sqrt_equal_numpy(name, x):
    n = getattr(F, name)(fact("x", x))
    assert n.value() == pytest.approx(getattr(np, name)(x))
    assert n.value(facts={"r.x": [x, 2.0]}) == pytest.approx(getattr(np, name)([x, 2.0]))


@calm
@given(st.sampled_from([(F.maximum, max), (F.minimum, min)]), REAL, REAL, REAL)
def test_maximum_and_minimum_take_any_number_of_arguments(pair, x, y, z):
    traced, builtin = pair
    assert traced(fact("x", x), fact("y", y), z).value() == builtin(x, y, z)
    assert traced(x, y, z) == builtin(x, y, z)


@calm
@given(REAL, REAL)
def test_where_takes_the_side_that_the_comparison_picks(x, y):
    a, b = fact("x", x), fact("y", y)
    chosen = F.where(a > b, a - b, b)
    assert chosen.value() == (x - y if x > y else y)
    np.testing.assert_array_equal(chosen.value(facts={"r.x": [x, y], "r.y": y}),
                                  np.where(np.array([x, y]) > y, [x - y, 0], y))
    assert set(chosen.facts()) == {"r.x", "r.y"}


def test_floats_and_arrays_go_through_numpy_untraced():
    row = np.array([1.2, 4.0])
    assert F.sqrt(4.0) == 2 and not isinstance(F.ceil(1.2), Number)
    np.testing.assert_array_equal(F.ceil(row), [2, 4])
    np.testing.assert_array_equal(F.maximum(row, 2), [2, 4])
    np.testing.assert_array_equal(F.where(row > 2, row, 0), [0, 4])


def test_units_are_converted_before_comparing():
    assert F.maximum(fact("x", "1 GB"), fact("y", "1 GiB")).value("B") == 2**30
    assert F.minimum(fact("x", "1 GB"), fact("y", "1 GiB")).value("B") == 10**9
    assert F.maximum(fact("x", "40 percent"), 0.5).value("percent") == 50


def test_square_root_takes_the_root_of_the_unit():
    assert F.sqrt(fact("area", "9 mm**2")).value("m") == pytest.approx(0.003)


def test_percent_is_a_plain_number_to_log_and_exp():
    assert F.exp(fact("p", "50 percent")).value() == pytest.approx(np.exp(0.5))
    assert F.log(fact("p", "50 percent")).value() == pytest.approx(np.log(0.5))


@pytest.mark.parametrize("name", ["log", "exp"])
def test_log_and_exp_of_bytes_fail(name):
    with pytest.raises(UnitError, match=f"the w is in GB .*{name}"):
        getattr(F, name)(fact("w", "1 GB"))


@pytest.mark.parametrize("name", ["ceil", "floor"])
def test_rounding_is_for_whole_base_units_only(name):
    assert getattr(F, name)(fact("n", "2.5 token")).value("token") == getattr(math, name)(2.5)
    with pytest.raises(UnitError, match="the w.*GB"):
        getattr(F, name)(fact("w", "2.5 GB"))


@pytest.mark.parametrize("mix", [F.maximum, F.minimum, lambda a, b: F.where(a > a, a, b)])
def test_different_kinds_do_not_meet(mix):
    with pytest.raises(UnitError, match=r"the w \[GB\].*the t \[s\]"):
        mix(fact("w", "1 GB"), fact("t", "1 s"))


def test_the_larger_of_two_numbers_is_found_however_long_the_formulas():
    """Sympy's own proof is used for short sides and skipped for long ones; the value is right either way."""
    assert F.maximum(as_number(3), as_number(5)).value() == 5
    assert F.minimum(as_number(3), as_number(5)).value() == 3
    xs = [Number.of_leaf(Leaf(f"long.x{i}", "x", parse(f"{i + 1}"), "vendor")) for i in range(30)]
    long = sum(x * y for x, y in pairwise(xs))
    moved = {"long.x0": 7.0}
    assert F.maximum(long, long + 1).value(facts=moved) == pytest.approx(long.value(facts=moved) + 1)
    assert F.minimum(long, long + 1).value() == long.value()


def test_only_what_is_given_is_summed():
    assert F.sum_given([None, 2, None, 3.5]) == 5.5
    assert F.sum_given(iter([fact("x", "2 s"), None, fact("y", "3 s")])).value("s") == 5
    assert F.sum_given([None, None]) is None and F.sum_given([]) is None
