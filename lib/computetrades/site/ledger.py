"""The whole book as data: gathering what was published,
and ledger.json and ledger.csv for other people's machines."""
from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

from ..book import cards
from ..book.records import fact_payload
from ..book.rules import FIRM, HEDGED, SAME, WORST_FIRST
from ..claims import all_claims
from ..data import data_dir, read_yaml
from ..facts import all_leaves
from ..formatting import text
from ..units import base, parse, symbol
from .unchanged import put

PAGE, OWN = "appendix/ledger", "appendix/audit"     # the index; the page of the book's numbers about itself


@dataclass
class Book:
    """records, facts: key -> payload. claims: id -> audit row. used: key -> pages.
    faults: what must fail the build. homes: key -> the page with its entry."""
    records: dict[str, dict]
    facts: dict[str, dict]
    claims: dict[str, dict]
    used: dict[str, list[str]]
    faults: list[str] = field(default_factory=list)
    homes: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> dict[str, dict]:
        """Everything that prose can quote."""
        return self.facts | self.records


def gather(records: dict[str, list], audits: dict[str, list], uses: dict[str, list]) -> Book:
    """Each argument maps a page to its payloads.
    Faults: a key or claim published twice, a verdict never published."""
    book = Book({}, {key: fact_payload(leaf) for key, leaf in all_leaves().items()}, {}, {})
    files = fact_files()
    book.homes = {key: f"{PAGE}/{files[key.partition('.')[0]]}" for key in book.facts}
    for page in sorted(records):
        for payload in records[page]:
            key = payload["key"]
            if key in book.records or key in book.facts:
                where = book.records[key]["chapter"] if key in book.records else "data/facts"
                book.faults.append(f"{page}: record {key!r} is already published by {where}; "
                                   "rename one of them")
            book.records[key] = {**payload, "chapter": page}
            book.homes[key] = home(page)
            for m in payload.get("measured", ()):
                if book.facts.setdefault(m["key"], m) != m:
                    book.faults.append(f"{page}: measured key {m['key']!r} already stands for another value; "
                                       "rename one of them")
                book.homes.setdefault(m["key"], home(page))
    for claim in all_claims().values():
        book.claims[claim.id] = {
            "id": claim.id, "chapter": claim.chapter, "section": claim.section, "line": claim.line,
            "claim": claim.claim,
            "kind": claim.kind, "stated": ", ".join(s.text for s in claim.stated), "verdict": None,
            "factor": None,
            "why": "", "note": "", "record": "", "contradicts": "", "source": "", "cited": "", "url": "",
            "judged_in": None}
    for page in sorted(audits):
        for row in (r for audit in audits[page] for r in audit["claims"]):
            if book.claims[row["id"]]["verdict"]:
                book.faults.append(f"{page}: claim {row['id']!r} is already judged in "
                                   f"{book.claims[row['id']]['judged_in']}; judge it once")
            book.claims[row["id"]] = {**row, "judged_in": page}
    for payload in list(book.records.values()):
        for c in payload["claims"]:
            if not book.claims[c["id"]]["verdict"]:
                book.faults.append(f"{payload['chapter']}: claim {c['id']!r} is judged by record "
                                   f"{payload['key']!r} but the chapter never calls book.audit after it")
    own = own_numbers(list(book.claims.values()))
    book.records |= own
    book.homes |= dict.fromkeys(own, home(OWN))
    for page in sorted(uses):
        for key in uses[page]:
            book.used.setdefault(key, []).append(page)
    return book


def home(page: str) -> str:
    """The page with the entries of what a page publishes: 'appendix/ledger/07-kv-cache'."""
    return f"{PAGE}/{page.rpartition('/')[2]}"


def fact_files() -> dict[str, str]:
    """Record of facts -> the file of data/facts that holds it, without the ending: 'inference/models'."""
    root = data_dir() / "facts"
    return {key: path.relative_to(root).with_suffix("").as_posix()
            for path in sorted(root.rglob("*.yaml")) for key in read_yaml(path) or ()}


