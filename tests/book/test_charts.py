"""book/charts/__init__.py: expressions evaluated by node, charts drawn by vl-convert,
both against the plain library functions."""
import html
import json
import math
import re

import altair as alt
import numpy as np
import pytest
import vl_convert
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.book import charts
from computetrades.capital import margins
from computetrades.facts import facts
from computetrades.functions import maximum
from computetrades.inference import kv, params
from computetrades.number import Leaf, Number, named
from computetrades.units import Quantity, parse
from tests.javascript import evaluated

SESSION, CHOICE, REPLICA = facts("session"), facts("replica-cache"), facts("replica")
LLAMA, OSS, BF16, H100 = facts("llama-31-70b"), facts("gpt-oss-120b"), facts("bf16"), facts("h100-sxm")
# Vega's expression language has these of Math and no others:
# https://vega.github.io/vega/docs/expressions/#math-functions
VEGA = "abs acos asin atan atan2 ceil cos exp floor hypot log max min pow random round sin sqrt tan".split()


def fact(key, value, low=None, high=None):
    q = parse(value)
    ends = [None if x is None else Quantity(x, q.units) for x in (low, high)]
    return Number.of_leaf(Leaf(f"rec.{key}", f"the {key}", q, "vendor", "", "", *ends))


def in_vega(cases):
    """Each (source, variables) evaluated with Vega's functions in scope."""
    return evaluated(cases, VEGA)


def rows(chart, moved=()):
    """(series, x, value) of each mark as Vega draws it, sliders set to `moved` {name: value}."""
    spec = (chart.transform_calculate(told="datum.series + '|' + datum.x + '|' + datum.value")
            .encode(x="x:Q", y="value:Q", text="told:N")).to_dict()
    for parameter in spec["params"]:
        parameter["value"] = dict(moved).get(parameter["name"], parameter["value"])
    told = re.findall(r">([^<>]*\|[^<>]*)</text>", vl_convert.vegalite_to_svg(json.dumps(spec)))
    return sorted((label, float(x), float(y)) for label, x, y in (html.unescape(t).split("|") for t in told))


def bound(slider):
    """The HTML range input that the chart asks for, and its first value."""
    [parameter] = alt.Chart(alt.sequence(1)).mark_point().add_params(slider.param).to_dict()["params"]
    return {**parameter["bind"], "value": parameter["value"]}


def test_a_slider_runs_over_the_facts_range_in_its_own_unit():
    s = bound(charts.slider(fact("memory", "80 GB", 50, 120)))
    assert (s["input"], s["min"], s["max"], s["value"]) == ("range", 50, 120, 80)
    assert "the memory" in s["name"] and "GB" in s["name"]


def test_without_a_range_a_slider_runs_from_half_to_twice():
    s = bound(charts.slider(fact("memory", "80 GB")))
    assert s["value"] / s["min"] == s["max"] / s["value"] == 2


def test_what_the_author_says_wins_even_when_it_is_zero():
    s = bound(charts.slider(fact("memory", "80 GB", 40, 120), 0, 90, 5, "Memory"))
    assert (s["min"], s["max"], s["step"]) == (0, 90, 5) and s["name"].startswith("Memory (GB)")
    assert bound(charts.slider(fact("memory", "-80 GB", -90, -10), high=0))["max"] == 0


def test_the_authors_low_end_is_kept_when_the_stored_value_is_off_its_grid():
    assert bound(charts.slider(fact("x", "7 GB"), 0, 20, 5))["min"] == 0


@settings(deadline=None, max_examples=30)
@given(st.floats(0.5, 1e12))
def test_a_slider_has_enough_positions_and_not_too_many(value):
    s = bound(charts.slider(fact("x", value)))
    assert 50 <= (s["max"] - s["min"]) / s["step"] <= 2000


def test_parameters_of_different_facts_have_different_valid_names():
    alike = Number.of_leaf(Leaf("rec-a.b", "b", parse(1), "vendor"))
    names = [charts.slider(f).name for f in (fact("a-b", 1), fact("a", 1), alike, SESSION.context)]
    assert len(set(names)) == 4 and all(re.fullmatch(r"[A-Za-z_]\w*", n) for n in names)


def test_an_axis_or_slider_needs_a_single_fact():
    with pytest.raises(ValueError, match="single fact"):
        charts.slider(fact("a", 2) * fact("b", 3))
    assert charts.single_leaf(SESSION.context).key == "session.context"


def test_an_expression_with_x_and_sliders_equals_the_plain_function():
    users = kv.users(REPLICA.n_gpus, H100.hbm_capacity, params.total_bytes(LLAMA, BF16),
                     kv.bytes_per_token(LLAMA, CHOICE) * SESSION.context)
    moves = [charts.slider(f)
             for f in (REPLICA.n_gpus, CHOICE.bits, LLAMA.n_kv_heads, facts("nvidia").gross_margin)]
    # The margin has no part in it and is left out
    source = charts.expression(users, "user", SESSION.context, moves)
    assert moves[3].name not in source
    grid = [(n, bits, heads, x) for n in (2, 8, 16) for bits in (4, 16) for heads in (1, 8, 64)
            for x in (2000, 50_000, 131_072)]
    found = in_vega([(source, {**{m.name: v for m, v in zip(moves, at, strict=True)}, "datum": {"x": at[3]}})
                     for at in grid])
    n, bits, heads, x = np.array(grid, dtype=float).T
    weights = 70553706496 + 80 * 2 * 8192 * 128 * (heads - 8)         # keys and values have matrices as well
    cache = 2 * 80 * heads * 128 * bits / 8 * x
    np.testing.assert_allclose(found, np.maximum(0, np.floor((n * 80e9 - weights * 2) / cache)))


