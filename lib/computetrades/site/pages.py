"""Generated page parts: the ledger, the audit, counts by chapter, the bibliography, and popovers."""
from __future__ import annotations

from collections import Counter
from html import escape

from ..book.cards import SAID, badge, claim_lines, provenance, reason, table
from ..book.judgements import badness
from ..book.pictures import dollar
from ..book.pictures import stations as path
from ..book.plan import plan
from ..book.rules import WORST_FIRST
from ..facts import references
from . import frame
from .architecture import architecture as architecture
from .formulas import reference as reference

PARTS = ("cover", "stations", "contents", "ledger", "audit", "audit_counts", "bibliography", "architecture",
         "reference")

SEVERAL = SAID | {"holds": "hold", "rounds": "right within rounding", "unsupported": "denied by a source",
                  "contradicts": "contradicted by another"}


def number_popover(popover: str, payload: dict, draw) -> str:
    """What hovering, focusing or tapping a number shows."""
    return (f'<div class="ct-pop" id="{popover}" role="note" popover>'
            f'<div class="ct-label">{escape(payload["label"])}</div>'
            f'<div class="ct-value">{escape(payload["text"])}</div>'
            f'{claim_lines(payload)}{provenance(payload, draw.link)}'
            f'<p class="ct-more"><a href="{draw.link(payload["key"])}">{payload["key"]} in the ledger</a> '
            f'<button type="button" class="ct-cite">Cite</button></p></div>')


def cover(draw) -> str:
    """The dollar to scale, beside the title of the front page."""
    records = draw.book.records
    picture = dollar.dollar(cover_shares(draw.book), lambda key: draw.quote(key, records[key]["text"]))
    chapter = records["dollar.asml"]["chapter"]
    return (f'<figure class="ct-cover">{picture}<figcaption>Where one dollar of API revenue goes, to scale, '
            'except that the last line, ASML, would be too thin to see. From '
            f'<a href="{draw.page(chapter)}">chapter {frame.station(chapter)}</a>.</figcaption></figure>')


def cover_shares(book) -> dict[str, float]:
    """Record key -> part of the dollar, for the pictures.
    Empty while the chapter that publishes them is not built."""
    return {layer.record: book.records[layer.record]["value"] for layer in plan().dollar
            if layer.record in book.records}


def stations(draw) -> str:
    """The map of the one request's stations; a stop leads to its chapter when that is built."""
    def address(chapter: str) -> str | None:
        docname = f"chapters/{chapter}"
        return draw.page(docname) if docname in draw.env.found_docs else None
    return (f'<figure class="ct-picture">{path.map_of(address)}'
            "<figcaption>The stations of one request, where each runs, and the chapter that explains it. "
            "Each leads there.</figcaption></figure>")


def preview_lines(book, env, docname: str) -> tuple[str, str]:
    """What stands above and below the title on a page's preview picture."""
    station = frame.station(docname)
    counts = Counter(c["verdict"] for c in book.claims.values() if c["judged_in"] == docname or not station)
    judged = counts.total() - counts[None]
    told = (f"{judged} of the essay's claims checked: {counts['holds']} hold"
            if judged else "Every number traced to its sources")
    return (f"Chapter {station}" if station else "A book that checks itself"), told


def contents(draw) -> str:
    """Each chapter with its question, what it found, and how the essay's claims fared there."""
    book, env, out = draw.book, draw.env, []
    for part in env.external_site_map.root.subtrees:
        if not part.caption:
            continue
        out.append(f"<h2>{escape(part.caption)}</h2>")
        for docname in map(str, part.files()):
            found = "".join(draw.number(key, text) if key else escape(text)
                            for text, key in frame.lede(env, docname))
            station = frame.station(docname)
            told = f'<span class="ct-station">{station}</span> ' if station else ""
            out.append(f'<section><h3>{told}<a href="{draw.page(docname)}">'
                       f'{escape(env.titles[docname].astext())}</a></h3>'
                       f"<p>{found}</p>{_tally(book, docname)}</section>")
    return f'<div class="ct-contents">{"".join(out)}</div>'


def _tally(book, docname: str) -> str:
    """A chapter's verdicts as a bar and in words, and how many numbers it publishes."""
    counts = Counter(c["verdict"] for c in book.claims.values() if c["judged_in"] == docname)
    if not counts:
        return ""
    best_first = ("holds", "rounds", "opinion", "off", "unsupported", "contradicts")
    bar = "".join(f'<span class="ct-{v}" style="flex-grow: {counts[v]}"></span>'
                  for v in best_first if counts[v])
    told = ", ".join(f"{counts[v]} {SEVERAL[v]}" for v in best_first if counts[v])
    numbers = sum(p["chapter"] == docname for p in book.records.values())
    return (f'<div class="ct-tally" aria-hidden="true">{bar}</div>'
            f'<p class="ct-source">{numbers} numbers. {counts.total()} claims of the essay: {told}.</p>')


def ledger(draw) -> str:
    """Every record and fact, filterable; a row's id is its key, which is its permanent address."""
    book, rows = draw.book, []
    for key, p in sorted(book.records.items()):
        claims = " ".join(badge(c["verdict"], c["factor"]) for c in p["claims"])
        anchor = f"#record-{key}" if p["chapter"].startswith("chapters/") else ""
        origin = f'<a href="{draw.page(p["chapter"])}{anchor}">{_title(draw, p["chapter"])}</a>'
        rows.append(_ledger_row(draw, p, "record", claims, origin))
    for _, p in sorted(book.facts.items()):
        rows.append(_ledger_row(draw, p, "fact", "", escape(p["kind"])))
    root = "../" * draw.env.docname.count("/")
    return (f'<p>As data: <a href="{root}ledger.json">ledger.json</a>, '
            f'<a href="{root}ledger.csv">ledger.csv</a>.</p>'
            + _filter(len(rows), _select("Show", "kind", {"": "records and facts", "record": "records",
                                                          "fact": "facts"}))
            + table("Ledger", "ct-ledger", ("Number", "Value", "Where from"), "".join(rows)))


