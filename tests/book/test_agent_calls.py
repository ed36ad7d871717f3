"""book/charts/agent_calls.py: drawn by vl-convert, bars stand where sums by hand put them."""
import json
import re

import altair as alt
import pytest
import vl_convert

from computetrades.book.charts.agent_calls import PARTS, TIMES, stacked, staircase


def bars(chart):
    """(left, top, width, height) of each bar in pixels, and its colour, as drawn."""
    svg = vl_convert.vegalite_to_svg(json.dumps(chart.properties(width=300, height=200).to_dict()))
    marks = re.search(r'<g class="mark-rect role-mark marks".*?</g>', svg, re.DOTALL)[0]
    path = r'd="M(-?[\d.]+),(-?[\d.]+)h(-?[\d.]+)v(-?[\d.]+)h[^"]*"'
    return [(*map(float, found[:4]), found[4].upper())
            for found in re.findall(path + r'[^>]*fill="(#\w+)"', marks)]


def rows(names, *calls):
    return alt.Chart(alt.Data(values=[{"x": i, "series": name, "value": value}
                                      for i, call in enumerate(calls, 1)
                                      for name, value in zip(names, call, strict=True)])).mark_bar()


def test_parts_are_stacked_in_their_order_from_below():
    drawn = {colour: (top, height) for _, top, _, height, colour in bars(stacked(rows(PARTS, (40, 10, 50))))}
    assert {colour: height for colour, (_, height) in drawn.items()} == pytest.approx(
        {PARTS["found in the cache"]: 80, PARTS["new"]: 20, PARTS["answer"]: 100})
    assert (drawn[PARTS["found in the cache"]][0] > drawn[PARTS["new"]][0] > drawn[PARTS["answer"]][0]
            == pytest.approx(0))


def test_each_call_begins_where_the_one_before_ended():
    drawn = bars(staircase(rows(TIMES, (1, 2, 3, 4), (2, 1, 3, 4))))
    assert [left for left, *_ in drawn] == pytest.approx([0, 15, 45, 90, 150, 180, 195, 240])
    assert [width for _, _, width, *_ in drawn] == pytest.approx([15, 30, 45, 60, 30, 15, 45, 60])
    assert [colour for *_, colour in drawn] == [*TIMES.values()] * 2
    assert len({top for _, top, *_ in drawn}) == 2
