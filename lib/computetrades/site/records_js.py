"""The book as ES modules that compute: formulas, the facts that they rest on, and evaluate.js.

A page imports what it needs, _static/records/<chapter>.js, when a reader changes a fact:
`evaluate({"llama-31-70b.n-kv-heads": 16})` gives every record's value and text. _static/records.js has all
chapters together. Formulas are functions in the source, so that a content security policy without
'unsafe-eval' admits them. One that rests on a named number names it, and is written once.
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
from .unchanged import put

# Not in static/, which is copied into the built book as it is
ENGINE = Path(__file__).with_name("evaluate.js")
COUNTED = {"token", "GPU", "chip", "tool", "wafer", "exposure", "layer", "user", "stack", "die", "mirror",
           "request", "person"}
GAIN = re.compile(r"markup|growth|gain|rise|premium")  # may exceed 100%
MARGIN = re.compile(r"margin")  # may be negative
WRITTEN = "// Written by the build; see lib/computetrades/site/records_js.py."
COMPUTED = "export const { evaluate, dependents, text, admitted } = book({ facts, records, formulas });"
NEEDED = re.compile(r'f\["([^"]+)"\]')


def write(book: Book, folder: Path) -> None:
    """The modules, under `folder`/_static, the built book."""
    for name, text in js_modules(book).items():
        path = folder / "_static" / name
        path.parent.mkdir(exist_ok=True)
        put(path, text)


def js_modules(book: Book) -> dict[str, str]:
    """File name -> module: records.js, and records/<chapter>.js with the records of one chapter.
    Each exports `facts`, `records`, `evaluate`, `dependents`, `text`, `admitted`, `figure`; see evaluate.js.

    The book's numbers about itself (audit.*, rule.*) rest on no fact and are left out.
    DataError for a unit with an offset.
    """
    formulas, leaves, by_chapter = _formulas(book), all_leaves(), {}
    for key, p in sorted(book.records.items()):
        if p["js"]:
            by_chapter.setdefault(p["chapter"].rpartition("/")[2], []).append(key)
    made = {"records/evaluate.js": ENGINE.read_text(encoding="utf-8")}
    for chapter, keys in by_chapter.items():
        needed = _in_order(keys, formulas)
        facts = sorted({fact for key in needed for fact in NEEDED.findall(str(formulas[key]["js"]))}
                       - formulas.keys())
        made[f"records/{chapter}.js"] = "\n".join([
            WRITTEN, 'import { book } from "./evaluate.js";', 'export { figure } from "./evaluate.js";',
            _table("export const facts", {key: _json(_fact(leaves[key]) if key in leaves
                                                     else _measured(book.facts[key])) for key in facts}),
            _table("export const records", {key: _json(_record(book.records[key])) for key in keys}),
            _table("export const formulas", {key: _formula(formulas[key]) for key in needed}),
            COMPUTED, ""])
    made["records.js"] = _together(sorted(by_chapter))
    return made


def _formulas(book: Book) -> dict[str, dict]:
    """Key -> js and facts of every record and of every named number that no chapter publishes.

    DataError where one name stands for two formulas. What another chapter publishes may be written otherwise
    there, with names of its own, but rests on the same facts.
    """
    found = {key: p for key, p in book.records.items() if p["js"]}
    for p in list(found.values()):
        for key, part in p["named"].items():
            known = found.setdefault(key, part)
            same = ("facts",) if key in book.records else ("facts", "js")
            if any(known[what] != part[what] for what in same):
                raise DataError(f"{p['chapter']}: {key!r} below {p['key']!r} is {part['js']}, which rests on "
                                f"{', '.join(part['facts'])}; elsewhere it is {known['js']}, which rests on "
                                f"{', '.join(known['facts'])}; give the two their own names")
    return found


def _in_order(keys: list[str], formulas: dict[str, dict]) -> list[str]:
    """The keys and all that they are computed from, each after what it needs."""
    found: dict[str, None] = {}

    def add(key):
        if key in formulas and key not in found:
            for needed in NEEDED.findall(str(formulas[key]["js"])):
                add(needed)
            found[key] = None
    for key in keys:
        add(key)
    return list(found)


def _together(chapters: list[str]) -> str:
    names = [f"chapter{i}" for i, _ in enumerate(chapters)]
    imports = [f'import * as {name} from "./records/{chapter}.js";'
               for name, chapter in zip(names, chapters, strict=True)]
    return "\n".join([
        WRITTEN, 'import { book } from "./records/evaluate.js";',
        'export { figure } from "./records/evaluate.js";', *imports,
        f"const all = table => Object.assign({{}}, ...[{', '.join(names)}].map(chapter => chapter[table]));",
        'export const facts = all("facts"), records = all("records"), formulas = all("formulas");',
        COMPUTED, ""])


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
    row = {"label": payload["label"], "page": payload["chapter"]}
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


def _formula(row: dict) -> str:
    """What a formula rests on, and the function; two functions for a range."""
    ends = row["js"] if isinstance(row["js"], list) else [row["js"]]
    functions = [f"f => {js}" for js in ends]
    return f"[{_json(row['facts'])}, {functions[0] if len(ends) == 1 else '[' + ', '.join(functions) + ']'}]"


def _table(declared: str, rows: dict[str, str]) -> str:
    return f"{declared} = {{\n" + "".join(f"{_json(key)}: {row},\n" for key, row in rows.items()) + "};"


def _json(x) -> str:
    return json.dumps(x, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
