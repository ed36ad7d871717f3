"""number.py: the traced number against plain floats, brute force and numerical derivatives."""
import itertools
import math
import operator
import subprocess
import sys

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from computetrades.functions import ceil, exp, floor, log, maximum, minimum, sqrt, where
from computetrades.number import TOKEN, Leaf, Number, Statement, as_number, named
from computetrades.units import Quantity, UnitError, parse

POSITIVE = st.floats(0.01, 1000)
calm = settings(deadline=None, max_examples=40)
OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]

SMOOTH = [lambda a, b, c: a * b / c + a, lambda a, b, c: sqrt(a * a + b * b) / c,
          lambda a, b, c: 3 - a ** 2.5 / b + c,
          lambda a, b, c: log(a / b) + exp(-c / (a + b + c)), lambda a, b, c: 1 / (1 / a + 2 / b) ** 2 * c]
STEPPED = [lambda a, b, c: maximum(a * b, c) - minimum(a, c), lambda a, b, c: ceil(a / b) * c,
           lambda a, b, c: floor(a + b) - c, lambda a, b, c: where(a > b, a, b * c)]


def fact(key, value, low=None, high=None):
    q = parse(value)
    end = [None if x is None else Quantity(x, q.units) for x in (low, high)]
    return Number.of_leaf(Leaf(f"r.{key}", f"the {key}", q, "vendor", "source", "2026-01-01", *end))


def abc(a, b, c):
    return fact("a", a), fact("b", b), fact("c", c)


@calm
@given(st.sampled_from(OPERATIONS), POSITIVE, POSITIVE | st.integers(1, 99))
def test_arithmetic_works_both_ways_with_ints_floats_and_quantities(op, x, y):
    a, b = fact("a", x), Quantity(y, "")
    for left, right in [(a, y), (y, a), (a, b), (a, fact("b", y)), (a, np.float64(y)), (np.float64(y), a)]:
        want = op(y, x) if right is a else op(x, y)
        assert op(left, right).value() == pytest.approx(want)
        assert "r.a" in op(left, right).facts()


def test_powers_work_both_ways_and_abs_and_negation():
    n = fact("n", 3)
    assert (n ** 2).value() == 9 and (-n).value() == -3
    assert (2 ** n).value() == 8 and abs(-n).value() == 3
    assert abs(-n).value(facts={"r.n": -4}) == 4


def test_units_combine_as_on_paper():
    time = fact("w", "80 GB") / fact("bw", "3.2 TB/s")
    assert time.value("ms") == pytest.approx(25)
    assert (fact("w", "80 GB") + fact("k", "1 GiB")).value("B") == 80 * 10**9 + 2**30
    assert (1 - fact("p", "40 percent")).value() == pytest.approx(0.6)
    assert sum([fact("w", "80 GB"), fact("v", "20 GB")]).value("GB") == 100


@calm
@given(st.sampled_from(SMOOTH + STEPPED), POSITIVE, POSITIVE, POSITIVE)
def test_value_equals_the_same_function_on_plain_floats(f, a, b, c):
    traced = f(*abc(1.0, 2.0, 3.0))
    assert f(*abc(a, b, c)).value() == pytest.approx(f(a, b, c), rel=1e-12, abs=1e-9)
    moved = traced.value(facts={"r.a": a, "r.b": b, "r.c": c})
    assert moved == pytest.approx(f(a, b, c), rel=1e-12, abs=1e-9)


@calm
@given(st.sampled_from(SMOOTH + STEPPED), st.lists(POSITIVE, min_size=2, max_size=5), POSITIVE)
def test_value_broadcasts_arrays_as_numpy_does(f, row, b):
    a = np.array(row)
    column = a[:, None] + 1
    got = f(*abc(1.0, 2.0, 3.0)).value(facts={"r.a": a, "r.b": b, "r.c": column})
    np.testing.assert_allclose(got, f(a, b, column), rtol=1e-12, atol=1e-9)


def test_value_reads_replacements_in_the_facts_own_unit_or_a_given_one():
    time = fact("w", "80 GB") / fact("bw", "4 TB/s")
    assert time.value("ms", {"r.w": 160}) == pytest.approx(40)
    assert time.value("ms", {"r.w": "16 TB"}) == pytest.approx(4000)
    with pytest.raises(UnitError, match="the w"):
        time.value("ms", {"r.w": "1 s"})
    with pytest.raises(KeyError, match="r.typo.*r.bw, r.w"):
        time.value("ms", {"r.typo": 1})