def _filter(n_rows: int, *selects: str) -> str:
    return ('<form class="ct-filter"><label>Find <input type="search" name="q" placeholder="words"></label> '
            f'{" ".join(selects)} <output>{n_rows:,} of {n_rows:,}</output></form>')


def _select(label: str, name: str, options: dict[str, str]) -> str:
    inner = "".join(f'<option value="{value}">{shown}</option>' for value, shown in options.items())
    return f'<label>{label} <select name="{name}">{inner}</select></label>'


def _ledger_row(draw, p, kind, claims, origin) -> str:
    spread = f'<div class="ct-source">{escape(p["range"]["text"])}</div>' if p["range"] else ""
    used = ", ".join(f'<a href="{draw.page(d)}">{_title(draw, d)}</a>'
                     for d in draw.book.used.get(p["key"], ()))
    note = f"<p>{escape(p['note'])}</p>" if p.get("note") else ""
    quoted = f'<div class="ct-source">quoted in {used}</div>' if used else ""
    summary = "formula and inputs" if kind == "record" else "source"
    return (f'<tr id="{p["key"]}" data-kind="{kind}">'
            f'<td>{escape(p["label"])}<div class="ct-key">{p["key"]}</div></td>'
            f'<td><b>{escape(p["text"])}</b>{spread}{claims}</td><td>{origin}<details><summary>{summary}</summary>'
            f"{provenance(p, draw.link)}{note}</details>{quoted}</td></tr>")


def audit(draw) -> str:
    """Every claim with its verdict, worst first; those that no chapter has judged come last."""
    claims = list(draw.book.claims.values())
    judged = sorted((c for c in claims if c["verdict"]), key=badness)
    rows = [_audit_row(draw, c) for c in judged + [c for c in claims if not c["verdict"]]]
    chapters = {c["chapter"]: c["chapter"] for c in sorted(claims, key=lambda c: c["chapter"])}
    verdicts = {v: SAID[v] for v in WORST_FIRST} | {"none": "not judged yet"}
    return (_filter(len(rows), _select("Chapter", "chapter", {"": "all"} | chapters),
                    _select("Verdict", "verdict", {"": "all"} | verdicts))
            + table("Audit", "ct-audit", ("The essay says", "Stated", "Computed", "Verdict", "Why"),
                    "".join(rows)))


def _audit_row(draw, c) -> str:
    computed = (draw.number(c["record"], draw.book.records[c["record"]]["text"])
                if c["record"] in draw.book.records else "")
    page = c["judged_in"] or f"chapters/{c['chapter']}"
    where = f'<a href="{draw.page(page)}">{_title(draw, page)}</a>' if c["judged_in"] else _title(draw, page)
    mark = (badge(c["verdict"], c["factor"]) if c["verdict"]
            else '<span class="ct-source">not judged yet</span>')
    return (f'<tr id="{c["id"]}" data-chapter="{c["chapter"]}" data-verdict="{c["verdict"] or "none"}">'
            f'<td>{escape(c["claim"])}<div class="ct-source">{where}, line {c["line"]}</div></td>'
            f'<td>{escape(c["stated"])}</td><td>{computed}</td><td>{mark}</td>'
            f'<td>{reason(c, draw.inline)}</td></tr>')


def audit_counts(draw) -> str:
    """Chapters against verdicts, for those chapters that have judged something."""
    by_chapter: dict[str, Counter] = {}
    for c in draw.book.claims.values():
        by_chapter.setdefault(c["chapter"], Counter())[c["verdict"] or "none"] += 1
    total = sum(by_chapter.values(), Counter())
    order = (*WORST_FIRST, "none")

    def row(name, counts):
        cells = "".join(f"<td>{counts[v]:,}</td>" if counts[v] else "<td></td>" for v in order)
        return f'<tr><th scope="row">{name}</th>{cells}<td>{counts.total():,}</td></tr>'
    body = "".join(row(_title(draw, f"chapters/{name}"), counts)
                   for name, counts in sorted(by_chapter.items()) if set(counts) - {"none"})
    rest = sum((c for c in by_chapter.values() if not set(c) - {"none"}), Counter())
    heads = ("", *(SAID.get(v, "not judged yet") for v in order), "claims")
    return table("Verdicts by chapter", "ct-counts", heads,
                 body + (row("chapters to come", rest) if rest else "") + row("all", total))


def bibliography(draw) -> str:
    """Every source, with the number of facts that rest on it."""
    counts = Counter(p["source"] for p in draw.book.facts.values())
    rows = []
    for ref in sorted(references().values(), key=lambda r: (r.who.lower(), r.date)):
        title = f'<a href="{escape(ref.url)}">{escape(ref.title)}</a>' if ref.url else escape(ref.title)
        used = f" {counts[ref.key]} facts." if counts[ref.key] > 1 else " 1 fact." if counts[ref.key] else ""
        rows.append(f'<li id="ref-{ref.key}">{escape(ref.who)}{", " if ref.who else ""}{title}, '
                    f'{escape(ref.date)}. '
                    f'<span class="ct-source">{escape(ref.note)}{"." if ref.note else ""}{used}</span></li>')
    return f'<ul class="ct-references">{"".join(rows)}</ul>'



def _title(draw, docname: str) -> str:
    if docname.startswith("chapters/"):
        return f"chapter {docname.removeprefix('chapters/')[:2]}"
    titles = draw.env.titles
    return escape(titles[docname].astext()) if docname in titles else escape(docname.rpartition("/")[2])

