"""The promise of the book: whichever fact changes, nothing that rests on it can stay as it was unnoticed.

It is held in two steps. Each fact behind each chapter's records is moved alone, and the expressions of the
chapter's live Numbers say what its outputs would become: one at least must differ from what is stored, which
is what nbval compares, and the prose check must name every literal that is no longer true. And the
expressions are the whole truth: half of a chapter's facts at a time are changed in a copy of data/, the
cells are run again, and every record must say what its expression foretold.
"""
import json
import random
import re
from functools import lru_cache

import nbformat
import pytest

from computetrades import facts as facts_module
from computetrades.book.judgements import AUDIT
from computetrades.book.records import RECORD, fact_payload
from computetrades.site import notebooks, prose
from tests.changed_facts import change, changed_leaf
from tests.chapter_runs import CHAPTERS, ROOT, Changed, Live, Said, rerun, run

SEEN = ("text", "value", "range", "inputs", "formula", "claims")  # what a rerun gives of a record as well
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
DOCUMENTS = [*CHAPTERS.values(), *notebooks.pages(ROOT)]
QUOTED = sorted({key for path in DOCUMENTS for _, text in notebooks.markdown_cells(path)
                 for _, key in QUOTE.findall(text)} & known_facts().keys() - {key for _, key in CASES})


# The prose

@lru_cache
def passages():
    """(document, cell number, text, keys it quotes) for all prose outside audit notes."""
    return [(path.name, number, text, frozenset(key for _, key in QUOTE.findall(text)))
            for path in DOCUMENTS for number, text in notebooks.markdown_cells(path)]


@lru_cache
def stored_table():
    return notebooks.published(ROOT)


def stale_literals(texts, table):
    """{(where, literal, key)}: quotes that can no longer be true, found without the library's parser."""
    quotes = {(where, as_read(literal), key)
              for where, text in texts for literal, key in QUOTE.findall(text) if key in table}
    return {quote for quote in quotes if not table[quote[2]]["text"].startswith(quote[1])}


def as_read(literal):
    """A quote's text as a reader sees it: one line, `\\$` for a dollar, no emphasis."""
    return re.sub(r"\\([$*_])|[*_]", r"\1", " ".join(literal.split()))


def assert_all_reported(changed, table, notes=()):
    """Every literal that `changed` (keys) made untrue is named by the prose check, with its place and both
    values."""
    touched = [(name, number, text) for name, number, text, keys in passages() if keys & changed]
    touched += [("audit note", number, text) for number, text in notes]
    problems = [(p.document, p.cell, p.said) for name, number, text in touched
                for p in prose.check(name, [(number, text)], table)]
    quoting = [((name, number), text) for name, number, text in touched]
    for (name, number), literal, key in stale_literals(quoting, table):
        told = (f"prose says {literal!r}, {key} is {table[key]['text']!r}", "make sync")
        assert any(p[:2] == (name, number) and all(t in p[2] for t in told) for p in problems), \
            f"{name}, cell {number}: [{literal}](#{key}) is stale and nobody said so"
    return problems


# One fact at a time, by the expressions

def as_stored(payload) -> Said:
    inputs = {}
    for leaf in payload["inputs"]:
        inputs |= {leaf["key"]: leaf["text"], **leaf.get("rests_on", {})}
    return Said(payload["text"], payload["value"], inputs)


def same(said: Said, other: Said) -> bool:
    """Equal but for the noise of the last bits of the value."""
    return (said.text, said.inputs) == (other.text, other.inputs) and close(said.value, other.value)


def close(value, other):
    return value == pytest.approx(other, rel=1e-9, abs=0, nan_ok=True)


@lru_cache
def foretold(stem):
    """Key of a fact -> {key of a record that mentions it -> what it would say}. None -> what every record
    says of unchanged facts."""
    moved = {key: changed_leaf(key).quantity.magnitude for key in facts_of(stem)}
    out = {None: {}, **{key: {} for key in moved}}
    for name, record in run(stem).live.items():
        turns = [None, *(key for key in moved if key in record.mentioned)]
        at = {key: [moved[key] if turn == key else leaf.quantity.magnitude for turn in turns]
              for key, leaf in record.mentioned.items()}
        for turn, said in zip(turns, record.said(at, len(turns)), strict=True):
            out[turn][name] = said
    return out


@pytest.mark.parametrize("stem", CHAPTERS)
def test_unchanged_facts_give_the_stored_outputs(stem):
    """The run in this process is the run that was stored, whole payload and text; so the tests below compare
    like with like."""
    cells = [c for c in nbformat.read(CHAPTERS[stem], as_version=4).cells if c.cell_type == "code"]
    kept = [(o["data"][mime], o["data"]["text/plain"])
            for c in cells for o in c.outputs for mime in (RECORD, AUDIT) if mime in o.get("data", {})]
    fresh = [(json.loads(json.dumps(d[mime])), d["text/plain"])
             for d in run(stem).shown for mime in (RECORD, AUDIT) if mime in d]
    assert fresh == kept