@calm
@given(st.sampled_from(SMOOTH), POSITIVE, POSITIVE, POSITIVE)
def test_elasticity_equals_the_central_difference_of_logs(f, a, b, c):
    at, h = {"r.a": a, "r.b": b, "r.c": c}, 1e-6
    y = f(a, b, c)
    assume(abs(y) > 1e-2 * (1 + abs(a) + abs(c)))
    for key, found in f(*abc(a, b, c)).elasticity().items():
        up, down = (f(*{**at, key: at[key] * k}.values()) for k in (1 + h, 1 - h))
        assert found == pytest.approx((up - down) / (2 * h) / y, rel=1e-3, abs=1e-4)


@calm
@given(POSITIVE, st.floats(-4, 4).filter(lambda a: abs(a) > 0.01))
def test_a_power_law_has_its_exponent_as_elasticity(x, a):
    assert (fact("x", x) ** a).elasticity()["r.x"] == pytest.approx(a)


def test_elasticity_is_sorted_by_size_and_takes_steps_as_flat():
    a, b, c = abc(7.3, 2.0, 5.0)
    assert list((a / b ** 3 * c ** 2).elasticity().items()) == [("r.b", -3.0), ("r.c", 2.0), ("r.a", 1.0)]
    assert (ceil(a) * b).elasticity() == {"r.b": 1.0, "r.a": 0.0}
    assert maximum(a, b).elasticity() == {"r.a": 1.0, "r.b": 0.0}


@calm
@given(*[st.tuples(POSITIVE, POSITIVE, POSITIVE).map(sorted)] * 3, st.sampled_from(SMOOTH + STEPPED))
def test_range_equals_brute_force_over_every_corner(a, b, c, f):
    ranged = [fact(k, mid, low, high) for k, (low, mid, high) in zip("abc", (a, b, c), strict=True)]
    corners = [f(*map(float, corner)) for corner in itertools.product(*[(x[0], x[2]) for x in (a, b, c)])]
    low, high = f(*ranged).range()
    assert low.magnitude == pytest.approx(min(corners), rel=1e-9, abs=1e-9)
    assert high.magnitude == pytest.approx(max(corners), rel=1e-9, abs=1e-9)


def test_a_range_may_begin_or_end_at_zero_or_lack_one_end():
    def ends(n):
        return tuple(q.magnitude for q in n.range())
    assert ends(fact("a", "2 GB", 0, 5) * 2) == (0, 10)
    assert ends(fact("a", "-2 GB", -5, 0) * 1) == (-5, 0)
    assert ends(fact("a", "2 GB", None, 5) * 1) == (2, 5)
    assert fact("a", "2 GB").range() is None


def test_a_named_number_is_one_symbol_that_expands_to_its_facts():
    w, bw = fact("w", "80 GB"), fact("bw", "4 TB/s")
    step = named("decode.step", w / bw, "decode step")
    twice = 2 * step
    assert twice.expr == 2 * sympy.Symbol("decode.step", real=True)
    assert {s.name for s in twice.expanded()[0].free_symbols} == {"r.w", "r.bw"} == set(twice.facts())
    assert twice.value("ms") == twice.value("ms", {"r.w": 80}) == pytest.approx(40)
    assert twice.value("s", {"decode.step": "1 s"}) == pytest.approx(2)
    assert twice.elasticity() == {"r.bw": -1.0, "r.w": 1.0}
    assert set((fact("layers", 3) * step * twice).facts()) == {"r.layers", "r.bw", "r.w"}


def test_provenance_survives_every_operation():
    a, b, c = abc(3, 2, 5)
    leaf = (where(a > b, ceil(sqrt(a * c)), b) + log(b)).facts()["r.a"]
    assert (leaf.label, leaf.source, leaf.as_of, leaf.kind) == ("the a", "source", "2026-01-01", "vendor")


def test_adding_bytes_to_seconds_names_both_labels_and_both_units():
    with pytest.raises(UnitError, match=r"the w \[GB\].*the t \[s\]"):
        fact("w", "80 GB") + fact("t", "5 s")


