"""uncertainty.py: against scipy's triangle, moments known in closed form,
and Sobol indices known in closed form."""
import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from computetrades.facts import facts
from computetrades.functions import ceil, maximum
from computetrades.inference import kv
from computetrades.lithography import ceiling
from computetrades.number import Leaf, Number, named
from computetrades.uncertainty import monte_carlo, ranged, sobol, triangular
from computetrades.units import Quantity, parse

calm = settings(deadline=None, max_examples=25)
ORDERED = (st.lists(st.floats(-100, 100), min_size=3, max_size=3)
           .map(sorted).filter(lambda x: x[2] - x[0] > 0.01))
N = 4096


def fact(key, value, low=None, high=None):
    q = parse(value)
    ends = [None if x is None else Quantity(x, q.units) for x in (low, high)]
    return Number.of_leaf(Leaf(f"r.{key}", key, q, "vendor", "", "", *ends))


def leaf(number): return next(iter(number.leaves.values()))


def triangle(low, mode, high): return stats.triang((mode - low) / (high - low), low, high - low)


A, B, C = (2, 3, 9), (10, 40, 50), (1, 1, 4)  # low, value, high
FACTS = a, b, c = [fact(k, f"{mode} {unit}".strip(), low, high) for k, unit, (low, mode, high)
                   in zip("abc", ("GB", "s", ""), (A, B, C), strict=True)]


@calm
@given(ORDERED, st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5))
def test_triangular_is_the_inverse_of_scipys_triangle(ends, u):
    low, mode, high = ends
    drawn = triangular(u, leaf(fact("x", mode, low, high)))
    np.testing.assert_allclose(drawn, triangle(low, mode, high).ppf(u), rtol=1e-9, atol=1e-7)
    assert triangular(u[0], leaf(fact("x", mode, low, high))) == drawn[0]


@pytest.mark.parametrize("low, high, ends", [(1, None, (1, 4, 4)), (None, 9, (4, 4, 9)), (0, 9, (0, 4, 9))])
def test_a_missing_end_is_the_value_itself(low, high, ends):
    u = np.linspace(0, 1, 50, endpoint=False)
    np.testing.assert_allclose(triangular(u, leaf(fact("x", "4 GB", low, high))), triangle(*ends).ppf(u),
                               atol=1e-9)


def test_only_facts_with_a_range_are_moved_however_deep_they_lie():
    deep = (named("k.deep", a * fact("fixed", "2 s"), "deep") / b
            * fact("up", 2, None, 3) * fact("down", 2, 1, None))
    assert list(ranged(deep)) == ["r.a", "r.b", "r.down", "r.up"]
    assert list(ranged(fact("fixed", 3) * 2)) == []


def test_draws_of_one_fact_follow_its_triangle():
    draws = monte_carlo(a * 2, 20_000, 1, "MB")
    assert draws.shape == (20_000,)
    assert stats.kstest(draws / 2000, triangle(*A).cdf).pvalue > 1e-3


def test_facts_are_drawn_independently():
    variances = [triangle(*x).var() for x in (A, C)]
    draws = {sign: monte_carlo(a / Quantity(1, "GB") + sign * c, 100_000, 2) for sign in (1, -1)}
    assert [d.var() for d in draws.values()] == pytest.approx([sum(variances)] * 2, rel=0.03)
    product = monte_carlo(a * c, 100_000, 3, "GB")
    assert product.mean() == pytest.approx(triangle(*A).mean() * triangle(*C).mean(), rel=0.02)


def test_a_fact_used_twice_is_drawn_once():
    assert np.ptp(monte_carlo(a / a + (c - c), 100, 4)) == 0
    twice = monte_carlo(named("k.x", a * 1, "x") + a, 100_000, 5, "GB")
    assert twice.var() == pytest.approx(4 * triangle(*A).var(), rel=0.03)


def test_a_seed_gives_the_same_draws_and_another_seed_others():
    draw = [monte_carlo(a * b, 50, seed) for seed in (7, 7, 8)]
    assert (draw[0] == draw[1]).all() and (draw[0] != draw[2]).all()


def test_units_scale_the_draws():
    seconds, hours = (monte_carlo(b * c, 50, 1, unit) for unit in ("s", "h"))
    np.testing.assert_allclose(seconds, hours * 3600)
    np.testing.assert_allclose(monte_carlo(b * c, 50, 1), seconds)  # by default the number's own


def test_draws_stay_inside_the_corner_range():
    number = maximum(a / b, fact("r", "1 GB/s")) + ceil(c) * fact("s", "1 GB/s")
    low, high = (q.magnitude for q in number.range())
    draws = monte_carlo(number, 5000, 9)
    assert low <= draws.min() < draws.max() <= high and np.ptp(draws) > 0.5 * (high - low)


