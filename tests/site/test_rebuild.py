"""Building again: what a build executes, writes and refuses, and that two builds are the same.

In a copy of the shared book, and in a small one of three chapters. Both lie in other folders and have the
shared book's results, so that a build of them executes only what a test changes.
"""
import json
import re
import sys
from types import SimpleNamespace

import nbformat
import pytest

from computetrades.book.records import RECORD
from computetrades.site import notebooks, prose, results
from tests.conftest import TWIN, finish

from .test_build import PAGES, chapter, files


def built_once(copy):
    """The copy, built; `copy.first` is what it then holds."""
    status, said = copy.build()
    assert status == 0, said[-6000:]
    assert executed(said) == set(), "a chapter was executed although nothing of it has changed"
    copy.first = files(copy)
    return copy


@pytest.fixture(scope="module")
def copy(copy_built):
    return built_once(copy_built("again"))


@pytest.fixture(scope="module")
def small(twin):
    return built_once(twin("small"))


def executed(said):
    """Chapters that a build said it had executed."""
    return set(re.findall(r"(?m)^  ([\w-]+): [\d.]+ s$", said))


# Twice the same

def test_two_builds_in_two_folders_are_the_same_to_the_byte(copy, built):
    here, there = copy.first, files(built)
    assert here.keys() == there.keys()
    differ = [name for name in here if here[name] != there[name]]
    assert not differ, "\n".join(f"{name}: {first_difference(here[name], there[name])}" for name in differ)


