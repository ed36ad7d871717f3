"""A dashed line across an Altair chart, to be layered over it."""
from __future__ import annotations

import re

import altair as alt

GREY = "#8a8a8a"                      # read on light and dark pages alike


def dashed(at: float | str, words: str = "", axis: str = "y", end: str = "left", above: bool = True):
    """At a height (or, axis "x", a place) given as a number or as Vega source, so that a slider may move it.

    words: its name, written above or below a level line at its left or right `end`.
    """
    if words and axis == "x":
        raise ValueError(f"an upright line has no room for {words!r}; name it in the title")
    column = re.sub(r"\W+", "_", f"line {words}".strip())         # its own, so that lines of one chart are told apart
    place = alt.Chart(alt.InlineData(values=[{}])).transform_calculate(**{column: str(at)})
    rule = place.mark_rule(strokeDash=[5, 4], color=GREY).encode(**{axis: f"{column}:Q"})
    if not words:
        return rule
    x = alt.value(6 if end == "left" else "width")
    return rule + place.mark_text(text=words, align=end, dy=-7 if above else 13, fontSize=12, color=GREY).encode(y=f"{column}:Q", x=x)
