"""The ledger and the audit as pages: indexes with one line for each number and each claim, which leads to
where it is told in full.

A line's id is its permanent address. A number's entry is on a page by chapter, or by file of facts; a claim
is told in the audit of the chapter that judged it.
"""
from __future__ import annotations

from html import escape

from ..book.cards import SAID, badge, claim_anchor, provenance, table
from ..book.judgements import badness
from ..book.rules import WORST_FIRST
from .ledger import OWN, PAGE, Book

KINDS = {"": "records and facts", "record": "records", "fact": "facts"}
TOGETHER = 60       # lines that a browser lays out, or leaves out while they are off the screen, as one


def ledger(draw) -> str:
    """A line for every record and fact: label, value, key."""
    root = "../" * draw.docname.count("/")
    groups = {f'<a href="{draw.page(home)}">{draw.title(home)}</a>': [_number_line(draw, p) for p in numbers]
              for home, numbers in entries_of(draw.book).items()}
    return (f'<p>As data: <a href="{root}ledger.json">ledger.json</a>, '
            f'<a href="{root}ledger.csv">ledger.csv</a>.</p>'
            + _index("ct-numbers", ("Number", "Value", "Key"), groups,
                     _select("Show", "kind", KINDS)))


def entries_of(book: Book) -> dict[str, list[dict]]:
    """Page -> the numbers whose entries are there: chapters first, then the book's own, then the facts.
    What a chapter measured stands with its records."""
    out: dict[str, list[dict]] = {}
    for p in sorted(book.records.values(), key=lambda p: (p["chapter"] == OWN, p["chapter"], p["key"])):
        out.setdefault(book.homes[p["key"]], []).append(p)
    for p in sorted(book.facts.values(), key=lambda p: (book.homes[p["key"]], p["key"])):
        out.setdefault(book.homes[p["key"]], []).append(p)
    return out


def title(env, home: str) -> str:
    """The title of a page of entries, as text."""
    name = home.removeprefix(f"{PAGE}/")
    if home == f"{PAGE}/{OWN.rpartition('/')[2]}":
        return "The book's numbers about itself"
    if f"chapters/{name}" in env.titles:
        return f"Numbers of chapter {name[:2]}"
    return f"Facts: {name.replace('/', ', ').replace('-', ' ')}"


def entry_table(draw, numbers: list[dict]) -> str:
    """The page of these numbers: of each the value, its range and verdicts, where it comes from and who
    quotes it."""
    rows = "".join(_entry(draw, p) for p in numbers)
    return (f'<section><h1>{draw.title(draw.docname)}</h1>'
            f'<p>Part of the <a href="{draw.page(PAGE)}">ledger</a>, where each number has one line. '
            "Cite it by that line: its address stays.</p>"
            f'{table("Entries", "ct-ledger", ("Number", "Value", "Where from"), rows)}</section>')


def _number_line(draw, p: dict) -> str:
    key, kind = p["key"], "record" if p["key"] in draw.book.records else "fact"
    return (f'<li id="{key}" data-kind="{kind}"><a href="{draw.link(key)}">{escape(p["label"])} </a>'
            f'<b>{escape(p["text"])} </b><span>{key} </span></li>')


def _entry(draw, p: dict) -> str:
    spread = f'<div class="ct-source">{escape(p["range"]["text"])}</div>' if p["range"] else ""
    claims = " ".join(badge(c["verdict"], c["factor"]) for c in p.get("claims", ()))
    used = ", ".join(f'<a href="{draw.page(d)}">{draw.title(d)}</a>'
                     for d in draw.book.used.get(p["key"], ()))
    note = f"<p>{escape(p['note'])}</p>" if p.get("note") and not p.get("experiment") else ""
    quoted = f'<div class="ct-source">quoted in {used}</div>' if used else ""
    # How high it is, about, for where it is not laid out yet
    lines = len(p.get("inputs", [p])) + 2 * bool(p.get("mathml"))
    return (f'<tr id="{p["key"]}" style="--lines: {lines}">'
            f'<td>{escape(p["label"])}<div class="ct-key">{p["key"]}</div></td>'
            f'<td><b>{escape(p["text"])}</b>{spread}{claims}</td>'
            f'<td>{_origin(draw, p)}{provenance(p, draw.link)}{note}{quoted}</td></tr>')


