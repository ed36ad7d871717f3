"""Publishing a number: book.record and book.state.

A published record is a structured cell output (RECORD mime type), so the saved notebook itself carries it
with its whole provenance: nbval compares it, the build reads it, and there is no file beside it.
"""
from __future__ import annotations

import re

from .. import formula
from ..data import DataError
from ..facts import reference
from ..formatting import range_text, text
from ..number import Leaf, Number, Statement, named
from ..units import base, convert, parse, symbol
from . import cards
from .judgements import judge_all

RECORD = "application/vnd.computetrades.record+json"
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*")


class Published(Number):
    """The Number that book.record returns: downstream formulas show it under its key.
    Echoing it shows its card."""
    __slots__ = ("payload", "cell")

    def __str__(self): return self.payload["text"]

    def _ipython_display_(self):
        if _cell() != self.cell:  # record() has already shown it in the cell that publishes it
            _show(self.payload)


def record(key: str, number: Number | tuple[Number, Number], label: str, *, unit: str | None = None,
           digits: int | None = 3, claims=()) -> Number | None:
    """Publish a number, or a (low, high) range, under `key`; show its card; judge `claims` with it.

    key: 'topic.name', which prose quotes as [text](#topic.name). unit: what it is printed in. digits:
    significant digits, None for all. claims: claim ids, or {id: note}; 'id#2' takes the second stated value.
    Returns the number as a symbol of its own, for formulas further on; nothing for a range.
    """
    check_key(key)
    ends = number if isinstance(number, tuple) else (number,)
    ends = tuple(n.to(unit or ("" if not n.quantity.dimensionality else n.quantity.units)) for n in ends)
    payload = _payload(key, ends, label, digits)
    payload["claims"] = judge_all(claims, number, key)
    _show(payload)
    if isinstance(number, tuple):
        return None
    symbolic = named(key, ends[0], label, published=True)
    out = Published(symbolic.quantity, symbolic.expr, symbolic.leaves, label)
    out.payload, out.cell = payload, _cell()
    return out


def state(key: str, statement: Statement, yes: str, no: str, *, label: str = "", claims=()) -> None:
    """Publish a comparison as the phrase that prose quotes:
    `yes` when it is true at the stored facts, else `no`."""
    check_key(key)
    inputs = [_input(leaf) for leaf in statement.leaves.values()]
    payload = {
        "key": key, "label": label or str(statement), "text": yes if statement else no, "yes": yes, "no": no,
        "value": bool(statement), "unit": "", "base_unit": "", "digits": None,
        "formula": f"{formula.plain(statement.left)} {statement.op} {formula.plain(statement.right)}",
        "mathml": "", "mathml_values": "", "sides": str(statement), "js": formula.javascript(statement),
        "named": _named(statement.left, statement.right),
        "inputs": inputs, "measured": _measured(statement.left, statement.right),
        "facts": sorted(statement.left.facts() | statement.right.facts()),
        "range": None, "elasticity": {}, "claims": judge_all(claims, statement, key),
    }
    _show(payload)


def fact_payload(leaf: Leaf) -> dict:
    """A fact in the shape of a record, so that prose and ledger treat both alike."""
    shown = leaf.text or text(leaf.quantity, digits=None)
    out = {"key": leaf.key, "label": leaf.label, "text": shown, "value": None, "unit": "", "base_unit": "",
           "range": None, **_input(leaf)}
    if leaf.quantity is not None:
        out |= {"value": _steady(base(leaf.quantity)), "unit": symbol(leaf.quantity.units),
                "base_unit": symbol(leaf.quantity.to_root_units().units)}
        if leaf.low is not None or leaf.high is not None:
            low, high = leaf.ends()
            out["range"] = {"low": _steady(base(low)), "high": _steady(base(high)),
                            "text": range_text(low, high, digits=None)}
    return out


def _measured(*numbers: Number) -> list[dict]:
    """What was measured below the numbers, so that a page can compute with it:
    a leaf of a chapter stands in no file of facts."""
    return [fact_payload(leaf) for n in numbers for leaf in n.facts().values() if leaf.kind == "measured"]


