"""The promise of the book: whichever fact changes, nothing that rests on it can stay as it was unnoticed.

Each fact behind each chapter's records is changed in a copy of data/ and the chapter's cells are run again, in this process
and without drawing anything. The outputs must differ from the stored ones, which is what nbval compares, and the prose check
must name every literal that is no longer true. One chapter goes the whole way: nbval, check, sync, nbval, check.
"""
import json
import re
import shutil
from functools import lru_cache
from pathlib import Path

import IPython.display
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from computetrades import facts as facts_module
from computetrades import formula
from computetrades.book import cards, charts, judging, notebooks, prose
from computetrades.book.judging import AUDIT
from computetrades.book.records import RECORD, fact_payload
from computetrades.data import read_yaml
from computetrades.number import Number

ROOT = Path(__file__).parents[1]
CHAPTERS = {path.stem: path for path in notebooks.chapters(ROOT)}
SEEN = ("text", "value", "range", "inputs", "formula", "claims")  # the parts of a record that are compared here
QUOTE = re.compile(r"\[([^\[\]]*)\]\(#([a-z0-9-]+\.[a-z0-9-]+)\)")


@lru_cache
def stored(stem):
    """Key -> payload of the records that a chapter's notebook carries."""
    return {p["key"]: p for p in notebooks.payloads(CHAPTERS[stem], RECORD)}


@lru_cache
def known_facts():
    return frozenset(facts_module.all_leaves())


CASES = [(stem, key) for stem in CHAPTERS
         for key in sorted(set().union(*(p["facts"] for p in stored(stem).values())) & known_facts())]
QUOTED = sorted({key for path in [*CHAPTERS.values(), *notebooks.pages(ROOT)] for _, text in notebooks.markdown_cells(path)
                 for _, key in QUOTE.findall(text)} & known_facts() - {key for _, key in CASES})


# Running a chapter again in this process

class Nothing:
    """Stands in for Altair: takes part in any expression and draws nothing."""
    def __call__(self, *_, **__): return self
    def __getattr__(self, name): return self
    def __add__(self, _): return self
    __or__ = __and__ = __radd__ = __add__
    def __iter__(self): return iter(())


class Undrawn:
    """book.charts without what draws; the rest, such as leaf_of, is the real one."""
    slider = expression = series = finish = Nothing()
    def __getattr__(self, name): return getattr(charts, name)


STAND_INS = {"alt": Nothing(), "charts": Undrawn(), "curves": Nothing()}


@lru_cache
def compiled(stem):
    cells = nbformat.read(CHAPTERS[stem], as_version=4).cells
    transform = TransformerManager().transform_cell
    return [compile(transform(c.source), f"{stem}, cell {i}", "exec") for i, c in enumerate(cells, 1) if c.cell_type == "code"]


def rerun(stem, shown):
    """Every code cell once more; what is displayed goes to the list `shown`, chart cells draw nothing."""
    judging._judged.clear()
    namespace = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IPython.display, "display", lambda data, raw=False: shown.append(data))
        for code in compiled(stem):
            exec(code, namespace)  # noqa: S102
            namespace |= {name: STAND_INS[name] for name in STAND_INS.keys() & namespace.keys()}
    judging._judged.clear()