def test_traced_draws_equal_the_plain_library_function_on_arrays():
    essay, layers = facts("essay-ceiling"), facts("euv-layers")
    number = ceiling.passes_per_gw([essay.n3_wafers, essay.dram_wafers], [layers.n3, layers.dram])
    rng, size = np.random.default_rng(0), 50_000
    drawn = [triangle(low, mode, high).rvs(size, random_state=rng)
             for low, mode, high in ((19, 20, 25), (1, 4, 7))]
    plain = ceiling.passes_per_gw([55_000, 170_000], drawn)
    draws = monte_carlo(number, size, 1, "exposure/GW")
    assert stats.ks_2samp(draws, plain).pvalue > 1e-3
    float_at_mode = ceiling.passes_per_gw([55_000.0, 170_000.0], [20.0, 4.0])
    assert number.value("exposure/GW") == float_at_mode == 1_780_000


def test_steps_and_windows_survive_sampling():
    model, fp16 = facts("gpt-oss-120b"), facts("bf16")
    context = fact("context", "100 token", 1, 5000)
    draws = monte_carlo(kv.cache_bytes(model, fp16, context), 2000, 3, "B")
    at = triangular(np.random.default_rng(3).random(2000), leaf(context))
    np.testing.assert_allclose(draws, 2 * 8 * 64 * 2 * 18 * (at + np.minimum(at, 128)))


def close(found, first, total, within=0.03):
    assert found.keys() == first.keys() == total.keys()
    for key, (s1, st_) in found.items():
        assert (s1, st_) == pytest.approx((first[key], total[key]), abs=within), key


def test_sobol_of_a_linear_model_is_each_terms_share_of_the_variance():
    number = 3 * a / Quantity(1, "GB") + b / Quantity(1, "s") - 5 * c + 100
    parts = {key: k**2 * triangle(*x).var() for key, k, x in (("r.a", 3, A), ("r.b", 1, B), ("r.c", -5, C))}
    share = {key: part / sum(parts.values()) for key, part in parts.items()}
    close(sobol(number, N, 1), share, share)


def test_sobol_of_a_product_has_its_closed_form():
    def g(x, k): return (abs(x - k) + 1) / (1 + k)
    kinks = {"r.a": 4, "r.b": 30, "r.c": 2}
    number = math.prod((g(n / Quantity(1, u), kinks[f"r.{k}"])
                        for k, n, u in zip("abc", FACTS, ("GB", "s", ""), strict=True)), start=1)

    def spread(key, x):  # D = variance over squared mean of one factor, by quadrature
        def moment(p):
            return quad(lambda t: g(t, kinks[key])**p * triangle(*x).pdf(t), x[0], x[2],
                        points=[kinks[key], x[1]])[0]
        return moment(2) / moment(1)**2 - 1
    d = {key: spread(key, x) for key, x in (("r.a", A), ("r.b", B), ("r.c", C))}
    whole = math.prod(1 + v for v in d.values()) - 1
    close(sobol(number, N, 2), {k: v / whole for k, v in d.items()},
          {k: v * (whole + 1) / (1 + v) / whole for k, v in d.items()})


# Ishigami and Homma 1990; indices as in Saltelli 2008, a = 7, b = 0.1
def test_sobol_of_the_ishigami_function():
    def uniform(key):  # over (-pi, pi): 1 - (1 - x)^2 is uniform when x falls from 0 to 1
        return math.pi * (1 - 2 * (1 - fact(key, 0, 0, 1)) ** 2)

    def sin(n): return Number(Quantity(math.sin(n.value()), ""), sympy.sin(n.expr), n.leaves)
    x1, x2, x3 = (uniform(k) for k in ("x1", "x2", "x3"))
    found = sobol(sin(x1) + 7 * sin(x2) ** 2 + 0.1 * x3 ** 4 * sin(x1), N, 3)
    close(found, {"r.x1": 0.3139, "r.x2": 0.4424, "r.x3": 0},
          {"r.x1": 0.5576, "r.x2": 0.4424, "r.x3": 0.2437})
    assert list(found) == ["r.x1", "r.x2", "r.x3"]  # by total index


def test_sobol_of_one_fact_gives_it_everything_and_repeats_with_its_seed():
    assert sobol(a * 2, 1024, 1)["r.a"] == pytest.approx((1, 1), abs=0.02)
    assert sobol(a * b, 64, 5) == sobol(a * b, 64, 5) != sobol(a * b, 64, 6)


def test_a_number_without_ranges_is_drawn_n_times_all_the_same():
    assert np.shape(monte_carlo(fact("x", 3) * 2, 5, 1)) == (5,)


def test_a_range_of_no_width_draws_its_value():
    assert (monte_carlo(fact("x", 3, 3, 3) * a, 5, 1, "GB") > 0).all()


def test_sobol_without_ranges_says_so():
    with pytest.raises(ValueError, match="range"):
        sobol(fact("x", 3) * 2, 64, 1)
