"""book/charts/marks.py: drawn by vl-convert, each mark stands where its numbers put it."""
import json
import re

import altair as alt
import pytest
import vl_convert

from computetrades.book.charts import marks


def drawn(chart, width=200, height=100):
    return vl_convert.vegalite_to_svg(chart.properties(width=width, height=height).to_dict())


def plot():
    """Corners at (0, 0) and (10, 10), so that a unit is 20 pixels wide and 10 high."""
    values = [{"x": 0, "y": 0}, {"x": 10, "y": 10}]
    return alt.Chart(alt.Data(values=values)).mark_point(opacity=0).encode(alt.X("x:Q"), alt.Y("y:Q"))


def box(svg):
    """(x, y, width, height) of the shaded rectangle."""
    [path] = re.findall(r'aria-roledescription="rect mark"[^>]*d="M([\d.]+),([\d.]+)h([\d.]+)v([\d.]+)', svg)
    return [float(n) for n in path]


def test_a_band_spans_its_range_and_the_whole_other_axis():
    assert box(drawn(plot() + marks.band(2, 5, "here"))) == [0, 50, 200, 30]
    across = drawn(plot() + marks.band(2, 5, "here", "x", at=10))
    assert box(across) == [40, 0, 60, 100] and ">here<" in across


def test_a_band_along_no_axis_is_refused():
    with pytest.raises(ValueError, match="'z'"):
        marks.band(0, 1, "here", "z")


def dashed_over(line, height=100):
    values = alt.InlineData(values=[{"y": 0}, {"y": 10}])
    ends = alt.Chart(values).mark_point(opacity=0).encode(alt.Y("y:Q", scale=alt.Scale(nice=False)))
    chart = alt.layer(ends, line).properties(width=80, height=height)
    return vl_convert.vegalite_to_svg(json.dumps(chart.to_dict()))


@pytest.mark.parametrize("at", [4, "2 + 2"])
def test_a_number_and_a_formula_stand_at_the_same_height(at):
    rule = re.search(r'<line [^>]*translate\([\d.]+,([\d.]+)\)" x2="-?80"[^>]*stroke-dasharray',
                     dashed_over(marks.dashed(at)))
    assert rule and float(rule[1]) == 60  # four tenths up a chart of a hundred


def test_its_name_stands_at_the_end_that_was_asked_for():
    bound = dashed_over(marks.dashed(4, "the bound", end="right"))
    assert 'text-anchor="end"' in re.search(r"<text[^>]*>the bound", bound)[0]


def test_its_name_stands_on_the_side_that_was_asked_for():
    heights = [float(re.search(r'translate\([\d.]+,([\d.]+)\)"[^>]*>the bound',
                               dashed_over(marks.dashed(4, "the bound", above=above)))[1])
               for above in (True, False)]
    assert heights[0] < 60 < heights[1]


def test_an_upright_line_takes_no_name():
    with pytest.raises(ValueError, match="name it in the title"):
        marks.dashed(4, "here", axis="x")


def test_a_spot_stands_at_its_columns_and_its_name_on_the_side_that_was_asked_for():
    one = alt.Chart(alt.Data(values=[{"a": 5, "b": 5}]))
    for left, x, y in ((False, 110, 40), (True, 90, 60)):
        svg = drawn(plot() + marks.spot(one, "a", "b", "six", left))
        [name] = re.findall(r'translate\(([\d.]+),([\d.]+)\)"[^>]*>six<', svg)
        assert [round(float(n)) for n in name][0] == x and abs(float(name[1]) - y) < 6


def test_shades_tell_every_cell_in_the_order_given():
    cells = {("b", "one way"): 12.34, ("b", "two"): 50, ("a", "one way"): 99.96, ("a", "two"): 0}
    svg = drawn(marks.shades(cells, ["b", "a"], ["one way", "two"]))
    assert re.findall(r">(\d+\.\d)<", svg) == ["12.3", "50.0", "100.0", "0.0"]
    assert svg.index(">b<") < svg.index(">a<") and ">one<" in svg and ">way<" in svg
