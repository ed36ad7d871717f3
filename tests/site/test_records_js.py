"""records.js, the book as a JavaScript module, against the live Numbers of the chapters
and the formatter in Python.

The Numbers that the chapters publish are those of the runs in this process (chapter_runs). Facts are then
moved at random, and what node prints is compared with Number.value (numpy) through formatting.py, letter by
letter.
"""
import itertools
import math
import random
import re
import struct

import pytest

from computetrades import formula
from computetrades.book.records import RECORD
from computetrades.data import DataError
from computetrades.facts import all_leaves
from computetrades.formatting import figure
from computetrades.functions import ceil, floor, log, where
from computetrades.number import Leaf, Number, Statement
from computetrades.site import notebooks, records_js
from computetrades.site.ledger import Book
from computetrades.units import parse, parse_symbol, parse_unit, symbol
from tests import chapter_runs
from tests.chapter_runs import CHAPTERS, ROOT
from tests.javascript import run

CHANGES = 12_000                      # of all chapters together
FIGURES = 24_000


chapter = pytest.mark.parametrize("stem", CHAPTERS)


@pytest.fixture(scope="session")
def stored():
    return notebooks.gathered(ROOT)


@pytest.fixture(scope="session")
def ask(stored, tmp_path_factory):
    """ask(script, given): run with the module's exports in scope, where code from strings
    is forbidden as by a strict CSP."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "_static").mkdir()
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    records_js.write(stored, folder)
    names = "facts, records, formulas, evaluate, dependents, text, admitted, figure"

    def ask(script, given=None, module="records.js"):
        path = folder / "_static" / module
        return run(f"import {{ {names} }} from {path.as_uri()!r};\n{script}", given,
                   "--disallow-code-generation-from-strings")
    return ask


def live(stem):
    """Key -> what the chapter published under it: Numbers (one, or two for a range) or a Statement,
    and how it is printed."""
    return chapter_runs.run(stem).live


# All records under changed facts

@chapter
def test_every_live_record_is_in_the_module(ask, stored, stem):
    rows, moving = ask("""console.log(JSON.stringify([records,
        Object.fromEntries(Object.keys(records).map(key => [key, formulas[key][0]]))]))""",
                       module=f"records/{stem}.js")
    assert rows.keys() == moving.keys() == {p["key"] for p in notebooks.payloads(CHAPTERS[stem], RECORD)}
    assert {row["page"] for row in rows.values()} == {f"chapters/{stem}"}
    assert ({key: set(facts) for key, facts in moving.items()}
            == {key: set(record.facts) for key, record in live(stem).items()})


def test_the_modules_of_the_chapters_give_what_the_whole_book_gives(ask, stored):
    """And a chapter's module has what its records need, and no more."""
    change = {"llama-31-70b.n-kv-heads": 16, "h100-sxm.hbm-bandwidth": 1.7}
    whole = ask("console.log(JSON.stringify(evaluate(given)))", change)
    seen = {}
    for stem in CHAPTERS:
        found, read, known, computed = ask("""
            const changed = Object.fromEntries(Object.entries(given).filter(([key]) => key in facts));
            const read = new Set();
            const watched = new Proxy({}, { get: (_, key) => { read.add(key); return 1; } });
            for (const f of Object.values(formulas).flatMap(([, f]) => f)) f(watched);
            const sets = [[...read], Object.keys(facts), Object.keys(formulas)];
            console.log(JSON.stringify([evaluate(changed), ...sets]))""", change, f"records/{stem}.js")
        seen |= found
        assert set(read) - set(computed) == set(known)
        below = set(computed) - set(found)
        assert below <= set(read), "a formula that no record of the chapter rests on"
    assert seen == whole
    assert sum(whole[key]["text"] != stored.records[key]["text"] for key in whole) > 20


def test_a_change_computes_only_what_rests_on_it(ask):
    """Every formula counts its calls; those at the stored facts, and those of two changes."""
    counts = ask("""
        evaluate();                                    // whatever is needed at the stored facts
        const calls = [];
        for (const [key, row] of Object.entries(formulas)) {
            const counted = f => Array.isArray(f) ? f.map(counted) : at => { calls.push(key); return f(at); };
            row[1] = counted(row[1]);
        }
        const of = change => { calls.length = 0; evaluate(change); return [...new Set(calls)]; };
        const resting = Object.keys(formulas).filter(key => formulas[key][0].includes("vllm.block-size"));
        const made = [{"nxe-3800e.price": 200}, {}, {"vllm.block-size": 8}].map(of);
        console.log(JSON.stringify([...made, resting]))""")
    price, nothing, block, rest_on_block = counts
    assert price == ["euv.price-growth"] and nothing == []
    assert sorted(block) == sorted(rest_on_block) and len(block) >= 5


