"""The promise of the book: whichever fact changes, nothing that rests on it can stay as it was unnoticed.

It is held in two steps. Each fact behind each chapter's records is moved alone, and the expressions of the chapter's live Numbers
say what its outputs would become: one at least must differ from what is stored, which is what nbval compares, and the prose check
must name every literal that is no longer true. And the expressions are the whole truth: half of a chapter's facts at a time are
changed in a copy of data/, the cells are run again, and every record must say what its expression foretold. One chapter goes the
whole way: nbval, check, sync, nbval, check.
"""
import json
import random
import re
import shutil
from functools import lru_cache

import nbformat
import pytest

from changed_facts import A_THIRD, change, changed_leaf
from chapter_runs import CHAPTERS, ROOT, Changed, Live, Said, rerun, run
from computetrades import facts as facts_module
from computetrades.book import notebooks, prose
from computetrades.book.judging import AUDIT
from computetrades.book.records import RECORD, fact_payload

SEEN = ("text", "value", "range", "inputs", "formula", "claims")  # the parts of a record that a run without HTML gives as well
QUOTE = re.compile(r"\[([^\[\]]*)\]\(#([a-z0-9-]+\.[a-z0-9-]+)\)")
TURNS = range(4)   # runs of a chapter on changed facts; each fact is changed in two of them


@lru_cache
def stored(stem):
    """Key -> payload of the records that a chapter's notebook carries."""
    return {p["key"]: p for p in notebooks.payloads(CHAPTERS[stem], RECORD)}


@lru_cache
def known_facts():
    return facts_module.all_leaves()


@lru_cache
def facts_of(stem):
    """The facts behind a chapter's records."""
    return sorted(set().union(*(p["facts"] for p in stored(stem).values())) & known_facts().keys())


CASES = [(stem, key) for stem in CHAPTERS for key in facts_of(stem)]
QUOTED = sorted({key for path in [*CHAPTERS.values(), *notebooks.pages(ROOT)] for _, text in notebooks.markdown_cells(path)
                 for _, key in QUOTE.findall(text)} & known_facts().keys() - {key for _, key in CASES})


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


# One fact at a time, by the expressions

def as_stored(payload) -> Said:
    return Said(payload["text"], payload["value"], {leaf["key"]: leaf["text"] for leaf in payload["inputs"]})


def same(said: Said, other: Said) -> bool:
    """Equal but for the noise of the last bits of the value."""
    return (said.text, said.inputs) == (other.text, other.inputs) and close(said.value, other.value)


def close(value, other):
    return value == pytest.approx(other, rel=1e-9, abs=0, nan_ok=True)


@lru_cache
def foretold(stem):
    """Key of a fact -> {key of a record that shows it -> what it would say}. None -> what every record says of unchanged facts."""
    moved = {key: changed_leaf(key).quantity.magnitude for key in facts_of(stem)}
    out = {None: {}, **{key: {} for key in moved}}
    for name, record in run(stem).live.items():
        turns = [None, *(key for key in moved if key in record.shown)]
        at = {key: [moved[key] if turn == key else leaf.quantity.magnitude for turn in turns] for key, leaf in record.shown.items()}
        for turn, said in zip(turns, record.said(at, len(turns))):
            out[turn][name] = said
    return out


@pytest.mark.parametrize("stem", CHAPTERS)
def test_unchanged_facts_give_the_stored_outputs(stem):
    """The run in this process is the run that was stored, whole payload and text; so the tests below compare like with like."""
    kept = [(o["data"], mime) for c in nbformat.read(CHAPTERS[stem], as_version=4).cells if c.cell_type == "code"
            for o in c.outputs for mime in (RECORD, AUDIT) if mime in o.get("data", {})]
    fresh = [(d, mime) for d in run(stem).shown for mime in (RECORD, AUDIT) if mime in d]
    assert [(json.loads(json.dumps(d[m])), d["text/plain"]) for d, m in fresh] == [(d[m], d["text/plain"]) for d, m in kept]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_unchanged_facts_foretell_the_stored_records(stem):
    """Control for the tests below: without a change of a fact there is no difference to find."""
    said = foretold(stem)[None]
    assert said.keys() == stored(stem).keys()
    assert {k: (s, as_stored(stored(stem)[k])) for k, s in said.items() if not same(s, as_stored(stored(stem)[k]))} == {}


