"""Generated page parts: cover, contents, counts by chapter, the bibliography; others have own rooms."""
from __future__ import annotations

from collections import Counter
from html import escape

from ..book.cards import SAID, table
from ..book.pictures import dollar
from ..book.pictures import stations as path
from ..book.plan import plan
from ..book.rules import WORST_FIRST
from ..facts import references
from . import frame
from .architecture import architecture as architecture
from .formulas import formula_list as formula_list
from .index_pages import audit as audit
from .index_pages import ledger as ledger

PARTS = ("cover", "stations", "contents", "ledger", "audit", "audit_counts", "bibliography", "architecture",
         "formula_list")

SEVERAL = SAID | {"holds": "hold", "rounds": "right within rounding", "unsupported": "denied by a source",
                  "contradicts": "contradicted by another"}


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
    body = "".join(row(draw.title(f"chapters/{name}"), counts)
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