def _named(*numbers: Number) -> dict[str, dict]:
    """Key -> formula and facts of each named number below the numbers, after those that it is computed from;
    but for what the chapter has published, and what lies below only that."""
    return {leaf.key: {"js": formula.javascript(leaf.number), "facts": sorted(leaf.number.facts())}
            for n in numbers for leaf in n.named_inputs(lambda leaf: not leaf.published).values()}


def _payload(key, ends: tuple[Number, ...], label, digits) -> dict:
    first, units = ends[0], ends[0].quantity.units
    shown = (text(first.quantity, digits=digits) if len(ends) == 1
             else range_text(first.quantity, ends[1].quantity, units, digits))
    leaves = {leaf.key: leaf for n in ends for leaf in n.leaves.values()
              if any(s.name == leaf.key for s in n.expr.free_symbols)}
    spread = first.range() if len(ends) == 1 else tuple(n.quantity for n in ends)
    return {
        "key": key, "label": label, "text": shown, "digits": digits,
        "value": (_steady(base(first.quantity)) if len(ends) == 1
                  else [_steady(base(n.quantity)) for n in ends]),
        "unit": symbol(units), "base_unit": symbol(first.quantity.to_root_units().units),
        "formula": " to ".join(formula.plain(n) for n in ends),
        "mathml": "<span> to </span>".join(formula.mathml(n) for n in ends),
        "mathml_values": "<span> to </span>".join(formula.mathml_values(n) for n in ends),
        "js": formula.javascript(first) if len(ends) == 1 else [formula.javascript(n) for n in ends],
        "named": _named(*ends),
        "inputs": [_input(leaf) for leaf in leaves.values()],
        "measured": _measured(*ends),
        "facts": sorted(set().union(*(n.facts() for n in ends))),
        "range": spread and {"low": _steady(base(spread[0])), "high": _steady(base(spread[1])),
                             "text": range_text(*(convert(q, units) for q in spread), units, digits)},
        "elasticity": ({k: round(e, 4) for k, e in first.elasticity().items()}
                       if len(ends) == 1 and base(first.quantity) else {}),
    }


def _input(leaf: Leaf) -> dict:
    cited = reference(leaf.source)
    out = {"key": leaf.key, "label": leaf.label, "kind": leaf.kind, "text": _input_text(leaf)}
    if leaf.kind == "named":
        out["rests_on"] = {key: _input_text(fact) for key, fact in leaf.number.facts().items()}
    else:
        out |= {"source": leaf.source, "cited": cited.short if cited else "",
                "url": cited.url if cited else "",
                "as_of": leaf.as_of, "note": leaf.note, "secondary": leaf.secondary,
                "others": [{"text": text(parse(o.value), digits=None) if leaf.quantity is not None
                            else o.value,
                            "cited": reference(o.source).short, "url": reference(o.source).url,
                            "as_of": o.as_of, "note": o.note}
                           for o in leaf.others]}
        if leaf.experiment:
            out["experiment"] = leaf.experiment
        if leaf.low is not None or leaf.high is not None:
            out["range_text"] = range_text(*leaf.ends(), leaf.quantity.units, None)
    return out


def _input_text(leaf: Leaf) -> str:
    return leaf.text or text(leaf.quantity, digits=4 if leaf.kind == "named" else None)


def check_key(key: str) -> None:
    """DataError unless the key is 'topic.name'."""
    if not KEY.fullmatch(key):
        raise DataError(f"record key {key!r}: write 'topic.name' in lower case, "
                        "words joined by dashes, one dot")


def _steady(x):
    """A float without the noise of the last bits, which differs between machines."""
    return x if isinstance(x, int) else float(f"{x:.12g}")


def _show(payload: dict) -> None:
    from IPython.display import display
    display({RECORD: payload, "text/html": cards.notebook_html(payload),
             "text/plain": cards.as_text(payload)},
            raw=True)


def _cell():
    from IPython import get_ipython
    shell = get_ipython()
    return shell.execution_count if shell else None