def test_an_expression_is_in_the_unit_asked_for():
    price = margins.blended_price(fact("in", "3 USD/Mtok"), fact("out", "15 USD/Mtok"),
                                  fact("mix", "75 percent"))
    mix = fact("mix", "75 percent")
    cases = [(charts.expression(price, unit, mix), {"datum": {"x": 50}})
             for unit in ("USD/Mtok", "USD/token")]
    assert in_vega(cases) == pytest.approx([9, 9e-6])  # half of 3 and half of 15
    assert in_vega([(charts.expression(price, "USD/Mtok"), {})]) == pytest.approx([6])


def test_a_named_number_can_be_the_slider():
    weights = named("rec.weights", fact("n", 70) * fact("size", "2 GB"), "weights")
    move = charts.slider(weights, 100, 200)
    [found] = in_vega([(charts.expression(weights / fact("bw", "4 TB/s"), "ms", sliders=[move]),
                        {move.name: 180})])
    assert found == pytest.approx(45)


def test_an_axis_that_the_number_does_not_use_is_refused():
    with pytest.raises(KeyError, match="rec.other"):
        charts.expression(fact("a", 2) * 3, "", fact("other", 1))


def test_series_draws_one_row_per_label_and_x_each_by_its_own_formula():
    lines = {'the "big" one µ': kv.cache_bytes(LLAMA, CHOICE, SESSION.context),
             "small": kv.cache_bytes(OSS, CHOICE, SESSION.context)}
    bits = charts.slider(CHOICE.bits, 2, 16, 1)
    chart = charts.series(alt.Chart(alt.sequence(50, 251, 100, as_="x")).mark_text(), lines, "MB",
                          SESSION.context, [bits])
    for moved in (16, 4):
        want = [(label, x, b) for x in (50, 150, 250) for label, b in [
            ('the "big" one µ', 163_840 * x * moved / 8e6),
            ("small", 2 * 8 * 64 * 18 * (x + min(x, 128)) * moved / 8e6)]]
        for found, expected in zip(rows(chart, {bits.name: moved}), sorted(want), strict=True):
            assert found[0] == expected[0] and found[1:] == pytest.approx(expected[1:], rel=1e-9)


def test_series_follows_a_maximum_across_its_corner():
    x, power, compute = fact("x", 1), fact("p", "2 s", 1, 4), fact("c", "6 s")
    roof = charts.slider(power, 1, 4, 1)
    chart = charts.series(alt.Chart(alt.sequence(1, 6, 1, as_="x")).mark_text(),
                          {"roof": maximum(power * x, compute)}, "ms", x, [roof])
    assert [y for _, _, y in rows(chart, {roof.name: 3})] == [6000, 6000, 9000, 12000, 15000]


def test_a_finished_chart_is_bundled_as_spec_picture_and_words():
    chart = charts.finish(alt.Chart(alt.sequence(3, as_="x")).mark_point().encode(alt.X("x:Q"), color="x:N"),
                          "What it shows", "In words", 123)
    bundle = chart._repr_mimebundle_()
    spec, picture = bundle[charts.VEGALITE], bundle["image/svg+xml"]
    assert bundle["text/plain"] == spec["description"] == "In words"
    assert spec["title"]["text"] == "What it shows"
    assert spec["width"] == "container" and spec["height"] == 123
    assert picture.startswith("<svg") and ">What it shows</text>" in picture and "640" in picture
    assert all(color in picture for color in charts.PALETTE[:3])
    assert not re.search(r"https?://(?!www\.w3\.org)", picture)  # a picture that needs no network


def test_the_palette_is_okabe_and_itos_and_stays_apart_for_red_green_blindness():
    okabe_ito = {"#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"}
    assert set(charts.PALETTE) <= okabe_ito and len(set(charts.PALETTE)) == 7
    # Machado 2009
    deuteranope = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                            [-0.011820, 0.042940, 0.968881]])
    seen = [deuteranope @ [(int(c[i:i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)] for c in charts.PALETTE]
    assert min(math.dist(p, q) for i, p in enumerate(seen) for q in seen[:i]) > 0.05


def test_a_slider_over_a_small_fact_can_be_moved():
    s = bound(charts.slider(fact("x", 0.005)))
    assert (s["max"] - s["min"]) / s["step"] >= 50


@pytest.mark.parametrize("value", ["0 bit", "-5 s"])
def test_a_slider_runs_upwards_from_low_to_high(value):
    s = bound(charts.slider(fact("x", value)))
    assert s["min"] < s["max"] and s["min"] <= s["value"] <= s["max"]


def test_the_stored_value_is_a_position_of_its_slider():
    s = bound(charts.slider(fact("x", "327680 B/token")))
    assert (s["value"] - s["min"]) % s["step"] == 0


def test_a_slider_over_a_named_number_inside_another_moves_the_line():
    inner = named("rec.inner", fact("a", 2) * 2, "inner")
    move = charts.slider(inner)
    assert move.name in charts.expression(named("rec.outer", inner * 3, "outer") * 5, "", sliders=[move])


def test_a_multiple_of_a_fact_is_not_a_fact():
    with pytest.raises(ValueError, match="single fact"):
        charts.slider(fact("a", 2) * 2)
