"""book/records.py, judgements.py, site/ledger.py: what a chapter publishes,
how it judges, and the ledger as data."""
import csv
import json

import pytest

from computetrades.book import judgements
from computetrades.book.records import RECORD, fact_payload, record, state
from computetrades.data import DataError
from computetrades.facts import facts, leaf_of
from computetrades.number import Leaf, Number, as_number, named
from computetrades.site import ledger
from computetrades.units import Quantity, UnitError, parse

BIB = "@misc{acme-2025, title={Acme datasheet}, author={Doe, Jane}, year={2025}, url={https://example.org}}\n"
FACTS = """chip-a:
  label: Chip A
  source: acme-2025
  as_of: 2026-01-31
  kind: vendor
  memory: {value: 80 GB, low: 0, high: 96}
  bandwidth: 4 TB/s
  maker: {text: Acme, note: by hand}
"""
CLAIMS = "\n".join(f"""- id: claim-{name}
  section: station-01
  line: {line}
  claim: Something about {name}
  kind: computable
  stated: [{stated}]""" for name, line, stated in [
    ("time", 5, "{text: 20 ms, value: 20, unit: ms, hedge: exact}"),
    ("both", 6, "{text: 20 ms, value: 20, unit: ms, hedge: exact}, "
                "{text: 90 ms, value: 90, unit: ms, hedge: exact}"),
    ("words", 7, "{text: Acme, says: acme, hedge: exact}"), ("silent", 8, "")])


@pytest.fixture(autouse=True)
def shown(tmp_path, monkeypatch):
    """A small data folder, and what record, state and audit display, in order."""
    monkeypatch.setenv("COMPUTETRADES_DATA", str(tmp_path / "data"))
    for folder, content in (("facts", FACTS), ("claims", CLAIMS)):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "01-request.yaml").write_text(content)
    (tmp_path / "references.bib").write_text(BIB)
    monkeypatch.setattr(judgements, "_judged", {})
    out = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: out.append(bundle))
    return out


def chip():
    return facts("chip-a")


def time():
    return chip().memory / chip().bandwidth


def test_a_record_shows_structured_html_and_plain_forms(shown):
    record("step.time", time(), "Time of a step", unit="ms")
    assert set(shown[0]) == {RECORD, "text/html", "text/plain"}
    assert "20 ms" in shown[0]["text/plain"] and "20 ms" in shown[0]["text/html"]
    assert "Doe 2025" in shown[0]["text/plain"]
    assert json.loads(json.dumps(shown[0])) == shown[0]


def test_a_record_carries_value_formula_inputs_sources_range_and_elasticity(shown):
    record("step.time", time(), "Time of a step", unit="ms", claims={"claim-time": "as printed"})
    p = shown[0][RECORD]
    assert (p["key"], p["label"], p["text"], p["unit"]) == ("step.time", "Time of a step", "20 ms", "ms")
    assert (p["value"], p["base_unit"]) == (0.02, "s")
    assert p["formula"] == "memory / bandwidth" and p["js"] == 'f["chip-a.memory"]/f["chip-a.bandwidth"]'
    assert p["facts"] == ["chip-a.bandwidth", "chip-a.memory"]
    assert p["elasticity"] == {"chip-a.memory": 1, "chip-a.bandwidth": -1}
    assert (p["range"]["low"], p["range"]["high"], p["range"]["text"]) == (0, 0.024, "0–24 ms")
    memory = p["inputs"][0]
    assert ((memory["key"], memory["text"], memory["cited"], memory["as_of"])
            == ("chip-a.memory", "80 GB", "Doe 2025, Acme datasheet", "2026-01-31"))
    assert memory["url"] == "https://example.org" and memory["range_text"] == "0–96 GB"
    assert p["claims"] == [{"id": "claim-time", "verdict": "holds", "factor": 1, "stated": "20 ms"}]


def test_a_published_number_is_a_symbol_in_formulas_further_on(shown):
    step = record("step.time", time(), "Time of a step", unit="ms")
    record("step.twice", 2 * step, "Two steps")
    p = shown[1][RECORD]
    assert p["formula"] == "2 × time" and [i["key"] for i in p["inputs"]] == ["step.time"]
    assert p["facts"] == ["chip-a.bandwidth", "chip-a.memory"] and p["text"] == "40 ms"
    assert p["js"] == '2*f["step.time"]' and p["named"] == {}, "whose formula its own record carries"


