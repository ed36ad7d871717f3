"""What the HTML of the built book holds: of the one that all tests share, built cold without a network.
Nothing here changes it."""
import csv
import json
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
import yaml
from bs4 import BeautifulSoup

from computetrades.book.judgements import AUDIT
from computetrades.book.records import RECORD
from computetrades.site import notebooks, prose, records_js

ROOT = Path(__file__).parents[2]
CHAPTERS = [path.stem for path in notebooks.chapters(ROOT)]
PAGES = ([f"chapters/{stem}" for stem in CHAPTERS]
         + [p.relative_to(ROOT).with_suffix("").as_posix() for p in notebooks.pages(ROOT)])
# Pages of the ledger's entries: for each chapter, for the book's numbers about itself, for each file of facts
FACTS = ROOT / "data" / "facts"
ENTRIES = ([f"appendix/ledger/{stem}" for stem in CHAPTERS] + ["appendix/ledger/audit"]
           + [f"appendix/ledger/{path.relative_to(FACTS).with_suffix('').as_posix()}"
              for path in sorted(FACTS.rglob("*.yaml"))])
WORST_FIRST = ["contradicts", "unsupported", "off", "rounds", "holds", "opinion", "none"]
CLAIMS = 1029  # how many claims of the essay are catalogued

chapter = pytest.mark.parametrize("stem", CHAPTERS)
page = pytest.mark.parametrize("name", PAGES)
every_page = pytest.mark.parametrize("name", PAGES + ENTRIES)


@pytest.fixture(scope="module")
def copy(built):
    """The book that all tests share, with everything that was built: path -> bytes."""
    return SimpleNamespace(root=built.root, first=files(built))


@pytest.fixture(scope="module")
def html(copy):
    """html(page name) -> the parsed page of the cold build."""
    return lru_cache(lambda name: BeautifulSoup(copy.first[f"{name}.html"].decode(), "html.parser"))


@pytest.fixture(scope="module")
def ids(html):
    """ids(page name) -> Counter of the ids on it."""
    return lru_cache(lambda name: Counter(tag["id"] for tag in html(name).find_all(id=True)))


@pytest.fixture(scope="module")
def ledger(copy):
    return json.loads(copy.first["ledger.json"])


def files(copy):
    """Relative path -> bytes of everything that was built."""
    out = copy.root / "_build" / "html"
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def source(copy, name):
    path = copy.root / f"{name}.ipynb"
    return path if path.exists() else path.with_suffix(".md")


# The build itself

def test_no_page_names_the_folder_it_was_built_in(copy):
    place = str(copy.root).encode()
    assert [name for name, content in copy.first.items() if place in content] == []


def test_every_chapter_and_page_was_built_and_nothing_else(copy):
    made = {n.removesuffix(".html") for n in copy.first if n.endswith(".html") and not n.startswith("_")}
    assert made - {"genindex", "search", "index"} == {*PAGES, *ENTRIES}
    assert not [name for name in copy.first if re.search(r"(^|/)(tests|\.venv|lib)/", name)]


# Quoted numbers

@page
def test_each_quoted_number_of_the_source_is_a_number_on_the_page(copy, html, name):
    """In the same words and with the same key: nothing between source and page may swallow or mangle one."""
    wanted = Counter((key, literal) for _, text in notebooks.markdown_cells(source(copy, name))
                     for key, literal in prose.quotes(text))
    if source(copy, name).suffix == ".ipynb":
        for _, note in notebooks.notes(source(copy, name)):
            wanted += Counter((key, literal) for key, literal in prose.quotes(note))
    shown = Counter((a["href"].partition("#")[2], " ".join(a.get_text().split()))
                    for a in html(name).select("a.ct-num"))
    assert not wanted - shown
    if source(copy, name).suffix == ".ipynb":
        assert not shown - wanted


@page
def test_each_quoted_number_has_its_popover_its_entry_and_its_line_in_the_ledger(html, ids, name):
    popovers = {p["id"]: p for p in html(name).select("[popover]")}
    lines = ids("appendix/ledger")
    for a in html(name).select("a.ct-num"):
        file, _, key = a["href"].partition("#")
        entry = target(name, file).removesuffix(".html")
        assert entry in ENTRIES and ids(entry)[key] == lines[key] == 1
        pop = popovers[a["data-popover"]]
        assert key in pop.get_text() and pop.select_one(".ct-value").get_text(strip=True)
        assert pop.select(".ct-inputs") or pop.select(".ct-formula"), \
            f"the popover of {key} says nothing of where it comes from"
    assert not html(name).select("mark"), "a quoted number without a record"


