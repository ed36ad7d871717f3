"""The chapters run in this process: once on the facts as they are, for every test that asks, and again on
changed ones.

A run keeps what was displayed, what the chapter handed to book.record and book.state, and its charts with
their formulas. Altair builds the charts, but nothing draws them.
"""
import contextlib
import functools
import inspect
import json
import math
import operator
import os
import re
from collections import namedtuple
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import IPython.display
import nbformat
import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from computetrades import book, data, formula
from computetrades import facts as facts_module
from computetrades.book import cards, charts, experiments, judgements
from computetrades.book.judgements import AUDIT
from computetrades.book.records import RECORD
from computetrades.formatting import range_text, text
from computetrades.number import Number, Statement
from computetrades.site import notebooks
from computetrades.units import Quantity, parse_unit, unit_size

ROOT = Path(__file__).parents[1]
CHAPTERS = {path.stem: path for path in notebooks.chapters(ROOT)}

Said = namedtuple("Said", "text value inputs")  # as printed, in base units, key of an input -> its text


class Live:
    """A published Number, pair of Numbers, or Statement, and how it is printed; told without JavaScript.

    facts: key -> leaf that it depends on. mentioned: these, and those that only its inputs rest on, since
    they cancel in it.
    """
    def __init__(self, what, options):
        self.what, self.options = what, options
        pair = (what.left, what.right) if isinstance(what, Statement) else what
        self.parts = pair if isinstance(pair, tuple) else (pair,)
        self.facts = {key: leaf for part in self.parts for key, leaf in part.facts().items()}
        shown = {leaf.key: leaf for part in self.parts for s, leaf in part.leaves.items()
                 if isinstance(what, Statement) or s in part.expr.free_symbols}
        below = [leaf.number.facts() for leaf in shown.values() if leaf.number is not None]
        self.inputs = functools.reduce(operator.or_, below, shown)
        self.mentioned = self.facts | {key: leaf for key, leaf in self.inputs.items() if leaf.number is None}

    def texts(self, at: dict[str, list], n: int) -> list[str]:
        """Printed once per column of `at`, fact key -> n values in its own unit."""
        units = self._units()
        return [self._text(*ends, units[0]) for ends in self._ends(at, n, units)]

    def said(self, at: dict[str, list], n: int) -> list[Said]:
        """What its payload says in each column of `at`, which names all that is `mentioned`."""
        units = self._units()
        inputs = {key: self._input(leaf, at, n) for key, leaf in self.inputs.items()}
        columns = zip(*inputs.values(), strict=True)
        shown = [dict(zip(inputs, column, strict=True)) for column in columns] or [{}] * n
        return [Said(self._text(*ends, units[0]), self._value(ends, units), inputs)
                for ends, inputs in zip(self._ends(at, n, units), shown, strict=True)]

    def _units(self):
        if isinstance(self.what, Statement):
            return [part.quantity.to_root_units().units for part in self.parts]
        given = self.options.get("unit")
        return [parse_unit(given or (part.quantity.units if part.quantity.dimensionality else ""))
                for part in self.parts]

    def _ends(self, at, n, units):
        parts = zip(self.parts, units, strict=True)
        return zip(*(_values(part, unit, at, n) for part, unit in parts), strict=True)

    def _text(self, *ends_and_unit):
        *ends, unit = ends_and_unit
        if isinstance(self.what, Statement):
            return self.options["yes"] if Statement.OPS[self.what.op](*ends) else self.options["no"]
        if not all(map(math.isfinite, ends)):
            return "undefined"
        ends = [Quantity(float(x), unit) for x in sorted(ends)]
        return (text if len(ends) == 1 else range_text)(*ends, digits=self.options["digits"])

    def _value(self, ends, units):
        if isinstance(self.what, Statement):
            return bool(Statement.OPS[self.what.op](*ends))
        based = [x * unit_size(unit) for x, unit in zip(ends, units, strict=True)]
        return based if isinstance(self.what, tuple) else based[0]

    @staticmethod
    def _input(leaf, at, n):
        units = leaf.quantity.units
        values = at[leaf.key] if leaf.number is None else _values(leaf.number, units, at, n)
        digits = None if leaf.number is None else 4
        return [text(Quantity(x, units), digits=digits) if math.isfinite(x) else "undefined" for x in values]


def _values(number, unit, at, n) -> list[float]:
    return np.broadcast_to(number.value(unit, {key: at[key] for key in number.facts()}), n).tolist()


@dataclass
class Formula:
    """One call of charts.expression."""
    source: str
    number: Number
    unit: str
    x: str | None
    sliders: dict[str, str]  # name of the parameter -> key of the fact

    def at(self, moved: dict[str, float], x: list) -> list[float]:
        """What Python gives with the sliders at `moved`, for each place on the axis."""
        given = {key: moved[name] for name, key in self.sliders.items()
                 if re.search(rf"\b{name}\b", self.source)}
        if self.x:
            given[self.x] = np.array(x, dtype=float)
        return np.broadcast_to(self.number.value(self.unit, given), len(x)).astype(float).tolist()


