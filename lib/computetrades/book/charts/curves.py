"""Parts of Altair charts on logarithmic axes: a curve over a column of x, dots beside it, bars in two parts.

Formulas come from the chapter, as Vega source or as traced numbers;
nothing here computes a value of the book.
"""
from __future__ import annotations

import altair as alt

from . import PALETTE


def log_axis(channel, field: str, title: str, domain=None, base: int = 10, **axis):
    """An encoding channel (alt.X or alt.Y) of `field` on a logarithmic scale from domain[0] to domain[1].
    axis: more of alt.Axis."""
    scale = {"type": "log", "base": base} | ({"domain": list(domain), "nice": False} if domain else {})
    return channel(field, scale=alt.Scale(**scale), title=title,
                   **({"axis": alt.Axis(**axis)} if axis else {}))


def steps(first: float, last: float, per_octave: int = 4, also=()) -> alt.Data:
    """Rows with a column x: `per_octave` evenly spaced steps of each doubling from `first` until past `last`,
    and the rows of `also`."""
    if not 0 < first < last:
        raise ValueError(f"steps from {first:g} to {last:g}: a logarithmic axis needs 0 < first < last")
    rows, i = [], 0
    while not rows or rows[-1]["x"] < last * (1 - 1e-9):
        # What lies beyond is the system's pow
        rows.append({"x": float(f"{first * 2 ** (i / per_octave):.9g}")})
        i += 1
    return alt.Data(values=rows + list(also))


def curve(data: alt.Data, x, y):
    return alt.Chart(data).mark_line(strokeWidth=2.5).encode(x, y)


def dots(chart: alt.Chart, x, y):
    """Round marks of one colour, that of something measured or of a case in question."""
    return chart.mark_circle(size=90, color=PALETTE[5], opacity=1).encode(x, y)


def point_names(chart: alt.Chart, x, y, *, align: str = "left", dx: float = 9, dy: float = 11):
    """The column `name` written beside each point."""
    return chart.mark_text(align=align, dx=dx, dy=dy).encode(x, y, alt.Text("name:N"))


def in_parts(chart: alt.Chart, title: str, parts: list[str]):
    """Bars in parts, from rows of charts.series whose labels read 'name: more|part':
    each name over its more, the longest bar first."""
    whole = alt.Y("whole:N", title=None, sort="-x",
                  axis=alt.Axis(labelExpr="split(datum.label, ': ')", labelOverlap=False, labelOffset=-5))
    return (chart.transform_calculate(whole="split(datum.series, '|')[0]", part="split(datum.series, '|')[1]")
            .encode(alt.X("value:Q", title=title), whole, alt.Order("part:N", sort="descending"),
                    alt.Color("part:N", title=None, sort=parts, legend=alt.Legend(orient="top"))))


def by_series(names, **legend):
    """The colour of each line of charts.series, told above the chart in this order."""
    return alt.Color("series:N", title=None, sort=list(names), legend=alt.Legend(orient="top", **legend))


def in_words(numbers: dict, unit: str) -> str:
    """For an alt text: 'a 1 ms; b 2 ms', each name with its number in `unit`."""
    return "; ".join(f"{name.replace('|', ', ')} {number.to(unit)}" for name, number in numbers.items())