@pytest.mark.parametrize("stem", CHAPTERS)
def test_unchanged_facts_foretell_the_stored_records(stem):
    """Control for the tests below: without a change of a fact there is no difference to find."""
    said, kept = foretold(stem)[None], {key: as_stored(p) for key, p in stored(stem).items()}
    assert said.keys() == kept.keys()
    assert {key: (said[key], kept[key]) for key in kept if not same(said[key], kept[key])} == {}


@pytest.mark.parametrize("stem, key", CASES, ids=[":".join(case) for case in CASES])
def test_a_changed_fact_cannot_pass_unnoticed(stem, key):
    before, after, leaf = stored(stem), foretold(stem)[key], changed_leaf(key)
    differ = {k for k, said in after.items() if not same(said, as_stored(before[k]))}
    assert differ, f"{key} changed and every stored output of {stem} stayed the same"

    shown_alone = {k for k, p in before.items() if any(i["key"] == key for i in p["inputs"])}
    assert {after[k].inputs[key] for k in shown_alone} <= {fact_payload(leaf)["text"]}
    assert shown_alone <= differ, "a record that shows the fact as an input did not change"

    naming = {k for k, p in before.items() if key in p["facts"]}
    moved = {k for k, said in after.items()
             if said.text != before[k]["text"] or not close(said.value, before[k]["value"])}
    assert naming <= after.keys(), f"{sorted(naming - after.keys())} name {key} and their expressions do not"
    assert moved <= naming, f"{sorted(moved - naming)} moved with {key} but do not name it among their facts"

    table = stored_table() | {k: {"text": said.text} for k, said in after.items()} | {key: fact_payload(leaf)}
    assert_all_reported(restated(table, [*after, key]), table, run(stem).notes)


def restated(table, keys):
    """Those of `keys` that are printed otherwise than in the stored book."""
    return {key for key in keys if table[key]["text"] != stored_table()[key]["text"]}


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
    """For each turn the facts that it changes, and their factors: every fact is changed in half of the turns
    and left alone in the others. They are the same in each run of this test."""
    rng, turns = random.Random(stem), [{} for _ in TURNS]
    for key in facts_of(stem):
        for turn in rng.sample(TURNS, len(TURNS) // 2):
            turns[turn][key] = rng.uniform(1.1, 1.6) ** rng.choice([1, -1])
    return turns


def runs(stem, folder, factors, gently=False):
    """(leaves after the change, run) for parts of `factors` that together are all of it. A set that the
    chapter refuses is moved gently, then halved. A fact that is refused alone, gently too, is noticed: nbval
    and the build fail, and say why."""
    try:
        given = {key: factor ** 0.1 if gently else factor for key, factor in factors.items()}
        with folder.facts(lambda data: change(data, given)) as leaves:
            return [({key: leaves[key] for key in factors}, rerun(stem))]
    except (ValueError, ArithmeticError) as refused:
        assert str(refused)
    if not gently:
        return runs(stem, folder, factors, gently=True)
    keys = list(factors)
    halves = (keys[::2], keys[1::2]) if len(keys) > 1 else ()
    return [found for half in halves for found in runs(stem, folder, {key: factors[key] for key in half})]


def expected(record: Live, fresh: Live, leaves) -> Said | None:
    """What a record of the unchanged run says of changed facts, and of the values that the fresh one
    measured; None where the fresh one measured other things."""
    if measured(record) != measured(fresh):
        return None
    now = {**record.mentioned, **leaves, **{key: fresh.mentioned[key] for key in measured(record)}}
    return record.said({key: [now[key].quantity.magnitude] for key in record.mentioned}, 1)[0]


def measured(record):
    return {key for key, leaf in record.mentioned.items() if leaf.kind == "measured"} - known_facts().keys()


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("stem", CHAPTERS)
def test_many_changes_at_once_give_what_the_expressions_foretell(stem, turn, folder):
    """So nothing reaches a record past its expression: one that moves with none of its facts, or otherwise
    than they say, fails. What was measured under the changed facts may be anything."""
    before = stored(stem)
    for leaves, fresh in runs(stem, folder, drawn(stem)[turn]):
        after = fresh.records
        assert after.keys() == before.keys()
        for key, payload in after.items():
            record, said = run(stem).live[key], as_stored(payload)
            foreseen = expected(record, fresh.live[key], leaves)
            assert same(said, foreseen) if foreseen else measured(record), \
                f"{key} says {said}, and its expression {foreseen}"
            if not leaves.keys() & record.mentioned.keys() and not measured(record):
                assert {name: payload[name] for name in SEEN} == {name: before[key][name] for name in SEEN}
        table = {**stored_table(), **after, **{key: fact_payload(leaf) for key, leaf in leaves.items()}}
        changed = restated(table, [*after, *leaves])
        assert leaves.keys() <= changed
        assert_all_reported(changed, table, fresh.notes)