def target(name: str, href: str) -> str:
    """The file under html/ that a link on page `name` leads to."""
    parts = [*name.split("/")[:-1], *unquote(href).split("/")] if href else [f"{name}.html"]
    out = []
    for part in parts:
        out = out[:-1] if part == ".." else out if part in (".", "") else [*out, part]
    return "/".join(out)


@chapter
def test_cards_are_the_chapters_records_in_order(copy, html, stem):
    keys = [p["key"] for p in notebooks.payloads(copy.root / "chapters" / f"{stem}.ipynb", RECORD)]
    assert [c["id"] for c in html(f"chapters/{stem}").select(".ct-card")] == [f"record-{k}" for k in keys]


# The page as a document

@every_page
def test_every_id_is_unique(ids, name):
    assert [i for i, n in ids(name).items() if n > 1] == []


@every_page
def test_links_inside_the_book_lead_somewhere(copy, html, ids, name):
    for a in html(name).find_all("a", href=True):
        href = a["href"]
        if re.match(r"[a-z]+:", href) or href.startswith("#") and not href[1:]:
            continue
        file, _, anchor = href.partition("#")
        leads = target(name, file)
        assert leads in copy.first, f"{href} leads nowhere"
        if anchor and leads.endswith(".html"):
            assert ids(leads.removesuffix(".html"))[unquote(anchor)], f"{href}: no such place"


OUTSIDE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)


@every_page
def test_a_page_asks_no_other_host_for_anything(html, name):
    soup = html(name)
    for tag in soup.find_all(["script", "img", "iframe", "source", "video", "audio", "embed", "object",
                              "link", "use"]):
        if "canonical" in tag.get("rel", ()):
            continue  # says where the page is published; nothing is fetched from there
        for attribute in ("src", "href", "data", "srcset", "xlink:href"):
            assert not OUTSIDE.match(tag.get(attribute) or ""), str(tag)[:200]
    for css in ([s.get_text() for s in soup.find_all("style")]
                + [t["style"] for t in soup.find_all(style=True)]):
        assert not asks_outside(css)
    for form in soup.find_all("form", action=True):
        assert not OUTSIDE.match(form["action"])
    inline = " ".join(s.get_text() for s in soup.find_all("script", src=False)
                      if s.get("type") != "application/json")
    assert "://" not in inline
    scripts = inline + " ".join(s["src"] for s in soup.find_all("script", src=True))
    assert not re.search("mathjax|thebe", scripts, re.IGNORECASE)


def asks_outside(css: str) -> list[str]:
    return re.findall(r"(?:@import\s*|url\(\s*)[\"']?\s*(?:https?:)?//[^)\"';]*", css)


def test_no_style_sheet_asks_another_host_for_anything(copy):
    sheets = {name: content.decode() for name, content in copy.first.items() if name.endswith(".css")}
    assert sheets and {name: found for name, css in sheets.items() if (found := asks_outside(css))} == {}
    assert asks_outside("@import url('//x.test/a.css')") and asks_outside("a{background:url(https://x.test/i)}")


