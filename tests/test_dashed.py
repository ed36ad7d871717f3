"""pictures/dashed.py: where Vega draws the line, read from the picture itself."""
import json
import re

import altair as alt
import pytest

from computetrades.book.pictures.dashed import dashed


def drawn(line, height=100):
    vl_convert = pytest.importorskip("vl_convert")
    ends = alt.Chart(alt.InlineData(values=[{"y": 0}, {"y": 10}])).mark_point(opacity=0).encode(alt.Y("y:Q", scale=alt.Scale(nice=False)))
    return vl_convert.vegalite_to_svg(json.dumps(alt.layer(ends, line).properties(width=80, height=height).to_dict()))


@pytest.mark.parametrize("at", [4, "2 + 2"])
def test_a_number_and_a_formula_stand_at_the_same_height(at):
    rule = re.search(r'<line [^>]*translate\([\d.]+,([\d.]+)\)" x2="-?80"[^>]*stroke-dasharray', drawn(dashed(at)))
    assert rule and float(rule[1]) == 60  # four tenths up a chart of a hundred


def test_its_name_stands_at_the_end_that_was_asked_for():
    assert 'text-anchor="end"' in re.search(r"<text[^>]*>the bound", drawn(dashed(4, "the bound", end="right")))[0]


def test_its_name_stands_on_the_side_that_was_asked_for():
    heights = [float(re.search(r'translate\([\d.]+,([\d.]+)\)"[^>]*>the bound', drawn(dashed(4, "the bound", above=above)))[1]) for above in (True, False)]
    assert heights[0] < 60 < heights[1]


def test_an_upright_line_takes_no_name():
    with pytest.raises(ValueError, match="name it in the title"):
        dashed(4, "here", axis="x")