@pytest.mark.parametrize("stem, key", CASES, ids=[":".join(case) for case in CASES])
def test_a_changed_fact_cannot_pass_unnoticed(stem, key):
    before, after = stored(stem), foretold(stem)[key]
    differ = {k for k, said in after.items() if not same(said, as_stored(before[k]))}
    assert differ, f"{key} changed and every stored output of {stem} stayed the same"

    leaf = changed_leaf(key)
    shown_alone = {k: i["text"] for k, p in before.items() for i in p["inputs"] if i["key"] == key}
    assert {k: after[k].inputs[key] for k in shown_alone} == dict.fromkeys(shown_alone, fact_payload(leaf)["text"])
    assert shown_alone.keys() <= differ, "a record that shows the fact as an input did not change"

    naming = {k for k, p in before.items() if key in p["facts"]}
    moved = {k for k, said in after.items() if said.text != before[k]["text"] or not close(said.value, before[k]["value"])}
    assert naming <= after.keys() and moved <= naming, f"{sorted(moved - naming)} moved with {key} but do not name it among their facts"

    table = {**stored_table(), **{k: {"text": said.text} for k, said in after.items()}, key: fact_payload(leaf)}
    assert_all_reported({k for k in [*after, key] if table[k]["text"] != stored_table()[k]["text"]}, table, run(stem).notes)


@pytest.mark.parametrize("key", QUOTED)
def test_a_quoted_fact_that_changes_is_reported_where_it_is_quoted(key):
    if stored_table()[key]["value"] is None:
        pytest.skip("a fact in words")
    table = {**stored_table(), key: fact_payload(changed_leaf(key))}
    assert table[key]["text"] != stored_table()[key]["text"]
    assert assert_all_reported({key}, table)


# Many facts at a time, by running the cells

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Changed(tmp_path_factory.mktemp("mutation"))


@lru_cache
def drawn(stem):
    """For each turn the facts that it changes and their factors: every fact is changed in half of the turns, the same for each run
    of this test, and left alone in the others."""
    rng, turns = random.Random(stem), [{} for _ in TURNS]
    for key in facts_of(stem):
        for turn in rng.sample(TURNS, len(TURNS) // 2):
            turns[turn][key] = rng.uniform(1.1, 1.6) ** rng.choice([1, -1])
    return turns


def runs(stem, folder, factors):
    """(leaves after the change, run) for parts of `factors` that together are all of it: a set that the chapter refuses is halved.
    A fact that is refused alone, both ways, is noticed: nbval and the build fail, and say why."""
    try:
        with folder.facts(lambda data: change(data, factors)) as leaves:
            return [({key: leaves[key] for key in factors}, rerun(stem))]
    except (ValueError, ArithmeticError) as refused:
        assert str(refused)
    keys = list(factors)
    if len(keys) > 1:
        halves = keys[::2], keys[1::2]
    else:
        [(key, factor)] = factors.items()
        if factor == 1 / A_THIRD ** 2:
            return []
        factors, halves = {key: 1 / A_THIRD ** 2}, [keys]
    return [found for half in halves for found in runs(stem, folder, {key: factors[key] for key in half})]


def expected(record: Live, fresh: Live, leaves) -> Said | None:
    """What a record of the unchanged run says of changed facts, and of the values measured anew; None where other ones were measured."""
    at = {key: (leaves.get(key) or fresh.shown.get(key, leaf) if leaf.kind == "measured" else leaves.get(key, leaf)).quantity.magnitude
          for key, leaf in record.shown.items()}
    if measured(record) != measured(fresh):
        return None
    return record.said({key: [value] for key, value in at.items()}, 1)[0]


def measured(record):
    return {key for key, leaf in record.shown.items() if leaf.kind == "measured"}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("stem", CHAPTERS)
def test_many_changes_at_once_give_what_the_expressions_foretell(stem, turn, folder):
    """So nothing reaches a record past its expression: one that moved with none of its facts, or otherwise than they say, fails."""
    for leaves, fresh in runs(stem, folder, drawn(stem)[turn]):
        before, after = stored(stem), fresh.records
        assert after.keys() == before.keys()
        for key, payload in after.items():
            record, said = run(stem).live[key], as_stored(payload)
            foreseen = expected(record, fresh.live[key], leaves)
            assert foreseen is None or same(said, foreseen), f"{key} says {said}, and its expression {foreseen}"
            if not leaves.keys() & record.shown.keys() and not measured(record):
                assert [payload[name] for name in SEEN] == [before[key][name] for name in SEEN], f"{key} moved with none of its facts"
        table = {**stored_table(), **after, **{key: fact_payload(leaf) for key, leaf in leaves.items()}}
        changed = {key for key in [*after, *leaves] if table[key]["text"] != stored_table()[key]["text"]}
        assert leaves.keys() <= changed
        assert_all_reported(changed, table, fresh.notes)


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
