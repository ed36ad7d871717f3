"""ranges.py: against the triangle's own median and share, limits, and the draws of uncertainty.py."""
import numpy as np
import pytest
from scipy import stats

from computetrades import ranges
from computetrades.data import DataError
from computetrades.facts import facts
from computetrades.lithography import ceiling
from computetrades.uncertainty import monte_carlo, sobol

INPUTS = ("wafers-per-gw", "euv-layers", "euv-operations", "asml-euv-shipments", "plan", "essay-ceiling")
CEILING = {"formula": "lithography.ceiling.from_records", "records": INPUTS}
DRAWN = CEILING | {"n": 2000, "seed": 3, "in_unit": "GW/year"}


@pytest.fixture
def one_triangle(monkeypatch):
    """A formula that is one fact: EUV layers on a DRAM wafer, 1 to 7 and most likely 4."""
    monkeypatch.setattr(ceiling, "one", lambda layers: layers.dram * 1, raising=False)
    leaf = next(iter(facts("euv-layers").dram.leaves.values()))
    low, mode, high = (q.magnitude for q in (leaf.low, leaf.quantity, leaf.high))
    return stats.triang((mode - low) / (high - low), low, high - low)


def test_percentiles_and_shares_of_one_fact_are_those_of_its_triangle(one_triangle):
    how = {"formula": "lithography.ceiling.one", "records": ("euv-layers",), "n": 100_000, "seed": 1,
           "in_unit": "exposure/wafer"}
    for percent in (5, 50, 95):
        expected = one_triangle.ppf(percent / 100)
        assert ranges.percentile(percent=percent, **how) == pytest.approx(expected, rel=0.01)
    assert ranges.share_above(threshold=5, **how) == pytest.approx(one_triangle.sf(5), abs=0.005)
    alone = ranges.variance_share("lithography.ceiling.one", ("euv-layers",), "euv-layers.dram", 1024, 1)
    assert alone == pytest.approx(1, abs=0.02)


def test_the_draws_are_those_of_the_number_built_by_hand():
    number = ceiling.from_records(*map(facts, INPUTS))
    draws = monte_carlo(number, 2000, 3, "GW/year")
    assert ranges.percentile(percent=50, **DRAWN) == np.median(draws)
    assert ranges.percentile(percent=0, **DRAWN) == draws.min()
    assert ranges.percentile(percent=100, **DRAWN) == draws.max()
    assert ranges.share_above(threshold=200, **DRAWN) == sum(x > 200 for x in draws) / 2000
    assert ranges.share_above(threshold=0, **DRAWN) == 1
    assert (ranges.variance_share(**CEILING, fact="euv-layers.dram", n=64, seed=3)
            == sobol(number, 64, 3)["euv-layers.dram"][0])


@pytest.mark.parametrize("call, said", [
    (lambda: ranges.of_facts("lithography.ceiling.none", INPUTS), r"no formula 'lithography\.ceiling\.none'"),
    (lambda: ranges.of_facts("lithography.none.ceiling", INPUTS), r"no formula.*give its module"),
    (lambda: ranges.of_facts("lithography.ceiling.from_records", ("euv-layer",)), "euv-layers"),
    (lambda: ranges.variance_share(**CEILING, fact="plan.years", n=64, seed=1),
     r"'plan\.years'; it does with .*euv-layers\.dram")])
def test_what_is_not_there_is_named(call, said):
    with pytest.raises(DataError, match=said):
        call()