@pytest.fixture(scope="module")
def quick():
    """Leaves out what costs time and is not compared here: pictures of formulas, HTML, derivatives, and reading a second time
    the files of data/facts that are not changed."""
    files, records, record = {}, {}, facts_module._record

    def read_once(path):
        if not path.is_symlink():  # the changed one
            return read_yaml(path)
        if path.name not in files:
            files[path.name] = read_yaml(path)
        return files[path.name]

    def record_once(key, raw, where, known):
        if not any(raw is content.get(key) for content in files.values()):
            return record(key, raw, where, known)
        if key not in records:
            records[key] = record(key, raw, where, known)
        return records[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts_module, "read_yaml", read_once)
        patch.setattr(facts_module, "_record", record_once)
        for name in ("mathml", "mathml_values", "javascript"):
            patch.setattr(formula, name, lambda _: "")
        patch.setattr(Number, "elasticity", lambda _: {})
        for name in ("notebook_html", "audit_html"):
            patch.setattr(cards, name, lambda _: "")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder whose files are links to the real ones."""
    data = tmp_path_factory.mktemp("mutation") / "data"
    (data / "facts").mkdir(parents=True)
    for path in (ROOT / "data").iterdir():
        if path.name != "facts":
            (data / path.name).symlink_to(path)
    (data.parent / "references.bib").symlink_to(ROOT / "references.bib")
    return data


@pytest.fixture
def data(folder, monkeypatch):
    """The data folder in its original state, in use; facts are read anew after a change."""
    for path in (ROOT / "data" / "facts").iterdir():
        link = folder / "facts" / path.name
        if not link.is_symlink():
            link.unlink(missing_ok=True)
            link.symlink_to(path)
    facts_module._load.cache_clear()
    monkeypatch.setenv("COMPUTETRADES_DATA", str(folder))
    yield folder
    facts_module._load.cache_clear()


def run_changed(stem, key, data, change_fact):
    """(records, audit notes, error) of a run on the changed fact; a change the chapter refuses is tried the other way."""
    for factor in (1.37, 1 / 1.37 ** 2):  # the second comes on top of the first
        change_fact(data, key, factor)
        facts_module._load.cache_clear()
        shown, error = [], None
        try:
            rerun(stem, shown)
        except (ValueError, ArithmeticError) as refused:
            error = refused
            continue
        break
    records = {d[RECORD]["key"]: d[RECORD] for d in shown if RECORD in d}
    notes = [(row["id"], row["note"]) for d in shown if AUDIT in d for row in d[AUDIT]["claims"] if row["note"]]
    return records, notes, error


# The prose

@lru_cache
def passages():
    """(document, cell number, text, keys it quotes) for all prose outside audit notes."""
    return [(path.name, number, text, frozenset(key for _, key in QUOTE.findall(text)))
            for path in [*CHAPTERS.values(), *notebooks.pages(ROOT)] for number, text in notebooks.markdown_cells(path)]


@lru_cache
def stored_table():
    return notebooks.published(ROOT)


def stale_literals(texts, table):
    """{(where, literal, key)}: quotes that can no longer be true, found without the library's parser and its forms."""
    quotes = {(where, as_read(literal), key) for where, text in texts for literal, key in QUOTE.findall(text) if key in table}
    return {(where, literal, key) for where, literal, key in quotes if not table[key]["text"].startswith(literal)}


def as_read(literal):
    """A quote's text as a reader sees it: one line, `\\$` for a dollar, no emphasis."""
    return re.sub(r"\\([$*_])|[*_]", r"\1", " ".join(literal.split()))


def assert_all_reported(changed, table, notes=()):
    """Every literal that `changed` (keys) made untrue is named by the prose check, with its place and both values."""
    touched = [(name, number, text) for name, number, text, keys in passages() if keys & changed]
    touched += [("audit note", number, text) for number, text in notes]
    problems = [(p.document, p.cell, p.said) for name, number, text in touched for p in prose.check(name, [(number, text)], table)]
    for (name, number), literal, key in stale_literals([((name, number), text) for name, number, text in touched], table):
        told = (f"prose says {literal!r}, {key} is {table[key]['text']!r}", "make sync")
        assert any(p[:2] == (name, number) and all(t in p[2] for t in told) for p in problems), \
            f"{name}, cell {number}: [{literal}](#{key}) is stale and nobody said so"
    return problems


# The tests

@pytest.mark.parametrize("stem", CHAPTERS)
def test_unchanged_facts_give_the_stored_outputs(stem, data):
    """The run in this process is the run that was stored, whole payload and text; so the tests below compare like with like."""
    shown = []
    rerun(stem, shown)
    kept = [(o["data"], mime) for c in nbformat.read(CHAPTERS[stem], as_version=4).cells if c.cell_type == "code"
            for o in c.outputs for mime in (RECORD, AUDIT) if mime in o.get("data", {})]
    fresh = [(d, mime) for d in shown for mime in (RECORD, AUDIT) if mime in d]
    assert [(json.loads(json.dumps(d[m])), d["text/plain"]) for d, m in fresh] == [(d[m], d["text/plain"]) for d, m in kept]


@pytest.mark.parametrize("stem, key", CASES, ids=[":".join(case) for case in CASES])
def test_a_changed_fact_cannot_pass_unnoticed(stem, key, data, change_fact, quick):
    records, notes, error = run_changed(stem, key, data, change_fact)
    if error is not None:  # the chapter refuses to run: nbval and the build both fail, and say why
        assert str(error)
        return
    before = stored(stem)
    assert records.keys() == before.keys()
    fresh = json.loads(json.dumps(records))
    differ = {k for k in fresh if any(fresh[k][name] != before[k][name] for name in SEEN)}
    assert differ, f"{key} changed and every stored output of {stem} stayed the same"

    shown_alone = {k for k, p in before.items() if any(i["key"] == key for i in p["inputs"])}
    assert shown_alone <= differ, "a record that shows the fact as an input did not change"

    moved = {k for k, p in records.items() if (p["text"], p["value"]) != (before[k]["text"], before[k]["value"])}
    traced = {k for k, p in before.items() if key in p["facts"] or set(p["facts"]) - known_facts()}  # measured leaves excepted
    assert moved <= traced, f"{sorted(moved - traced)} moved with {key} but do not name it among their facts"

    table = {**stored_table(), **records, key: fact_payload(facts_module.all_leaves()[key])}
    assert_all_reported({k for k in moved | {key} if table[k]["text"] != stored_table()[k]["text"]}, table, notes)


