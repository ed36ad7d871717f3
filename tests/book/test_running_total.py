"""The running total: cells and sums by hand, and the records in which chapters publish its lines."""
import copy
from types import SimpleNamespace

import pytest

from computetrades.book import running_total, tally
from computetrades.book.plan import Plan, plan
from computetrades.book.records import RECORD
from computetrades.data import DataError, read_yaml, validated
from computetrades.facts import facts
from computetrades.inference import request_bill
from computetrades.inference.step import Deployment
from computetrades.number import as_number
from computetrades.site import notebooks
from computetrades.units import UnitError, base, parse
from tests.conftest import ROOT

CHAPTERS = {path.stem[:2]: path for path in notebooks.chapters(ROOT)}
THE_REQUEST = (facts("session"), facts("one-request"),
               Deployment(facts("llama-31-70b"), facts("bf16"), facts("h100-sxm")),
               facts("claude-opus-47"), facts("prompt-cache"))
NOTHING = dict.fromkeys(request_bill.QUANTITIES)


def n(text):
    return as_number(parse(text))


def line(chapter, what, **given):
    return SimpleNamespace(chapter=chapter, what=what, **{**NOTHING, **given})


def quantities(line):
    return {name: getattr(line, name) for name in NOTHING if getattr(line, name) is not None}


@pytest.fixture
def shown(monkeypatch):
    out = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: out.append(bundle))
    return out


def test_lines_are_shown_and_summed_and_what_is_not_there_stays_empty(shown):
    tally([line("01", "sent <all>", wire=n("1500 B")), line("02", "found", tokens=n("10.6 token")),
           line("03", "new", tokens=n("2 token"), wire=n("0.5 kB"))], "in all")
    assert shown[0]["text/plain"].split("\n") == [
        "Chapter | What | Tokens | On the wire | Read from HBM | GPU time | Billed",
        "01 | sent <all> |  | 1.50 kB |  |  | ", "02 | found | 11 tokens |  |  |  | ",
        "03 | new | 2 tokens | 0.500 kB |  |  | ", " | in all | 13 tokens | 2 kB |  |  | "]
    assert "sent &lt;all&gt;" in shown[0]["text/html"] and "<b>2 kB</b>" in shown[0]["text/html"]
    # A phone shows names, and leaves out what is empty
    cells = '<td data-column="Tokens">11 tokens</td><td data-column="On the wire"></td>'
    assert cells in shown[0]["text/html"]


def test_a_line_in_another_unit_is_refused(shown):
    with pytest.raises(UnitError):
        tally([line("01", "sent", tokens=n("3 s"))])


def test_a_table_may_ask_for_other_digits(shown):
    tally([line("01", "sent", tokens=n("1234567 token"))], tokens=3)
    assert "1,230,000 tokens" in shown[0]["text/plain"]


@pytest.mark.parametrize("n", range(1, 9))
def test_a_chapter_publishes_its_own_line(n):
    """Among the chapter's request.* records there is each number of its line, at the facts as they are."""
    stem = f"{n:02}"
    if stem not in CHAPTERS:
        pytest.skip(f"chapter {stem} is not written yet")
    published = {p["key"]: p["value"]
                 for p in notebooks.payloads(CHAPTERS[stem], RECORD) if p["key"].startswith("request.")}
    if not published:
        pytest.skip(f"chapter {stem} does not follow the request yet")
    lines = request_bill.lines(*THE_REQUEST)
    line = quantities(lines[n - 1])
    assert line.keys() == plan().records[stem].keys()
    for name, key in plan().records[stem].items():
        assert published.get(key) == pytest.approx(base(line[name].quantity), rel=1e-9), \
            f"chapter {stem} publishes {published}, and not the {name} of its line as {key}"


def test_published_lines_are_the_lines_under_the_names_of_their_records():
    lines = request_bill.lines(*THE_REQUEST)
    under = running_total.by_record(lines)
    for line, other in zip(lines, under, strict=True):
        assert (line.chapter, line.what) == (other.chapter, other.what)
        assert quantities(line).keys() == quantities(other).keys()
        for name, number in quantities(other).items():
            assert number.value() == quantities(line)[name].value(plan().columns[name].unit)
            assert number.facts() == quantities(line)[name].facts()
    assert {leaf.key for leaf in request_bill.column_total(under, "gpu_time").leaves.values()} == {
        "request.embedding-gpu-time", "request.rotation-time", "request.layers-time", "request.cache-time"}


def test_a_wrong_field_of_the_plan_is_named_with_its_remedy():
    raw = copy.deepcopy(read_yaml(ROOT / "data" / "book.yaml"))
    raw["stations"][0] = {**raw["stations"][0], "placed": "desk"}
    with pytest.raises(DataError, match=r"book\.yaml: .*unknown field 'stations\.0\.placed'.*'place'"):
        validated(Plan, raw, "book.yaml")