def test_what_a_formula_names_and_no_chapter_publishes_comes_with_it_inputs_first(shown):
    weights = named("step.weights", chip().memory / 2, "Half of the memory")
    read = named("step.read", weights / chip().bandwidth, "Reading it")
    record("step.twice", 2 * read, "Two steps")
    js = {"step.weights": '(1/2)*f["chip-a.memory"]', "step.read": 'f["step.weights"]/f["chip-a.bandwidth"]'}
    named_parts = shown[0][RECORD]["named"]
    assert [part["js"] for part in named_parts.values()] == list(js.values())
    assert list(named_parts) == list(js) and named_parts["step.weights"]["facts"] == ["chip-a.memory"]


def test_a_range_is_published_with_both_ends(shown):
    record("step.memory", (chip().memory / 2, chip().memory), "Memory", unit="GB")
    p = shown[0][RECORD]
    assert p["text"] == p["range"]["text"] == "40–80 GB"
    assert p["value"] == [40 * 10**9, 80 * 10**9] and len(p["js"]) == 2


def test_a_range_given_backwards_is_refused():
    with pytest.raises(ValueError):
        record("step.memory", (chip().memory, chip().memory / 2), "Memory", unit="GB")


@pytest.mark.parametrize("digits, text", [(1, "$0.3"), (3, "$0.333"), (6, "$0.333333")])
def test_digits_are_significant_ones(shown, digits, text):
    record("a.third", as_number(Quantity(1, "USD")) / 3, "A third", digits=digits)
    assert shown[0][RECORD]["text"] == text


@pytest.mark.parametrize("key",
                         ["nodot", "Step.time", "step.time.ms", "step_one.time", "step.", "step.-time"])
def test_a_key_has_one_dot_and_lower_case_words(key):
    for publish in (lambda: record(key, time(), "x"), lambda: state(key, time() > time(), "a", "b")):
        with pytest.raises(DataError, match="topic.name"):
            publish()


def test_a_record_in_a_unit_of_another_kind_or_for_an_unknown_claim_fails():
    with pytest.raises(UnitError, match="Chip A: memory is in GB"):
        record("a.b", chip().memory, "x", unit="s")
    with pytest.raises(DataError, match="did you mean 'claim-time'"):
        record("a.b", time(), "x", claims=["claim-tme"])


def test_a_state_publishes_the_phrase_of_its_truth(shown):
    for key, statement in (("a.more", chip().memory * 2 > chip().memory),
                           ("a.less", chip().memory * 2 < chip().memory)):
        state(key, statement, yes="outgrows", no="fits inside")
    assert ([(b[RECORD]["text"], b[RECORD]["value"]) for b in shown]
            == [("outgrows", True), ("fits inside", False)])
    assert shown[0][RECORD]["facts"] == ["chip-a.memory"] and shown[0][RECORD]["sides"] == "160 GB > 80 GB"


def test_a_fact_has_the_shape_of_a_record():
    memory, maker = (fact_payload(leaf_of(f)) for f in (chip().memory, chip().maker))
    assert (memory["text"], memory["value"], memory["base_unit"]) == ("80 GB", 80 * 10**9, "B")
    assert (memory["range"]["low"], memory["range"]["high"]) == (0, 96 * 10**9)
    assert (maker["text"], maker["value"], maker["note"]) == ("Acme", None, "by hand")


def audited(shown):
    judgements.audit("01-request")
    return shown[-1][judgements.AUDIT]


def test_an_audit_publishes_worst_first_and_lists_what_is_not_judged(shown):
    judgements.judge("claim-time", time())
    judgements.judge("claim-words", chip().maker)
    judgements.opinion("claim-silent", "a forecast")
    judgements.judge("claim-time", 2 * time())
    payload = audited(shown)
    assert ([(r["id"], r["verdict"]) for r in payload["claims"]]
            == [("claim-time", "off"), ("claim-words", "holds"), ("claim-silent", "opinion")])
    assert payload["unjudged"] == ["claim-both"] and payload["claims"][1]["source"] == "acme-2025"


def test_a_claim_of_two_values_is_as_bad_as_the_worse(shown):
    judgements.judge("claim-both", 2 * time())  # 40 ms against 20 ms
    judgements.judge("claim-both#2", 4.5 * time())  # 90 ms against 90 ms
    [row] = audited(shown)["claims"]
    assert (row["verdict"], row["factor"]) == ("off", 2)


@pytest.mark.parametrize("nth", ["0", "3", "x"])
def test_a_stated_value_that_is_not_there_is_told(nth):
    with pytest.raises(DataError, match="claim-both"):
        judgements.judge(f"claim-both#{nth}", time())


