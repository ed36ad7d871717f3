"""Marks that stand behind or beside a chart's lines: a band, a dashed line,
a named spot, and a table in shades."""
from __future__ import annotations

import re

import altair as alt

GREY = "#8a8a8a"                      # read on light and dark pages alike
BEHIND = 0.12  # opacity of a band, so that lines stay readable on it


def band(low, high, told: str, axis: str = "y", *, at: float = 0, scale=alt.Undefined) -> alt.LayerChart:
    """A shaded range from `low` to `high` of one axis across the whole other one,
    named at `at` of that other axis.

    scale: of the y axis, where the lines have one of their own.
    """
    if axis not in ("x", "y"):
        raise ValueError(f"a band lies along x or y, not {axis!r}; give one of them")
    chart = alt.Chart(alt.Data(values=[{"low": float(low), "high": float(high), "at": at, "told": told}]))
    if axis == "y":
        name = chart.mark_text(align="left", dx=8, dy=-8, fontSize=12).encode(
            x=alt.datum(at), y="high:Q", text="told:N")
        return chart.mark_rect(opacity=BEHIND).encode(y=alt.Y("low:Q"), y2="high:Q") + name
    name = chart.mark_text(align="left", dx=6, dy=10, fontSize=12).encode(
        x="low:Q", y=alt.Y("at:Q", scale=scale), text="told:N")
    return chart.mark_rect(opacity=BEHIND).encode(
        alt.X("low:Q", scale=alt.Scale(zero=False)), x2="high:Q") + name


def dashed(at: float | str, words: str = "", axis: str = "y", end: str = "left", above: bool = True):
    """At a height (or, axis "x", a place) given as a number or as Vega source, so that a slider may move it.

    words: its name, written above or below a level line at its left or right `end`.
    """
    if words and axis == "x":
        raise ValueError(f"an upright line has no room for {words!r}; name it in the title")
    # Its own, so that lines of one chart are told apart
    column = re.sub(r"\W+", "_", f"line {words}".strip())
    place = alt.Chart(alt.InlineData(values=[{}])).transform_calculate(**{column: str(at)})
    rule = place.mark_rule(strokeDash=[5, 4], color=GREY).encode(**{axis: f"{column}:Q"})
    if not words:
        return rule
    x = alt.value(6 if end == "left" else "width")
    return rule + place.mark_text(text=words, align=end, dy=-7 if above else 13, fontSize=12,
                                  color=GREY).encode(y=f"{column}:Q", x=x)


def spot(chart, x: str, y: str, told: str, left: bool = False) -> alt.LayerChart:
    """A dot with its name above and to the right, or below and to the left,
    at two columns of `chart`, which must have one row."""
    at, side = chart.encode(alt.X(f"{x}:Q"), alt.Y(f"{y}:Q")), -1 if left else 1
    name = at.mark_text(text=told, dx=side * 10, dy=-10 * side, align="right" if left else "left",
                        fontSize=12)
    return at.mark_point(size=90, filled=True, color="#D55E00") + name


def shades(cells: dict, rows, columns) -> alt.LayerChart:
    """A table whose cells are shaded by their values: cells {(row, column): percent},
    rows and columns in their order."""
    values = [{"row": row, "column": column, "value": value} for (row, column), value in cells.items()]
    at = alt.Chart(alt.Data(values=values)).encode(
        alt.X("column:N", sort=list(columns), title=None,
              axis=alt.Axis(labelAngle=0, labelOverlap=False, labelExpr="split(datum.label, ' ')")),
        alt.Y("row:N", sort=list(rows), title=None, axis=alt.Axis(labelLimit=240)))
    shade = at.mark_rect().encode(
        alt.Color("value:Q", scale=alt.Scale(scheme="tealblues", domain=[0, 130]), legend=None))
    return shade + at.mark_text(fontSize=13, color="black").encode(alt.Text("value:Q", format=".1f"))