@chapter
def test_the_build_executed_the_chapter_to_what_its_notebook_stores(built, stem):
    """So that two executions agree: the one that was stored and the one of the shared build,
    which nbval's makes three."""
    path = built.root / "chapters" / f"{stem}.ipynb"
    [result] = results.standing(built.root, [path], results.Present(built.root)).values()
    stored = [cell.outputs for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert result.outputs == json.loads(json.dumps(stored))


def first_difference(a: bytes, b: bytes) -> str:
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"at byte {at}, {a[max(0, at - 80):at + 80]!r} against {b[max(0, at - 80):at + 80]!r}"


def test_the_shared_book_was_built_with_the_network_cut(copy, built, offline):
    """It was built, to the same bytes as the test above found, where nothing outside answers
    and the loopback does."""
    if not offline:
        pytest.skip("this system lets an ordinary user cut no network (unshare --net), "
                    "so the shared book was built with it")
    listen = ("import socket; s = socket.create_server(('127.0.0.1', 0)); "
              "socket.create_connection(s.getsockname(), 5); ")
    status, said = finish(copy.start(*offline, sys.executable, "-c",
                                     listen + "socket.create_connection(('192.0.2.1', 443), 5)"))
    assert status != 0 and "OSError: [Errno 101] Network is unreachable" in said
    assert len(files(built)) > len(PAGES)


# Building again. Each test leaves the small book as it found it.

@pytest.fixture
def again(small):
    """again() builds once more; gives status, words, the pages that were written,
    and the notebooks that were executed."""
    def build():
        def pages():
            return {p: p.stat().st_mtime_ns for p in (small.root / "_build/html").rglob("*.html")}
        before = pages()
        status, said = small.build()
        wrote = {p.relative_to(small.root / "_build/html").as_posix()
                 for p, t in pages().items() if before.get(p) != t}
        return SimpleNamespace(status=status, said=said, wrote=wrote, executed=executed(said))
    return build


def first_quote(path):
    """(cell number, key, literal) of a chapter's first quoted number that is a record of its own."""
    own = {p["key"]: p for p in notebooks.payloads(path, RECORD)}
    return next((number, key, literal, own[key]["text"]) for number, text in notebooks.markdown_cells(path)
                for key, literal in prose.quotes(text) if key in own and f"[{literal}](#{key})" in text
                and re.match(r"\d", literal))


def test_a_build_without_a_change_executes_and_writes_nothing(small, again):
    built = again()
    assert built.status == 0, built.said
    assert built.executed == set() and built.wrote == set()
    assert files(small) == small.first


def test_a_wrong_literal_fails_every_build_until_it_is_mended(small, again):
    path = small.root / "chapters" / f"{TWIN[0]}.ipynb"
    cell, key, literal, text = first_quote(path)
    known = searched(small)
    right = path.read_text(encoding="utf-8")
    wrong = "9" + literal
    assert f"[{literal}](#{key})" in right
    path.write_text(right.replace(f"[{literal}](#{key})", f"[{wrong}](#{key})", 1), encoding="utf-8")
    try:
        for attempt in ("first", "second"):
            built = again()
            assert built.status != 0, f"the {attempt} build passes"
            for told in (f"chapters/{path.name}, cell {cell}:", repr(wrong), key, repr(text), "make sync"):
                assert told in built.said, f"the {attempt} build does not say {told!r}"
    finally:
        path.write_text(right, encoding="utf-8")
    built = again()
    assert built.status == 0, built.said[-3000:]
    assert differing(files(small), small.first) == []
    assert searched(small) == known, "a change of prose took pages out of the search"


def differing(now, first):
    """Files that differ, apart from what Sphinx itself leaves behind: the search index keeps forgotten words
    without pages, and a style sheet that was there before the build gets its checksum as `?v=`."""
    def shown(name, content):
        return re.sub(rb"\?v=\w+", b"", content) if name.endswith(".html") else content
    return sorted(name for name in now.keys() | first.keys()
                  if name != "searchindex.js"
                  and (name not in now or name not in first
                       or shown(name, now[name]) != shown(name, first[name])))


def searched(copy) -> set[str]:
    """The pages that the site search knows."""
    index = (copy.root / "_build/html/searchindex.js").read_text(encoding="utf-8")
    return set(json.loads(re.search(r'"docnames":\s*(\[.*?\])', index)[1]))


def test_a_fact_that_moves_to_another_file_takes_its_entry_and_all_links_along(small, again):
    """Nothing is executed for it: the fact is the same."""
    folder, html = small.root / "data/facts/capital", small.root / "_build/html"
    source, added = folder / "margins.yaml", folder / "moved.yaml"
    before, right = searched(small), source.read_text(encoding="utf-8")
    records = re.split(r"(?m)^(?=[a-z0-9-]+:)", right)
    [moved] = [record for record in records if record.startswith("amkor:")]
    source.write_text(right.replace(moved, ""), encoding="utf-8")
    added.write_text(moved, encoding="utf-8")
    try:
        built = again()
        assert built.status == 0 and built.executed == set(), built.said[-3000:]
        links = [link for page in html.rglob("*.html")
                 for link in re.findall(r'href="([^"]*\.html)?#amkor\.', page.read_text(encoding="utf-8"))]
        assert links and {link.rpartition("/")[2] for link in links if link} == {"moved.html"}
        assert 'id="amkor.' in (html / "appendix/ledger/capital/moved.html").read_text(encoding="utf-8")
        assert searched(small) == before | {"appendix/ledger/capital/moved"}
    finally:
        added.unlink()
        source.write_text(right, encoding="utf-8")
    built = again()
    assert built.status == 0, built.said[-3000:]
    (html / "appendix/ledger/capital/moved.html").unlink()
    assert differing(files(small), small.first) == [] and searched(small) == before


def test_a_fact_changed_without_sync_is_executed_anew_and_named(small, again, change_fact):
    stem = "27-margin-stack"
    named = {name: {key for p in notebooks.payloads(small.root / f"chapters/{name}.ipynb", RECORD)
                    for key in p["facts"]} for name in TWIN}
    own = {p["key"]: p for p in notebooks.payloads(small.root / f"chapters/{stem}.ipynb", RECORD)}
    quoted = [key for _, text in notebooks.markdown_cells(small.root / f"chapters/{stem}.ipynb")
              for key, _ in prose.quotes(text)]

    def dependents(fact):
        return [r for r in quoted if r in own and abs(own[r]["elasticity"].get(fact, 0)) > 0.5]
    # A fact of this chapter alone, which it quotes together with two numbers that follow it.
    fact = next(key for key in quoted if len(dependents(key)) >= 2 and
                not any(used.startswith(key.partition(".")[0]) for name in TWIN if name != stem
                        for used in named[name]))
    kept = {p: p.read_bytes() for p in (small.root / "data/facts").rglob("*.yaml")}
    changed = change_fact(small.root / "data", fact)
    try:
        built = again()
        assert built.executed == {stem}
        assert built.status != 0
        for key in {fact, *dependents(fact)}:
            named = (rf"chapters/{stem}\.ipynb, cell \d+: prose says '[^']+', "
                     rf"{re.escape(key)} is '[^']+'; run `make sync`")
            assert re.search(named, built.said), f"{key} is stale and not named"
    finally:
        changed.write_bytes(kept[changed])
    built = again()
    assert built.status == 0, built.said[-3000:]
    assert built.executed == set(), "the result for the former data still stands"
    assert differing(files(small), small.first) == []


def test_wrong_data_is_said_before_any_chapter_runs(small, again):
    path = small.root / "data/facts/capital/margins.yaml"
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace("kind: ", "kinds: ", 1), encoding="utf-8")
    try:
        built = again()
        assert built.status != 0 and built.executed == set()
        assert "margins.yaml: record" in built.said and "unknown field 'kinds'" in built.said
    finally:
        path.write_text(right, encoding="utf-8")
    assert again().status == 0