def _origin(draw, p: dict) -> str:
    """The card of a record, in its chapter; what kind of source a fact has is told beside that."""
    if "chapter" not in p:
        return ""
    card = "" if p["chapter"] == OWN else f"#record-{p['key']}"
    return f'<a href="{draw.page(p["chapter"])}{card}">{draw.title(p["chapter"])}</a>'


def audit(draw) -> str:
    """A line for every claim, worst first; those that no chapter has judged come last."""
    claims = list(draw.book.claims.values())
    said = {v: SAID[v] for v in WORST_FIRST} | {None: "not judged yet"}
    groups = {told: [_claim_line(draw, c) for c in sorted((c for c in claims if c["verdict"] == verdict),
                                                          key=badness if verdict else _place)]
              for verdict, told in said.items()}
    chapters = {c["chapter"]: c["chapter"] for c in sorted(claims, key=_place)}
    verdicts = {verdict or "none": told for verdict, told in said.items()}
    heads = ("The essay says", "Stated", "Computed", "Verdict", "Where")
    return _index("ct-claims", heads, groups, _select("Chapter", "chapter", {"": "all"} | chapters),
                  _select("Verdict", "verdict", {"": "all"} | verdicts))


def _place(c: dict) -> tuple:
    return c["chapter"], c["line"]


def _claim_line(draw, c: dict) -> str:
    computed = draw.book.records[c["record"]]["text"] if c["record"] in draw.book.records else ""
    claim = escape(c["claim"])
    told = (f'<a href="{draw.page(c["judged_in"])}#{claim_anchor(c["id"])}">{claim} </a>' if c["judged_in"]
            else f"<span>{claim} </span>")
    mark = badge(c["verdict"], c["factor"]) if c["verdict"] else "<i></i>"
    facets = f'data-chapter="{c["chapter"]}" data-verdict="{c["verdict"] or "none"}"'
    return (f'<li id="{c["id"]}" {facets}>{told}'
            f'<b>{escape(c["stated"])}</b> <b>{escape(computed)}</b> {mark} '
            f'<small>{draw.title("chapters/" + c["chapter"])}, line {c["line"]}</small></li>')


def _index(css: str, heads: tuple[str, ...], groups: dict[str, list[str]], *selects: str) -> str:
    """Lines under headings, with their filter above. groups: heading as HTML -> its lines."""
    n, names = sum(map(len, groups.values())), "".join(f"<span>{head}</span>" for head in heads)
    sections = "".join(f"<section><h2>{heading}</h2>{_lists(lines)}</section>"
                       for heading, lines in groups.items() if lines)
    return ('<form class="ct-filter" autocomplete="off"><label>Find <input type="search" name="q" '
            f'placeholder="words of a line"></label> {" ".join(selects)} '
            f'<output>{n:,} of {n:,}</output></form>'
            f'<div class="ct-index {css}"><div class="ct-heads" aria-hidden="true">{names}</div>'
            f"{sections}</div>")


def _lists(lines: list[str]) -> str:
    parts = [lines[i:i + TOGETHER] for i in range(0, len(lines), TOGETHER)]
    return "".join(f'<ul style="--lines: {len(part)}">{"".join(part)}</ul>' for part in parts)


def _select(label: str, name: str, options: dict[str, str]) -> str:
    inner = "".join(f'<option value="{value}">{shown}</option>' for value, shown in options.items())
    return f'<label>{label} <select name="{name}">{inner}</select></label>'
