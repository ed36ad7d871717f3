"""Every stored chapter: what it carries and how it is written."""
import ast
import json
import pkgutil
import re
from functools import lru_cache
from pathlib import Path

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

from computetrades.book.judgements import AUDIT
from computetrades.book.records import RECORD
from computetrades.facts import all_leaves
from computetrades.site import notebooks, prose, repository

ROOT = Path(__file__).parents[1]
CHAPTERS = notebooks.chapters(ROOT)
BRANCH = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["branch"]
CHART = "application/vnd.vegalite.v6+json"
PUBLISHES = re.compile(r"\b(?:book\.(?:record|state|audit)|charts\.finish)\(")

chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)


@lru_cache
def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    """(cell number from 1, cell) of the code cells."""
    return [(i, c) for i, c in enumerate(read(path).cells, 1) if c.cell_type == "code"]


@lru_cache
def markdown(path):
    return notebooks.markdown_cells(path)


@lru_cache
def payloads(path, mime):
    return notebooks.payloads(path, mime)


def charts_of(path):
    return [o["data"][CHART] for _, c in code_cells(path) for o in c.outputs if CHART in o.get("data", {})]


def test_there_are_chapters():
    assert CHAPTERS


# What a stored chapter carries

def publishes(source):
    """True where a cell itself calls something that publishes;
    a call inside a `def` publishes where that is called."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            # With a label
            if PUBLISHES.match(name + "(") or name == "book.measure" and len(node.args) > 2:
                return True
        if not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            todo += ast.iter_child_nodes(node)
    return False


@chapter
def test_every_cell_that_publishes_has_its_output_stored(path):
    bare = [i for i, c in code_cells(path) if publishes(c.source) and not c.outputs]
    assert not bare, (f"cells {bare} have no stored output, so nbval passes them whatever they compute; "
                      "run `make sync`")


@chapter
def test_no_stored_output_is_an_error_or_a_stray_message(path):
    strays = [(i, o.output_type) for i, c in code_cells(path)
              for o in c.outputs if o.output_type in ("error", "stream")]
    assert not strays


@chapter
def test_it_publishes_at_least_ten_records(path):
    assert len(payloads(path, RECORD)) >= 10


@chapter
def test_its_audit_is_its_own_and_its_last_output(path):
    audits = payloads(path, AUDIT)
    assert [a["chapter"] for a in audits] == [path.stem]
    assert audits[0]["claims"]
    late = [p["key"] for i, c in code_cells(path)
            for o in c.outputs if (p := o.get("data", {}).get(RECORD)) and i > audit_cell(path)]
    assert not late, "published after the audit, so its claims would be missing there"


def audit_cell(path):
    return next(i for i, c in code_cells(path) if any(AUDIT in o.get("data", {}) for o in c.outputs))


@chapter
def test_records_are_the_ones_the_facts_and_other_chapters_leave_free(path):
    keys = [p["key"] for p in payloads(path, RECORD)]
    others = {p["key"] for other in CHAPTERS if other != path for p in payloads(other, RECORD)}
    assert len(keys) == len(set(keys))
    assert not set(keys) & set(all_leaves())
    assert not set(keys) & others


@chapter
def test_at_least_two_charts_have_sliders(path):
    with_sliders = [s for s in charts_of(path) if any("bind" in p for p in s.get("params", ()))]
    assert len(with_sliders) >= 2


@chapter
def test_every_chart_is_described_in_words_and_has_a_picture(path):
    for i, cell in code_cells(path):
        for out in cell.outputs:
            if CHART in out.get("data", {}):
                assert out["data"][CHART].get("description", "").strip(), f"cell {i}"
                assert out["data"]["image/svg+xml"].lstrip().startswith("<svg"), f"cell {i}"


# How it is stored

@chapter
def test_the_first_cell_installs_the_library_where_it_is_missing(path):
    first = read(path).cells[0]
    assert first.cell_type == "code" and first.metadata.get("tags") == ["remove-cell"]
    assert first.source.startswith(repository.setup(
        repository.installs(first.source), repository.repository(ROOT), BRANCH))
    assert not first.outputs


@chapter
def test_nothing_is_stored_that_differs_between_two_equal_runs(path):
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert raw["metadata"] == notebooks.KERNEL
    for i, cell in enumerate(raw["cells"], 1):
        assert set(cell["metadata"]) <= {"tags"}, f"cell {i}"
        assert cell["id"] == f"cell-{i}"
        for out in cell.get("outputs", ()):
            assert not out.get("metadata"), f"cell {i}"
            assert not re.search(r"\bat 0x[0-9a-f]{6,}", json.dumps(out)), f"cell {i} shows a memory address"


@chapter
def test_the_title_comes_first(path):
    titles = [(i, line) for i, text in markdown(path) for line in text.splitlines() if line.startswith("# ")]
    assert len(titles) == 1 and titles[0][0] == 2


# How it is written

def test_every_quoted_number_agrees_and_no_figure_is_loose():
    assert [str(p) for p in notebooks.check_all(ROOT)] == []


@chapter
def test_every_quote_is_a_link_to_markdown_as_well(path):
    """What looks like a quoted number in the source is one for the parser:
    no `$` pair or bracket swallows it."""
    for i, text in markdown(path):
        looks_like = re.findall(rf"\[([^\[\]]*)\]\({prose.QUOTED.pattern}\)", text)
        plain = [(k, re.sub(r"\\([$*_])|[*_]", r"\1", re.sub(r"\s+", " ", t))) for t, k in looks_like]
        assert sorted(plain) == sorted(prose.quotes(text)), f"cell {i}"


@chapter
def test_markdown_is_plain_commonmark_and_math(path):
    for i, text in markdown(path):
        where = f"cell {i}"
        assert not re.search(r"\{[\w:-]+\}`", text), f"{where}: a role, which Colab and GitHub show raw"
        assert not re.search(r"^\s*(?:`{3,}|~{3,}|:{3,})\s*\{", text, re.MULTILINE), f"{where}: a directive"
        assert not re.search(r"^:::|^\(\S+\)=\s*$|\{\{", text, re.MULTILINE), f"{where}: MyST-only syntax"
        for token in prose.MARKDOWN.parse(text):
            inner = [token, *(token.children or ())]
            assert not any(t.type in ("html_block", "html_inline") for t in inner), f"{where}: raw HTML"


def slugs(path):
    """The anchors that a page's headings make."""
    texts = [path.read_text(encoding="utf-8")] if path.suffix == ".md" else [t for _, t in markdown(path)]
    titles = [line.lstrip("#").strip() for t in texts
              for line in t.splitlines() if re.match(r"#{1,3} ", line)]
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