def own_numbers(claims: list[dict]) -> dict[str, dict]:
    """The book's numbers about itself, quotable like records: counts of claims by verdict,
    and the tolerances of the rules."""
    judged = [c for c in claims if c["verdict"]]
    out = [_own("audit.claims", "Claims of the essay in the catalogue", str(len(claims)),
                "count of data/claims"),
           _own("audit.judged", "Claims that have a verdict", str(len(judged)),
                "count of claims with a verdict")]
    out += [_own(f"audit.{v}", f"Claims judged '{v}'", str(sum(c["verdict"] == v for c in judged)),
                 f"count of claims judged {v}")
            for v in WORST_FIRST]
    out += [_own(f"rule.{name}", label, f"{100 * round(size, 6):g} percent", "set in book/rules.py")
            for name, label, size in
            [("about", "Tolerance of 'rounds' for a value hedged with 'about'", HEDGED),
             ("exact", "Tolerance of 'rounds' for a value printed without a hedge", FIRM),
             ("same", "Farthest that a value which rounds to the printed digits may be and still 'hold'",
              SAME)]]
    return {p["key"]: p for p in out}


def _own(key: str, label: str, value: str, formula: str) -> dict:
    quantity = parse(value)
    return {"key": key, "label": label, "text": text(quantity, digits=None), "value": base(quantity),
            "digits": None, "unit": symbol(quantity.units), "base_unit": "", "formula": formula,
            "mathml": "", "mathml_values": "", "sides": formula, "js": None, "named": {}, "inputs": [],
            "facts": [], "range": None, "elasticity": {}, "claims": [], "chapter": OWN}


def write(book: Book, folder: Path) -> None:
    """ledger.json and ledger.csv. The method page documents their fields."""
    data = {"facts": [fact_row(book, p) for p in book.facts.values()],
            "records": [record_row(book, p) for p in book.records.values()],
            "claims": [claim_row(book, c) for c in book.claims.values()]}
    put(folder / "ledger.json", json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True))
    columns = ["type", "key", "label", "chapter", "value", "unit", "text", "low", "high", "formula",
               "sources", "verdict", "factor", "stated", "why"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for kind, rows in data.items():
        for row in rows:
            spread = row.get("range") or {}
            writer.writerow({**row, "type": kind[:-1], "key": row.get("key", row.get("id")),
                             "label": row.get("label", row.get("claim")),
                             "low": spread.get("low"), "high": spread.get("high"),
                             "sources": "; ".join(row.get("sources", ())),
                             "text": row.get("text", row.get("computed"))})
    put(folder / "ledger.csv", out.getvalue())


def fact_row(book: Book, p: dict) -> dict:
    """A fact: value in base units, its unit, the text, source, date, kind, note, and where prose quotes it;
    of a measured one the experiment, which is null for all others."""
    return {"key": p["key"], "label": p["label"], "value": p["value"], "unit": p["base_unit"],
            "text": p["text"], "range": p["range"], "kind": p["kind"], "source": p["source"],
            "sources": [p["source"]], "as_of": p["as_of"], "secondary": p["secondary"], "note": p["note"],
            "others": p["others"], "experiment": p.get("experiment"),
            "quoted_in": book.used.get(p["key"], [])}


def record_row(book: Book, p: dict) -> dict:
    """A record: value in base units and all its provenance.
    `sources` are keys of references.bib, through every input."""
    sources = sorted({book.facts[f]["source"] for f in p["facts"] if f in book.facts})
    return {"key": p["key"], "label": p["label"], "chapter": p["chapter"], "value": p["value"],
            "unit": p["base_unit"], "display_unit": p["unit"], "text": p["text"], "digits": p["digits"],
            "formula": p["formula"], "js": p["js"], "named": p["named"],
            "inputs": [i["key"] for i in p["inputs"]],
            "facts": p["facts"], "sources": sources, "range": p["range"], "elasticity": p["elasticity"],
            "claims": [c["id"] for c in p["claims"]], "quoted_in": book.used.get(p["key"], [])}


def claim_row(book: Book, c: dict) -> dict:
    """A claim: what the essay states, what was computed, verdict, factor (computed over stated), why.
    Verdict null: not judged."""
    computed = book.records[c["record"]]["text"] if c["record"] in book.records else ""
    return {"id": c["id"], "section": c["section"], "chapter": c["chapter"], "line": c["line"],
            "claim": c["claim"], "kind": c["kind"], "stated": c["stated"], "computed": computed,
            "record": c["record"], "verdict": c["verdict"], "factor": c["factor"],
            "why": " ".join(t for t in (cards.plain_note(c["note"]), c["why"]) if t),
            "contradicts": c["contradicts"], "sources": [c["source"]] if c["source"] else [],
            "judged_in": c["judged_in"]}
