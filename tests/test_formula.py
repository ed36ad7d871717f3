"""formula.py: JavaScript and Vega run in node against value();
MathML through an XML parser; plain text by hand."""
import math
import random
import xml.etree.ElementTree as ET

import pytest

from computetrades import formula
from computetrades.functions import ceil, exp, floor, log, maximum, minimum, sqrt, where
from computetrades.number import Leaf, Number, named
from computetrades.units import base, parse
from tests.javascript import evaluated

UNITS = {"a": "GB", "b": "TB/s", "c": "percent", "d": ""}
# Vega's expression language has these of Math and no others:
# https://vega.github.io/vega/docs/expressions/#math-functions
VEGA = ("abs acos asin atan atan2 ceil cos exp floor hypot log max min pow random round sin sqrt tan "
        "E LN2 LN10 PI SQRT2").split()
EXPRESSIONS = {
    "time": lambda a, b, c, d: named("step.time", a / b, "time") * (1 + d),
    "powers": lambda a, b, c, d: (1 + c) ** 2.5 / (d ** 0.5 + d ** -1.5) + d ** c,
    "roots": lambda a, b, c, d: sqrt(a * a + 9 * a * a) / a + sqrt(d),
    "logs": lambda a, b, c, d: log(1 + d) - exp(-c) + exp(1) * d,
    "steps": lambda a, b, c, d: ceil(3 * d) + floor(d / 7) - 1e-7 * d,
    "most": lambda a, b, c, d: maximum(c, d, 2) - minimum(c, d, 3) / 3,
    "choice": lambda a, b, c, d: where(c < d, where(d >= 3, d, c), -c * d),
    "signs": lambda a, b, c, d: -(c - d) - (2 - d) / (-1 - c),
}


def fact(key, value):
    return Number.of_leaf(Leaf(f"rec.{key}", key, parse(value), "vendor"))


FACTS = {key: fact(key, f"{value} {unit}".strip())
         for (key, unit), value in zip(UNITS.items(), (80, 4, 40, 3), strict=True)}
NUMBERS = {name: f(*FACTS.values()) for name, f in EXPRESSIONS.items()}


def draws(n=40):
    """Random magnitudes in display units: small, large and whole ones."""
    rng = random.Random(1)
    for i in range(n):
        yield {key: max(1, round(x)) if i % 5 == 0 else x for key in UNITS
               for x in [math.exp(rng.uniform(-1, 5))]}


def whole(number) -> str:
    """JavaScript that first computes the named numbers which the formula names."""
    named_first = "".join(f'f["{key}"] = {formula.javascript(leaf.number)}; '
                          for key, leaf in number.named_inputs().items())
    return f"(() => {{ {named_first}return {formula.javascript(number)}; }})()"


def test_javascript_equals_value():
    cases, expected = [], []
    for at in draws():
        in_base = {f"rec.{k}": base(parse(f"{x!r} {UNITS[k]}".strip())) for k, x in at.items()}
        for n in NUMBERS.values():
            used = {f"rec.{k}": x for k, x in at.items() if f"rec.{k}" in n.facts()}
            cases.append((whole(n), {"f": in_base}))
            expected.append(float(n.value(n.quantity.to_root_units().units, used)))
    assert evaluated(cases) == pytest.approx(expected, rel=1e-11, abs=1e-11)


def test_vega_with_columns_in_display_units_equals_value():
    cases, expected = [], []
    for at in draws():
        for name, n in NUMBERS.items():
            unit = "ms" if name == "time" else None
            used = {f"rec.{k}": x for k, x in at.items() if f"rec.{k}" in n.facts()}
            columns = {key: f"datum.{key[-1]}" for key in used}
            cases.append((formula.vega(n, columns, unit), {"datum": at}))
            expected.append(float(n.value(unit, used)))
    assert evaluated(cases, VEGA) == pytest.approx(expected, rel=1e-11, abs=1e-11)


def test_vega_without_columns_is_the_stored_value():
    negative = fact("t", "-5 s")
    numbers = [*NUMBERS.values(), -negative, fact("u", "2 s") - negative, negative * negative,
               7 - -negative / negative]
    found = evaluated([(formula.vega(n), {}) for n in numbers], VEGA)
    assert found == pytest.approx([float(n.value()) for n in numbers])


def test_vega_takes_a_named_number_as_a_column():
    [found] = evaluated([(formula.vega(NUMBERS["time"], {"step.time": "slider"}, "ms"), {"slider": 5})], VEGA)
    assert found == pytest.approx(20)  # 5 GB/(TB/s) is 5 ms; times 1 + 3


def test_vega_refuses_a_column_that_the_number_does_not_use():
    with pytest.raises(KeyError, match="rec.typo.*rec.a, rec.b, rec.d"):
        formula.vega(NUMBERS["time"], {"rec.typo": "x"})


def test_javascript_of_a_statement_is_its_truth():
    a = FACTS["a"]
    statements = [s for x, y in [(a, 2 * a), (a, a / 2)] for s in (x < y, x <= y, x > y, x >= y, x != y)]
    stored = {"rec.a": 80 * 10**9}
    assert (evaluated([(formula.javascript(s), {"f": stored}) for s in statements])
            == [bool(s) for s in statements])


def test_javascript_of_a_statement_that_holds_for_every_fact():
    d = FACTS["d"]
    found = evaluated([(formula.javascript(s), {"f": {"rec.d": 3}})
                       for s in (d * d >= 0, exp(d) > 0, d == d)])
    assert found == [True, True, True]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_mathml_is_well_formed_and_names_every_input(name):
    tree = ET.fromstring(formula.mathml(NUMBERS[name]))
    shown = [e.text for e in tree.iter() if e.tag in ("mi", "mn")]
    direct = {leaf.key.rpartition(".")[2] for leaf in NUMBERS[name].leaves.values()}
    assert tree.tag == "math" and direct <= set(shown)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_mathml_values_puts_value_and_unit_in_each_place(name):
    tree = ET.fromstring(formula.mathml_values(NUMBERS[name]))
    shown = [e.text for e in tree.iter("mn")]
    printed = {"a": "80 GB", "b": "4 TB/s", "c": "40%", "d": "3", "time": "20 GB·s/TB"}
    assert {printed[leaf.key.rpartition(".")[2]] for leaf in NUMBERS[name].leaves.values()} <= set(shown)


def test_plain_text_names_in_order_of_use():
    keys = ["n-layers", "head-dim", "bits", "alpha", "zeta", "kv-heads"]
    rng = random.Random(2)
    for _ in range(10):
        rng.shuffle(keys)
        product = 2 * math.prod((fact(k, 3) for k in keys[1:]), start=fact(keys[0], 3))
        assert formula.plain(product) == " × ".join(["2", *(k.replace("-", "_") for k in keys)])


def test_plain_text_by_hand():
    w, bw = fact("weights", "80 GB"), fact("bandwidth", "4 TB/s")
    assert formula.plain(named("x.step", w / bw, "step") * 2) == "2 × step"
    assert formula.plain(w / bw) == "weights / bandwidth"
    assert formula.plain(fact("n", 3) ** 2 * 12345) == "12,345 × n^2"
    assert formula.plain(fact("n", 3) * 0.12345) == "0.12345 × n"


def test_plain_text_tells_apart_equal_names_of_different_records():
    one, two = (Number.of_leaf(Leaf(f"asml-{year}.tools", "tools", parse(3), "vendor"))
                for year in (2025, 2030))
    assert formula.plain(one / two) == "tools[asml-2025] / tools[asml-2030]"