@pytest.mark.parametrize("key", QUOTED)
def test_a_quoted_fact_that_changes_is_reported_where_it_is_quoted(key, data, change_fact, quick):
    if stored_table()[key]["value"] is None:
        pytest.skip("a fact in words")
    change_fact(data, key)
    facts_module._load.cache_clear()
    table = {**stored_table(), key: fact_payload(facts_module.all_leaves()[key])}
    assert table[key]["text"] != stored_table()[key]["text"]
    assert assert_all_reported({key}, table)


@pytest.mark.parametrize("stem", CHAPTERS)
def test_what_stands_in_for_charts_changes_no_record(stem, data, quick):
    """Control for the tests above: without a change of a fact there is no difference to find."""
    shown = []
    rerun(stem, shown)
    records = {d[RECORD]["key"]: json.loads(json.dumps(d[RECORD])) for d in shown if RECORD in d}
    assert {k: [p[name] for name in SEEN] for k, p in records.items()} == \
        {k: [p[name] for name in SEEN] for k, p in stored(stem).items()}


# The whole way, once

STEM, FACT = "27-margin-stack", "essay-margins.revenue-share"
CHECK = ("import sys; from pathlib import Path; from computetrades.book import notebooks; left = notebooks.check_all(Path.cwd());"
         "print(*left, sep='\\n'); sys.exit(bool(left))")
EXECUTE = ("import nbformat; from pathlib import Path; from computetrades.book import notebooks; "
           f"path = Path('chapters/{STEM}.ipynb'); nbformat.write(notebooks.execute(path), path)")


def test_a_changed_fact_fails_nbval_and_check_until_sync(tmp_path, copy_book, change_fact):
    copy = copy_book(tmp_path / "book")
    nbval = ("-m", "pytest", f"chapters/{STEM}.ipynb", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider", "-n", "0")
    change_fact(copy.root / "data", FACT)

    status, said = copy.python(*nbval)
    assert status == 1 and "failed" in said and "error" not in said.splitlines()[-1]

    executed = tmp_path / "executed"
    shutil.copytree(copy.root, executed)
    executed = type(copy)(executed)
    assert executed.python("-c", EXECUTE) == (0, "")
    status, said = executed.python("-c", CHECK)
    assert status == 1
    assert f"chapters/{STEM}.ipynb, cell" in said and FACT in said and "'30%'" in said and "make sync" in said

    before = {p.name: p.read_text(encoding="utf-8") for p in notebooks.chapters(copy.root)}
    pages_before = {p: p.read_text(encoding="utf-8") for p in notebooks.pages(copy.root)}
    status, said = copy.python("-m", "computetrades.book.notebooks")
    assert status == 0, said
    assert copy.python("-c", CHECK)[0] == 0
    status, said = copy.python(*nbval)
    assert status == 0, said[-3000:]

    changed = 0
    for path in notebooks.chapters(copy.root):
        old, new = json.loads(before[path.name]), json.loads(path.read_text(encoding="utf-8"))
        changed += old != new
        assert without_literals_and_outputs(old) == without_literals_and_outputs(new)
    assert changed
    for path, text in pages_before.items():
        assert QUOTE.sub(r"[](#\2)", text) == QUOTE.sub(r"[](#\2)", path.read_text(encoding="utf-8"))
    untouched = [name for name, text in before.items() if FACT not in text and f"(#{FACT})" not in text]
    for name in untouched:
        assert json.loads(before[name]) == json.loads((copy.root / "chapters" / name).read_text(encoding="utf-8"))


def without_literals_and_outputs(notebook):
    """What a sync must leave alone."""
    cells = [{**{k: v for k, v in cell.items() if k != "outputs"}, "source": "".join(cell["source"])} for cell in notebook["cells"]]
    for cell in cells:  # audit notes in code cells quote numbers too
        cell["source"] = QUOTE.sub(r"[](#\2)", cell["source"])
    return {**notebook, "cells": cells}
