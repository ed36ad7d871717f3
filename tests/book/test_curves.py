"""book/charts/curves.py: its charts compile, and hold the rows and scales asked for."""
import json

import altair as alt
import pytest

from computetrades.book.charts import curves, marks


def rows(data):
    return data.to_dict()["values"]


def test_steps_double_evenly_and_reach_the_end():
    x = [row["x"] for row in rows(curves.steps(1, 8, per_octave=2))]
    assert x == pytest.approx([1, 2**0.5, 2, 2**1.5, 4, 2**2.5, 8])


def test_steps_that_do_not_meet_the_end_pass_it_once():
    x = [row["x"] for row in rows(curves.steps(3, 10, per_octave=1))]
    assert x == [3, 6, 12]


def test_steps_carry_other_rows_along():
    assert rows(curves.steps(1, 2, per_octave=1, also=[{"x": 5, "name": "a"}]))[-1] == {"x": 5, "name": "a"}


@pytest.mark.parametrize("first, last", [(0, 8), (-1, 8), (8, 1), (2, 2)])
def test_an_axis_that_no_logarithm_has_is_refused(first, last):
    with pytest.raises(ValueError, match="logarithmic axis needs 0 < first < last"):
        curves.steps(first, last)


def test_an_axis_has_the_scale_that_was_asked_for():
    x = curves.log_axis(alt.X, "x:Q", "tokens", (1, 8), base=2, format="~s").to_dict()
    assert x["scale"] == {"type": "log", "base": 2, "domain": [1, 8], "nice": False}
    assert x["axis"] == {"format": "~s"}
    assert "domain" not in curves.log_axis(alt.Y, "y:Q", "ms").to_dict()["scale"]


def test_a_layer_of_all_compiles():
    vl_convert = pytest.importorskip("vl_convert")
    x, y = curves.log_axis(alt.X, "x:Q", "x", (1, 8), base=2), curves.log_axis(alt.Y, "y:Q", "y", (1, 8))
    points = alt.Chart(alt.Data(values=[{"x": 2, "y": 3, "name": "the case"}]))
    curve = curves.curve(curves.steps(1, 8), x, y).transform_calculate(y="datum.x")
    chart = alt.layer(marks.band(2, 4, "printed", at=1.5), curve, curves.dots(points, x, y),
                      curves.point_names(points, x, y))
    svg = vl_convert.vegalite_to_svg(json.dumps(chart.to_dict()))
    assert "the case" in svg and "printed" in svg and svg.count("<path") > 3


def test_bars_in_parts_name_each_whole_in_two_lines():
    vl_convert = pytest.importorskip("vl_convert")
    data = alt.Data(values=[{"series": f"model {m}: {m}B|{part}", "value": v}
                            for m, part, v in ((1, "a", 2), (1, "b", 3), (7, "a", 9), (7, "b", 1))])
    chart = curves.in_parts(alt.Chart(data).mark_bar(), "value", ["a", "b"])
    svg = vl_convert.vegalite_to_svg(json.dumps(chart.to_dict()))
    assert svg.index("model 7") < svg.index("model 1") and "1B" in svg and "model 1: 1B<" not in svg


def test_alt_text_gives_each_number_with_its_name():
    from computetrades.facts import facts
    m = facts("h100-sxm")
    assert (curves.in_words({"memory|rate": m.hbm_bandwidth, "size": m.hbm_bandwidth * 2}, "TB/s")
            == "memory, rate 3.35 TB/s; size 6.70 TB/s")