def test_sources_deny_and_claims_contradict(shown):
    judgements.cite("claim-time", "unsupported", "acme-2025", "the datasheet says so")
    judgements.contradicts("claim-both", "claim-time", "see there")
    rows = {r["id"]: r for r in audited(shown)["claims"]}
    assert ((rows["claim-time"]["cited"], rows["claim-both"]["contradicts"])
            == ("Doe 2025, Acme datasheet", "claim-time"))
    assert "line 5" in rows["claim-both"]["why"]
    with pytest.raises(DataError, match="did you mean 'acme-2025'"):
        judgements.cite("claim-time", "holds", "acme-2024", "")
    with pytest.raises(DataError, match="'holds' or 'unsupported'"):
        judgements.cite("claim-time", "off", "acme-2025", "")
    with pytest.raises(UnitError, match="claim claim-time: "):
        judgements.judge("claim-time", chip().memory)
    with pytest.raises(DataError, match="01-request"):
        judgements.audit("01-requests")


@pytest.fixture
def pages(shown):
    """One page's payloads: a record that judges a claim, and the audit after it."""
    record("step.time", time(), "Time, \"quoted\"", unit="ms",
           claims={"claim-time": "see [20 ms](#step.time)"})
    audit = audited(shown)
    return {"chapters/01": [shown[0][RECORD]]}, {"chapters/01": [audit]}


def test_gather_finds_no_fault_in_a_sound_book(pages):
    book = ledger.gather(*pages, {"chapters/02": ["step.time"], "chapters/01": ["step.time"]})
    assert book.faults == [] and book.used == {"step.time": ["chapters/01", "chapters/02"]}
    assert book.claims["claim-time"]["judged_in"] == "chapters/01"
    assert book.claims["claim-both"]["verdict"] is None
    assert {"step.time", "chip-a.memory", "chip-a.maker"} <= set(book.table)


def test_gather_reports_a_key_published_twice(pages):
    published, audits = pages
    book = ledger.gather({**published, "chapters/02": published["chapters/01"]}, audits, {})
    assert any("chapters/02" in f and "'step.time'" in f and "chapters/01" in f for f in book.faults)
    clash = ledger.gather({"chapters/01": [{**published["chapters/01"][0], "key": "chip-a.memory"}]}, audits,
                          {})
    assert any("'chip-a.memory'" in f and "data/facts" in f for f in clash.faults)


def test_gather_reports_a_claim_judged_twice(pages):
    published, audits = pages
    [fault] = ledger.gather(published, {**audits, "chapters/02": audits["chapters/01"]}, {}).faults
    assert "chapters/02" in fault and "'claim-time'" in fault and "chapters/01" in fault


def test_gather_reports_a_verdict_without_an_audit(pages):
    [fault] = ledger.gather(pages[0], {}, {}).faults
    assert all(word in fault for word in ("chapters/01", "'claim-time'", "'step.time'", "book.audit"))


def test_the_ledger_is_json_and_csv_that_others_can_read(pages, tmp_path):
    ledger.write(ledger.gather(*pages, {"chapters/01": ["step.time"]}), tmp_path)
    stored = json.loads((tmp_path / "ledger.json").read_text(encoding="utf-8"))
    assert set(stored) == {"facts", "records", "claims"}
    [row] = [r for r in stored["records"] if r["chapter"].startswith("chapters/")]
    assert ((row["value"], row["unit"], row["sources"], row["quoted_in"])
            == (0.02, "s", ["acme-2025"], ["chapters/01"]))
    [claim] = [c for c in stored["claims"] if c["id"] == "claim-time"]
    assert (claim["verdict"], claim["computed"]) == ("holds", "20 ms")
    assert claim["why"].startswith("see 20 ms ")
    with (tmp_path / "ledger.csv").open(newline="", encoding="utf-8") as lines:
        rows = {r["key"]: r for r in csv.DictReader(lines)}
    assert len(rows) == sum(len(part) for part in stored.values())
    assert ((rows["step.time"]["label"], float(rows["step.time"]["high"]), rows["step.time"]["type"])
            == ("Time, \"quoted\"", 0.024, "record"))
    assert (rows["chip-a.memory"]["sources"], rows["claim-time"]["verdict"]) == ("acme-2025", "holds")


def test_a_state_brings_what_was_measured_below_it(shown):
    found, other = (Number.of_leaf(Leaf(key, key, parse(value), "measured"))
                    for key, value in (("exp.found", "3 s"), ("exp.other", "7 s")))
    state("exp.quick", 2 * found < other, yes="quick", no="slow")
    [payload] = [d[RECORD] for d in shown if RECORD in d]
    assert payload["text"] == "quick"
    assert {m["key"] for m in payload["measured"]} == {"exp.found", "exp.other"}
