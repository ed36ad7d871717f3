"""Charts in the page: a slider draws what Python computes, and the theme redraws without forgetting the sliders.

Each chapter with sliders is run once more in this process. What it hands to `charts.expression` is kept: the Vega source and
the Number behind it. In the page a slider is moved; whatever a mark then carries must be what the Number gives for the same
facts. Vega's own formula takes no part in the expectation: its source is replaced by Python's value, and only what the
chapter wrote around it, such as `max(-100, …)`, is left to evaluate.
"""
from dataclasses import dataclass

import altair as alt
import IPython.display
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from computetrades.book import charts, judging, notebooks
from computetrades.book.charts import VEGALITE
from computetrades.number import Number

from .conftest import DRAWN
from .names import CHAPTERS, ROOT


@dataclass
class Formula:
    """One call of charts.expression."""
    source: str
    number: Number
    unit: str
    x: str | None
    sliders: dict[str, str]  # name of the parameter -> key of the fact

    def at(self, moved: dict[str, float], x: float | None) -> float:
        """What Python gives with the sliders at `moved` and the axis at `x`."""
        given = {key: moved[name] for name, key in self.sliders.items() if name in self.source}
        return float(self.number.value(self.unit, given | ({self.x: x} if self.x else {})))


def bound(spec: dict) -> list[dict]:
    return [p for p in spec.get("params", ()) if p.get("bind", {}).get("input") == "range"]


def path(name):
    return ROOT / f"{name}.ipynb"


WITH_SLIDERS = [name for name in CHAPTERS if any(map(bound, notebooks.payloads(path(name), VEGALITE)))]


@pytest.fixture(scope="module")
def formulas():
    """formulas(chapter) -> (its charts' specs in order, every Formula it made)."""
    return lambda name: _run(name)


def _run(name):
    made, drawn = [], []
    expression, finish = charts.expression, charts.finish

    def keep_formula(number, unit, x=None, sliders=()):
        source = expression(number, unit, x, sliders)
        made.append(Formula(source, number, unit, charts.leaf_of(x).key if x is not None else None, {s.name: s.key for s in sliders}))
        return source

    def keep_chart(chart, *arguments, **named):
        drawn.append(finish(chart, *arguments, **named))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "expression", keep_formula)
        patch.setattr(charts, "finish", keep_chart)
        patch.setattr(IPython.display, "display", lambda *_, **__: None)
        patch.setattr(judging, "_judged", {})
        namespace = {"__name__": "__main__"}
        for cell in nbformat.read(path(name), as_version=4).cells:
            if cell.cell_type == "code":
                exec(TransformerManager().transform_cell(cell.source), namespace)  # noqa: S102
    return [chart.to_dict() for chart in drawn], made


MARKS = """(chart, fields) => {                       // what each drawn mark carries in these fields, and the axis
    const found = [];
    const walk = item => {
        if (item.items) item.items.forEach(walk);
        else if (item.datum && fields.every(f => f in item.datum)) found.push({...item.datum});
    };
    walk(chart.view.scenegraph().root);
    return found;
}"""
MOVE = """async (chart, [name, value]) => {
    const input = chart.querySelector(`input[name="${name}"]`);
    input.value = value;
    input.dispatchEvent(new Event('input', {bubbles: true}));
    await chart.view.runAsync();
    return Number(input.value);
}"""
GLUE = """(sources => rows => rows.map(({datum, values}) => sources.map((source, i) =>
    new Function('datum', 'v', ...Object.getOwnPropertyNames(Math), `return ${source}`)
        (datum, values[i], ...Object.getOwnPropertyNames(Math).map(n => Math[n])))))"""


def calculated(spec: dict) -> dict[str, str]:
    """Column -> Vega source, of every calculate transform in the spec and its layers."""
    out = {t["as"]: t["calculate"] for t in spec.get("transform", ()) if "calculate" in t}
    for part in spec.get("layer", ()):
        out |= calculated(part)
    return out


@pytest.mark.parametrize("name", WITH_SLIDERS)
def test_a_slider_draws_what_python_computes(visit, formulas, name):
    page = visit(name)
    drawn = page.locator(".ct-chart").all()
    specs, made = formulas(name)
    assert len(specs) == len(drawn) and any(map(bound, specs))
    for chart, spec in zip(drawn, specs):
        moved = {p["name"]: p["value"] for p in bound(spec)}
        for slider in bound(spec):
            bind = slider["bind"]
            before = chart.locator("svg").first.inner_html()
            for place in (bind["min"], bind["max"], bind["min"] + (bind["max"] - bind["min"]) * 0.4):
                moved[slider["name"]] = chart.evaluate(MOVE, [slider["name"], place])
                compare(page, chart, spec, made, moved)
            assert chart.locator("svg").first.inner_html() != before, f"{slider['name']} moves nothing"
            moved[slider["name"]] = chart.evaluate(MOVE, [slider["name"], slider["value"]])


def compare(page, chart, spec, made, moved):
    columns = {column: (source, [f for f in made if f.source in source]) for column, source in calculated(spec).items()}
    columns = {column: (source, used) for column, (source, used) in columns.items() if used}
    marks = chart.evaluate(MARKS, list(columns))
    assert columns and marks, "no mark carries a computed number"
    for datum in marks[:: max(1, len(marks) // 25)]:
        for column, (source, used) in columns.items():
            wanted = page.evaluate(EVALUATE, [substituted(source, used), datum, [f.at(moved, datum.get("x")) for f in used]])
            assert datum[column] == pytest.approx(wanted, rel=1e-9, abs=1e-12), f"{column} at {moved}, {datum}"
