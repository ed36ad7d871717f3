"""records.js: the book as one ES module that computes.
Every record's formula, the facts they rest on, and evaluate.js.

A page imports it when a reader changes a fact: `evaluate({"llama-31-70b.n-kv-heads": 16})` gives every
record's value and text. Formulas are functions in the source,
so a content security policy without 'unsafe-eval' admits them.
"""
from __future__ import annotations

import json
import re
from pathlib import Path

from ..data import DataError
from ..facts import all_leaves
from ..formatting import dressing, in_cents
from ..number import Leaf
from ..units import Quantity, base, parse_symbol, symbol, unit_size
from .ledger import Book

# Not in static/, which is copied into the built book as it is
ENGINE = Path(__file__).with_name("evaluate.js")
COUNTED = {"token", "GPU", "chip", "tool", "wafer", "exposure", "layer", "user", "stack", "die", "mirror",
           "request", "person"}
GAIN = re.compile(r"markup|growth|gain|rise|premium")  # may exceed 100%
MARGIN = re.compile(r"margin")  # may be negative


def write(book: Book, folder: Path) -> None:
    """_static/records.js under `folder`, the built book."""
    (folder / "_static" / "records.js").write_text(source(book), encoding="utf-8")


def source(book: Book) -> str:
    """The module. Exports `facts`, `records`, `evaluate`, `dependents`, `text`, `admitted`, `figure`;
    see evaluate.js.

    The book's numbers about itself (audit.*, rule.*) rest on no fact and are left out.
    DataError for a unit with an offset.
    """
    computed = {key: p for key, p in sorted(book.records.items()) if p["js"]}
    leaves = all_leaves()
    facts = {key: _fact(leaves[key]) if key in leaves else _measured(book.facts[key])
             for key in sorted({key for p in computed.values() for key in p["facts"]})}
    return "\n".join(["// Written by the build; see lib/computetrades/site/records_js.py.",
                      _table("export const facts", {key: _json(row) for key, row in facts.items()}),
                      _table("export const records", {key: _json(_record(p)) for key, p in computed.items()}),
                      _table("const formulas", {key: _formula(p["js"]) for key, p in computed.items()}),
                      ENGINE.read_text(encoding="utf-8")])


def admissible(leaf: Leaf) -> dict:
    """What a reader may put in a fact's place, in its own unit:
    `whole`, and `least`, `most`, or `above` (itself excluded).

    A count stays whole and positive, a share between 0 and 100%, and what is positive stays so. A markup may
    exceed 100%, and a margin may be negative. Where no rule applies, there is no limit.
    """
    value = leaf.quantity.magnitude
    units = dict(leaf.quantity.units._units)
    if units == {"percent": 1} and 0 <= value <= 100:
        return (({} if MARGIN.search(leaf.key) else {"least": 0})
                | ({} if GAIN.search(leaf.key) else {"most": 100}))
    ends = [float(end.magnitude) for end in leaf.ends()]
    if isinstance(value, int) and value >= 0 and all(map(float.is_integer, ends)) and \
            (not units or len(units) == 1 and units.items() <= dict.fromkeys(COUNTED, 1).items()):
        return {"whole": True, "least": min(1, int(min(ends)))}
    return {"above": 0} if min(value, *ends) > 0 else {"least": 0} if min(value, *ends) == 0 else {}


def _fact(leaf: Leaf) -> dict:
    ends = {name: end.magnitude for name, end in (("low", leaf.low), ("high", leaf.high)) if end is not None}
    return {"label": leaf.label, "kind": leaf.kind, "value": leaf.quantity.magnitude, **ends,
            **admissible(leaf), **_printed(leaf.quantity.units, None, single=True)}


def _measured(payload: dict) -> dict:
    unit = parse_symbol(payload["unit"])
    value = float(f"{payload['value'] / unit_size(unit):.11g}")  # a payload has twelve digits in base units
    return {"label": payload["label"], "kind": payload["kind"], "value": value, "frozen": True,
            **_printed(unit, None, single=True)}


def _record(payload: dict) -> dict:
    row = {"label": payload["label"], "page": payload["chapter"], "facts": payload["facts"]}
    if "yes" in payload:
        return row | {"yes": payload["yes"], "no": payload["no"]}
    return row | _printed(parse_symbol(payload["unit"]), payload["digits"],
                          single=isinstance(payload["js"], str))


def _printed(unit, digits: int | None, single: bool) -> dict:
    """How the engine prints a value of this unit, without what is usual."""
    if base(Quantity(0, unit)):
        raise DataError(f"records.js has a factor for each unit, and {symbol(unit)} needs more than that; "
                        "use kelvin")
    before, after, after_one = dressing(unit)
    row = {"size": unit_size(unit), "digits": digits, "before": before, "after": after,
           "afterOne": None if after_one == after else after_one, "cents": single and in_cents(unit, digits)}
    return {name: x for name, x in row.items() if x not in (None, "", False) and (name, x) != ("size", 1)}


def _formula(js: str | list[str]) -> str:
    return f"f => {js}" if isinstance(js, str) else f"[{', '.join(map(_formula, js))}]"


def _table(declared: str, rows: dict[str, str]) -> str:
    return f"{declared} = {{\n" + "".join(f"{_json(key)}: {row},\n" for key, row in rows.items()) + "};"


def _json(x) -> str:
    return json.dumps(x, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
