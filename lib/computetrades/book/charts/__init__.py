"""Charts whose sliders are facts and whose formula is the traced number itself.

Importing this module makes Altair emit the Vega-Lite spec together with an SVG picture: the built book draws
the spec with a local Vega, and a viewer that runs no script (GitHub) shows the picture. In Colab, and where
vl-convert, which draws the picture, is not installed, Altair's own renderer is used.

curves      parts of charts on logarithmic axes
marks       what stands behind or beside a chart's lines
agent_calls    an agent's calls: how each prompt is made up, and where the time goes
"""
from __future__ import annotations

import importlib.util
import json
import math
import sys
from dataclasses import dataclass

import altair as alt

from ... import formula as _formula
from ...number import Leaf, Number
from ...units import symbol
from .. import fonts

PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999"]  # Okabe and Ito 2008
# One weight throughout, that of the font which travels in the picture.
PICTURE = {"background": "white", "font": fonts.SANS, "range": {"category": PALETTE},
           "view": {"stroke": None},
           "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 400, "labelLimit": 260},
           "legend": {"titleFontWeight": 400}, "header": {"titleFontWeight": 400},
           "title": {"fontSize": 15, "fontWeight": 400, "anchor": "start"}}
VEGALITE = "application/vnd.vegalite.v6+json"


@dataclass(frozen=True)
class Slider:
    """A fact that the reader moves. `name` is the parameter in the chart, `key` the fact."""
    key: str
    name: str
    param: alt.Parameter


def slider(fact: Number, low: float | None = None, high: float | None = None, step: float | None = None,
           label: str | None = None) -> Slider:
    """A slider over a fact in its own unit, from `low` to `high`:
    by default the fact's range, else a half to twice it."""
    leaf = single_leaf(fact)
    value = leaf.quantity.magnitude
    given = low is not None
    ends = sorted((value / 2, value * 2)) if value else (0, 1)
    low = low if low is not None else leaf.low.magnitude if leaf.low is not None else ends[0]
    high = high if high is not None else leaf.high.magnitude if leaf.high is not None else ends[1]
    if not low < high:
        raise ValueError(f"a slider over {leaf.label} needs low < high, not {low:g} and {high:g}; give both")
    step = step if step is not None else 10.0 ** math.floor(math.log10((high - low) / 100))
    if not given:
        # So that a position of the slider is the stored value
        low = value - math.floor((value - low) / step + 1e-9) * step
    unit = symbol(leaf.quantity.units)
    name = "s_" + leaf.key.replace("-", "_").replace(".", "__")
    shown = (label or leaf.label) + (f" ({unit}) " if unit else " ")
    bind = alt.binding_range(min=low, max=high, step=step, name=shown)
    return Slider(leaf.key, name, alt.param(name=name, value=value, bind=bind))


def expression(number: Number, unit: str, x: Number | None = None, sliders=()) -> str:
    """Vega source of the number's magnitude in `unit`; `x` is the fact that the column datum.x replaces."""
    # A slider over a named number hides the facts below it
    _, reached = number.expanded(frozenset(s.key for s in sliders))
    columns = {leaf.key: s.name for leaf in reached.values() for s in sliders if s.key == leaf.key}
    if x is not None:
        columns[single_leaf(x).key] = "datum.x"
    return _formula.vega(number, columns, unit)


def series(chart: alt.Chart, numbers: dict[str, Number], unit: str, x: Number | None = None,
           sliders=()) -> alt.Chart:
    """One row per label and x: columns `series` (the label) and `value` (magnitude in `unit`),
    each by its own formula.

    A line that does not depend on x is flat; ValueError when none does, or none depends on a slider.
    """
    def rests_on(number, key): return key in number.facts() or key in number.named_inputs()
    for s in sliders:
        if not any(rests_on(n, s.key) for n in numbers.values()):
            raise ValueError(f"no line depends on {s.key}, so its slider would move nothing; drop it")
    if x is not None and not any(rests_on(n, single_leaf(x).key) for n in numbers.values()):
        raise ValueError(f"no line depends on {single_leaf(x).key}, so all would be flat; give another x")
    columns = {f"c{i}": expression(n, unit, x if x is not None and rests_on(n, single_leaf(x).key) else None,
                                   sliders)
               for i, n in enumerate(numbers.values())}
    names = json.dumps(dict(zip(columns, numbers, strict=True)), ensure_ascii=False)
    return (chart.transform_calculate(**columns).transform_fold(list(columns), as_=["column", "value"])
            .transform_calculate(series=f"({names})[datum.column]").add_params(*(s.param for s in sliders)))


def finish(chart, title: str, alt_text: str, height: int = 300):
    """The chart at the page's width, titled with what it shows and described in words
    for those who cannot see it."""
    return chart.properties(width="container", height=height, title=alt.Title(title, anchor="start"),
                            description=alt_text)


def single_leaf(fact: Number) -> Leaf:
    if not fact.expr.is_Symbol:
        raise ValueError(f"{fact.name} is not a single fact; a slider or an axis needs one")
    return next(iter(fact.leaves.values()))


def _bundle(spec: dict, **_):
    import vl_convert
    sized = {**spec, "width": 640} if spec.get("width") == "container" else spec
    picture = fonts.with_fonts(vl_convert.vegalite_to_svg(json.dumps(sized), config=PICTURE))
    return {VEGALITE: spec, "image/svg+xml": picture, "text/plain": spec.get("description", "a chart")}


alt.data_transformers.disable_max_rows()
alt.theme.enable("none")
if "google.colab" not in sys.modules and importlib.util.find_spec("vl_convert"):
    fonts.register()
    alt.renderers.register("computetrades", _bundle)
    alt.renderers.enable("computetrades")