@dataclass
class Run:
    """What one run of a chapter gave. live: key -> what was published under it. charts: finished ones."""
    shown: list[dict] = field(default_factory=list)
    live: dict[str, Live] = field(default_factory=dict)
    formulas: list[Formula] = field(default_factory=list)
    charts: list = field(default_factory=list)

    @functools.cached_property
    def records(self) -> dict[str, dict]:
        """Key -> payload, as a stored notebook would have it."""
        return {d[RECORD]["key"]: json.loads(json.dumps(d[RECORD])) for d in self.shown if RECORD in d}

    @property
    def notes(self) -> list[tuple[str, str]]:
        """(claim id, note) of the audit."""
        rows = [row for d in self.shown if AUDIT in d for row in d[AUDIT]["claims"]]
        return [(row["id"], row["note"]) for row in rows if row["note"]]


@functools.cache
def run(stem: str) -> Run:
    """The chapter on the facts as they are, with everything that it stores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COMPUTETRADES_DATA", raising=False)
        return _executed(stem)


def rerun(stem: str) -> Run:
    """The chapter once more, on whatever $COMPUTETRADES_DATA names, without pictures of formulas, HTML and
    derivatives, which cost time and are not compared."""
    run(stem)  # first, so that what the library keeps of an experiment was found on the facts as they are
    with pytest.MonkeyPatch.context() as patch:
        for name in ("mathml", "mathml_values", "javascript"):
            patch.setattr(formula, name, lambda _: "")
        patch.setattr(Number, "elasticity", lambda _: {})
        for name in ("notebook_html", "audit_html"):
            patch.setattr(cards, name, lambda _: "")
        return _executed(stem)


@lru_cache
def _compiled(stem):
    cells = enumerate(nbformat.read(CHAPTERS[stem], as_version=4).cells, 1)
    transform = TransformerManager().transform_cell
    return [compile(transform(c.source), f"{stem}, cell {i}", "exec")
            for i, c in cells if c.cell_type == "code"]


def _executed(stem):
    out, namespace = Run(), {"__name__": "__main__"}
    expression, finish = charts.expression, charts.finish

    def keep_formula(number, unit, x=None, sliders=()):
        source = expression(number, unit, x, sliders)
        axis = charts.single_leaf(x).key if x is not None else None
        out.formulas.append(Formula(source, number, unit, axis, {s.name: s.key for s in sliders}))
        return source

    def keep_chart(chart, *arguments, **named):
        out.charts.append(finish(chart, *arguments, **named))
        return out.charts[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judgements, "_judged", {})
        patch.setattr(IPython.display, "display", lambda data, raw=False: out.shown.append(data))
        for name in ("record", "state"):
            patch.setattr(book, name, _kept(getattr(book, name), out.live))
        patch.setattr(experiments, "record", _kept(experiments.record, out.live))
        patch.setattr(charts, "expression", keep_formula)
        patch.setattr(charts, "finish", keep_chart)
        for code in _compiled(stem):
            exec(code, namespace)  # noqa: S102
    return out


def _kept(publish, live):
    def publishing(*arguments, **options):
        key, what, *_ = arguments
        given = inspect.signature(publish).bind(*arguments, **options)
        given.apply_defaults()
        live[key] = Live(what, given.arguments)
        return publish(*arguments, **options)
    return publishing


# Changed facts

class Changed:
    """A data folder of links to the real files, some of them changed. What is unchanged is read once."""
    def __init__(self, folder: Path):
        self.data = folder / "data"
        (self.data / "facts").mkdir(parents=True)
        for path in (ROOT / "data").iterdir():
            if path.name != "facts":
                (self.data / path.name).symlink_to(path)
        (folder / "references.bib").symlink_to(ROOT / "references.bib")

    @contextlib.contextmanager
    def facts(self, change):
        """In use, as it is after change(data folder)."""
        for path in (ROOT / "data" / "facts").rglob("*.yaml"):
            link = self.data / path.relative_to(ROOT / "data")
            if not link.is_symlink():
                link.parent.mkdir(exist_ok=True)
                link.unlink(missing_ok=True)
                link.symlink_to(path)
        change(self.data)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COMPUTETRADES_DATA", os.fspath(self.data))
            patch.setattr(facts_module, "read_yaml", _read_once)
            patch.setattr(facts_module, "_record", _record_once)
            # The real facts stay read.
            patch.setattr(facts_module, "_records", lru_cache(facts_module._records.__wrapped__))
            yield facts_module.all_leaves()


def _read_once(path: Path):
    return _file(path.resolve()) if path.is_symlink() else data.read_yaml(path)


@functools.cache
def _file(path):
    return data.read_yaml(path)


_made, _record = {}, facts_module._record


def _record_once(key, raw, where, known):
    """The record of a file; made anew only where it says something else than last time."""
    if key not in _made or _made[key][0] != raw:
        _made[key] = raw, _record(key, raw, where, known)
    return _made[key][1]