@page
def test_formulas_are_native_mathml(copy, html, name):
    soup = html(name)
    assert not soup.select(".math.notranslate, script[type^='math/tex']")
    blocks = sum(text.count("$$") // 2 for _, text in notebooks.markdown_cells(source(copy, name)))
    assert len(soup.select("div.ct-math > math[display=block]")) == blocks
    for block in soup.select("div.ct-math > math"):
        assert block.get_text(strip=True) and "\\" not in block.get_text()
    if name.startswith("chapters/"):
        assert soup.select(".ct-card math")


@chapter
def test_charts_carry_their_formula_in_words_and_as_a_picture_to_draw(copy, html, stem):
    path, soup = copy.root / "chapters" / f"{stem}.ipynb", html(f"chapters/{stem}")
    stored = notebooks.payloads(path, "application/vnd.vegalite.v6+json")
    charts = soup.select("div.ct-chart")
    assert len(charts) == len(stored) >= 2
    for chart, spec in zip(charts, stored, strict=True):
        assert chart["aria-label"] == spec["description"] and chart["role"] == "figure"
        assert json.loads(chart.find("script", type="application/json").string.replace("<\\/", "</")) == spec


@page
def test_vega_is_local_and_no_page_loads_it_before_a_chart_is_near(copy, html, name):
    assert "_static/vega.js" in copy.first
    assert not [s["src"] for s in html(name).find_all("script", src=True) if "vega" in s["src"]]


@page
def test_glossary_terms_show_their_definition(html, name):
    if name == "appendix/glossary":
        return
    into = [a for a in html(name).select("article a[href*='glossary.html#']")]
    for a in into:
        assert "ct-term" in a["class"], str(a)
        pop = html(name).find(id=a["data-popover"])
        assert pop is not None and pop.has_attr("popover") and len(pop.get_text(strip=True)) > 20
    assert into or not name.startswith("chapters/")


@chapter
def test_margin_notes_stand_in_the_margin(copy, html, stem):
    cells = notebooks.nbformat.read(copy.root / "chapters" / f"{stem}.ipynb", as_version=4).cells
    wanted = [c for c in cells if c.cell_type == "markdown" and "margin" in c.metadata.get("tags", ())]
    asides = html(f"chapters/{stem}").select("aside.ct-aside")
    assert len(asides) == len(wanted)
    for aside, cell in zip(asides, wanted, strict=True):
        words = re.findall(r"[A-Za-z]{4,}", re.sub(r"\]\([^)]*\)|\$[^$]*\$", " ", cell.source))
        assert set(words[:8]) <= set(re.findall(r"[A-Za-z]{4,}", aside.get_text()))


@chapter
def test_the_setup_cell_is_not_shown(html, stem):
    assert "except ImportError" not in html(f"chapters/{stem}").select_one("article").get_text()


def test_some_chapter_has_a_margin_note(html):
    assert any(html(f"chapters/{stem}").select("aside.ct-aside") for stem in CHAPTERS)


# The book as data

FACT = {"key", "label", "value", "unit", "text", "range", "kind", "source", "sources", "as_of", "secondary",
        "note", "others", "quoted_in"}
RECORD_FIELDS = {"key", "label", "chapter", "value", "unit", "display_unit", "text", "digits", "formula",
                 "js", "named", "inputs", "facts", "sources", "range", "elasticity", "claims", "quoted_in"}
CLAIM = {"id", "section", "chapter", "line", "claim", "kind", "stated", "computed", "record", "verdict",
         "factor", "why", "contradicts", "sources", "judged_in"}


def test_ledger_json_has_every_fact_record_and_claim_with_its_fields(copy, ledger):
    assert set(ledger) >= {"facts", "records", "claims"}
    for kind, fields in (("facts", FACT), ("records", RECORD_FIELDS), ("claims", CLAIM)):
        for row in ledger[kind]:
            assert set(row) >= fields, (kind, fields - set(row))
    records = [p["key"] for stem in CHAPTERS
               for p in notebooks.payloads(copy.root / f"chapters/{stem}.ipynb", RECORD)]
    assert (sorted(r["key"] for r in ledger["records"] if r["chapter"].startswith("chapters/"))
            == sorted(records))
    assert len({r["key"] for r in ledger["records"]}) == len(ledger["records"])
    assert {f["key"] for f in ledger["facts"] if f["source"]} == fact_keys(copy)
    assert {f["kind"] for f in ledger["facts"] if not f["source"]} <= {"measured"}
    assert len(ledger["claims"]) == len({c["id"] for c in ledger["claims"]}) == CLAIMS


def fact_keys(copy):
    """Counted from the files, without the library."""
    out = set()
    for path in (copy.root / "data/facts").rglob("*.yaml"):
        for record, fields in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            out |= {f"{record}.{name.replace('_', '-')}"
                    for name in fields if name not in ("label", "source", "as_of", "kind")}
    return out


def test_the_module_that_recomputes_the_book_is_built_and_no_page_asks_for_it_unasked(copy):
    written = records_js.js_modules(notebooks.gathered(ROOT))
    by_chapter = {f"records/{stem}.js" for stem in CHAPTERS}
    assert written.keys() == {"records.js", "records/evaluate.js", *by_chapter}
    assert {name: copy.first[f"_static/{name}"].decode() for name in written} == written
    assert not [name for name, content in copy.first.items()
                if name.endswith(".html") and re.search(rb"records(/[\w-]+)?\.js", content)]


def test_ledger_rows_refer_only_to_what_exists(ledger):
    facts, records, claims = ({r.get("key", r.get("id")) for r in ledger[kind]}
                              for kind in ("facts", "records", "claims"))
    for row in ledger["records"]:
        assert row["text"] and row["formula"] and row["label"] and set(row["claims"]) <= claims
        measured = {key for key in row["facts"] if key not in facts}
        assert all(re.fullmatch(r"[a-z0-9-]+\.[a-z0-9-]+", key) for key in measured)
    for row in ledger["claims"]:
        assert not row["record"] or row["record"] in records
        assert not row["contradicts"] or row["contradicts"] in claims


def test_a_claim_that_nobody_judged_has_no_verdict(copy, ledger):
    judged = {row["id"] for stem in CHAPTERS
              for a in notebooks.payloads(copy.root / f"chapters/{stem}.ipynb", AUDIT) for row in a["claims"]}
    for row in ledger["claims"]:
        assert (row["verdict"] is not None) == (row["id"] in judged) == (row["judged_in"] is not None)
        assert row["verdict"] is None or row["verdict"] in WORST_FIRST[:-1]
        assert row["verdict"] != "off" or row["why"]


def test_ledger_csv_says_the_same(copy, ledger):
    rows = list(csv.DictReader(copy.first["ledger.csv"].decode().splitlines(keepends=True)))
    for kind in ("fact", "record", "claim"):
        mine = {r["key"]: r for r in rows if r["type"] == kind}
        theirs = {r.get("key", r.get("id")): r for r in ledger[f"{kind}s"]}
        assert mine.keys() == theirs.keys()
        for key, row in theirs.items():
            assert mine[key]["text"] == row.get("text", row.get("computed"))
            assert mine[key]["verdict"] == (row.get("verdict") or "")
            if isinstance(row.get("value"), (int, float)) and not isinstance(row["value"], bool):
                assert float(mine[key]["value"]) == row["value"]


def test_every_fact_and_record_has_a_line_with_a_permanent_address(html, ledger):
    lines = html("appendix/ledger").select(".ct-index li")
    rows = {r["key"]: (r, kind) for kind in ("record", "fact") for r in ledger[f"{kind}s"]}
    assert sorted(line["id"] for line in lines) == sorted(rows)
    for line in lines:
        row, kind = rows[line["id"]]
        assert line.get_text(" ", strip=True) == f"{row['label'].strip()} {row['text']} {row['key']}"
        assert line["data-kind"] == kind


def test_every_line_of_the_ledger_leads_to_its_entry_and_there_is_one_of_each(html, ledger):
    rows = {r["key"]: r for kind in ("records", "facts") for r in ledger[kind]}
    entries = {(name, row["id"]): row for name in ENTRIES
               for row in html(name).select("table.ct-ledger tbody tr")}
    assert sorted(key for _, key in entries) == sorted(rows)
    for line in html("appendix/ledger").select(".ct-index li"):
        file, _, key = line.a["href"].partition("#")
        entry = entries[target("appendix/ledger", file).removesuffix(".html"), key]
        assert key == line["id"] and entry.b.get_text() == rows[key]["text"]
        assert entry.select(".ct-inputs li, .ct-formula"), \
            f"the entry of {key} says nothing of where it comes from"


def test_the_audit_page_lists_every_claim_worst_first(html, ledger):
    lines = html("appendix/audit").select(".ct-index li")
    assert len(lines) == CLAIMS and {line["id"] for line in lines} == {c["id"] for c in ledger["claims"]}
    ranks = [WORST_FIRST.index(line["data-verdict"]) for line in lines]
    assert ranks == sorted(ranks)
    claims = {c["id"]: c for c in ledger["claims"]}
    off = [claims[line["id"]]["factor"] for line in lines if line["data-verdict"] == "off"]
    size = [max(f, 1 / f) if f else 1 for f in off]
    assert size == sorted(size, reverse=True)


def test_every_judged_claim_leads_to_its_reasons_in_the_chapter_that_judged_it(html, ledger):
    claims = {c["id"]: c for c in ledger["claims"]}
    for line in html("appendix/audit").select(".ct-index li"):
        claim = claims[line["id"]]
        assert bool(line.a) == (claim["verdict"] is not None)
        if line.a:
            file, _, row = line.a["href"].partition("#")
            assert target("appendix/audit", file) == f"{claim['judged_in']}.html"
            told = html(claim["judged_in"]).select_one(f"table.ct-audit tr[id='{row}']").get_text(" ")
            said = " ".join(told.split())
            assert all(" ".join(words.split()) in said for words in (claim["claim"], claim["stated"]))
            assert len(said) > len(claim["claim"] + claim["stated"]) + 20, "a verdict without a reason"
