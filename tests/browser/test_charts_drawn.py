"""Charts in the page: a slider draws what Python computes, and the theme redraws without
forgetting the sliders.

Each chapter with sliders is run in this process (chapter_runs), which keeps what it hands to
`charts.expression`: the Vega source and the Number behind it. In the page a slider is moved; whatever a mark
then carries must be what the Number gives for the same facts. Vega's own formula takes no part in the
expectation: its source is replaced by Python's value, and only what the chapter wrote around it, such as
`max(-100, …)`, is left to evaluate.
"""
import pytest

from benchmarks.pages import DRAWN
from computetrades.book.charts import VEGALITE
from computetrades.site import notebooks
from tests import chapter_runs
from tests.chapter_runs import Formula

from .names import CHAPTERS, ROOT


def bound(spec: dict) -> list[dict]:
    return [p for p in spec.get("params", ()) if p.get("bind", {}).get("input") == "range"]


def path(name):
    return ROOT / f"{name}.ipynb"


WITH_SLIDERS = [name for name in CHAPTERS if any(map(bound, notebooks.payloads(path(name), VEGALITE)))]


# What drawn marks with this field carry, at most so many evenly chosen
MARKS = """(chart, [field, most]) => {
    const found = [];
    const walk = item => {
        if (item.items) item.items.forEach(walk);
        else if (item.datum && field in item.datum) found.push({...item.datum});
    };
    walk(chart.view.scenegraph().root);
    const step = Math.floor(found.length / most) + 1;
    return found.filter((_, i) => i % step === 0);
}"""
MOVE = """async (chart, [name, value]) => {
    const input = chart.querySelector(`input[name="${name}"]`);
    input.value = value;
    input.dispatchEvent(new Event('input', {bubbles: true}));
    await chart.view.runAsync();
    return Number(input.value);
}"""
# What the chart carries in each column and looks like, with the slider at each place; all in one call, since
# the page would paint itself between two
SLIDE = f"""async (chart, [name, places, columns, most]) => {{
    const seen = [];
    for (const place of places) {{
        const value = await ({MOVE})(chart, [name, place]);
        seen.push({{value, picture: chart.querySelector('svg').innerHTML,
            marks: columns.map(column => ({MARKS})(chart, [column, most]))}});
    }}
    return seen;
}}"""
# The chapter's own words around each column's formulas, their values put in as v[i]
EVALUATE = """columns => columns.map(([source, rows]) => {
    const math = Object.getOwnPropertyNames(Math);
    const f = new Function('datum', 'v', ...math, `return ${source}`);
    return rows.map(([datum, v]) => f(datum, v, ...math.map(name => Math[name])));
})"""


def calculated(spec: dict) -> dict[str, str]:
    """Column -> Vega source, of every calculate transform in the spec and its layers."""
    out = {t["as"]: t["calculate"] for t in spec.get("transform", ()) if "calculate" in t}
    for part in spec.get("layer", ()):
        out |= calculated(part)
    return out


# Kinds of bars of which not one has a length: on a log axis they would begin at zero, which is nowhere. A
# single one may be zero.
UNSEEN = """chart => {
    const found = [];
    const walk = item => {
        if (item.items) item.items.forEach(walk);
        const drawn = i => i.width > 0 && i.height > 0;
        if (item.marktype === 'rect' && item.items.length && !item.items.some(drawn)) found.push(item.name);
    };
    walk(chart.view.scenegraph().root);
    return found;
}"""


@pytest.mark.parametrize("name", WITH_SLIDERS)
def test_bars_have_a_length_and_a_slider_draws_what_python_computes(visit, name):
    page = visit(name)
    drawn = page.locator(".ct-chart").all()
    assert [chart.evaluate(UNSEEN) for chart in drawn] == [[] for _ in drawn], "bars without a length"
    run = chapter_runs.run(path(name).stem)
    specs, made = [chart.to_dict() for chart in run.charts], run.formulas
    assert len(specs) == len(drawn) and any(map(bound, specs))
    for chart, spec in zip(drawn, specs):
        moved, columns = {p["name"]: p["value"] for p in bound(spec)}, by_the_library(spec, made)
        for slider in bound(spec):
            bind, name = slider["bind"], slider["name"]
            places = bind["min"], bind["max"], bind["min"] + (bind["max"] - bind["min"]) * 0.4
            assert columns, "no formula of the library is drawn"
            *seen, back = chart.evaluate(SLIDE, [name, [*places, slider["value"]], list(columns), 25])
            values = {tuple(compare(page, columns, {**moved, name: at["value"]}, at["marks"])) for at in seen}
            pictures = {at["picture"] for at in seen}
            assert len(seen) == 3 and len(pictures) == len(values), \
                f"{name} has {len(values)} sets of numbers and {len(pictures)} pictures"
            moved[name] = back["value"]


