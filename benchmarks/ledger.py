"""The ledger and the audit of a book several times as large: `python -m benchmarks.ledger [times] [runs]`

Needs the built book in _build/html (`make book`) for its frame and styles. The numbers and claims that its
chapters store are repeated under new keys, in as many more chapters and files of facts, and drawn as the
build draws them. Then the two indexes and the longest page of entries are measured as benchmarks/pages.py
measures a page, on a processor slowed down 4 times: kilobytes received with all that the page loads; nodes;
milliseconds until it answers; processor time of the page's load, of a keystroke in the filter and of making
it ready for paper, these unslowed.
"""
from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from docutils import nodes
from playwright.sync_api import sync_playwright

from benchmarks import pages
from benchmarks.grow import stem_of
from computetrades.book.judgements import AUDIT
from computetrades.book.records import RECORD
from computetrades.site import index_pages, ledger, notebooks, prose
from computetrades.site.drawing import Drawing
from computetrades.site.serve import BUILT, served

ROOT = Path(__file__).parents[1]
SLOWDOWN = 4
INDEXES = {ledger.PAGE: index_pages.ledger, ledger.OWN: index_pages.audit}
NODES = "document.evaluate('count(//node())', document, null, XPathResult.NUMBER_TYPE).numberValue"
BEFORE_PAPER = "dispatchEvent(new Event('beforeprint')), document.body.offsetHeight"


def stored(root: Path) -> ledger.Book:
    """What the stored chapters publish and quote."""
    paths = {f"chapters/{path.stem}": path for path in notebooks.chapters(root)}
    def kept(mime):
        return {name: notebooks.payloads(path, mime) for name, path in paths.items()}
    uses = {name: sorted({key for _, text in notebooks.markdown_cells(path) for key, _ in prose.quotes(text)})
            for name, path in paths.items()}
    return ledger.gather(kept(RECORD), kept(AUDIT), uses)


def repeated(book: ledger.Book, times: int) -> ledger.Book:
    """The book with every number and claim `times` times, each time under other keys and on other pages."""
    out = ledger.Book(dict(book.records), dict(book.facts), dict(book.claims), dict(book.used),
                      homes=dict(book.homes))
    for copy in range(2, times + 1):
        names = _names(book, copy)
        for name in ("records", "facts", "claims", "used", "homes"):
            getattr(out, name).update(_renamed(getattr(book, name), names))
    return out


def _names(book: ledger.Book, copy: int) -> dict[str, str]:
    """Key, claim, chapter, page of entries -> its name in a copy of the book."""
    chapters = {c["chapter"] for c in book.claims.values()}
    names = {c: stem_of(c, copy) for c in chapters}
    names |= {f"chapters/{c}": f"chapters/{stem_of(c, copy)}" for c in chapters}
    names |= {ledger.home(c): ledger.home(stem_of(c, copy)) for c in chapters}
    names |= {home: f"{home}-{copy}" for home in book.homes.values() if home not in names}
    names |= {claim: f"{claim}-{copy}" for claim in book.claims}
    return names | {key: key.replace(".", f"-{copy}.") for key in book.homes}


def _renamed(thing, names: dict[str, str]):
    if isinstance(thing, dict):
        return {names.get(key, key): _renamed(value, names) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_renamed(value, names) for value in thing]
    return names.get(thing, thing) if isinstance(thing, str) else thing


def drawn(book: ledger.Book) -> Iterator[tuple[str, str]]:
    """(page, what its article holds) of both indexes and of every page of entries."""
    chapters = {c["judged_in"] for c in book.claims.values() if c["judged_in"]}
    titles = {page: nodes.title("", page) for page in (*chapters, *INDEXES)}
    env = SimpleNamespace(titles=titles)
    homes = index_pages.entries_of(book)
    titles |= {home: nodes.title("", index_pages.title(env, home)) for home in homes}
    for page, draw in INDEXES.items():
        yield page, f"<section><h1>{page}</h1>{draw(Drawing(book, env, page))}</section>"
    for home, numbers in homes.items():
        yield home, index_pages.entry_table(Drawing(book, env, home), numbers)


def framed(built: Path, page: str, article: str) -> str:
    """The article in the frame of the built book's own page; a page of a copy stands in that of the first."""
    own = built / f"{page}.html"
    frame = own if own.is_file() else built / f"{ledger.PAGE}/01-request.html"
    html = frame.read_text(encoding="utf-8")
    return re.sub(r"(?s)(?<=<article>).*(?=</article>)", lambda _: article, html, count=1)


def write(built: Path, folder: Path, times: int) -> dict[str, int]:
    """The pages of a book so many times as large, beside the built book's own; gives their sizes in bytes."""
    (folder / "_static").symlink_to((built / "_static").resolve())
    sizes = {}
    for page, article in drawn(repeated(stored(ROOT), times)):
        path = folder / f"{page}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(framed(built, page, article), encoding="utf-8")
        sizes[page] = path.stat().st_size
    return sizes


def costs(browser, url: str, runs: int) -> dict[str, float]:
    """What is told of one page, medians of `runs`."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(url)
    n_nodes = page.evaluate(NODES)
    cdp = context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = pages.computed(cdp)
    page.evaluate(BEFORE_PAPER)
    paper = pages.computed(cdp) - before
    context.close()
    def middle(measure):
        return statistics.median(measure() for _ in range(runs))
    return {"kB": sum(pages.received(browser, url).values()) / 1000, "nodes": n_nodes,
            "interactive": middle(lambda: pages.interactive(browser, url, SLOWDOWN)["interactive"]),
            "CPU": middle(lambda: pages.busy(browser, url)),
            "key": middle(lambda: pages.keystroke(browser, url)), "paper": paper}


def main(times: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sizes = write(BUILT, Path(folder), times)
        longest = max((page for page in sizes if page not in INDEXES), key=sizes.get)
        with served(Path(folder)) as address, sync_playwright() as playwright, \
                pages.launch(playwright) as browser:
            print(f"Chromium {browser.version}, {os.cpu_count()} cores; {times} times the book, "
                  f"medians of {runs} runs, ms; interactive with the processor slowed {SLOWDOWN} times\n")
            for page in (*INDEXES, longest):
                found = costs(browser, f"{address}/{page}.html", runs)
                print(f"{page:<36}" + "".join(f"{name} {value:>8,.0f}   " for name, value in found.items()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