def test_without_a_change_every_record_and_fact_reads_as_it_is_stored(ask, stored):
    texts = ask("""const computed = Object.entries(evaluate()).map(([key, { text }]) => [key, text]);
        const sourced = Object.entries(facts).map(([key, fact]) => [key, text(key, fact.value)]);
        console.log(JSON.stringify(Object.fromEntries([...computed, ...sourced])))""")
    assert len(texts) > 300
    assert texts == {key: stored.table[key]["text"] for key in texts}


def drawn(rng: random.Random, leaf: Leaf, far: float = 1) -> float:
    """A value that a reader may give a fact: within its range, or between half and twice, `far` times as far
    in powers of two; often a round one."""
    value, units = leaf.quantity.magnitude, str(leaf.quantity.units)
    low, high = (float(end.magnitude) for end in leaf.ends())
    within = low < high and rng.random() < 0.5
    x = rng.uniform(low, high) if within else (value or 8) * 2 ** rng.uniform(-far, far)
    if rng.random() < 0.5:
        x = float(f"{x:.{rng.choice([2, 3])}g}")
    if units == "percent":
        x = min(x, 100.0)
    if isinstance(value, int) and units in ("dimensionless", "token", "tool", "GPU"):
        x = max(1, round(x))
    return x


def changes(stem):
    """Sets of facts moved together, each drawn from the facts of one of the chapter's records;
    every record has its turn. A statement turns over further away than a number changes."""
    rng, leaves = random.Random(stem), all_leaves()
    turns = [(sorted(record.facts.keys() & leaves), 4 if isinstance(record.what, Statement) else 1)
             for record in live(stem).values()]
    turns = [(keys, far) for keys, far in turns if keys]
    return [{key: drawn(rng, leaves[key], far) for key in rng.sample(keys, rng.randint(1, min(len(keys), 6)))}
            for keys, far in itertools.islice(itertools.cycle(turns), CHANGES // len(CHAPTERS))]


@chapter
def test_every_record_reads_the_same_in_javascript_and_in_python(ask, stored, stem):
    given = changes(stem)
    moved = ask("""
        const at = Object.fromEntries(Object.entries(evaluate()).map(([key, { text }]) => [key, text]));
        console.log(JSON.stringify(given.map(change => Object.fromEntries(Object.entries(evaluate(change))
            .filter(([key, { text }]) => text !== at[key] && records[key].page === "chapters/STEM")
            .map(([key, { text }]) => [key, text])))))""".replace("STEM", stem), given)
    expected, touched = [{} for _ in given], {}
    for key, record in live(stem).items():
        rows = [i for i, change in enumerate(given) if change.keys() & record.facts.keys()]
        touched[key] = len(rows)
        at = {k: [given[i].get(k, leaf.quantity.magnitude) for i in rows]
              for k, leaf in record.facts.items()}
        for i, printed in zip(rows, record.texts(at, len(rows)) if rows else (), strict=True):
            if printed != stored.records[key]["text"]:
                expected[i][key] = printed
    differ = [(key, m.get(key), e.get(key), change)
              for m, e, change in zip(moved, expected, given, strict=True)
              for key in m.keys() | e.keys() if m.get(key) != e.get(key)]
    assert not differ, f"{len(differ)} of {sum(touched.values())} differ: {differ[:5]}"

    movable = {key for key, record in live(stem).items() if record.facts.keys() & all_leaves().keys()}
    assert min(touched[key] for key in movable) >= len(given) // len(movable)
    still = movable - {key for e in expected for key in e}
    assert still <= {"kv.reach-dominates"}, f"no change moved {sorted(still)}, so nothing was compared"


@pytest.mark.parametrize("change, expected", [
    ({"llama-31-70b.n-kv-heads": 16}, {"kv.bytes-per-token": "640 KiB/token", "kv.gqa-factor": "4×"}),
    ({"vllm.block-size": 7}, {"kv.blocks-session": "7,143", "kv.reusable": "49,945 tokens"}),
    ({"essay-margins.rent-price": 2.8}, {"margin.rent": "50%", "margin.rent-markup": "100%"}),
    ({"claude-sonnet.input-price": 2.6}, {"margin.blended-price": "$5.70/Mtok"}),
    ({"essay-margins.paid-api-margin": 40}, {"margin.gap": "−5%"}),
    ({"essay-ceiling.passes-low": 2.8e6, "essay-ceiling.passes-high": 1.4e6},
     {"euv.own-tools": "2.50–5 tool-years/GW"}),
    ({"essay-ceiling.passes-high": 1e6}, {"euv.own-tools": "1.79 tool-years/GW"}),
    ({"session.long-context": 100_000}, {"kv.million-fits": "fits"}),
    # 12.5%, a half: computed as 12.499999999999982
    ({"essay-margins.sonnet-cost": 6.0}, {"margin.unpaid": "13%"}),
    ({"session.context": 16}, {"kv.blocks-session": "1"}),
    ({"h100-sxm.hbm-capacity": 200}, {"kv.gpus-weights": "1 GPU", "kv.gpus-ways": "1 GPU"}),
])
def test_changes_worked_by_hand(ask, change, expected):
    found = ask("console.log(JSON.stringify(evaluate(given)))", change)
    assert {key: found[key]["text"] for key in expected} == expected


def test_values_are_in_the_printed_unit(ask):
    found = ask("console.log(JSON.stringify("
                "evaluate(given, ['kv.bytes-per-token', 'euv.own-tools', 'kv.million-fits'])))",
                {"llama-31-70b.n-kv-heads": 16})
    assert found["kv.bytes-per-token"]["value"] == 640
    assert found["euv.own-tools"]["value"] == pytest.approx([1e6 / 560_000, 2e6 / 560_000])
    assert found["kv.million-fits"]["value"] is True and len(found) == 3


def test_dependents_are_the_records_that_a_fact_can_move(ask):
    found = ask("console.log(JSON.stringify([dependents('nxe-3800e.price'), dependents('vllm.block-size')]))")
    assert found[0] == ["euv.price-growth"]
    assert set(found[1]) == {"kv.block", "kv.blocks-session", "kv.paged-waste", "kv.reusable",
                             "kv.rows-per-block"}


def test_a_division_by_zero_is_said_and_leaves_the_other_records(ask):
    found = ask("console.log(JSON.stringify(evaluate(given)))",
                {"claude-sonnet.input-price": 15, "claude-sonnet.output-price": 15})
    assert found["margin.breakeven-mix"]["text"] == "undefined"
    assert found["margin.blended-price"]["text"] == "$15/Mtok"


# What may be changed

@pytest.mark.parametrize("key, value, told", [
    ("llama-31-70b.n-kv-head", "8", ["8", "no such fact"]), ("constructor", "8", ["no such fact"]),
    ("kv.row", "8", ["computed", "facts"]),
    ("measured.euv-low", "8", ["measured", "chapter"]), ("llama-31-70b.n-layers", "NaN", ["NaN", "finite"]),
    ("llama-31-70b.n-layers", "-Infinity", ["-Infinity", "finite"]),
    ("llama-31-70b.n-layers", "'80'", ['"80"', "finite number"]),
    ("llama-31-70b.n-layers", "80.5", ["80.5", "whole"]), ("llama-31-70b.n-layers", "0", ["1 or more"]),
    ("essay-ceiling.utilization", "101", ["101", "100% or less"]),
    ("essay-ceiling.utilization", "-1", ["0% or more"]),
    ("session.context", "0", ["1 token or more"]), ("rubin-rack.rack-power", "0", ["more than 0 kW"]),
    ("bf16.scale-bits", "-1", ["0 bits or more"])])
def test_a_change_that_cannot_be_names_value_key_and_remedy(ask, key, value, told):
    said = ask(f"try {{ evaluate({{ [given]: {value} }}) }} "
               "catch (error) { console.log(JSON.stringify(error.message)) }", key)
    assert said.startswith(f"{key} cannot be ") and all(word in said for word in told)


@pytest.mark.parametrize("key, value", [
    ("essay-margins.patel-markup", 120), ("anthropic-margin.gross-margin", -94),
    ("essay-ceiling.utilization", 100), ("bf16.scale-bits", 0), ("bf16.bits", 4.5),
    ("essay-ceiling.years", 0.5), ("rubin-rack.gross-dies", 63.5)])
def test_a_change_that_can_be_is_admitted(ask, key, value):
    assert ask("console.log(JSON.stringify(admitted(...given)))", [key, value]) == value


def test_only_experiments_are_frozen(ask, stored):
    frozen = set(ask("console.log(JSON.stringify(Object.keys(facts).filter(key => facts[key].frozen)))"))
    used = {key for record in stored.records.values() for key in record["facts"]}
    assert frozen == used - all_leaves().keys()
    assert {"measured.euv-low", "measured.euv-sobol-dram"} <= frozen


@pytest.mark.parametrize("written, expected", [
    ("80 percent", {"least": 0, "most": 100}), ("120 percent", {"above": 0}), ("-5 percent", {}),
    ("3 percent/year", {"above": 0}),
    ("8", {"whole": True, "least": 1}), ("0 GPU", {"whole": True, "least": 0}), ("8.5", {"above": 0}),
    ("8 GPU/user", {"above": 0}), ("16 bit", {"above": 0}), ("0 bit", {"least": 0}), ("-3 USD", {})])
def test_the_limits_of_a_fact_by_hand(written, expected):
    assert records_js.admissible(Leaf("r.x", "x", parse(written), "vendor")) == expected


def test_a_count_whose_range_is_not_whole_is_not_counted():
    leaf = Leaf("r.x", "x", parse("3"), "vendor", low=parse("2.5"))
    assert records_js.admissible(leaf) == {"above": 0}


def test_every_fact_is_admissible_as_it_stands():
    for leaf in all_leaves().values():
        if leaf.quantity is not None:
            limits = records_js.admissible(leaf)
            for end in (leaf.quantity, *leaf.ends()):
                least, most = limits.get("least", -math.inf), limits.get("most", math.inf)
                assert least <= end.magnitude <= most, leaf.key
                assert end.magnitude > limits.get("above", -math.inf), leaf.key


# The formatter

def nasty(rng: random.Random):
    """Doubles that break formatters: ties and their neighbours, near integers, powers of ten,
    subnormals, any bits at all."""
    fixed = [0.125, 2.675, 9.9995, 99.95, 1e15, 1e-5, 1e-4, 9.9995e-5, 999999999999999.5, 5e-324,
             2.2250738585072014e-308, 0.0, -0.0, 2**53, 2**53 + 2, 1e21, 1e22, 1.7976931348623157e308,
             12.499999999999982, 0.1 + 0.2, 50000000000.5, 50000000001.5]
    for x in fixed:
        yield from filter(math.isfinite, (x, -x, math.nextafter(x, math.inf), math.nextafter(x, -math.inf)))
    while True:
        tie = (rng.randrange(10 ** rng.randint(1, 7)) + 0.5) * 10.0 ** rng.randint(-12, 12)
        whole = rng.randrange(1, 10 ** rng.randint(1, 18))
        bits = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
        yield from (tie, math.nextafter(tie, math.inf), -math.nextafter(tie, 0),
                    whole * (1 + rng.choice([-1, 1]) * 10.0 ** -rng.randint(9, 13)),
                    float(whole), rng.uniform(-1, 1) * 10.0 ** rng.randint(-9, 20),
                    round(rng.uniform(0, 1e4), rng.randint(0, 4)),
                    rng.randrange(10**13) / 10**rng.randint(1, 13))
        if math.isfinite(bits):
            yield bits


def test_the_formatter_is_the_one_in_python(ask):
    rng = random.Random(7)
    cases = [(x, rng.choice([None, 1, 2, 3, 3, 4, 6])) for x in itertools.islice(nasty(rng), FIGURES)]
    found = ask("console.log(JSON.stringify(given.map(([x, digits]) => figure(x, digits))))", cases)
    assert len(found) == FIGURES
    assert [(case, js, figure(*case)) for case, js in zip(cases, found, strict=True)
            if js != figure(*case)] == []


@pytest.mark.parametrize("x, digits, printed", [
    (0.125, 2, "0.13"), (9.9995, 4, "10.00"), (-2.675, 3, "−2.68"), (1e15, 3, "1 × 10¹⁵"),
    (0.1 + 0.2, None, "0.3"), (1234567.5, None, "1,234,567.5"), (5e-324, 2, "5 × 10⁻³²⁴")])
def test_figures_by_hand(ask, x, digits, printed):
    assert ask("console.log(JSON.stringify(figure(...given)))", [x, digits]) == printed


# What the module says of units

def test_the_symbol_of_every_unit_in_the_book_can_be_read_back(stored):
    shown = {p["unit"] for p in stored.table.values()}
    assert {s for s in shown if symbol(parse_symbol(s)) != s} == set()
    assert parse_symbol("tool-year/GW") == parse_unit("tool*year/GW")
    assert parse_symbol("Gbit/mm²") == parse_unit("Gbit/mm**2")


def test_a_unit_with_an_offset_is_refused(stored):
    payload = stored.records["kv.row"] | {"key": "room.heat", "unit": "degC"}
    with pytest.raises(DataError, match="degC.*kelvin"):
        records_js.js_modules(Book({"room.heat": payload}, stored.facts, {}, {}))


def test_one_name_for_two_formulas_is_refused(stored):
    def row(name, js):
        part = {"js": js, "facts": ["bf16.bits"]}
        return stored.records["kv.row"] | {"key": f"room.{name}", "js": 'f["room.part"]',
                                           "facts": ["bf16.bits"], "named": {"room.part": part}}
    one, other = row("one", 'f["bf16.bits"]'), row("other", '2*f["bf16.bits"]')
    with pytest.raises(DataError, match="room.part.*own names"):
        records_js.js_modules(Book({"room.one": one, "room.other": other}, stored.facts, {}, {}))


def test_the_module_is_the_same_each_time_and_holds_only_facts_that_a_record_uses(ask, stored):
    assert records_js.js_modules(stored) == records_js.js_modules(notebooks.gathered(ROOT))
    used, unused = ask("""const used = new Set(Object.values(formulas).flatMap(([moving]) => moving));
        console.log(JSON.stringify([[...used], Object.keys(facts).filter(key => !used.has(key))]))""")
    assert len(used) > 100 and unused == []
    assert not re.search(r"\beval\b|new Function", "".join(records_js.js_modules(stored).values()))


# Where JavaScript and numpy would part

def fact(key, value):
    return Number.of_leaf(Leaf(f"rec.{key}", key, parse(value), "vendor"))


def both(number, at):
    """[JavaScript, numpy] at each of `at` (key -> values in base units)."""
    rows = [{f"rec.{k}": x for k, x in zip(at, row, strict=True)}
            for row in zip(*at.values(), strict=True)]
    found = run(f"console.log(JSON.stringify(given.map(f => {formula.javascript(number)})))", rows)
    return found, list(number.value(facts={f"rec.{k}": v for k, v in at.items()}))


def test_a_step_stands_on_whole_numbers_however_they_were_computed():
    """log(8)/log(2) may come out a bit above 3; up and down it counts as 3, in numpy,
    JavaScript and traced."""
    x, y = fact("x", "8"), fact("y", "0.1")
    powers = [2.0**k for k in range(1, 60)]
    js, py = both(2 ** ceil(log(x) / log(2)), {"x": powers})
    assert js == py == powers
    tenths = [k / 10 for k in range(1, 400)]
    js, py = both(floor(y / 0.1), {"y": tenths})
    assert js == py == list(range(1, 400))
    assert [floor(t / 0.1) for t in tenths] == py and ceil(3 * fact("z", "0.1") / 0.1).value() == 3


def test_steps_leave_large_whole_numbers_alone_and_real_fractions_too():
    x = fact("x", "8")
    values = [5e12, 2.0**52 + 1, 2.0**53 - 1, -3.0, 2.0001, -2.0001, 0.0, 1e-300]
    for step, plain in ((ceil, math.ceil), (floor, math.floor)):
        js, py = both(step(x), {"x": values})
        assert js == py == [plain(v) for v in values]


def test_equality_forgives_the_same_noise_in_a_statement_and_in_a_choice():
    x, y = fact("x", "1"), fact("y", "3")
    at = {"x": [0.1, 0.1, 1.0], "y": [0.30000000000000004, 0.3001, 3.0]}
    js, py = both(where(3 * x == y, x, -x), at)
    assert js == py == [0.1, -0.1, 1.0]
    rows = [{"rec.x": a, "rec.y": b} for a, b in zip(*at.values(), strict=True)]
    assert (run(f"console.log(JSON.stringify(given.map(f => {formula.javascript(3 * x == y)})))", rows)
            == [True, False, True])
    assert (run(f"console.log(JSON.stringify(given.map(f => {formula.javascript(3 * x != y)})))", rows)
            == [False, True, False])
    assert bool(fact("t", "0.1") * 3 == fact("u", "0.3"))


def test_both_compute_in_the_same_order_to_the_last_bit():
    """More than ten facts, whose stand-ins must sort as the facts do; whole stored values beyond 2^53;
    a literal of 17 digits."""
    rng = random.Random(3)
    numbers = [fact(f"k{i}", f"{rng.randrange(10**6)}") for i in range(13)]
    product = (math.prod(numbers[1:], start=numbers[0]) * 1.4426950408889634
               + sum(numbers) / 3 + 1 / numbers[4])
    at = {f"k{i}": [rng.uniform(1, 1e3) for _ in range(300)] for i in range(13)}
    js, py = both(product, at)
    assert js == py
    stored = {f"rec.k{i}": n.quantity.magnitude for i, n in enumerate(numbers)}
    [found] = run(f"console.log(JSON.stringify(given.map(f => {formula.javascript(product)})))",
                  [stored | {"rec.k0": 2.5}])
    assert found == product.value(facts={"rec.k0": 2.5})