@pytest.mark.parametrize("mix",
                         [lambda n: n + 5, lambda n: 5 + n, lambda n: n - 1.5, lambda n: n > 5,
                          lambda n: maximum(n, 5)])
def test_a_gigabyte_and_a_bare_number_do_not_mix(mix):
    with pytest.raises(UnitError, match="GB.*no unit|no unit.*GB"):
        mix(fact("w", "1 GB"))


def test_python_range_takes_only_whole_dimensionless_numbers():
    assert list(range(fact("n", 4))) == [0, 1, 2, 3]
    with pytest.raises(TypeError, match=r"the n is 2\.5"):
        range(fact("n", 2.5))
    with pytest.raises(UnitError, match="the n is in layer"):
        range(fact("n", "4 layer"))


@pytest.mark.parametrize("mix",
                         [lambda n, x: n * x, lambda n, x: x * n, lambda n, x: x + n, lambda n, x: n < x])
def test_an_array_with_a_number_says_what_to_do_instead(mix):
    with pytest.raises(TypeError, match=r"ndarray.*number\.value\(facts="):
        mix(fact("n", 2), np.arange(3))


@pytest.mark.parametrize("other", [True, "3", None])
def test_a_number_mixes_with_numbers_only(other):
    with pytest.raises(TypeError, match=type(other).__name__):
        as_number(other)


@calm
@given(st.sampled_from(["lt", "le", "gt", "ge", "eq", "ne"]), st.integers(1, 5), st.integers(1, 5))
def test_comparisons_are_statements_with_both_sides(name, x, y):
    op = getattr(operator, name)
    statement = op(fact("a", f"{x} kB"), fact("b", f"{y} kB"))
    assert isinstance(statement, Statement) and bool(statement) == op(x, y)
    assert (statement.left.name, statement.right.name) == ("the a", "the b")
    assert {leaf.key for leaf in statement.leaves.values()} == {"r.a", "r.b"}
    assert f"{x} kB" in str(statement) and f"{y} kB" in str(statement)


def test_comparison_converts_units():
    assert fact("a", "1 GiB") > fact("b", "1 GB") and fact("a", "1000 kB") == fact("b", "1 MB")


def test_a_unit_of_one_gives_numbers_their_unit_and_vanishes_on_floats_and_arrays():
    assert (fact("b", "320 KiB") / TOKEN).value("KiB/token") == 320
    assert 5 / TOKEN == 5.0 and 5 * TOKEN == 5
    for out in (np.ones(2) / TOKEN, np.ones(2) * TOKEN):
        assert out.dtype == float and math.isclose(out.sum(), 2)


def imported_by(module):
    code = (f"import sys, {module}; "
            "print(*[m for m in ('torch', 'matplotlib', 'altair', 'sympy') if m in sys.modules])")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.split()


def test_importing_the_library_stays_light():
    assert imported_by("computetrades") == []
    assert imported_by("computetrades.number") == ["sympy"]


def test_one_key_cannot_stand_for_two_things():
    big, small = (named("weights.bytes", fact(f"m.{n}", f"{n} GB") * 2, "weights") for n in (80, 30))
    with pytest.raises(ValueError, match="weights.bytes.*160 GB.*60 GB"):
        big - small


def test_a_share_of_money_is_money():
    assert str(fact("a.b", "3 USD") * fact("c.d", "40 percent")) == "$1.20"


def test_elasticities_are_the_same_through_names_as_in_one_formula():
    """Two levels of names, a maximum, a step and a fact that is reached on two ways."""
    a, b, c = (Number.of_leaf(Leaf(f"el.{k}", k, parse(v), "vendor"))
               for k, v in (("a", "3"), ("b", "5"), ("c", "2.5")))

    def built(name):
        inner = name("el.inner", a * b + c**2)
        outer = name("el.outer", maximum(inner / c, a) * floor(c))
        return outer / (inner + b)
    through = built(lambda key, n: named(key, n, key)).elasticity()
    whole = built(lambda key, n: n).elasticity()
    assert through.keys() == whole.keys() == {"el.a", "el.b", "el.c"}
    assert through == pytest.approx(whole, rel=1e-12)
