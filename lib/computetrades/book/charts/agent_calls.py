"""Charts of an agent's calls: how each prompt is made up, and where the time goes."""
from __future__ import annotations

import json

import altair as alt

PARTS = {"found in the cache": "#999999", "new": "#0072B2", "answer": "#E69F00"}
TIMES = {"prompt": PARTS["new"], "answer": PARTS["answer"], "tool": "#009E73", "network": "#999999"}


def stacked(chart: alt.Chart) -> alt.Chart:
    """A bar for each call, its PARTS in their order from below.
    Rows: x (the call), series (a part), value (tokens)."""
    return _ordered(chart, PARTS).encode(
        alt.X("x:O", title="call", axis=alt.Axis(labelAngle=0)), alt.Y("value:Q", title="tokens"),
        alt.Order("o:Q"), _colour(PARTS), tooltip=_tooltip(",.0f", "tokens"))


def staircase(chart: alt.Chart) -> alt.Chart:
    """A bar for each call, beginning where the one before ended. Rows, in the order of time: x (the call),
    series (one of TIMES), value (seconds)."""
    ends = chart.transform_window(end="sum(value)", frame=[None, 0]).transform_calculate(
        begin="datum.end - datum.value")
    return ends.encode(
        alt.X("begin:Q", title="seconds since the request"), alt.X2("end:Q"), alt.Y("x:O", title="call"),
        _colour(TIMES), tooltip=_tooltip(".3f", "seconds"))


def _ordered(chart, colours):
    return chart.transform_calculate(o=f"indexof({json.dumps(list(colours))}, datum.series)")


def _colour(colours):
    return alt.Color("series:N", title=None, sort=list(colours), legend=alt.Legend(orient="bottom"),
                     scale=alt.Scale(domain=list(colours), range=list(colours.values())))


def _tooltip(form, unit):
    return [alt.Tooltip("x:O", title="call"), alt.Tooltip("series:N", title="part"),
            alt.Tooltip("value:Q", format=form, title=unit)]