@pytest.mark.parametrize("path", [*CHAPTERS, *notebooks.pages(ROOT)], ids=lambda p: p.stem)
def test_links_inside_the_book_lead_somewhere(path):
    for i, text in markdown(path):
        for href, said in prose._links(text):
            if prose.QUOTED.fullmatch(href) or re.match(r"https?://|mailto:", href):
                continue
            file, _, anchor = href.partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.is_file(), f"cell {i}: [{said}]({href})"
            assert not anchor or anchor in slugs(target), f"cell {i}: [{said}]({href}): no such heading"


@chapter
def test_jargon_is_linked_to_the_glossary(path):
    assert any("glossary.md#" in href for _, text in markdown(path) for href, _ in prose._links(text))


@lru_cache
def names_of(path):
    """Name -> what its code cells bind it to, where that is imported from the library; None for all else."""
    bound = {}
    for _, cell in code_cells(path):
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.setdefault(node.id, None)
            elif isinstance(node, ast.ImportFrom) and node.module.startswith("computetrades"):
                bound |= {alias.asname or alias.name: pkgutil.resolve_name(f"{node.module}.{alias.name}")
                          for alias in node.names}
    return bound


def not_there(span, bound):
    """The names in a span of code that the reader would look for in vain: `text` is the reader's own."""
    for node in ast.walk(ast.parse(span)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            if name not in {"text", *bound} or bound.get(name) and not hasattr(bound[name], node.attr):
                yield f"{name}.{node.attr}"


@chapter
def test_what_its_words_call_is_there(path):
    spans = [span for _, source in markdown(path) for span in re.findall(r"`([^`]+)`", source)]
    named = {span.rpartition(".")[2]: pkgutil.resolve_name(span) for span in spans
             if span.startswith("computetrades.")}
    calls = [span for span in spans if re.search(r"\w\(", span)]
    assert [name for call in calls for name in not_there(call, names_of(path) | named)] == []


def test_a_call_of_what_is_gone_is_found():
    bound = {"prose": prose, "given": None}
    assert list(not_there("prose.checked(text.strip()) + given.value", bound)) == ["prose.checked"]
    assert list(not_there("gone.value(1)", bound)) == ["gone.value"]


def test_every_chapter_and_page_is_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    stored = [p.relative_to(ROOT).with_suffix("").as_posix() for p in [*CHAPTERS, *notebooks.pages(ROOT)]]
    assert sorted(listed) == sorted(stored)