def by_the_library(spec: dict, made: list[Formula]) -> dict[str, tuple[str, list[Formula]]]:
    """Calculated column -> what the chapter wrote around its formulas, and these; of those that have any."""
    columns = {column: around(source, made) for column, source in calculated(spec).items()}
    return {column: (source, used) for column, (source, used) in columns.items() if used}


def compare(page, columns, moved, marks) -> list:
    """Each calculated column against Python, at the up to 25 marks that carry it. Gives Python's values."""
    given = []
    for (column, (source, used)), carried in zip(columns.items(), marks):
        assert carried, f"no mark carries {column}"
        computed = [f.at(moved, [datum.get("x") for datum in carried]) for f in used]
        given.append([source, [[datum, at] for datum, *at in zip(carried, *computed)]])
    expected = page.evaluate(EVALUATE, given)
    for column, carried, told in zip(columns, marks, expected):
        for datum, wanted in zip(carried, told):
            close = wanted if isinstance(wanted, str) else pytest.approx(wanted, rel=1e-9, abs=1e-12)
            assert datum[column] == close, f"{column} at {moved}, {datum}"
            # charts.series draws the value of one column per row
            if "column" in datum and datum["column"] == column:
                assert datum["value"] == datum[column]
    return [value for told in expected for value in told]


def around(source: str, made: list[Formula]) -> tuple[str, list[Formula]]:
    """What the chapter wrote around its formulas, each of them replaced by v[i], and those formulas."""
    used = []
    for formula in sorted(made, key=lambda f: -len(f.source)):
        if formula.source in source:
            source = source.replace(formula.source, f"(v[{len(used)}])")
            used.append(formula)
    return source, used


def toggle(page) -> str:
    """Press the theme button until the colours are the other ones."""
    before = page.evaluate("document.documentElement.dataset.theme")
    button = page.locator("button.ct-theme")
    button.click()
    page.wait_for_function("before => document.documentElement.dataset.theme !== before", arg=before)
    return page.evaluate("document.documentElement.dataset.theme")


INK = ("chart => getComputedStyle("
       "chart.querySelector('svg .role-axis-title text, svg .role-title text, svg text')).fill")


def test_the_theme_redraws_the_charts_and_keeps_the_sliders(visit):
    page = visit(WITH_SLIDERS[0])
    chart = page.locator(".ct-chart:has(input[type=range])").first
    sliders = chart.locator("input[type=range]")
    name = sliders.first.get_attribute("name")
    low = float(sliders.first.get_attribute("min"))
    moved = chart.evaluate(MOVE, [name, low])
    ink, every = chart.evaluate(INK), ["x", 1e9]
    marks = chart.evaluate(MARKS, every)
    for wanted in ("dark", "light"):
        assert toggle(page) == wanted
        ready = "wanted => [...document.querySelectorAll('.ct-chart')].every(c => c.dataset.ready === wanted)"
        page.wait_for_function(ready, arg=wanted)
        assert float(chart.locator(f"input[name={name}]").input_value()) == moved
        assert chart.evaluate("(chart, name) => chart.view.signal(name)", name) == moved
        assert marks and chart.evaluate(MARKS, every) == marks, "the line is not where the slider had put it"
        assert (chart.evaluate(INK) == ink) == (wanted == "light")


def test_the_chosen_theme_stays_on_the_next_page(visit):
    page = visit(CHAPTERS[0])
    toggle(page)
    page.locator("a[rel=next]").click()
    page.wait_for_function(DRAWN)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
